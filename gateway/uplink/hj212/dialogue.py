"""Knows how a packet to a platform is made and its answer known: request numbers, parts, 9013 and 9014; knows no row.

HJ 212-2017, 6.1 and table 1: OverTime seconds, then again, ReCount times; after the last the connection is given up. A
packet that is sent again keeps its QN, so that the platform can tell.
"""

from collections.abc import Awaitable, Callable

from gateway.machine.lines import OpenLine
from gateway.site.hj212 import Hj212Uplink
from gateway.uplink.exchange import Exchange
from gateway.uplink.hj212.settings import Settings
from protocols.hj212 import moment
from protocols.hj212.packet import V2005, VERSIONS, Cipher, Items, Packet, flag, items_of, write
from protocols.hj212.split import MOST_PACKETS, split

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
        self._last_ms = 0  # of a QN
        self._exchange: Exchange[str, bool] = Exchange()

    @property
    def sent_bytes(self) -> int:
        return self._exchange.sent_bytes

    def open(self, line: OpenLine) -> None:
        self._exchange.open(line)

    def close(self) -> None:
        self._exchange.close()

    def number(self) -> str:
        """A QN that no packet had."""
        self._last_ms = max(self._now_ms(), self._last_ms + 1)
        return moment.request_number(self._last_ms)

    def packet(self, cn: str, items: Items, st: str, wants_answer: bool, is_late: bool = False) -> Packet:
        qn = self._exchange.number((cn, items)) or self.number()
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
        await self._exchange.write(write(packet, self._cipher()))

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
        wanted = (answer, packet.qn)

        async def once() -> bool:
            await self._pace()
            overtime_s = self._settings.number("OverTime")
            return await self._exchange.once(wanted, lambda: self.write(packet), overtime_s) is not None

        tries = 1 + self._settings.number("ReCount")
        await self._exchange.ask((packet.cn, packet.items), packet.qn, packet.cn, tries, once)

    def takes(self, packet: Packet) -> bool:
        """Whether it answers what was sent: by CN and QN, as platforms differ in ST and Flag of their answers."""
        if not self._exchange.is_waiting((packet.cn, packet.of_qn)):
            return False
        self._exchange.take(True)
        return True
