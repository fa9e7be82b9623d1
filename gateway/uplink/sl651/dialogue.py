"""Knows how a message of a station is made and its reply known: serial numbers, packets and NAK; knows no row.

Draft 6.3: two more tries after the first, then the connection is given up; a try keeps its serial number. M1 sends and
waits for nothing.
"""

from collections.abc import Callable, Sequence

from gateway.machine.lines import OpenLine
from gateway.site.sl651 import Sl651Centre, Sl651Uplink
from gateway.uplink.exchange import Exchange
from gateway.uplink.sl651.settings import Settings
from protocols.sl651 import functions, message
from protocols.sl651.body import PICTURE, Body, Item
from protocols.sl651.frame import ACK, EOT, ESC, ETX, NAK, Frame, encode
from protocols.sl651.packets import split

_TRIES = 3
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
        self._exchange: Exchange[int, Frame] = Exchange()
        self.answered: list[Frame] = []  # packets of the last answer, should one be wanted again

    @property
    def sent_bytes(self) -> int:
        return self._exchange.sent_bytes

    @property
    def resent(self) -> int:
        return self._exchange.resent

    def open(self, line: OpenLine) -> None:
        self._exchange.open(line)

    def close(self) -> None:
        self._exchange.close()

    def frame(self, function: int, items: Sequence[Item], serial: int | None = None) -> Frame:
        """Under the next serial number, unless it answers one."""
        said = tuple(items)
        if serial is None:
            serial = self._exchange.number((function, said))
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
        await self._exchange.write(encode(frame))

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
        wanted = (frame.function, content.serial)
        said = (frame.function, content.items)
        name = f"{frame.function:02X}"
        await self._exchange.ask(said, content.serial, name, _TRIES, lambda: self._tried(wanted, packets))

    def _most_body(self) -> int:
        small = self._message_bytes()
        return _BODY_BYTES if small is None else max(small - 17, 16)

    async def _tried(self, wanted: tuple[int, int], packets: list[Frame]) -> bool:
        sent = packets
        for _ in range(_NAKS):
            reply = await self._exchange.once(wanted, lambda: self._write_all(sent), self._centre.reply_s)  # noqa: B023
            if reply is None or reply.end != NAK:
                return reply is not None
            self._exchange.resent += 1
            sent = self.again(packets, reply)
        return False

    async def _write_all(self, packets: list[Frame]) -> None:
        for packet in packets:
            await self.write(packet)

    @staticmethod
    def again(packets: list[Frame], nak: Frame) -> list[Frame]:
        """The packet that the NAK names, else all."""
        named = [one for one in packets if nak.packet is not None and one.packet and one.packet[1] == nak.packet[1]]
        return named or packets

    def takes(self, frame: Frame, serial: int) -> bool:
        """Whether a frame answers what was sent; it is taken then."""
        if not self._exchange.is_waiting((frame.function, serial)) or frame.end not in (EOT, ESC, ACK, NAK):
            return False
        self._exchange.take(frame)
        return True

    async def answer(self, frame: Frame) -> None:
        """To a query: in packets where it is long; the centre may NAK one."""
        self.answered = split(frame, self._most_body())
        await self._write_all(self.answered)
