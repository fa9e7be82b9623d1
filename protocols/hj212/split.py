"""Knows how a message that is too long for one packet becomes several; knows no value and no transport."""

from collections.abc import Callable

from protocols.errors import RangeError
from protocols.hj212.frame import LONGEST
from protocols.hj212.packet import IS_SPLIT, Items, Packet, region

LONGEST_REGION = 950  # HJ 212-2017 table 3
MOST_PACKETS = 9  # PNUM and PNO of 2025 have one digit, if their lengths count the name; ours for all versions


def split(packet: Packet, next_number: "Callable[[], str]", longest: int = LONGEST_REGION) -> "list[Packet]":
    """The packet itself if it fits, else packets with PNUM and PNO, each under a QN of its own and with the first item
    of all (DataTime) repeated, as annex C table C.49 shows it. RangeError: too long for that."""
    if _fits(packet.items, longest):
        return [packet]
    first = packet.items[:1]
    parts: list[Items] = []
    part = first
    for item in packet.items[1:]:
        if not _fits(part + (item,), longest):
            parts.append(part)
            part = first
        if not _fits(part + (item,), longest):
            raise RangeError("an item of %d bytes fits no packet" % len(region((item,)).encode()))
        part = part + (item,)
    parts.append(part)
    if len(parts) > MOST_PACKETS:
        raise RangeError("%d packets are more than %d" % (len(parts), MOST_PACKETS))
    flag = (packet.flag or 0) | IS_SPLIT
    return [
        packet._replace(
            items=part, flag=flag, pnum=len(parts), pno=number, qn=packet.qn if number == 1 else next_number()
        )
        for number, part in enumerate(parts, 1)
    ]


def _fits(items: Items, longest: int) -> bool:
    return len(region(items).encode("utf-8", "surrogateescape")) <= min(longest, LONGEST_REGION) < LONGEST
