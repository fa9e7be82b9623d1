"""Knows `watertower decode`: which protocol a frame is of, and how its rows are shown; knows no protocol itself.

An explainer is a pure function of bytes that gives rows (offset, bytes, field, value); FrameError: it is not of that
protocol, or damaged.
"""

import sys
from collections.abc import Callable, Sequence

from gateway.messages import say
from protocols.errors import FrameError
from protocols.sl651 import explain as sl651

Row = tuple[int, bytes, str, str]  # `field`: a key below [decode] of the message catalogue
EXPLAINERS: tuple[tuple[str, Callable[[bytes], Sequence[Row]]], ...] = (("SL 651", sl651.explain),)


def to_bytes(text: str) -> bytes:
    """Hex digits, with or without spaces, else the text itself with \\r and \\n as such."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        return text.replace("\\r", "\r").replace("\\n", "\n").encode("utf-8")


def main(text: str) -> int:
    data = to_bytes(text)
    reasons = []
    for name, explain in EXPLAINERS:
        try:
            rows = explain(data)
        except FrameError as error:
            reasons.append(f"{name}: {error}")
            continue
        print(name)
        for offset, part, field, value in rows:
            name_of = say(f"decode.{field}")
            print(f"{offset:5}  {part.hex().upper():{_width(rows)}}  {name_of}  {value}".rstrip())
        return 0
    print(say("decode.nothing", reasons="; ".join(reasons)), file=sys.stderr)
    return 1


def _width(rows: Sequence[Row]) -> int:
    return min(40, max(2 * len(part) for _, part, _, _ in rows))
