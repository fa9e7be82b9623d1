"""Knows the fields of a segment and their grammar, strict and as it is met in the field; knows no command.

Reading is lenient where packets of real stations and platforms are (lower-case checks, short QN, other MN); every such
oddity is named, so that whoever wants the letter of the standard can have it.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from protocols.hj212.frame import BadPacket, Framed, crc, frame

Cipher = Callable[[bytes], bytes]  # whole blocks of 16 bytes, each for itself
Pair = tuple[str, "str | None"]  # (name, value); None: there was no "="
Items = tuple[tuple[Pair, ...], ...]

V2005, V2017, V2025 = 0, 1, 2
VERSIONS = {"2005": V2005, "2017": V2017, "2025": V2025}
WANTS_ANSWER, IS_SPLIT = 1, 2  # bits A and D of Flag (6.3.2)
BLOCK = 16  # bytes, SM4

# (name, as the standard wants it, as it is met). HJ 212-2017 table 3; PNUM and PNO of 2025 are shorter.
_FIELDS = (
    ("QN", r"\d{17}", r"\d{1,20}"),
    ("ST", r"\d{2}", r"[0-9A-Za-z]{1,5}"),
    ("CN", r"\d{4}", r"\d{4}"),
    ("PW", r"[!-~]{6}", r"[!-~]{0,32}"),
    ("MN", r"[0-9A-F]{24}", r"[!-~]{1,64}"),
    ("Flag", r"\d|[1-9]\d|1\d\d|2[0-4]\d|25[0-5]", r"\d{1,3}"),
    ("PNUM", r"[1-9]\d{0,3}", r"\d{1,9}"),
    ("PNO", r"[1-9]\d{0,3}", r"\d{1,9}"),
    ("RF", r"1", r"\d"),
)
_MN_2005 = re.compile(r"[0-9A-Za-z]{14}")
_STRICT = {name: re.compile(strict) for name, strict, _ in _FIELDS}
_MET = {name: re.compile(met) for name, _, met in _FIELDS}
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*|[A-Za-z0-9]+-[A-Za-z0-9]+")  # codes of 2005 may be digits alone
_VALUE = re.compile(r"[^,;&=]*")
_CUTS = re.compile(r"//.*?//|[;,]", re.DOTALL)  # log text between // and // may hold anything (CN 3020)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Oddity(NamedTuple):
    """Where a packet leaves the standard's letter: a word, the name it is about, and what was found."""

    reason: str
    name: str
    found: str


class Packet(NamedTuple):
    """One segment. `items` are the data region: `;` stands between items, `,` between the pairs of one."""

    cn: str
    mn: str
    items: Items = ()
    qn: "str | None" = None
    st: "str | None" = None
    pw: "str | None" = None
    flag: "int | None" = None
    pnum: "int | None" = None
    pno: "int | None" = None
    is_late: bool = False  # RF=1, 2025: sent again later

    @property
    def version(self) -> int:
        return V2005 if self.flag is None else self.flag >> 2

    @property
    def wants_answer(self) -> bool:
        return bool((self.flag or 0) & WANTS_ANSWER)

    @property
    def of_qn(self) -> "str | None":
        """The request number that it is about: answers of 2005 have it in their region."""
        return self.qn if self.qn is not None else self.values.get("QN")

    @property
    def is_split(self) -> bool:
        return bool((self.flag or 0) & IS_SPLIT)

    @property
    def values(self) -> "dict[str, str]":
        """The first value of every name."""
        found: dict[str, str] = {}
        for item in self.items:
            for name, value in item:
                if value is not None:
                    found.setdefault(name, value)
        return found


class Read(NamedTuple):
    """A packet that could be read, and what of it is odd."""

    packet: Packet
    oddities: tuple[Oddity, ...]


def flag(version: int, wants_answer: bool, is_split: bool = False) -> int:
    return version << 2 | (IS_SPLIT if is_split else 0) | (WANTS_ANSWER if wants_answer else 0)


