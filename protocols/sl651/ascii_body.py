"""Knows the ASCII form of a body (draft 6.4): words with a space behind each; knows no frame.

It is read into the same Body as the HEX form: an element's value is its decimal text, missing values are M. That serial
and send time are words of their own is unverified: both ways are read. Words that are nobody's are kept as they are.
"""

import re

from protocols.errors import RangeError
from protocols.sl651 import functions, number
from protocols.sl651.body import (
    ELEMENT,
    REST,
    SERIES,
    STATION,
    STEP,
    TIME,
    WISH,
    Body,
    Item,
    bcd,
    element,
    series,
    station,
    time,
    wish,
)
from protocols.sl651.elements import BLOCKS, BY_ASCII, ELEMENTS, STATUS
from protocols.sl651.frame import Sl651Error

_NUMBER = re.compile(r"(-?)(\d{1,40})(?:\.(\d{1,7}))?\Z", re.ASCII)
_BLOCK_IDS = {name: id for id, (name, _, _, _) in BLOCKS.items()}
_STATUS_NAME = "ZT"
_OWN = re.compile(r"(?:FF)?[0-9A-Fa-f]{2}")  # an element without a name, as encode() writes it
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2}){1,31}\Z")


def encode(body: Body) -> bytes:
    words = [f"{body.serial:04X}", body.sent]
    for item in body.items:
        if item.kind == STATION:
            words += ["ST", item.data[:5].hex().upper(), *([chr(item.data[5])] if len(item.data) > 5 else [])]
        elif item.kind == TIME:
            words += ["TT", item.data.hex()]
        elif item.kind == ELEMENT:
            words += [_name(item.id), _value(item)]
        elif item.kind == SERIES:
            words += [_name(item.id), *(_value(part) for part in item.parts)]
        elif item.kind == WISH:
            words.append(_name(item.id))
        elif item.kind == REST:
            words += item.data.decode("ascii").split()
        else:
            raise Sl651Error("body", f"{item.kind} has no ASCII form here")
    return "".join(f"{word} " for word in words).encode("ascii")


def _name(id: str) -> str:
    if id in BLOCKS:
        return BLOCKS[id][0]
    if id == STATUS:
        return _STATUS_NAME
    return ELEMENTS[id].ascii if id in ELEMENTS else id


def _value(item: Item) -> str:
    if item.id in BLOCKS or item.id == STATUS:
        return item.data.hex().upper()
    value, decimals = item.value, item.decimals
    if value is None:
        return "M"
    whole = f"{abs(value):0{decimals + 1}d}"
    text = f"{whole[:-decimals]}.{whole[-decimals:]}" if decimals else whole
    return "-" + text if value < 0 else text


def decode(data: bytes, function: int = 0, is_down: bool = False) -> Body:
    """Sl651Error: not words as they should be."""
    has_values = not functions.has_wishes(function, is_down)
    try:
        words = data.decode("ascii").split()
    except UnicodeDecodeError:
        raise Sl651Error("body", "not ASCII") from None
    if words and len(words[0]) == 16:  # serial and time in one word
        words[0:1] = [words[0][:4], words[0][4:]]
    if len(words) < 2 or re.fullmatch(r"[0-9A-Fa-f]{4}", words[0]) is None:
        raise Sl651Error("body", "no serial")
    if re.fullmatch(r"\d{12}", words[1], re.ASCII) is None:
        raise Sl651Error("time", words[1][:20])
    items: list[Item] = []
    place = 2
    while place < len(words):
        item, used = _item(words, place, has_values)
        if items and items[-1].id == STEP and item.kind == ELEMENT:
            parts = [item]
            while place + used < len(words) and _is_value(words[place + used]):
                parts.append(_item([words[place], words[place + used]], 0, True)[0])
                used += 1
            item = series(parts) if len({len(part.data) for part in parts}) == 1 or item.id not in BLOCKS else item
        items.append(item)
        place += used
    return Body(int(words[0], 16), words[1], tuple(items))


def _item(words: list[str], place: int, has_values: bool) -> tuple[Item, int]:
    name, value = words[place], words[place + 1] if place + 1 < len(words) else ""
    if name == "ST" and re.fullmatch(r"[0-9A-Fa-f]{10}", value):
        is_typed = place + 2 < len(words) and len(words[place + 2]) == 1 and words[place + 2].isascii()
        return station(value, words[place + 2] if is_typed else ""), 3 if is_typed else 2
    if name == "TT" and re.fullmatch(r"\d{10}", value, re.ASCII):
        return time(value), 2
    id = _id(name)
    if id is None:
        return Item(REST, b"", name.encode("ascii")), 1
    if not has_values:
        known = ELEMENTS.get(id)
        return wish(id, 0 if known is None else number.definition((known.digits + 1) // 2, known.decimals)), 1
    if value == "":
        raise Sl651Error("body", f"word {name[:20]!r}")
    if id in BLOCKS or id == STATUS:
        if _HEX.match(value) is None:
            raise Sl651Error("body", f"value {value[:20]!r}")
        return Item(ELEMENT, bcd(id) + bytes((len(value) // 2 << 3,)), bytes.fromhex(value)), 2
    known = ELEMENTS.get(id)
    digits, places = (known.digits, known.decimals) if known is not None else (len(value), 0)
    if value.upper() == "M":
        return element(id, None, digits, places), 2
    found = _NUMBER.match(value)
    if found is None:
        raise Sl651Error("body", f"value {value[:20]!r}")
    decimals = found[3] or ""
    try:
        return element(id, int(found[1] + found[2] + decimals), digits, len(decimals)), 2
    except RangeError as error:
        raise Sl651Error("body", str(error)) from None


def _is_value(word: str) -> bool:
    return word.upper() == "M" or _NUMBER.match(word) is not None


def _id(name: str) -> str | None:
    """Of a word that names an element."""
    if name.upper() in _BLOCK_IDS:
        return _BLOCK_IDS[name.upper()]
    if name.upper() == _STATUS_NAME:
        return STATUS
    if name.upper() in BY_ASCII:
        return BY_ASCII[name.upper()].id
    return name.upper() if _OWN.fullmatch(name) else None
