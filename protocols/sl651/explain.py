"""Knows how to tell a person what each byte of a frame is, sound or damaged; knows no language and no screen.

A row is (offset, bytes, field, value): `field` a key of the message catalogue below [decode], `value` plain text. A row
without bytes is a remark. Whatever is wrong is told where it is, and the rest is explained all the same.
"""

import re
from typing import NamedTuple

from protocols.checks import crc16
from protocols.fixed_point import decimal_text
from protocols.sl651 import ascii_body, body, functions
from protocols.sl651.elements import BLOCKS, ELEMENTS, STATION_TYPES, STATUS
from protocols.sl651.frame import ASCII_HEAD, DOWN_ENDS, UP_ENDS, Frame, Sl651Error, size, unchecked
from protocols.sl651.parameters import PARAMETERS

ENDS = {3: "ETX", 0x17: "ETB", 5: "ENQ", 6: "ACK", 4: "EOT", 0x15: "NAK", 0x1B: "ESC"}
FAULTS = ("sl651_crc_wrong", "sl651_end_wrong", "sl651_cut", "sl651_unread", "sl651_direction_end")
STATUS_BITS = 12  # of element 45 that the draft's table 58 names
_WORD = re.compile(rb"[^ ]+ *| +")


class Row(NamedTuple):
    offset: int
    data: bytes
    field: str
    value: str


def explain(data: bytes) -> list[Row]:
    """Every byte of the frame that begins here once, in order. Sl651Error: none begins here."""
    length = size(data[:ASCII_HEAD])
    if length is None:
        raise Sl651Error("short", str(len(data)))
    is_ascii = data[:1] == b"\x01"
    tail = 4 if is_ascii else 2
    whole = data[:length]
    is_cut = len(whole) < length
    # what has been cut off would have ended with some byte: the body is what is there
    frame = unchecked(whole + b"\0" if is_cut else whole[:-tail])
    parts = _head(frame)
    parts += _ascii(frame) if is_ascii else _body(frame)
    if is_cut:
        parts.append((0, "cut", f"{len(whole)} < {length}"))
    else:
        parts.append((1, *_end(frame)))
        told, right = whole[-tail:], crc16(whole[:-tail])
        said = told.decode("latin-1") if is_ascii else told.hex().upper()
        is_right = said.upper() == f"{right:04X}"
        parts.append((tail, "crc" if is_right else "crc_wrong", said if is_right else f"{said} <> {right:04X}"))
    rows, place = [], 0
    for count, field, value in parts:
        rows.append(Row(place, whole[place : place + count], f"sl651_{field}", value))
        place += count
    return rows


def is_sound(rows: list[Row]) -> bool:
    return not any(row.field in FAULTS for row in rows)


def _head(frame: Frame) -> list[tuple[int, str, str]]:
    width = 2 if frame.is_ascii else 1
    centre, station = (width, "centre", str(frame.centre)), (5 * width, "station", frame.station)
    code = f"{frame.function:02X}"
    field = f"function_{code}" if frame.function in functions.KNOWN else "function_own" if code >= "E0" else "function"
    parts = [(1, "start", "SOH") if frame.is_ascii else (2, "start", "7E7E")]
    parts += [station, centre] if frame.is_down else [centre, station]
    parts += [
        (2 * width, "password", frame.password),
        (width, field, code),
        (2 * width, "down" if frame.is_down else "up", str(_length(frame))),
        (1, "stx", "STX" if frame.packet is None else "SYN"),
    ]
    if frame.packet is not None:
        parts.append((3 * width, "packet", f"{frame.packet[1]}/{frame.packet[0]}"))
    return parts


def _length(frame: Frame) -> int:
    return len(frame.body) + (0 if frame.packet is None else 6 if frame.is_ascii else 3)


def _end(frame: Frame) -> tuple[str, str]:
    if frame.end not in ENDS:
        return "end_wrong", f"{frame.end:02X}"
    fits = frame.end in (DOWN_ENDS if frame.is_down else UP_ENDS)
    return (f"end_{ENDS[frame.end].lower()}" if fits else "direction_end"), ENDS[frame.end]


def _body(frame: Frame) -> list[tuple[int, str, str]]:
    if frame.packet is not None and frame.packet[1] > 1:
        return [(len(frame.body), "rest", _bytes(frame.body))]
    content, error = body.begun(frame.body, frame.function, frame.is_down)
    parts: list[tuple[int, str, str]] = []
    if content.sent:
        parts = [(2, "serial", str(content.serial)), (6, "sent", _moment(content.sent))]
    for item in content.items:
        if item.id and frame.function in functions.PARAMETRIC:
            parts.append((len(item.lead) + len(item.data), "parameter", _parameter(item)))
            continue
        parts.append((len(item.lead) + len(item.data), _field(item), _said(item)))
        if item.kind == body.ELEMENT and item.id == STATUS:
            parts += [(0, f"status_{bit}", "") for bit in set_bits(item.data)]
    if error is not None:
        left = len(frame.body) - sum(count for count, _, _ in parts)
        parts.append((left, "unread", str(error)))
    return parts