def must_be_secret(cn: str, version: int) -> bool:
    """Whether its region has to be enciphered (HJ 212-2025: uploads, the key itself, field information)."""
    return version >= V2025 and (cn.startswith("2") or cn in ("1014", "3020"))


def write(packet: Packet, cipher: "Cipher | None" = None) -> bytes:
    """The whole packet; with a cipher the region leaves enciphered where it has to."""
    segment = _segment(packet)
    check = crc(segment)  # over the plain text: HJ 212-2025 annex A.2
    if cipher is not None and must_be_secret(packet.cn, packet.version):
        segment = through(segment, cipher)
    return frame(segment, check)


def region(items: Items) -> str:
    return ";".join(",".join(name if value is None else f"{name}={value}" for name, value in item) for item in items)


def items_of(*pairs: "tuple[str, object]") -> Items:
    """One item for each pair."""
    return tuple(((name, str(value)),) for name, value in pairs)


def _segment(packet: Packet) -> bytes:
    values = (packet.qn, packet.st, packet.cn, packet.pw, packet.mn, packet.flag, packet.pnum, packet.pno)
    head = "".join(f"{row[0]}={value};" for row, value in zip(_FIELDS, values) if value is not None)
    late = "RF=1;" if packet.is_late else ""
    return f"{head}{late}CP=&&{region(packet.items)}&&".encode("utf-8", "surrogateescape")


def through(segment: bytes, cipher: Cipher) -> bytes:
    """A segment that has a region: the region's whole blocks go through the cipher, its last bytes stay as they are."""
    start = segment.index(b"CP=&&") + 5
    end = start + (len(segment) - 2 - start) // BLOCK * BLOCK
    return segment[:start] + cipher(segment[start:end]) + segment[end:]


def read(framed: Framed, cipher: "Cipher | None" = None, strict: bool = False) -> Read:
    """BadPacket says why not; `strict`: an oddity is a reason too. `cipher` is the way back to plain text."""
    segment = framed.segment
    head, mark, _ = segment.partition(b"CP=&&")
    if not mark:
        raise BadPacket("no_region", len(segment))
    if not segment.endswith(b"&&") or len(segment) < len(head) + 7:
        raise BadPacket("open_region", len(segment))
    fields, oddities = _head(head)
    packet = _packet(fields, oddities)
    if cipher is not None and must_be_secret(packet.cn, packet.version):
        segment = through(segment, cipher)
    check = "%04X" % crc(segment)
    if check != framed.printed.upper():
        raise BadPacket("crc", len(segment), f"{framed.printed}, not {check}")
    if check != framed.printed:
        oddities.append(Oddity("lower_case", "CRC", framed.printed))
    packet = packet._replace(items=_items(segment, len(head) + 5, oddities))
    if _segment(packet) != segment:
        oddities.append(Oddity("order", "", head.decode("ascii", "replace")))
    if strict and oddities:
        raise BadPacket(oddities[0].reason, 0, f"{oddities[0].name} {oddities[0].found}".strip())
    return Read(packet, tuple(oddities))


def addressed(segment: bytes) -> "dict[str, str]":
    """What of the head can be read of a packet that can't be taken, so that its sender may be told. Never raises."""
    found = {}
    for part in segment.partition(b"CP=")[0].decode("ascii", "replace").split(";"):
        name, _, value = part.partition("=")
        if name in _MET and _MET[name].fullmatch(value):
            found[name] = value
    return found


def _head(head: bytes) -> "tuple[dict[str, str], list[Oddity]]":
    fields: dict[str, str] = {}
    oddities: list[Oddity] = []
    at = 0
    for part in head.decode("latin-1").split(";"):
        name, equals, value = part.partition("=")
        if part != part.strip(" \t") or name != name.strip(" \t") or value != value.strip(" \t"):
            name, value = name.strip(" \t"), value.strip(" \t")
            oddities.append(Oddity("blank", name, value))
        if not part.strip(" \t"):
            if at < len(head):
                oddities.append(Oddity("empty", "", f"byte {at}"))
        elif not equals:
            raise BadPacket("no_equals", at, part)
        elif name in fields:
            raise BadPacket("twice", at, name)
        elif name not in _MET:
            oddities.append(Oddity("unknown_field", name, value))
        elif not _MET[name].fullmatch(value):
            raise BadPacket("field", at, part)
        else:
            fields[name] = value
        at += len(part) + 1
    for name in ("CN", "MN"):
        if name not in fields:
            raise BadPacket("missing", len(head), name)
    return fields, oddities


