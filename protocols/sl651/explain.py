"""Knows how to tell a person what each byte of a frame is; knows no language and no screen.

A row is (offset, bytes, field, value): `field` a key of the message catalogue below [decode], `value` plain text.
"""

from typing import NamedTuple

from protocols.fixed_point import decimal_text
from protocols.sl651 import body, message
from protocols.sl651.elements import BLOCKS, ELEMENTS, STATION_TYPES
from protocols.sl651.frame import Frame, decode

_ENDS = {3: "ETX", 0x17: "ETB", 5: "ENQ", 6: "ACK", 4: "EOT", 0x15: "NAK", 0x1B: "ESC"}


class Row(NamedTuple):
    offset: int
    data: bytes
    field: str
    value: str


def explain(data: bytes) -> list[Row]:
    """Every byte once, in order. Sl651Error: it is no sound frame."""
    frame = decode(data)
    width = 2 if frame.is_ascii else 1
    parts: list[tuple[int, str, str]] = [(1 if frame.is_ascii else 2, "start", "SOH" if frame.is_ascii else "7E7E")]
    centre, station = (width, "centre", str(frame.centre)), (5 * width, "station", frame.station)
    parts += [station, centre] if frame.is_down else [centre, station]
    parts += [
        (2 * width, "password", frame.password),
        (width, "function", f"{frame.function:02X}"),
        (2 * width, "way", f"{'down' if frame.is_down else 'up'} {_length(frame)}"),
        (1, "stx", "STX" if frame.packet is None else "SYN"),
    ]
    if frame.packet is not None:
        parts.append((3 * width, "packet", f"{frame.packet[1]}/{frame.packet[0]}"))
    parts += _ascii(frame) if frame.is_ascii else _body(frame)
    crc = data[-4:].decode() if frame.is_ascii else data[-2:].hex().upper()
    parts += [(1, "end", _ENDS[frame.end]), (2 * width, "crc", crc)]
    rows, place = [], 0
    for count, field, value in parts:
        rows.append(Row(place, data[place : place + count], f"sl651_{field}", value))
        place += count
    return rows


def _length(frame: Frame) -> int:
    return len(frame.body) + (0 if frame.packet is None else 6 if frame.is_ascii else 3)


def _body(frame: Frame) -> list[tuple[int, str, str]]:
    content = message.read(frame)
    parts: list[tuple[int, str, str]] = []
    if not (frame.packet is not None and frame.packet[1] > 1):
        parts = [(2, "serial", str(content.serial)), (6, "sent", _moment(content.sent))]
    for item in content.items:
        parts.append((len(item.lead) + len(item.data), item.kind, _said(item)))
    return parts


def _ascii(frame: Frame) -> list[tuple[int, str, str]]:
    message.read(frame)  # what is unsound is refused, not explained
    return [(len(frame.body), "text", frame.body.decode("ascii"))] if frame.body else []


def _said(item: body.Item) -> str:
    if item.kind == body.STATION:
        letter = chr(item.data[5]) if len(item.data) > 5 else ""
        return f"{item.data[:5].hex().upper()} {letter} {STATION_TYPES.get(letter, '')}".rstrip()
    if item.kind == body.TIME:
        return _moment(item.data.hex())
    if item.kind == body.TEXT:
        return item.data.decode("gb18030", "replace")
    if item.kind in (body.PICTURE, body.REST, body.SPAN):
        return f"{len(item.data)}: {item.data[:16].hex().upper()}"
    if item.kind == body.WISH:
        return _name(item.id)
    if item.id in BLOCKS:
        _, _, decimals, unit = BLOCKS[item.id]
        counts = " ".join(decimal_text(one, decimals) for one in body.counts_of(item))
        return f"{_name(item.id)} {counts} {unit}".replace("null", "-")
    value = item.value
    if value is None:
        return f"{_name(item.id)} - ({item.data.hex().upper()})"
    unit = ELEMENTS[item.id].unit if item.id in ELEMENTS else ""
    return f"{_name(item.id)} {decimal_text(value, item.decimals)} {unit}".rstrip()


def _name(id: str) -> str:
    if id in BLOCKS:
        return f"{id} {BLOCKS[id][0]}"
    return f"{id} {ELEMENTS[id].ascii} {ELEMENTS[id].zh}" if id in ELEMENTS else id


def _moment(digits: str) -> str:
    """YYMMDDhhmm[ss] for people."""
    pairs = [digits[at : at + 2] for at in range(0, len(digits), 2)]
    return f"20{'-'.join(pairs[:3])} {':'.join(pairs[3:])}"
