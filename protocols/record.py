"""Knows how a small value object compares and prints on both runtimes; knows no field of its own."""


class Record:
    """A value: equal when its fields are equal, printed field by field.

    CPython's dataclasses and MicroPython's namedtuple have no common ground; this has. Subclasses write an annotated
    `__init__`, and nobody assigns to a field after that. No `__slots__`: a node would keep each name twice.
    """

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash(tuple(sorted(self.__dict__.items())))

    def __repr__(self) -> str:
        fields = ", ".join("%s=%r" % field for field in sorted(self.__dict__.items()))
        return "%s(%s)" % (type(self).__name__, fields)
