"""Knows how one packet to a platform gets its answer: request numbers, waiting, sending again; knows no row.

HJ 212-2017, 6.1 and table 1: OverTime seconds, then again, ReCount times; after the last the connection is given up. A
packet that is sent again keeps its QN, so that the platform can tell.
"""

import asyncio
from collections.abc import Awaitable, Callable

from gateway.machine.lines import LineLost, OpenLine
from gateway.site.hj212 import Hj212Uplink
from gateway.uplink.hj212.settings import Settings
from protocols.hj212 import moment
from protocols.hj212.packet import V2005, VERSIONS, Cipher, Items, Packet, flag, items_of, write
from protocols.hj212.split import MOST_PACKETS, split

_UNANSWERED = 16  # packets; ours
_SYSTEM = "91"  # ST of answers and of what concerns the station itself
_ANSWER_OF_DATA, _ANSWER_OF_NOTICE = "9014", "9013"


class Dialogue:
    """One uplink's way of saying things. `password` and `cipher` are asked anew for each packet; `pace` returns when
    one may go that nobody has asked for."""

    def __init__(
        self,
        uplink: Hj212Uplink,
        settings: Settings,
        now_ms: Callable[[], int],
        password: Callable[[], str],
        cipher: Callable[[], Cipher | None],
        pace: Callable[[], Awaitable[None]],
    ) -> None:
        self._uplink = uplink
        self._settings = settings
        self._version = VERSIONS[uplink.version]
        self._now_ms = now_ms
        self._password = password
        self._cipher = cipher
        self._pace = pace
        self._line: OpenLine | None = None
        self._last_ms = 0  # of a QN
        self._reply: asyncio.Future[None] | None = None
        self._wanted = ("", "")  # (CN, QN) of the answer
        self._unanswered: dict[tuple[str, Items], str] = {}  # what had no answer keeps its QN beyond the connection
        self.sent_bytes = self.resent = 0

    def open(self, line: OpenLine) -> None:
        self._line = line

    def close(self) -> None:
        self._line = None
        if self._reply is not None and not self._reply.done():
            self._reply.cancel()

    def number(self) -> str:
        """A QN that no packet had."""
        self._last_ms = max(self._now_ms(), self._last_ms + 1)
        return moment.request_number(self._last_ms)

    def packet(self, cn: str, items: Items, st: str, wants_answer: bool, is_late: bool = False) -> Packet:
        qn = self._unanswered.get((cn, items)) or self.number()
        return Packet(
            cn, self._settings.get("NewMN"), items, qn, st, self._password(), flag(self._version, wants_answer),
            is_late=is_late,
        )  # fmt: skip

    def answer(self, asked: Packet, cn: str, items: Items = ()) -> Packet:
        """To a request, under its QN and the password that it came with."""
        st = _SYSTEM if cn.startswith("9") else self._uplink.st
        if self._version == V2005 and cn.startswith("9"):
            return Packet(
                cn, self._settings.get("NewMN"), items_of(("QN", asked.qn)) + items, None, st, self._password(),
                flag(self._version, False),
            )  # fmt: skip
        return Packet(
            cn, self._settings.get("NewMN"), items, asked.qn, st, self._password(), flag(self._version, False)
        )

    def parts(self, packet: Packet) -> list[Packet]:
        most = self._uplink.message_bytes
        if most is None:
            return split(packet, self.number)
        empty = packet._replace(items=(), pnum=MOST_PACKETS, pno=MOST_PACKETS)
        return split(packet, self.number, most - len(write(empty)))

    async def write(self, packet: Packet) -> None:
        if self._line is None:
            raise LineLost("closed")
        data = write(packet, self._cipher())
        self.sent_bytes += len(data)
        await self._line.write(data)

    async def upload(self, cn: str, items: Items, is_late: bool = False) -> None:
        """Returns once the platform has it. LineLost: it does not answer. RangeError: nine packets can't hold it."""
        for part in self.parts(self.packet(cn, items, self._uplink.st, True, is_late)):
            await self._asked(part, _ANSWER_OF_DATA)

    async def mention(self, cn: str, items: Items) -> None:
        """Without an answer."""
        await self.write(self.packet(cn, items, self._uplink.st, False))

    async def notify(self, cn: str, items: Items = ()) -> None:
        await self._asked(self.packet(cn, items, _SYSTEM, True), _ANSWER_OF_NOTICE)

    async def _asked(self, packet: Packet, answer: str) -> None:
        assert packet.qn is not None
        said = (packet.cn, packet.items)
        self._wanted = (answer, packet.qn)
        self._unanswered = dict([*self._unanswered.items(), (said, packet.qn)][-_UNANSWERED:])
        tries = 1 + self._settings.number("ReCount")
        for tried in range(tries):
            self.resent += tried > 0
            await self._pace()
            self._reply = asyncio.get_running_loop().create_future()
            await self.write(packet)
            try:
                async with asyncio.timeout(self._settings.number("OverTime")):
                    await self._reply
                self._unanswered.pop(said, None)
                return
            except TimeoutError:
                pass
            finally:
                self._reply = None
        raise LineLost(f"no answer to {tries} tries of {packet.cn}")

    def takes(self, packet: Packet) -> bool:
        """Whether it answers what was sent: by CN and QN, as platforms differ in ST and Flag of their answers."""
        if self._reply is None or self._reply.done() or (packet.cn, packet.of_qn) != self._wanted:
            return False
        self._reply.set_result(None)
        return True
