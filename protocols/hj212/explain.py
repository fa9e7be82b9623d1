"""Knows how to tell a person what each byte of an HJ 212 packet is, sound or damaged; knows no language and no screen.

A row is (offset, bytes, field, value): `field` a key of the message catalogue below [decode], `value` plain text. A row
without bytes is a remark. Whatever is wrong is told where it is, and the rest is explained all the same.
"""

import re
from typing import NamedTuple

from protocols.checks import crc16
from protocols.hj212.commands import COMMANDS, check
from protocols.hj212.factors import find
from protocols.hj212.frame import BadPacket, Framed, crc
from protocols.hj212.marks import MARKS
from protocols.hj212.packet import V2005, V2017, V2025, Cipher, Oddity, must_be_secret, read, through

_HEAD = ("QN", "ST", "PW", "MN", "PNUM", "PNO", "RF")
_YEARS = {V2005: "2005", V2017: "2017", V2025: "2025"}
OLD_COMMANDS = ("1021", "1022", "1031", "1032", "1041", "1042", "2071", "2072")  # of 2005, met in public packets
SYSTEMS = (*(str(code) for code in (*range(21, 28), *range(31, 40), 41, 44, 45, 51, 52, 91)),)  # 2017 table 5; 2025
SUFFIXES = (
    "Rtd", "Min", "Avg", "Max", "Cou", "Flag", "EFlag", "SampleTime", "ZsRtd", "ZsMin", "ZsAvg", "ZsMax", "Data",
    "DayData", "NightData", "Info", "SN", "RS", "RT",
)  # fmt: skip
NAMED = (
    "DataTime", "SystemTime", "BeginTime", "EndTime", "RtdInterval", "MinInterval", "OverTime", "ReCount", "PolId",
    "RestartTime", "NewPW", "NewMN", "NewKey", "InfoId", "CstartTime", "Ctime", "Stime", "VaseNo", "CPUID", "MAC",
)  # fmt: skip
RETURNS = {"QnRtn": (*"123456789", "100"), "ExeRtn": (*"123456", "100")}
STATES = "012345"  # SBn-RS
ODDITIES = (
    "blank", "empty", "unknown_field", "unknown_command", "missing", "form", "split_flag", "number", "order", "version",
    "lower_case", "not_utf8", "no_equals", "name", "value", "twice", "factor",
)  # fmt: skip
_MEASURED = ("Rtd", "Min", "Avg", "Max", "ZsRtd", "ZsMin", "ZsAvg", "ZsMax")
FAULTS = ("hj212_length_wrong", "hj212_cut", "hj212_crc_wrong", "hj212_crc_modbus", "hj212_open_region",
          "hj212_no_region", "hj212_refused")  # fmt: skip
_CHECK = re.compile(rb"[0-9A-Fa-f]{4}")
_TAIL = re.compile(rb"&&[0-9A-Fa-f]{4}(?=[\r\n]|##|\Z)")
_END = re.compile(rb"[ \t]{0,8}\r?\n?")


class Row(NamedTuple):
    offset: int
    data: bytes
    field: str
    value: str


def explain(data: bytes, decipher: "Cipher | None" = None) -> "list[Row]":
    """Every byte of the packet that begins here once, in order. BadPacket: none begins here."""
    if not data.startswith(b"##"):
        raise BadPacket("no_head", 0, data[:2].decode("ascii", "replace"))
    if not re.fullmatch(rb"[0-9]{4}", data[2:6]):
        raise BadPacket("length", 2, data[2:6].decode("ascii", "replace"))
    segment, printed = _extent(data)
    if b"=" not in segment:
        raise BadPacket("no_equals", 6, segment[:20].decode("ascii", "replace"))
    end = 6 + len(segment)
    plain, is_open = _plain(segment, printed, decipher)
    rows = [Row(0, data[:2], "hj212_start", ""), _length(data, len(segment))]
    rows += _segment(segment, plain, is_open)
    if not printed:
        rows.append(Row(end, b"", "hj212_cut", ""))
        return rows
    rows.append(Row(end, data[end : end + 4], *_check(plain, printed, is_open)))
    tail = _END.match(data, end + 4)
    assert tail is not None
    rows.append(Row(end + 4, tail[0], "hj212_end" if tail[0] == b"\r\n" else "hj212_end_odd", ""))
    return rows + (_remarks(plain, printed, end + 4 + len(tail[0])) if is_open else [])


