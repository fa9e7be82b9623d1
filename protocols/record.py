"""Knows how a small value object compares and prints on both runtimes; knows no field of its own."""


class Record:
    """A value: equal when its slots are equal, printed field by field.

    CPython's dataclasses and MicroPython's namedtuple have no common ground; this has. Subclasses write `__slots__` and
    an annotated `__init__`, and nobody assigns to a field after that.
    """

    __slots__: tuple[str, ...] = ()

    def _fields(self) -> tuple[object, ...]:
        return tuple(getattr(self, name) for name in self.__slots__)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self._fields() == other._fields()

    def __hash__(self) -> int:
        return hash(self._fields())

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__slots__)
        return f"{type(self).__name__}({fields})"
