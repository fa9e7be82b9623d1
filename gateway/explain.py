"""Knows `watertower decode`: where in what somebody pasted frames are, and how their rows are shown; knows no protocol.

An explainer is a pure function of bytes that gives rows (offset, bytes, field, value) of the frame that begins there,
and one that says whether it is sound. FrameError: none begins there.
"""

import re
import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple

from gateway.messages import say
from protocols.errors import FrameError
from protocols.hj212 import explain as hj212
from protocols.hj212.packet import Cipher
from protocols.sl651 import explain as sl651

Row = tuple[int, bytes, str, str]  # `field`: a key below [decode] of the message catalogue


class Found(NamedTuple):
    start: int
    protocol: str
    rows: Sequence[Row]
    is_sound: bool

    @property
    def end(self) -> int:
        return self.start + sum(len(part) for _, part, _, _ in self.rows)


_STARTS = re.compile(rb"##|\x7e\x7e|\x01")
_NAMES = {"SOH": 1, "STX": 2, "ETX": 3, "EOT": 4, "ENQ": 5, "ACK": 6, "NAK": 0x15, "SYN": 0x16, "ETB": 0x17,
          "ESC": 0x1B, "CR": 13, "LF": 10}  # fmt: skip
_HEX = re.compile(r"(?:0[xX])?[0-9A-Fa-f]+(?:[\s,:;-]+(?:0[xX])?[0-9A-Fa-f]+)*[\s,:;]*")
_ESCAPE = re.compile(r"\\(x[0-9A-Fa-f]{2}|[rnt\\])|<([A-Z]{2,3})>")
_PLAIN = {"r": "\r", "n": "\n", "t": "\t", "\\": "\\"}


def meanings(text: str) -> list[bytes]:
    """What the bytes may be: hex digits in any dress, else the text itself with its escapes, in UTF-8 or GBK."""
    text = text.strip(" \t'\"")
    found = []
    if _HEX.fullmatch(text.strip()):
        digits = re.sub(r"0[xX]|[\s,:;-]+", "", text)
        if len(digits) % 2 == 0:
            found.append(bytes.fromhex(digits))
    said = _ESCAPE.sub(_escaped, text)
    for name in ("utf-8", "gb18030"):
        # characters below 256 that were bytes stay bytes
        data = said.encode(name, "surrogateescape" if name == "utf-8" else "replace")
        if data not in found:
            found.append(data)
    return found


def _escaped(match: "re.Match[str]") -> str:
    escape, name = match[1], match[2]
    if name is not None:
        return chr(_NAMES[name]) if name in _NAMES else match[0]
    if escape[0] != "x":
        return _PLAIN[escape]
    byte = int(escape[1:], 16)
    return chr(byte) if byte < 0x80 else chr(0xDC00 + byte)


def frames(data: bytes, decipher: Cipher | None = None) -> tuple[list[Found], list[str]]:
    """Every sound frame, in order, else the first that is not; and what was said against others."""
    reasons: dict[str, None] = {}
    sound: list[Found] = []
    harmed: Found | None = None
    at = 0
    for start in (match.start() for match in _STARTS.finditer(data)):
        if start < at:
            continue
        for name, explain, check in explainers(decipher):
            try:
                rows = explain(data[start:])
            except FrameError as error:
                reasons.setdefault(f"{name}: {error}")
                continue
            one = Found(start, name, rows, check(rows))
            if one.is_sound:
                sound.append(one)
                at = one.end
                break
            harmed = harmed or one
    return sound or ([harmed] if harmed is not None else []), list(reasons)


def explainers(
    decipher: Cipher | None,
) -> tuple[tuple[str, Callable[[bytes], Sequence[Row]], Callable[..., bool]], ...]:
    return (
        ("SL 651", sl651.explain, sl651.is_sound),
        ("HJ 212", lambda data: hj212.explain(data, decipher), hj212.is_sound),
    )


def main(text: str, decipher: Cipher | None = None) -> int:
    """0: every frame is sound; 1: none, or one that is not."""
    best: tuple[bytes, list[Found]] = (b"", [])
    reasons: list[str] = []
    for data in meanings(text):
        found, why = frames(data, decipher)
        reasons = reasons or why
        if found and (not best[1] or (found[0].is_sound and not best[1][0].is_sound)):
            best = (data, found)
    data, found = best
    if not found:
        print(say("decode.nothing", reasons="; ".join(reasons[:4]) or say("decode.no_start")), file=sys.stderr)
        return 1
    at = 0
    for one in found:
        _show_rest(data, at, one.start)
        _show(one)
        at = one.end
    _show_rest(data, at, len(data))
    return 0 if all(one.is_sound for one in found) else 1


def _show(one: Found) -> None:
    print(one.protocol if one.is_sound else f"{one.protocol}  {say('decode.harmed')}")
    width = min(40, max(2 * len(part) for _, part, _, _ in one.rows))
    for offset, part, field, value in one.rows:
        shown = part.hex().upper() if part else "" if field.endswith("_cut") else "!"
        print(f"{one.start + offset:5}  {shown:{width}}  {say(f'decode.{field}')}  {value}".rstrip())


def _show_rest(data: bytes, start: int, end: int) -> None:
    rest = data[start:end]
    if rest.strip(b"\r\n \t"):
        more = "..." if len(rest) > 20 else ""
        print(f"{start:5}  {rest[:20].hex().upper()}{more}  {say('decode.outside')}  {len(rest)}")