def is_sound(rows: "list[Row]") -> bool:
    return not any(row.field in FAULTS for row in rows)


def _extent(data: bytes) -> "tuple[bytes, str]":
    """(segment, check as printed, "" where there is none): by its length, else by what its end looks like."""
    end = 6 + int(data[2:6])
    if len(data) >= end + 4 and _CHECK.match(data, end):
        return data[6:end], data[end : end + 4].decode()
    found = _TAIL.search(data, 6)
    if found is not None:
        return data[6 : found.start() + 2], found[0][2:].decode()
    stops = [at for at in (data.find(b"\r\n", 6), data.find(b"##", 6)) if at >= 0]
    return data[6 : min(stops, default=len(data))], ""


def _length(data: bytes, found: int) -> Row:
    said = int(data[2:6])
    return Row(2, data[2:6], "hj212_length" if said == found else "hj212_length_wrong", f"{said}" if said == found
               else f"{said} <> {found}")  # fmt: skip


def _plain(segment: bytes, printed: str, decipher: "Cipher | None") -> "tuple[bytes, bool]":
    """(the segment as far as it can be read, whether its region can)."""
    cn = segment.partition(b"CN=")[2][:4].decode("ascii", "replace")
    region = segment.partition(b"CP=&&")[2]
    is_text = all(byte >= 0x20 and byte != 0x7F for byte in region) and _decoded(region) is not None
    if not must_be_secret(cn, _version(segment)) or (_fits(segment, printed) and is_text) or not region:
        return segment, True
    if decipher is not None:
        plain = through(segment, decipher)
        return (plain, True) if _fits(plain, printed) else (segment, False)
    return segment, is_text


def _fits(segment: bytes, printed: str) -> bool:
    return printed.upper() == f"{crc(segment):04X}"


def _check(plain: bytes, printed: str, is_open: bool) -> "tuple[str, str]":
    if not is_open:
        return "hj212_crc_secret", printed
    if _fits(plain, printed):
        return "hj212_crc", printed
    modbus = crc16(plain)
    if printed.upper() in (f"{modbus:04X}", f"{(modbus & 255) << 8 | modbus >> 8:04X}"):
        return "hj212_crc_modbus", f"{printed} <> {crc(plain):04X}"
    return "hj212_crc_wrong", f"{printed} <> {crc(plain):04X}"


def _remarks(plain: bytes, printed: str, end: int) -> "list[Row]":
    """Where it leaves the standard's letter."""
    try:
        found = read(Framed(plain, f"{crc(plain):04X}"))
    except BadPacket as error:
        return [Row(end, b"", "hj212_refused", f"{error.reason} {error.found[:40]}".strip())]
    said = list(found.oddities)
    if printed != printed.upper():
        said.append(Oddity("lower_case", "CRC", printed))
    up, down = (check(found.packet, from_station) for from_station in (True, False))
    said += up if len(up) <= len(down) else down  # nobody says which way it went
    codes = dict.fromkeys(name.partition("-")[0] for item in found.packet.items for name, _ in item if "-" in name)
    said += [Oddity("factor", code, "") for code in codes if find(code) is None and not code.startswith("SB")]
    return [Row(end, b"", f"hj212_odd_{one.reason}", f"{one.name} {one.found[:40]}".strip()) for one in said]


def _version(segment: bytes) -> int:
    found = re.search(rb"(?:\A|;)\s*Flag=(\d{1,3})", segment)
    return int(found[1]) >> 2 if found else V2005


