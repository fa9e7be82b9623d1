"""Knows how one HJ 212 platform gets a station's values and has its requests done; knows no sensor and no socket.

A position is moved only by the platform's own 9014 (gateway/uplink/reporter.py). Real-time values (2011) are never
owed.
"""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import cache

from gateway.machine.lines import Opener, OpenLine
from gateway.ports import Clock, LinkDown
from gateway.site.hj212 import Hj212Uplink
from gateway.store import Row, Store
from gateway.store.ranges import count, without
from gateway.uplink import login
from gateway.uplink.hj212.dialogue import Dialogue
from gateway.uplink.hj212.instruments import Tend
from gateway.uplink.hj212.orders import RUNNING, Orders
from gateway.uplink.hj212.pending import Pending
from gateway.uplink.hj212.plan import Key, Plan
from gateway.uplink.hj212.settings import Settings
from gateway.uplink.hj212.sm4 import cipher, decipher, key_of
from gateway.uplink.ration import Ration
from gateway.uplink.reporter import Reporter
from protocols.errors import RangeError
from protocols.hj212.commands import (
    ACCEPTED,
    BAD_CN,
    BAD_CRC,
    BAD_FLAG,
    BAD_PASSWORD,
    BAD_QN,
    BAD_ST,
    BROKEN,
    BUSY,
    FAILED,
    TIMED_OUT,
)
from protocols.hj212.frame import BadPacket, Framed, Frames
from protocols.hj212.packet import V2005, V2025, VERSIONS, Cipher, Items, Packet, addressed, items_of, read
from protocols.hj212.readings import DAY

_READ_MS = 5000
_GRACE_MS = 30_000  # so long a period's rows are waited for: its aggregates have 20 s of grace themselves; ours
_MERGED_MS = 30_000  # and so much longer where it is made of several: without the last it would be wrong; ours
_REMEMBERED = 64  # requests whose answer is kept, should they come again; ours
_REMEMBERED_PACKETS = 64  # of one answer
_WAITING_ORDERS = 16  # more at once is no platform

ANSWERS = ("9011", "9012", "9013", "9014")
_CODES = {"Flag": BAD_FLAG, "ST": BAD_ST, "CN": BAD_CN, "PW": BAD_PASSWORD, "QN": BAD_QN}  # of a field without its form


async def _no_emergency(seconds: int) -> None:
    return None


