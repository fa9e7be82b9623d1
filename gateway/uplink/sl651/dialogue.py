"""Knows how one message of a station is sent and answered: serial numbers, three tries, packets and NAK; knows no row.

Draft 6.3: two more tries after the first, then the connection is given up; a try keeps its serial number. M1 sends and
waits for nothing.
"""

import asyncio
from collections.abc import Callable, Sequence

from gateway.machine.lines import LineLost, OpenLine
from gateway.site.sl651 import Sl651Centre, Sl651Uplink
from gateway.uplink.sl651.settings import Settings
from protocols.sl651 import functions, message
from protocols.sl651.body import PICTURE, Body, Item
from protocols.sl651.frame import ACK, EOT, ESC, ETX, NAK, Frame, encode
from protocols.sl651.packets import split

_TRIES = 3
_UNANSWERED = 16  # messages; ours
_NAKS = 20  # in one try; ours
_BODY_BYTES = 220  # draft: frames of at most 256 bytes are recommended
_LAST_SERIAL = 65_535


class Dialogue:
    """One connection's way of saying things. `now_text` gives Beijing time as YYMMDDhhmmss."""

    def __init__(
        self,
        uplink: Sl651Uplink,
        centre: Sl651Centre,
        settings: Settings,
        now_text: Callable[[], str],
        message_bytes: Callable[[], int | None],
    ) -> None:
        self._uplink = uplink
        self._centre = centre
        self._settings = settings
        self._now_text = now_text
        self._message_bytes = message_bytes  # of a message, None: as long as it likes
        self._serial = 0
        self._line: OpenLine | None = None
        self._reply: asyncio.Future[Frame] | None = None
        self._wanted: tuple[int, int] = (0, 0)  # (function, serial) of what is to be answered
        self.answered: list[Frame] = []  # packets of the last answer, should one be wanted again
        # what had no reply keeps its serial number beyond the connection, so that the centre can tell a repetition
        self._unanswered: dict[tuple[int, tuple[Item, ...]], int] = {}
        self.sent_bytes = self.resent = 0

    def open(self, line: OpenLine) -> None:
        self._line = line

    def close(self) -> None:
        self._line = None
        if self._reply is not None and not self._reply.done():
            self._reply.cancel()

    def frame(self, function: int, items: Sequence[Item], serial: int | None = None) -> Frame:
        """Under the next serial number, unless it answers one."""
        said = tuple(items)
        if serial is None:
            serial = self._unanswered.get((function, said))
        if serial is None:
            serial = self._serial = self._serial % _LAST_SERIAL + 1
        has_words = all(item.kind != PICTURE for item in said)
        empty = Frame(
            False, self._centre.address, self._uplink.station_address.upper(), self._settings.password, function, b"",
            ETX, is_ascii=self._uplink.form == "ascii" and has_words,
        )  # fmt: skip
        return message.written(empty, Body(serial, self._now_text(), said))

    def keep_alive(self, function: int) -> Frame:
        return self.frame(function, (), max(self._serial, 1))

    async def write(self, frame: Frame) -> None:
        if self._line is None:
            raise LineLost("closed")
        data = encode(frame)
        self.sent_bytes += len(data)
        await self._line.write(data)

    async def report(self, frame: Frame) -> None:
        """Returns once the centre has it. LineLost: it does not answer."""
        content = message.read(frame)
        most = self._most_body()
        is_long = self._uplink.mode == "M3" or frame.function == functions.PICTURE  # which fits no one frame
        packets = split(frame, most) if is_long else [frame]
        if self._uplink.mode == "M1":
            for packet in packets:
                await self.write(packet)
            return
        self._wanted = (frame.function, content.serial)
        said = (frame.function, content.items)
        self._unanswered = dict([*self._unanswered.items(), (said, content.serial)][-_UNANSWERED:])
        for tried in range(_TRIES):
            self.resent += tried > 0
            if await self._tried(packets):
                self._unanswered.pop(said, None)
                return
        raise LineLost(f"no reply to {_TRIES} tries of {frame.function:02X}")

    def _most_body(self) -> int:
        small = self._message_bytes()
        return _BODY_BYTES if small is None else max(small - 17, 16)

    async def _tried(self, packets: list[Frame]) -> bool:
        wanted = packets
        for _ in range(_NAKS):
            self._reply = asyncio.get_running_loop().create_future()
            for packet in wanted:
                await self.write(packet)
            try:
                async with asyncio.timeout(self._centre.reply_s):
                    reply = await self._reply
            except TimeoutError:
                return False
            finally:
                self._reply = None
            if reply.end != NAK:
                return True
            self.resent += 1
            wanted = self.again(packets, reply)
        return False

    @staticmethod
    def again(packets: list[Frame], nak: Frame) -> list[Frame]:
        """The packet that the NAK names, else all."""
        named = [one for one in packets if nak.packet is not None and one.packet and one.packet[1] == nak.packet[1]]
        return named or packets

    def takes(self, frame: Frame, serial: int) -> bool:
        """Whether a frame answers what was sent; it is taken then."""
        if self._reply is None or self._reply.done() or (frame.function, serial) != self._wanted:
            return False
        if frame.end not in (EOT, ESC, ACK, NAK):
            return False
        self._reply.set_result(frame)
        return True

    async def answer(self, frame: Frame) -> None:
        """To a query: in packets where it is long; the centre may NAK one."""
        self.answered = split(frame, self._most_body())
        for packet in self.answered:
            await self.write(packet)
