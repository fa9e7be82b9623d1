"""Knows how to tell a person what each byte of an HJ 212 packet is; knows no language and no screen.

A row is (offset, bytes, field, value): `field` a key of the message catalogue below [decode], `value` plain text.
"""

from typing import NamedTuple

from protocols.hj212.commands import COMMANDS
from protocols.hj212.factors import find
from protocols.hj212.frame import BadPacket, Framed, Frames
from protocols.hj212.marks import MARKS
from protocols.hj212.packet import V2005, V2017, V2025, must_be_secret, read

_HEAD = ("QN", "ST", "PW", "MN", "PNUM", "PNO", "RF")
_YEARS = {V2005: "2005", V2017: "2017", V2025: "2025"}
SUFFIXES = ("Rtd", "Min", "Avg", "Max", "Cou", "Flag", "SampleTime")
NAMED = ("DataTime", "SystemTime", "BeginTime", "EndTime", "RtdInterval", "MinInterval", "OverTime", "ReCount", "PolId")
RETURNS = {"QnRtn": (*"123456789", "100"), "ExeRtn": (*"123456", "100")}


class Row(NamedTuple):
    offset: int
    data: bytes
    field: str
    value: str


def explain(data: bytes) -> "list[Row]":
    """Every byte once, in order. BadPacket: it is no sound packet."""
    framed = _framed(data)
    plain = read(framed, None) if not _is_enciphered(framed) else None
    version = _version(framed.segment)
    rows = [Row(0, data[:2], "hj212_start", ""), Row(2, data[2:6], "hj212_length", str(int(data[2:6])))]
    head, mark, region = framed.segment.partition(b"CP=&&")
    at = 6
    for part in _pairs(head, (b";",)):
        name, _, value = part.rstrip(b";").decode("ascii", "replace").partition("=")
        rows.append(Row(at, part, *_head(name, value, version)))
        at += len(part)
    rows.append(Row(at, mark, "hj212_region", ""))
    at += len(mark)
    rows += _region(region[:-2], at) if plain is not None else [Row(at, region[:-2], "hj212_cipher", "SM4")]
    at += len(region) - 2
    rows.append(Row(at, region[-2:], "hj212_region_end", ""))
    rows.append(Row(at + 2, data[at + 2 : at + 6], "hj212_crc", framed.printed))
    rows.append(Row(at + 6, data[at + 6 : at + 8], "hj212_end", ""))
    return rows


def _framed(data: bytes) -> Framed:
    if not data.startswith(b"##"):
        raise BadPacket("no_head", 0, data[:2].decode("ascii", "replace"))
    if not data.endswith(b"\r\n"):
        data = data.rstrip(b"\r\n") + b"\r\n"
    found = Frames(9999).feed(data)
    if len(found) != 1 or len(found[0].segment) + 12 != len(data):
        raise BadPacket("length", 2, data[2:6].decode("ascii", "replace"))
    return found[0]


def _version(segment: bytes) -> int:
    _, mark, rest = segment.partition(b";Flag=")
    digits = rest.partition(b";")[0]
    return int(digits) >> 2 if mark and digits.isdigit() else V2005


def _is_enciphered(framed: Framed) -> bool:
    """Whether its region can't be read without a key."""
    cn = framed.segment.partition(b"CN=")[2][:4].decode("ascii", "replace")
    if not must_be_secret(cn, _version(framed.segment)):
        return False
    try:
        read(framed, None)
    except BadPacket as error:
        return error.reason in ("crc", "control")
    return False


def _head(name: str, value: str, version: int) -> "tuple[str, str]":
    if name == "CN":
        return f"hj212_cn_{value}" if value in COMMANDS else "hj212_cn", value
    if name == "Flag" and value.isdigit():
        bits = int(value)
        said = [_YEARS.get(version, str(version)), *(["A"] if bits & 1 else []), *(["D"] if bits & 2 else [])]
        return "hj212_flag", f"{value} ({', '.join(said)})"
    return (f"hj212_{name.lower()}" if name in _HEAD else "hj212_field"), value if name in _HEAD else f"{name}={value}"


def _region(region: bytes, start: int) -> "list[Row]":
    rows: list[Row] = []
    at = 0
    for part in _pairs(region, (b";", b",")):
        text = part.rstrip(b";,").decode("utf-8", "replace")
        rows.append(Row(start + at, part, *_pair(text)))
        at += len(part)
    return rows


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
    name, _, value = text.partition("=")
    if name in RETURNS and value in RETURNS[name]:
        return f"hj212_{name.lower()}_{value}", value
    if name in NAMED:
        return f"hj212_{name.lower()}", value
    code, dash, suffix = name.partition("-")
    if not dash:
        return "hj212_field", text
    factor = find(code)
    named = code if factor is None else " ".join(part for part in (code, factor.zh, factor.en) if part)
    if suffix == "Flag" and len(value) == 1 and value in MARKS:
        return f"hj212_mark_{value}", f"{named} {value}"
    is_number = suffix in ("Rtd", "Min", "Avg", "Max")
    unit = f" {factor.unit}" if factor is not None and factor.unit and is_number else ""
    field = f"hj212_{suffix.lower()}" if suffix in SUFFIXES else "hj212_field"
    return field, f"{named} {value}{unit}" if suffix in SUFFIXES else f"{named} {suffix}={value}"