class Hj212Forwarder(Reporter[Key]):
    """One platform. `time_told(unix_ms, who)`: it has told the time; whether it is believed. `least_minute_s`: the
    shortest minutes that the store gets."""

    def __init__(
        self,
        uplink: Hj212Uplink,
        opener: Opener,
        store: Store,
        clock: Clock,
        settings: Settings,
        on_connected: Callable[[], None] = lambda: None,
        time_told: Callable[[int, str], bool] = lambda unix_ms, who: False,
        emergency: Callable[[int], Awaitable[None]] = _no_emergency,
        least_minute_s: int = 60,
        grace_ms: int = _GRACE_MS,
        tend: Tend | None = None,
    ) -> None:
        super().__init__(uplink.id, [self._dial], store, clock, on_connected)
        self._uplink = uplink
        self._opener = opener
        self._settings = settings
        self._grace_ms = grace_ms
        self._least_minute_ms = 1000 * least_minute_s
        self._password, self._key = "", b""
        self._plan = Plan(uplink, store.all_series, store.rows_within, self._unfit)
        began_ms = clock.monotonic_ms()
        self._orders = Orders(
            uplink, self._plan, settings, store, self._own_password, time_told, emergency, least_minute_s, tend,
            lambda: clock.unix_ms() - clock.monotonic_ms() + began_ms,
        )  # fmt: skip
        self._dialogue = Dialogue(uplink, settings, clock.unix_ms, self._own_password, self._cipher, self._pace)
        self._ration = Ration(uplink.messages_per_hour, uplink.spacing_s, clock.monotonic_ms())
        self._was_realtime = False  # what went last; on a small channel the others have the next turn
        self._pending = Pending()
        self._told_unfit: set[str] = set()
        self._told_refused: set[str] = set()
        self._answers: dict[str, list[Packet]] = {}  # by QN
        self._slot = 0  # of the last 2011
        self._said_ms = 0
        self._has_told_start = False

    # --- what others ask ----------------------------------------------------------------------------------------------

    @property
    def used_bytes(self) -> int:
        return self._dialogue.sent_bytes

    def _waits(self) -> dict[str, int | str | None]:
        return {
            "reports": len(self._pending),
            "live": self._pending.live,
            "backlog": len(self._pending) - self._pending.live,
            "oldest_ms": self._pending.oldest_ms,
            "next_message_ms": self._ration.wait_ms(False, self._clock.monotonic_ms()),
        }

    # --- the connection -----------------------------------------------------------------------------------------------

    async def _dial(self) -> OpenLine:
        self._read_secrets()
        return await self._opener()

    def _read_secrets(self) -> None:
        """LinkDown: the site file names a place, and there is none."""
        uplink = self._uplink
        self._password = login.secret(uplink.password_file, uplink.password_env) or ""
        key = login.secret(uplink.key_file, uplink.key_env)
        found = b"" if key is None else key_of(key)
        if found is None:
            raise LinkDown("the key of SM4 is neither 16 characters nor 32 hex digits", is_refusal=True)
        self._key = found

    def _own_password(self) -> str:
        return self._settings.get("NewPW") or self._password

    def _own_key(self) -> bytes:
        return key_of(self._settings.get("NewKey")) or self._key

    def _cipher(self) -> Cipher | None:
        key = self._own_key()
        return _cipher_of(key) if key else None

    def _decipher(self) -> Cipher | None:
        key = self._own_key()
        return _decipher_of(key) if key else None

    def _begin(self, line: OpenLine) -> None:
        self._told_refused.clear()
        self._dialogue.open(line)
        self._pending.begin()

    def _helpers(self, line: OpenLine) -> Sequence[Coroutine[None, None, None]]:
        asked: asyncio.Queue[Packet] = asyncio.Queue(_WAITING_ORDERS)
        return [self._listen(line, asked), self._obey(asked)]

    async def _greet(self) -> None:
        if not self._clock.is_trusted():
            await self._dialogue.notify("1013")  # the platform may tell us the time
        elif not self._has_told_start and VERSIONS[self._uplink.version] > V2005:
            # nobody waits for its answer: a platform that does not know it shall get its data all the same
            await self._dialogue.mention("2081", self._orders.started(self._clock.unix_ms()))
            self._has_told_start = True

    def _end(self) -> None:
        self._dialogue.close()

    # --- rows and reports ---------------------------------------------------------------------------------------------

    def _due_ms(self) -> int:
        return self._clock.unix_ms() - self._wait_ms

    @property
    def _wait_ms(self) -> int:
        is_merged = self._plan.minute_ms > self._least_minute_ms
        return self._grace_ms + (_MERGED_MS if is_merged else 0)

    def _unfit(self, channel: str, why: str) -> None:
        if channel not in self._told_unfit:
            self._told_unfit.add(channel)
            self._event("hj212_refused", reason="unit", channel=channel, why=why)

    def _event(self, kind: str, **detail: object) -> None:
        self._store.event(kind, {"uplink": self._name, **detail})

    def _reports_of(self, row: Row) -> list[Key]:
        key = self._plan.of(row)
        return [] if key is None else [key]

    def _add(self, keys: list[Key], seq: int, is_live: bool) -> None:
        for key in keys:
            self._pending.add(key, seq, is_live)

    def _forget(self) -> None:
        self._pending.clear()

    def _has_due(self) -> bool:
        return self._pending.next(self._due_ms()) is not None

    async def _send_next(self) -> float:
        monotonic_ms = self._clock.monotonic_ms()
        blocked_ms = self._ration.wait_ms(False, monotonic_ms)
        if blocked_ms:
            return min(60.0, blocked_ms / 1000)
        found = self._pending.next(self._due_ms())
        backlog_ms = self._ration.wait_ms(True, monotonic_ms) if found is not None and found[1] else 0
        # real-time values alone could use up a small channel for ever
        is_turn = found is not None and self._was_realtime and self._is_rationed
        if not is_turn and await self._realtime():
            self._was_realtime = True
            return 0.0
        if found is not None and (is_turn or not backlog_ms):
            self._was_realtime = False
            await self._report(*found)
            return 0.0
        self._save()
        now_ms, next_ms = self._clock.unix_ms(), self._pending.next_due_ms()
        wait_s = 60.0 if next_ms is None else max(0.5, (next_ms + self._wait_ms - now_ms) / 1000)
        if self._is_realtime:
            interval_ms = 1000 * self._settings.number("RtdInterval")
            wait_s = min(wait_s, max(0.05, (interval_ms - now_ms % interval_ms) / 1000))
        if backlog_ms:
            wait_s = backlog_ms / 1000
        return min(60.0, wait_s, await self._heartbeat())

    @property
    def _is_rationed(self) -> bool:
        return self._uplink.messages_per_hour is not None or self._uplink.spacing_s > 0

    async def _pace(self) -> None:
        while (wait_ms := self._ration.wait_ms(False, self._clock.monotonic_ms())) > 0:
            await asyncio.sleep(wait_ms / 1000)
        self._ration.use(self._clock.monotonic_ms())

    @property
    def _is_realtime(self) -> bool:
        return self._settings.get("realtime") == "1"

    async def _realtime(self) -> bool:
        """Whether a 2011 went: one in each interval, with what is newer than the last."""
        slot = self._clock.unix_ms() // (1000 * self._settings.number("RtdInterval"))
        if not self._is_realtime or slot == self._slot:
            return False
        self._slot = slot
        said = self._plan.realtime()
        if said is not None:
            await self._upload("2011", said)
        states = self._plan.states() if self._settings.get("states") == "1" else None
        if states is not None:
            await self._upload("2021", states)
        return said is not None or states is not None

    async def _report(self, key: Key, is_backlog: bool) -> None:
        rows = self._pending.rows(key)
        said = self._plan.report(key, rows)
        is_late = False
        if said is not None:
            # a period that a node's late readings opened again is sent again later, too
            is_late = is_backlog or self._clock.unix_ms() > key.end_ms + key.length_ms + self._wait_ms
            await self._upload(key.cn, said, is_late and VERSIONS[self._uplink.version] >= V2025)
            self.counters.sent_rows += count(rows)
        running = self._plan.running(key, rows) if key.cn == DAY else None
        if running is not None:
            await self._upload(RUNNING, running, is_late and VERSIONS[self._uplink.version] >= V2025)
        if not self._store.is_open:
            return  # who answers to what the store no longer has?
        # what came for it while it was on its way waits on
        arrived = without(self._pending.drop(key), rows)
        for first, last in arrived:
            for seq in range(first, last + 1):
                self._pending.add(key, seq, True)
        self._confirm_sent(rows)

    async def _upload(self, cn: str, said: Items, is_late: bool = False) -> None:
        try:
            await self._dialogue.upload(cn, said, is_late)
        except RangeError as error:
            self._unfit(cn, str(error))
        self._said_ms = self._clock.monotonic_ms()

    async def _heartbeat(self) -> float:
        """Until the next; 9015 is of 2025. A channel that is paid by the message has none."""
        if VERSIONS[self._uplink.version] < V2025 or self._uplink.messages_per_hour is not None:
            return 60.0
        period_ms = 1000 * self._uplink.heartbeat_s
        left_ms = self._said_ms + period_ms - self._clock.monotonic_ms()
        if left_ms <= 0:
            await self._dialogue.notify("9015")
            self._said_ms = self._clock.monotonic_ms()
            left_ms = period_ms
        return left_ms / 1000

    # --- what comes ---------------------------------------------------------------------------------------------------

    async def _listen(self, line: OpenLine, asked: asyncio.Queue[Packet]) -> None:
        frames = Frames()
        while True:
            for framed in frames.feed(await line.read(_READ_MS)):
                try:
                    packet = read(framed, self._decipher()).packet
                except BadPacket as error:
                    await self._damaged(framed, error)
                    continue
                await self._hear(packet, asked)

    def _refuse(self, reason: str, detail: str = "") -> None:
        """The first of its reason in a connection is noted."""
        if reason not in self._told_refused:
            self._told_refused.add(reason)
            self._event("hj212_refused", reason=reason, detail=detail[:80])

    async def _damaged(self, framed: Framed, error: BadPacket) -> None:
        self._refuse(error.reason, str(error))
        head = addressed(framed.segment)
        code = {"crc": BAD_CRC, "flag": BAD_FLAG}.get(error.reason)
        if error.reason == "field":
            code = _CODES.get(error.found.partition("=")[0])
        if code is None or head.get("MN") != self._settings.get("NewMN") or "QN" not in head:
            return  # nobody to tell, or nothing
        if head.get("CN", "2").startswith("9"):
            return  # an answer: ours is sent again
        packet = Packet(head.get("CN", ""), head["MN"], (), head["QN"])
        await self._dialogue.write(self._dialogue.answer(packet, "9011", items_of(("QnRtn", code))))

    async def _hear(self, packet: Packet, asked: asyncio.Queue[Packet]) -> None:
        if packet.cn in ANSWERS:
            if packet.mn != self._settings.get("NewMN"):
                return self._refuse("mn", packet.cn)
            if packet.pw not in (None, "", self._own_password()):
                return self._refuse("password", packet.cn)
            self._dialogue.takes(packet)
            return None
        if packet.qn in self._answers:
            for answer in self._answers[packet.qn]:
                await self._dialogue.write(answer)
            return None
        verdict, why = self._orders.verdict(packet)
        kept = self._kept(packet) if verdict == ACCEPTED else []
        if why:
            self._refuse(why, packet.cn)
        if packet.flag is None or packet.wants_answer:
            answer = self._dialogue.answer(packet, "9011", items_of(("QnRtn", verdict)))
            kept.append(answer)
            await self._dialogue.write(answer)
        if verdict == ACCEPTED:
            try:
                asked.put_nowait(packet)
            except asyncio.QueueFull:
                await self._dialogue.write(self._dialogue.answer(packet, "9012", items_of(("ExeRtn", BUSY))))
        return None

    def _kept(self, packet: Packet) -> list[Packet]:
        """Where the answer to a request is kept."""
        kept: list[Packet] = []
        self._answers[packet.qn or ""] = kept
        while len(self._answers) > _REMEMBERED:
            del self._answers[next(iter(self._answers))]
        return kept

    async def _obey(self, asked: asyncio.Queue[Packet]) -> None:
        """One request after the other, beside what is sent."""
        while True:
            packet = await asked.get()
            kept = self._answers.get(packet.qn or "", [])
            password = self._own_password()
            await self._scan()

            async def say(cn: str, items: Items) -> None:
                for part in self._dialogue.parts(self._dialogue.answer(packet, cn, items)):  # noqa: B023
                    if len(kept) < _REMEMBERED_PACKETS:  # noqa: B023
                        kept.append(part)  # noqa: B023
                    await self._dialogue.write(part)

            try:
                outcome = await self._orders.obey(packet, self._clock.unix_ms(), say)
            except TimeoutError:
                self._refuse("failed", f"{packet.cn} too long")
                outcome = TIMED_OUT
            except (OSError, sqlite3.Error) as error:  # our own disk
                self._refuse("failed", f"{packet.cn} {error}")
                outcome = BROKEN
            except (RangeError, ValueError) as error:
                self._refuse("failed", f"{packet.cn} {error}")
                outcome = FAILED
            self._changed.set()
            if packet.flag is None or packet.wants_answer:
                answer = self._dialogue.answer(packet, "9012", items_of(("ExeRtn", outcome)))
                answer = answer._replace(pw=password)  # a new one counts from the next message on
                kept.append(answer)
                await self._dialogue.write(answer)


@cache
def _cipher_of(key: bytes) -> Cipher:
    return cipher(key)


@cache
def _decipher_of(key: bytes) -> Cipher:
    return decipher(key)
