"""Knows how a long message goes in packets (mode M3, SYN) and comes together again; knows nothing of what it says.

Draft 6.3 and 6.6: each packet tells how many there are and which it is, from 1; all but the last end with ETB. A
receiver names one bad packet for each NAK. That the NAK is a SYN frame with the number of the packet is unverified.
"""

from protocols.sl651.frame import ETB, ETX, Frame, Sl651Error

MOST_PACKETS = 4095
MOST_BYTES = 1 << 20  # of one message put together; ours: a picture


def split(frame: Frame, most: int) -> list[Frame]:
    """The frame itself when its body has at most so many bytes, else its packets. The body's first bytes (serial, time)
    are in the first packet only, as in captured pictures."""
    if len(frame.body) <= most:
        return [frame]
    step = most - (6 if frame.is_ascii else 3)
    if step < 1:
        raise Sl651Error("length", str(most))
    parts = [frame.body[at : at + step] for at in range(0, len(frame.body), step)]
    if len(parts) > MOST_PACKETS:
        raise Sl651Error("packet", str(len(parts)))
    last = len(parts)
    return [
        frame._replace(body=part, packet=(last, number), end=ETX if number == last else ETB)
        for number, part in enumerate(parts, 1)
    ]


class Assembly:
    """One receiver's; one message at a time."""

    def __init__(self) -> None:
        self._parts: dict[int, Frame] = {}
        self._of: tuple[int, str, int, int] | None = None

    def add(self, frame: Frame) -> Frame | None:
        """The whole message once all of it is here. Sl651Error: it can't be a packet."""
        if frame.packet is None:
            return frame
        total, number = frame.packet
        if not 1 <= number <= total:
            raise Sl651Error("packet", f"{number} of {total}")
        of = (frame.centre, frame.station, frame.function, total)
        if of != self._of:
            self._of, self._parts = of, {}
        self._parts[number] = frame
        if sum(len(part.body) for part in self._parts.values()) > MOST_BYTES:
            self._of = None
            self._parts = {}
            raise Sl651Error("length", "packets")
        if len(self._parts) < total:
            return None
        body = b"".join(self._parts[place].body for place in range(1, total + 1))
        whole = self._parts[total]._replace(body=body, packet=None)
        self._of, self._parts = None, {}
        return whole

    @property
    def total(self) -> int:
        """Of how many packets the message is that has begun; 0: none has."""
        return 0 if self._of is None else self._of[3]

    @property
    def missing(self) -> list[int]:
        """Which packets of a message that has begun are not here."""
        return [number for number in range(1, self.total + 1) if number not in self._parts]
