"""Knows what a HEX/BCD body is made of, piece after piece, and puts the same bytes together again; knows no frame.

Draft 6.6. A body is its serial number and send time, then items. An item's `lead` is what tells what it is (identifier
and, for elements, the definition byte), its `data` the rest.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from protocols.sl651 import functions, number
from protocols.sl651.elements import BLOCKS, ELEMENTS
from protocols.sl651.frame import Sl651Error

STATION, TIME, ELEMENT, SERIES, WISH, TEXT, PICTURE, SPAN, REST = (
    "station", "time", "element", "series", "wish", "text", "picture", "span", "rest",
)  # fmt: skip
_STATION_LEAD, _TIME_LEAD, _TEXT_LEAD, _PICTURE_LEAD = b"\xf1\xf1", b"\xf0\xf0", b"\xf2\xf2", b"\xf3\xf3"
_USER = 0xFF  # an element of somebody's own: one more byte of identifier
STEP = "04"


class Item(NamedTuple):
    kind: str
    lead: bytes
    data: bytes

    @property
    def id(self) -> str:
        """Of an element, in hex: "39", "FF11"."""
        return self.lead[:-1].hex().upper() if self.kind in (ELEMENT, SERIES, WISH) else ""

    @property
    def decimals(self) -> int:
        return number.decimals_of(self.lead[-1])

    @property
    def parts(self) -> "list[Item]":
        """Of a series, its values as elements."""
        size = number.octets_of(self.lead[-1])
        return [Item(ELEMENT, self.lead, self.data[at : at + size]) for at in range(0, len(self.data), size)]

    @property
    def value(self) -> int | None:
        """The number without its decimal point; None: no value, or none that is a number."""
        return number.decode(self.data)


class Body(NamedTuple):
    """`sent`: YYMMDDhhmmss."""

    serial: int
    sent: str
    items: tuple[Item, ...] = ()

    @property
    def station_type(self) -> str:
        """A letter, "" where none is told."""
        return next((chr(item.data[5]) for item in self.items if item.kind == STATION and len(item.data) > 5), "")

    def elements(self) -> list[tuple[str, Item]]:
        """(observation time YYMMDDhhmm, element) each; "" before the first time. Those of a series have their own."""
        found, observed, step = [], "", ""
        for item in self.items:
            if item.kind == TIME:
                observed = item.data.hex()
            elif item.kind == SERIES:
                each = 12 if item.id in BLOCKS else 1  # steps
                found += [(_later(observed, step, each * place), part) for place, part in enumerate(item.parts)]
            elif item.kind == ELEMENT:
                step = item.data.hex() if item.id == STEP else step
                found.append((observed, item))
        return found


def _later(observed: str, step: str, count: int) -> str:
    """So many steps (DDhhmm) later; a step of nothing is five minutes, that of a block (a captured query)."""
    try:
        begin = datetime.strptime(observed, "%y%m%d%H%M")
        length = timedelta(days=int(step[:2]), hours=int(step[2:4]), minutes=int(step[4:6])) or timedelta(minutes=5)
        return (begin + count * length).strftime("%y%m%d%H%M")
    except (ValueError, OverflowError):
        return observed


def bcd(digits: str) -> bytes:
    return bytes.fromhex(digits)


def station(address: str, station_type: str = "") -> Item:
    return Item(STATION, _STATION_LEAD, bcd(address) + station_type.encode("ascii"))


def time(observed: str) -> Item:
    """YYMMDDhhmm."""
    return Item(TIME, _TIME_LEAD, bcd(observed))


def element(id: str, value: int | None, digits: int, decimals: int) -> Item:
    definition, data = number.encode(value, digits, decimals)
    return Item(ELEMENT, bcd(id) + bytes((definition,)), data)


def standard(id: str, value: int | None) -> Item:
    """An element with the digits of the table."""
    known = ELEMENTS[id]
    return element(id, value, known.digits, known.decimals)


def raw(id: str, data: bytes, decimals: int = 0) -> Item:
    return Item(ELEMENT, bcd(id) + bytes((number.definition(len(data), decimals),)), data)


def wish(id: str, definition: int) -> Item:
    return Item(WISH, bcd(id) + bytes((definition,)), b"")


def picture(data: bytes) -> Item:
    return Item(PICTURE, _PICTURE_LEAD, data)


def block(id: str, counts: Iterable[int | None]) -> Item:
    """Twelve five-minute values as they lie in F4 (one byte each) or F5..FC (two)."""
    octets = 1 if id == "F4" else 2
    most = 256**octets - 1
    data = b"".join((most if one is None else min(max(one, 0), most - 1)).to_bytes(octets, "big") for one in counts)
    return Item(ELEMENT, bcd(id) + bytes((len(data) << 3 & 0xFF,)), data)


def series(parts: "Sequence[Item | None]") -> Item:
    """Values of one element one behind the other, all in the width of the widest; None: no value."""
    known = [part for part in parts if part is not None]
    size = max(len(part.data) for part in known)
    decimals = known[0].decimals
    data = b"".join(b"\xff" * size if part is None else _widened(part, size) for part in parts)
    return Item(SERIES if len(parts) > 1 else ELEMENT, known[0].lead[:-1] + bytes((size << 3 & 0xFF | decimals,)), data)


def _widened(part: Item, size: int) -> bytes:
    more = size - len(part.data)
    if part.value is None and part.id not in BLOCKS:
        return b"\xff" * size
    is_negative = part.data[:1] == b"\xff" and part.id not in BLOCKS
    return b"\xff" + b"\0" * more + part.data[1:] if is_negative else b"\0" * more + part.data


def counts_of(item: Item) -> list[int | None]:
    """The other way round."""
    octets = 1 if item.id == "F4" else 2
    most = 256**octets - 1
    found = (int.from_bytes(item.data[at : at + octets], "big") for at in range(0, len(item.data), octets))
    return [None if one == most else one for one in found]


def encode(body: Body) -> bytes:
    try:
        head = body.serial.to_bytes(2, "big") + bcd(body.sent)
    except (OverflowError, ValueError) as error:
        raise Sl651Error("field", str(error)) from None
    return head + b"".join(item.lead + item.data for item in body.items)


def decode(data: bytes, function: int, is_down: bool) -> Body:
    """Sl651Error: it is no body of that function."""
    found, error = begun(data, function, is_down)
    if error is not None:
        raise error
    return found


def begun(data: bytes, function: int, is_down: bool) -> tuple[Body, Sl651Error | None]:
    """What of it can be read, and why the rest can't."""
    if len(data) < 8:
        return Body(0, ""), Sl651Error("body", f"{len(data)} bytes")
    sent = data[2:8].hex()
    if not sent.isdecimal():
        return Body(0, ""), Sl651Error("time", sent)
    found: list[Item] = []
    error = None
    try:
        _read(data[8:], function, is_down, found)
    except Sl651Error as caught:
        error = caught
    return Body(int.from_bytes(data[:2], "big"), sent, tuple(found)), error


