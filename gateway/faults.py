"""Knows how to hold a TOML file against declared msgspec structs and name every fault in it; knows no station.

Structure faults follow from the declarations alone: field names, types, limits (`msgspec.Meta`). A declaration may add
`extra={"unit": "s"}` (said with limits), `extra={"allowed": Phrase}` (a pattern in words) and `extra={"secret": True}`
(the value is never shown).
"""

import difflib
import re
import tomllib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import inspect

from gateway.messages import Phrase, catalogue, say, unit_text

Tree = dict[str, Any]


class Fault:
    """One thing that is wrong: at `path` in `file` ("": the site file), what (`key` of the catalogue), what to do."""

    __slots__ = ("file", "hint", "path", "what")

    def __init__(self, path: str, key: str, hint: Phrase | None = None, file: str = "", **values: object) -> None:
        self.path = path
        self.what = Phrase(key, **values)
        self.hint = hint
        self.file = file

    def __repr__(self) -> str:
        return f"Fault({self.text('en')!r})"

    def text(self, lang: str | None = None) -> str:
        """Path, fault and suggestion in one line, without the file."""
        what = self.what.text(lang)
        if self.hint is not None:
            what = say("fault.with_hint", lang, what=what, advice=self.hint.text(lang))
        return f"{self.path}: {what}" if self.path else what

    def in_file(self, file: str) -> "Fault":
        """The same fault, said to be in `file`."""
        return Fault(self.path, self.what.key, self.hint, file, **self.what.values)