def set_bits(data: bytes) -> list[int]:
    """Which bits of element 45 are set: 1 is an alarm, or "closed", "stopped" (draft, table 58)."""
    bits = int.from_bytes(data, "big")
    return [bit for bit in range(STATUS_BITS) if bits >> bit & 1]


def _ascii(frame: Frame) -> list[tuple[int, str, str]]:
    """Word by word: a name with its value."""
    words = _WORD.findall(frame.body)
    try:
        content = ascii_body.decode(frame.body, frame.function, frame.is_down)
    except Sl651Error as error:
        return [(len(frame.body), "unread", f"{error}: {frame.body.decode('latin-1')}")] if frame.body else []
    parts: list[tuple[int, str, str]] = []
    place = 0

    def take(count: int, field: str, value: str) -> None:
        nonlocal place
        parts.append((sum(len(word) for word in words[place : place + count]), field, value))
        place += count

    if words and not words[0].strip():
        take(1, "rest", "")
    if len(words[place].strip()) == 16:
        take(1, "sent", f"{content.serial} {_moment(content.sent)}")
    else:
        take(1, "serial", str(content.serial))
        take(1, "sent", _moment(content.sent))
    for item in content.items:
        typed = item.kind == body.STATION and len(item.data) > 5
        count = 3 if typed else 1 if item.kind in (body.REST, body.WISH) else 2
        take(count + len(item.parts) - 1 if item.kind == body.SERIES else count, _field(item), _said(item))
    return parts


def _field(item: body.Item) -> str:
    if item.kind == body.ELEMENT and item.id not in ELEMENTS and item.id not in BLOCKS and item.id != STATUS:
        return "element_unknown"
    return item.kind


def _said(item: body.Item) -> str:
    if item.kind == body.STATION:
        letter = chr(item.data[5]) if len(item.data) > 5 else ""
        return f"{item.data[:5].hex().upper()} {letter} {STATION_TYPES.get(letter, '')}".rstrip()
    if item.kind == body.TIME:
        return _moment(item.data.hex())
    if item.kind == body.TEXT:
        return item.data.decode("gb18030", "replace")
    if item.kind == body.SPAN:
        return f"{_moment(item.data[:4].hex())} - {_moment(item.data[4:].hex())}"
    if item.kind in (body.PICTURE, body.REST):
        return _bytes(item.data)
    if item.kind == body.WISH:
        return _name(item.id)
    if item.kind == body.SERIES:
        said = [_said(part).partition(f"{_name(item.id)} ")[2] for part in item.parts]
        return f"{_name(item.id)} {len(said)}: {'; '.join(said)}"
    if item.id in BLOCKS:
        _, _, decimals, unit = BLOCKS[item.id]
        counts = " ".join(decimal_text(one, decimals) for one in body.counts_of(item))
        return f"{_name(item.id)} {counts} {unit}".replace("null", "-")
    value = item.value
    if item.id == STATUS:
        return f"{_name(item.id)} {item.data.hex().upper()}"
    if value is None:
        return f"{_name(item.id)} - ({item.data.hex().upper()})"
    unit = ELEMENTS[item.id].unit if item.id in ELEMENTS else ""
    return f"{_name(item.id)} {decimal_text(value, item.decimals)} {unit}".rstrip()


def _parameter(item: body.Item) -> str:
    known = PARAMETERS.get(item.id)
    name = item.id if known is None else f"{item.id} {known.zh} {known.en}"
    if item.kind == body.WISH:
        return name
    value = item.value
    if value is None or known is None or known.id <= "0F":  # addresses, passwords: no numbers
        return f"{name} {item.data.hex().upper()}"
    return f"{name} {decimal_text(value, item.decimals)} {known.unit}".rstrip()


def _bytes(data: bytes) -> str:
    return f"{len(data)}: {data[:16].hex().upper()}"


def _name(id: str) -> str:
    if id in BLOCKS:
        return f"{id} {BLOCKS[id][0]}"
    if id == STATUS:
        return f"{id} ZT 遥测站状态及报警信息 status and alarms"
    known = ELEMENTS.get(id)
    return id if known is None else f"{id} {known.ascii} {known.zh} {known.en}"


def _moment(digits: str) -> str:
    """YYMMDDhhmm[ss] for people."""
    pairs = [digits[at : at + 2] for at in range(0, len(digits), 2)]
    return f"20{'-'.join(pairs[:3])} {':'.join(pairs[3:])}"