def _segment(segment: bytes, plain: bytes, is_open: bool) -> "list[Row]":
    version = _version(segment)
    rows: list[Row] = []
    head, mark, region = segment.partition(b"CP=")
    at = 6
    for part in _pairs(head, (b";",)):
        name, _, value = _text(part.rstrip(b";")).partition("=")
        rows.append(Row(at, part, *_head(name.strip(), value.strip(), version)))
        at += len(part)
    if not mark:
        return [*rows, Row(at, b"", "hj212_no_region", "")]
    opening = b"&&" if region.startswith(b"&&") else b""
    closing = b"&&" if region.endswith(b"&&") and len(region) >= len(opening) + 2 else b""
    rows.append(Row(at, mark + opening, "hj212_region", ""))
    at += len(mark + opening)
    inner = region[len(opening) : len(region) - len(closing)]
    if not is_open:
        rows.append(Row(at, inner, "hj212_cipher", "SM4"))
    elif inner:
        for part in _pairs(plain[at - 6 : at - 6 + len(inner)], (b";", b",")):
            rows.append(Row(at, segment[at - 6 : at - 6 + len(part)], *_pair(_text(part.rstrip(b";,")).strip())))
            at += len(part)
        at -= len(inner)
    at += len(inner)
    rows.append(Row(at, closing, "hj212_region_end" if opening and closing else "hj212_open_region", ""))
    return rows


def _head(name: str, value: str, version: int) -> "tuple[str, str]":
    if name == "CN":
        return f"hj212_cn_{value}" if value in COMMANDS or value in OLD_COMMANDS else "hj212_cn", value
    if name == "ST" and value in SYSTEMS:
        return f"hj212_st_{value}", value
    if name == "Flag" and value.isascii() and value.isdigit():
        bits = int(value)
        said = [_YEARS.get(version, str(version)), *(["A"] if bits & 1 else []), *(["D"] if bits & 2 else [])]
        return "hj212_flag", f"{value} ({', '.join(said)})"
    return (f"hj212_{name.lower()}" if name in _HEAD else "hj212_field"), value if name in _HEAD else f"{name}={value}"


def _pairs(region: bytes, ends: "tuple[bytes, ...]") -> "list[bytes]":
    """Each with the mark that ends it; log text between // and // is one."""
    found, begin, at = [], 0, 0
    while at < len(region):
        if region.startswith(b"//", at):
            end = region.find(b"//", at + 2)
            at = len(region) if end < 0 else end + 2
            continue
        at += 1
        if region[at - 1 : at] in ends:
            found.append(region[begin:at])
            begin = at
    return found if begin == len(region) else [*found, region[begin:]]


def _pair(text: str) -> "tuple[str, str]":
    name, _, value = (part.strip() for part in text.partition("="))
    if name in RETURNS and value in RETURNS[name]:
        return f"hj212_{name.lower()}_{value}", value
    if name in NAMED:
        return f"hj212_{name.lower()}", value if not name.endswith("Time") else _moment(value)
    code, dash, suffix = name.partition("-")
    if not dash:
        return "hj212_field", text
    factor = find(code)
    named = code if factor is None else " ".join(part for part in (code, factor.zh, factor.en) if part)
    if suffix == "Flag" and len(value) == 1 and value in MARKS:
        return f"hj212_mark_{value}", f"{named} {value}"
    if suffix == "RS" and len(value) == 1 and value in STATES:
        return f"hj212_state_{value}", f"{code} {value}"
    unit = f" {factor.unit}" if factor is not None and factor.unit and suffix in _MEASURED else ""
    if suffix not in SUFFIXES:
        return "hj212_field", f"{named} {suffix}={value}"
    return f"hj212_{suffix.lower()}", f"{named} {value}{unit}"


def _moment(value: str) -> str:
    """20210305003817000 for people, as it is where it is none."""
    if not re.fullmatch(r"\d{14}(\d{3})?", value, re.ASCII):
        return value
    said = f"{value[:4]}-{value[4:6]}-{value[6:8]} {value[8:10]}:{value[10:12]}:{value[12:14]}"
    return f"{said}.{value[14:]}" if value[14:] else said


def _decoded(data: bytes) -> "str | None":
    """Of the standard's UTF-8, or GBK as older platforms write it."""
    for name in ("utf-8", "gb18030"):
        try:
            return data.decode(name)
        except UnicodeDecodeError:
            pass
    return None


def _text(data: bytes) -> str:
    found = _decoded(data)
    return data.decode("latin-1") if found is None else found