class SiteError(Exception):
    """The site file cannot be used; `faults` names everything that is wrong with it. Correct the file."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("\n".join(fault.text("en") for fault in faults))
        self.faults = faults


def check_text(error: SiteError, path: str | Path, lang: str | None = None) -> list[str]:
    """One line for each fault, led by the file it stands in; `path` is the site file as the user named it."""
    return [f"{fault.file or path}: {fault.text(lang)}" for fault in error.faults]


def _unreadable(error: OSError) -> Phrase:
    if isinstance(error, FileNotFoundError):
        return Phrase("hint.right_folder")
    return Phrase("hint.as_root" if isinstance(error, PermissionError) else "hint.check_path")


def read(path: Path, file: str = "") -> Tree:
    """The TOML tree in the file at `path`; a byte order mark, as some editors leave, is passed over.

    SiteError: not readable, not UTF-8, or not TOML; its fault is said to be in `file`.
    """
    try:
        data = path.read_bytes()
        text = data.decode("utf-8-sig")
        return tomllib.loads(text)
    except OSError as error:
        fault = Fault("", "fault.unreadable", _unreadable(error), file, reason=error)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        fault = Fault("", "fault.not_utf8", Phrase("hint.save_as_utf8"), file, line=line)
    except tomllib.TOMLDecodeError as error:
        reason, _, place = str(error).rstrip(")").rpartition(" (at ")
        numbers = re.findall(r"\d+", place)
        line, column = numbers if len(numbers) == 2 else (text.count("\n") + 1, len(text) - text.rfind("\n"))
        fault = Fault("", "fault.not_toml", Phrase("hint.toml"), file, line=line, column=column,
                      reason=_of_toml(reason))  # fmt: skip
    raise SiteError([fault])


def _of_toml(reason: str) -> Phrase | str:
    """What Python's parser said, as an entry of [toml], whose English is the parser's own; else as it stands."""
    for key, entry in catalogue().items():
        if key.startswith("toml."):
            before, _, after = entry["en"].partition("{what}")
            if reason == before or ("{what}" in entry["en"] and reason.startswith(before) and reason.endswith(after)):
                return Phrase(key, what=reason[len(before) : len(reason) - len(after)])
    return reason


def nearest(found: str, known: Iterable[str]) -> Phrase:
    """The suggestion for a name that is not known: up to three close ones, else all that are known."""
    names = sorted(set(known))
    asked = found.lower()
    close = [name for name in names if asked and name.startswith(asked)] or difflib.get_close_matches(asked, names)
    if close:
        return Phrase("hint.did_you_mean", names=tuple(close[:3]))
    return Phrase("hint.known", names=tuple(names)) if names else Phrase("hint.none_known")


def doubled(
    rows: Sequence[tuple[str, Any]], secret: bool = False, same: Callable[[Any], Any] = lambda value: value
) -> list[Fault]:
    """A fault for each (path, value) that an earlier row has too. None is no value; `same` gives what is compared."""
    first: dict[Any, str] = {}
    faults = []
    for path, value in rows:
        if value is None:
            continue
        earlier = first.setdefault(same(value), path)
        if earlier != path and secret:
            faults.append(Fault(path, "fault.doubled_secret", first=earlier))
        elif earlier != path:
            faults.append(Fault(path, "fault.doubled", found=quoted(value), first=earlier))
    return faults


def walk(tree: Tree, struct: type[msgspec.Struct], path: str = "") -> tuple[Tree, list[Fault]]:
    """(what of `tree` is sound, its faults). The sound part has the defaults of keys left out and lacks what is faulty;
    lists keep their indices ({} or None in a faulty place), so that further checks can name their places."""
    declared = inspect.type_info(struct)
    assert isinstance(declared, inspect.StructType)
    return _struct(tree, declared, path)


def _struct(tree: Tree, declared: inspect.StructType, path: str) -> tuple[Tree, list[Fault]]:
    sound: Tree = {}
    faults = []
    fields = {field.encode_name: field for field in declared.fields}
    known = {*fields, declared.tag_field} if declared.tag_field else set(fields)
    for name in tree:
        if name not in known:
            faults.append(Fault(join(path, name), "fault.unknown_key", nearest(name, known - tree.keys())))
        elif name == declared.tag_field:
            sound[name] = tree[name]
    for name, field in fields.items():
        if name in tree:
            value, inner = _value(tree[name], field.type, join(path, name))
            faults += inner
            if value is not msgspec.UNSET:
                sound[name] = value
        elif field.required:
            faults.append(Fault(join(path, name), "fault.missing", wanted=_wanted(field.type)))
        elif field.default_factory is not msgspec.NODEFAULT:
            sound[name] = field.default_factory()
        else:
            sound[name] = field.default
    return sound, faults


def join(path: str, name: str) -> str:
    """The path of key `name` in the table at `path`."""
    shown = name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else f'"{name}"'
    return f"{path}.{shown}" if path else shown


def _value(value: Any, declared: inspect.Type, path: str) -> tuple[Any, list[Fault]]:
    """(the sound value or UNSET, faults) of one value held against one declared type."""
    plain, extra = _plain(declared)
    match plain:
        case inspect.StructType() | inspect.UnionType():
            return _table(value, plain, path)
        case inspect.ListType(item_type=item) | inspect.VarTupleType(item_type=item):
            if isinstance(value, list):
                if len(value) < (plain.min_length or 0):
                    return msgspec.UNSET, [Fault(path, "fault.empty_list")]
                return _items(value, [item] * len(value), path)
        case inspect.DictType(value_type=item):
            if isinstance(value, dict):
                held = {name: _value(inner, item, join(path, name)) for name, inner in value.items()}
                sound = {name: part for name, (part, _) in held.items() if part is not msgspec.UNSET}
                return sound, [fault for _, faults in held.values() for fault in faults]
        case inspect.TupleType(item_types=items):
            if isinstance(value, list) and len(value) == len(items):
                return _items(value, list(items), path)
        case inspect.LiteralType(values=choices):
            if value in choices and type(value) is type(choices[0]):
                return value, []
            return msgspec.UNSET, [Fault(path, "fault.unfit", found=quoted(value), wanted=_wanted(declared))]
        case inspect.BoolType():
            if isinstance(value, bool):
                return value, []
        case inspect.IntType() | inspect.FloatType():
            whole = isinstance(plain, inspect.IntType)
            if isinstance(value, int if whole else (int, float)) and not isinstance(value, bool):
                if plain.ge is None or plain.le is None or plain.ge <= value <= plain.le:  # NaN is in no range
                    return value, []
                return msgspec.UNSET, [Fault(path, "fault.out_of_range", found=value, wanted=_wanted(declared))]
        case inspect.StrType():
            if isinstance(value, str):
                return _text(value, plain, extra, path)
        case _:
            raise TypeError(f"no rule for {plain} at {path}")
    if extra.get("secret"):
        return msgspec.UNSET, [Fault(path, "fault.wrong_type", found=_kind(value), wanted=_wanted(declared))]
    found, hint = _kind_and_value(value), _type_hint(value, plain, path)
    return msgspec.UNSET, [Fault(path, "fault.wrong_type", hint, found=found, wanted=_wanted(declared))]


def _plain(declared: inspect.Type) -> tuple[inspect.Type, dict[str, Any]]:
    """The type without its Metadata and without None, which TOML cannot say; and what Metadata adds."""
    extra: dict[str, Any] = {}
    while True:
        if isinstance(declared, inspect.Metadata):
            extra |= declared.extra or {}
            declared = declared.type
        elif isinstance(declared, inspect.UnionType) and any(isinstance(t, inspect.NoneType) for t in declared.types):
            rest = tuple(t for t in declared.types if not isinstance(t, inspect.NoneType))
            declared = rest[0] if len(rest) == 1 else inspect.UnionType(rest)
        else:
            return declared, extra


def _table(value: Any, declared: inspect.StructType | inspect.UnionType, path: str) -> tuple[Any, list[Fault]]:
    """One table; where structs have tags, the tag chooses which of them it must be."""
    if not isinstance(value, dict):
        hint = Phrase("hint.single_brackets", name=_header(path)) if isinstance(value, list) else None
        return {}, [Fault(path, "fault.wrong_type", hint, found=_kind_and_value(value), wanted=Phrase("type.table"))]
    structs = [t for t in getattr(declared, "types", (declared,)) if isinstance(t, inspect.StructType)]
    tag_field = structs[0].tag_field
    if tag_field is None:
        return _struct(value, structs[0], path)
    by_tag = {str(struct.tag): struct for struct in structs}
    choice = Phrase("type.one_of", names=tuple(quoted(tag) for tag in by_tag))
    if tag_field not in value:
        return {}, [Fault(join(path, tag_field), "fault.missing", wanted=choice)]
    tag = value[tag_field]
    if not isinstance(tag, str) or tag not in by_tag:
        return {}, [Fault(join(path, tag_field), "fault.unfit", found=quoted(tag), wanted=choice)]
    return _struct(value, by_tag[tag], path)


def _items(values: list[Any], declared: list[inspect.Type], path: str) -> tuple[list[Any], list[Fault]]:
    sound = []
    faults = []
    for index, (value, item) in enumerate(zip(values, declared, strict=True)):
        found, inner = _value(value, item, f"{path}[{index}]")
        sound.append(None if found is msgspec.UNSET else found)
        faults += inner
    return sound, faults


def _text(value: str, declared: inspect.StrType, extra: dict[str, Any], path: str) -> tuple[Any, list[Fault]]:
    long_enough = len(value) >= (declared.min_length or 0)
    if long_enough and (declared.pattern is None or re.search(declared.pattern, value)):
        return value, []
    wanted = extra.get("allowed", Phrase("type.text"))
    if extra.get("secret"):
        return msgspec.UNSET, [Fault(path, "fault.unfit_secret", length=len(value), wanted=wanted)]
    return msgspec.UNSET, [Fault(path, "fault.unfit", found=quoted(value), wanted=wanted)]


def quoted(value: object) -> str:
    """A value as it would stand in the file, short."""
    text = f"'{value}'" if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


_TYPES: tuple[tuple[type, Phrase], ...] = (  # bool before int: Python's True is an int
    (bool, Phrase("type.yes_no")),
    (int, Phrase("type.whole_number")),
    (float, Phrase("type.number")),
    (str, Phrase("type.text")),
    (dict, Phrase("type.table")),
    (list, Phrase("type.list")),
)


def _kind(value: object) -> Phrase:
    return next((phrase for python, phrase in _TYPES if isinstance(value, python)), Phrase("type.date"))


def _kind_and_value(value: object) -> Phrase:
    if isinstance(value, dict | list):
        return _kind(value)
    return Phrase("type.with_value", kind=_kind(value), value=quoted(value))


def _wanted(declared: inspect.Type) -> Phrase:
    """What a declared type asks for, limits and unit included."""
    plain, extra = _plain(declared)
    match plain:
        case inspect.IntType(ge=low, le=high) | inspect.FloatType(ge=low, le=high):
            kind = Phrase("type.whole_number") if isinstance(plain, inspect.IntType) else Phrase("type.number")
            if low is None or high is None:
                return kind
            unit = " " + unit_text(extra["unit"]) if "unit" in extra else ""
            return Phrase("type.between", kind=kind, low=low, high=high, unit=unit)
        case inspect.StrType():
            allowed: Phrase = extra.get("allowed", Phrase("type.text"))
            return allowed
        case inspect.LiteralType(values=choices):
            return Phrase("type.one_of", names=tuple(quoted(choice) for choice in choices))
        case inspect.BoolType():
            return Phrase("type.yes_no")
        case inspect.TupleType(item_types=items):
            return Phrase("type.list_of", count=len(items))
        case inspect.ListType(item_type=item) | inspect.VarTupleType(item_type=item):
            return Phrase("type.tables" if isinstance(item, inspect.StructType | inspect.UnionType) else "type.list")
        case _:
            return Phrase("type.table")


def _type_hint(value: object, wanted: inspect.Type, path: str) -> Phrase | None:
    """The slips that TOML invites."""
    number = isinstance(wanted, inspect.IntType | inspect.FloatType | inspect.BoolType)
    if isinstance(value, str) and number and re.fullmatch(r"-?[0-9.]+|true|false", value):
        return Phrase("hint.no_quotes", value=value)
    if isinstance(wanted, inspect.StrType) and not isinstance(value, dict | list):
        return Phrase("hint.quotes", value=quoted(value))
    item = getattr(wanted, "item_type", None)
    if isinstance(item, inspect.StructType | inspect.UnionType) and isinstance(value, dict):
        return Phrase("hint.double_brackets", name=_header(path))
    return None


def _header(path: str) -> str:
    """The table header that opens `path` in a file: "node[1].sensor[0]" -> "node.sensor"."""
    return re.sub(r"\[\d+\]", "", path)