def _read(data: bytes, function: int, is_down: bool, found: list[Item]) -> None:
    place = 0
    if is_down and function == functions.QUERY_PERIOD and data:
        found.append(Item(SPAN, b"", _cut(data, 0, 8)))  # from and to, YYMMDDhh each
        found.append(_element(data, 8))
        place = 8 + len(found[-1].lead) + len(found[-1].data)
    while place < len(data):
        lead = data[place : place + 2]
        if lead == _STATION_LEAD and not is_down:
            typed = function in functions.TYPED or data[place + 8 : place + 10] == _TIME_LEAD
            item = Item(STATION, lead, _cut(data, place + 2, 6 if typed else 5))
        elif lead == _TIME_LEAD:
            item = Item(TIME, lead, _cut(data, place + 2, 5))
        elif lead == _TEXT_LEAD:
            item = Item(TEXT, lead, data[place + 2 :])
        elif lead == _PICTURE_LEAD:
            item = Item(PICTURE, lead, data[place + 2 :])
        elif functions.has_elements(function, is_down):
            item = _element(data, place)
            if found and found[-1].id == STEP:
                item = _series(item, data, place)
        elif functions.has_wishes(function, is_down) or (is_down and function == functions.QUERY_PERIOD):
            item = Item(WISH, _cut(data, place, 3 if data[place] == _USER else 2), b"")
        else:
            item = Item(REST, b"", data[place:])
        found.append(item)
        place += len(item.lead) + len(item.data)


def _element(data: bytes, place: int) -> Item:
    lead = _cut(data, place, 3 if data[place : place + 1] == b"\xff" else 2)
    return Item(ELEMENT, lead, _cut(data, place + len(lead), number.octets_of(lead[-1])))


def _series(first: Item, data: bytes, place: int) -> Item:
    """Behind a time step one element's values stand one behind the other, to the next time or the end (functions 31
    and 38; captured frames)."""
    size = len(first.data)
    values = data[place + len(first.lead) :]
    end = next((at for at in range(size, len(values), size or 1) if values[at : at + 2] == _TIME_LEAD), len(values))
    if size == 0 or end == size or end % size:
        return first
    return Item(SERIES, first.lead, values[:end])


def _cut(data: bytes, place: int, count: int) -> bytes:
    if place + count > len(data):
        raise Sl651Error("body", f"ends at {len(data)}, needs {place + count}")
    return data[place : place + count]