def _packet(fields: "dict[str, str]", oddities: "list[Oddity]") -> Packet:
    def number(name: str) -> "int | None":
        return int(fields[name]) if name in fields else None

    packet = Packet(
        fields["CN"], fields["MN"], (), fields.get("QN"), fields.get("ST"), fields.get("PW"),
        number("Flag"), number("PNUM"), number("PNO"), fields.get("RF") == "1",
    )  # fmt: skip
    if packet.flag is not None and packet.flag > 255:
        raise BadPacket("flag", 0, fields["Flag"])
    if packet.version > V2025:
        oddities.append(Oddity("version", "Flag", fields["Flag"]))
    is_old = packet.version == V2005
    wanted = ("ST", "PW", "Flag") if is_old and packet.cn.startswith("901") else ("QN", "ST", "PW", "Flag")
    oddities += [Oddity("missing", name, "") for name in wanted if name not in fields]
    for name, value in fields.items():
        strict = _MN_2005 if name == "MN" and is_old else _STRICT[name]
        if not strict.fullmatch(value):
            oddities.append(Oddity("form", name, value))
    is_split = bool((packet.flag or 0) & IS_SPLIT)
    if is_split != ("PNUM" in fields) or ("PNUM" in fields) != ("PNO" in fields):
        oddities.append(Oddity("split_flag", "Flag", fields.get("Flag", "")))
    elif packet.pno is not None and packet.pnum is not None and not 1 <= packet.pno <= packet.pnum:
        oddities.append(Oddity("number", "PNO", f"{packet.pno} of {packet.pnum}"))
    if "RF" in fields and (packet.version < V2025 or fields["RF"] != "1"):
        oddities.append(Oddity("form", "RF", fields["RF"]))
    return packet


def _items(segment: bytes, start: int, oddities: "list[Oddity]") -> Items:
    raw = segment[start:-2]
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        oddities.append(Oddity("not_utf8", "CP", f"byte {start + error.start}"))
        text = _old_text(raw)
    control = _CONTROL.search(text)
    if control is not None:
        raise BadPacket("control", start + len(text[: control.start()].encode("utf-8", "surrogateescape")))
    if not text:
        return ()
    items: list[tuple[Pair, ...]] = []
    pairs: list[Pair] = []
    begin = 0
    for cut in _CUTS.finditer(text):
        if cut[0] in (";", ","):
            pairs.append(_pair(text[begin : cut.start()], oddities))
            begin = cut.end()
            if cut[0] == ";":
                items.append(tuple(pairs))
                pairs = []
    pairs.append(_pair(text[begin:], oddities))
    items.append(tuple(pairs))
    return tuple(items)


def _old_text(raw: bytes) -> str:
    """GBK, in which platforms of 2005 wrote Chinese; if it is not that, whatever it is stays as it is."""
    try:
        return raw.decode("gb18030")
    except UnicodeDecodeError:
        return raw.decode("utf-8", "surrogateescape")


def _pair(text: str, oddities: "list[Oddity]") -> Pair:
    name, equals, value = text.partition("=")
    if text != text.strip(" ") or name != name.strip(" ") or value != value.strip(" "):
        text, name, value = text.strip(" "), name.strip(" "), value.strip(" ")
        oddities.append(Oddity("blank", name, value))
    is_text = len(value) >= 4 and value.startswith("//") and value.endswith("//")
    if not equals:
        oddities.append(Oddity("no_equals" if text else "empty", "CP", text))
        return name, None
    if not _NAME.fullmatch(name):
        oddities.append(Oddity("name", name, value))
    elif not is_text and not _VALUE.fullmatch(value):
        oddities.append(Oddity("value", name, value))
    return name, value
