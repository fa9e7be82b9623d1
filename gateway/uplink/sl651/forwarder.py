"""Knows how one SL 651 centre gets a station's reports and has its orders done; knows no sensor and no socket.

A position is moved only by the centre's own reply (gateway/uplink/reporter.py).
"""

from collections.abc import Callable, Collection, Coroutine, Sequence
from pathlib import Path

from gateway.machine.lines import Opener, OpenLine
from gateway.ports import Clock
from gateway.site.sl651 import Sl651Centre, Sl651Uplink
from gateway.store import Row, Store
from gateway.store.ranges import gaps, within
from gateway.uplink import ration
from gateway.uplink.ration import Ration
from gateway.uplink.reporter import Reporter
from gateway.uplink.sl651.dialogue import Dialogue
from gateway.uplink.sl651.orders import Orders
from gateway.uplink.sl651.parameters import Parameters
from gateway.uplink.sl651.pending import Message, Pending
from gateway.uplink.sl651.plan import Key, Plan, digits, items
from gateway.uplink.sl651.settings import Settings
from protocols.sl651 import functions, message
from protocols.sl651.body import Body
from protocols.sl651.frame import EOT, NAK, Frame, Sl651Error
from protocols.sl651.stream import Refused, Stream

_READ_MS = 5000  # a frame that has not ended by then never does; ours
_GRACE_MS = 15_000  # a timed report waits so long for rows on their way to the disk; ours
_HEAD_BYTES = 17 + 8 + 8  # of a frame, of serial and time, of the station's own items


class Precedence:
    """Which centres of one station have something live to say: those of lower priority let their backlog wait."""

    def __init__(self) -> None:
        self._busy: dict[str, int] = {}

    def say(self, centre: str, priority: int, is_busy: bool) -> None:
        if is_busy:
            self._busy[centre] = priority
        else:
            self._busy.pop(centre, None)

    def must_wait(self, priority: int) -> bool:
        return any(one < priority for one in self._busy.values())


class Sl651Forwarder(Reporter[Key]):
    """One centre of one station. `ways`: to it, the main channel first. `file`: where changed settings are kept, one
    Settings for all centres of an uplink. `time_told(unix_ms, who)`: a centre has told the time. `small_ways`: those
    that the centre's limits hold for (None: all)."""

    def __init__(
        self,
        uplink: Sl651Uplink,
        centre: Sl651Centre,
        ways: Sequence[Opener],
        store: Store,
        clock: Clock,
        settings: Settings,
        precedence: Precedence | None = None,
        on_connected: Callable[[], None] = lambda: None,
        time_told: Callable[[int, str], object] = lambda unix_ms, who: None,
        grace_ms: int = _GRACE_MS,
        small_ways: Collection[int] | None = None,
    ) -> None:
        super().__init__(uplink.name_of(centre), ways, store, clock, on_connected)
        self._uplink = uplink
        self._centre = centre
        self._small_ways = range(len(ways)) if small_ways is None else small_ways
        self._settings = settings
        self._precedence = precedence or Precedence()
        self._grace_ms = grace_ms
        self._plan = Plan(uplink, store.all_series, store.rows_within, self._unfit)
        self._parameters = Parameters(uplink, settings, self._plan)
        self._orders = Orders(uplink, centre, self._plan, self._parameters, store, time_told)
        self._dialogue = Dialogue(
            uplink, centre, settings, lambda: digits(clock.unix_ms(), 12), lambda: self._message_bytes
        )
        self._ration = Ration(centre.messages_per_hour, centre.spacing_s, clock.monotonic_ms())
        self._no_ration = Ration(None, 0, clock.monotonic_ms())
        self._pending = Pending(self._plan)
        for row in store.newest() if store.is_open else ():
            if row.seq and not within(gaps(self._confirmed, 1, store.last_seq), row.seq, row.seq):
                self._plan.remember(row)  # an alarm that stands since before this start
        self._told_unfit: set[str] = set()
        self._told_refused: set[str] = set()
        self._picture_slot = self._picture_slot_now()
        self._said_ms = 0  # when we said something last
        self._has_tested = False

    # --- what others ask ----------------------------------------------------------------------------------------------

    @property
    def used_bytes(self) -> int:
        return self._dialogue.sent_bytes

    def _waits(self) -> dict[str, int | str | None]:
        waits = ration.waiting(self._pending.pieces(self._clock.unix_ms()))
        return {
            "channel": "main" if self._way == 0 else "backup",
            "reports": len(self._pending),
            "alarms": waits.alarms,
            "newest": waits.newest,
            "backlog": waits.backlog,
            "oldest_ms": waits.oldest_ms,
            "next_message_ms": self._rationed.wait_ms(False, self._clock.monotonic_ms()),
        }

    # --- the connection -----------------------------------------------------------------------------------------------

    def _begin(self, line: OpenLine) -> None:
        self._dialogue.open(line)

    def _helpers(self, line: OpenLine) -> Sequence[Coroutine[None, None, None]]:
        return [self._listen(line)]

    async def _greet(self) -> None:
        if self._uplink.test_report and not self._has_tested and self._uplink.mode != "M4":
            await self._scan()
            await self._report(functions.TEST, Message(functions.TEST, self._plan.newest(), [], False))
            self._has_tested = True

    def _end(self) -> None:
        self._precedence.say(self._name, self._centre.priority, False)
        self._dialogue.close()

    # --- rows and reports ---------------------------------------------------------------------------------------------

    @property
    def _is_small(self) -> bool:
        return self._way in self._small_ways

    @property
    def _message_bytes(self) -> int | None:
        return self._centre.message_bytes if self._is_small else None

    @property
    def _rationed(self) -> Ration:
        return self._ration if self._is_small else self._no_ration

    def _now(self) -> int:
        return self._clock.unix_ms()

    def _due_ms(self) -> int:
        return self._now() - (self._grace_ms if self._plan.timed_ms is not None else 0)

    def _unfit(self, channel: str, why: str) -> None:
        if channel not in self._told_unfit:
            self._told_unfit.add(channel)
            self._store.event("sl651_refused", {"centre": self._name, "reason": "unit", "channel": channel, "why": why})

    def _reports_of(self, row: Row) -> list[Key]:
        return self._plan.of(row)

    def _add(self, keys: list[Key], seq: int, is_live: bool) -> None:
        self._pending.add(keys, seq)

    def _forget(self) -> None:
        self._pending.clear()

    def _has_due(self) -> bool:
        return self._pending.next_key(self._due_ms(), self._now()) is not None

    async def _send_next(self) -> float:
        keep_alive_s = await self._keep_alive()
        if self._uplink.mode == "M4":
            return keep_alive_s
        now_ms, due_ms = self._now(), self._due_ms()
        for key in self._pending.empty(due_ms):
            self._confirm(self._pending.drop(key))
        wait_s = min(keep_alive_s, self._until_due_s(now_ms))
        live = self._pending.next_key(due_ms, now_ms)
        if live is None:
            self._precedence.say(self._name, self._centre.priority, False)
            self._save()
            return 0.0 if await self._picture() else min(wait_s, self._until_picture_s())
        self._precedence.say(self._name, self._centre.priority, not live[1])
        monotonic_ms = self._clock.monotonic_ms()
        blocked_ms = self._rationed.wait_ms(False, monotonic_ms)
        if blocked_ms:
            return min(wait_s, blocked_ms / 1000)
        backlog_ms = self._rationed.wait_ms(True, monotonic_ms)
        if self._precedence.must_wait(self._centre.priority):
            backlog_ms = max(backlog_ms, 1000)
        chosen = self._choose(due_ms, now_ms, backlog_ms == 0)
        if chosen is None or (chosen.is_backlog and backlog_ms):
            return min(wait_s, backlog_ms / 1000) if backlog_ms else wait_s
        await self._report(chosen.function, chosen)
        return 0.0

    def _choose(self, due_ms: int, now_ms: int, with_backlog: bool) -> Message | None:
        small = self._message_bytes
        if small is None:
            return self._pending.whole(due_ms, now_ms)
        return self._pending.small(due_ms, small - _HEAD_BYTES, with_backlog)

    def _until_due_s(self, now_ms: int) -> float:
        next_ms = self._pending.next_due_ms()
        return 60.0 if next_ms is None else min(60.0, max(0.5, (next_ms + self._grace_ms - now_ms) / 1000))

    async def _report(self, function: int, sent: Message) -> None:
        said = items(sent.said, self._uplink.station_address, self._uplink.station_type)
        self._rationed.use(self._clock.monotonic_ms())
        self._said_ms = self._clock.monotonic_ms()
        await self._dialogue.report(self._dialogue.frame(function, said))
        self.counters.sent_rows += len(sent.parts)
        self._confirm_sent(self._pending.confirm(sent.parts))

    def _picture_slot_now(self) -> int:
        return self._now() // (1000 * (self._uplink.picture_s or 1))

    def _until_picture_s(self) -> float:
        period_ms = 1000 * (self._uplink.picture_s or 60)
        return max(0.05, (period_ms - self._now() % period_ms) / 1000)

    async def _picture(self) -> bool:
        """Whether one went: when nothing else is to be said, and not on a small channel. It is owed to nobody."""
        slot = self._picture_slot_now()
        if self._uplink.picture_s is None or slot == self._picture_slot or self._message_bytes is not None:
            return False
        self._picture_slot = slot
        said = await self._orders.picture(self._now())
        if said is None:
            return False
        self._rationed.use(self._clock.monotonic_ms())
        self._said_ms = self._clock.monotonic_ms()
        await self._dialogue.report(self._dialogue.frame(functions.PICTURE, said))
        return True

    async def _keep_alive(self) -> float:
        """A channel that is paid by the message has none."""
        if self._centre.messages_per_hour is not None and self._is_small:
            return 60.0
        due_ms = self._said_ms + 1000 * self._uplink.keep_alive_s
        now_ms = self._clock.monotonic_ms()
        if now_ms >= due_ms:
            self._said_ms = now_ms
            await self._dialogue.write(self._dialogue.keep_alive(functions.KEEP_ALIVE))
            due_ms = now_ms + 1000 * self._uplink.keep_alive_s
        return (due_ms - now_ms) / 1000

    # --- what comes ---------------------------------------------------------------------------------------------------

    async def _listen(self, line: OpenLine) -> None:
        stream = Stream()
        while True:
            data = await line.read(_READ_MS)
            for found in stream.feed(data) if data else stream.idle():
                if isinstance(found, Refused):
                    self._refuse(found.reason, found.detail)
                    continue
                try:
                    await self._hear(found)
                except (Sl651Error, ValueError) as error:  # a time that is none
                    self._refuse("body", str(error))

    def _refuse(self, reason: str, detail: str = "") -> None:
        """The first of its reason is noted until a sound frame comes; nothing is answered."""
        if reason not in self._told_refused:
            self._told_refused.add(reason)
            self._store.event("sl651_refused", {"centre": self._name, "reason": reason, "detail": detail[:80]})

    async def _hear(self, frame: Frame) -> None:
        why = self._stranger(frame)
        if why:
            return self._refuse(why, f"{frame.function:02X}")
        content = message.read(frame)
        self._told_refused.clear()
        if self._dialogue.takes(frame, content.serial):
            return None
        if frame.end == NAK:
            for packet in self._dialogue.again(self._dialogue.answered, frame):
                await self._dialogue.write(packet)
        elif frame.end == EOT:
            self._told_period(frame.function)
        elif frame.function in functions.KNOWN and frame.function not in functions.REPORTS:
            await self._obey(frame, content)
        return None

    def _stranger(self, frame: Frame) -> str:
        """Why it is not for us, or not to be believed."""
        if not frame.is_down:
            return "direction"
        if frame.station != self._uplink.station_address.upper():
            return "station"
        if frame.centre != self._centre.address:
            return "centre"
        return "" if frame.password == self._settings.password else "password"

    async def _obey(self, frame: Frame, content: Body) -> None:
        await self._scan()
        said = await self._orders.answer(frame.function, content, self._now())
        if said is not None:
            answer = self._dialogue.frame(frame.function, said, content.serial or None)
            # under the password that was asked with: a new one counts from the next message on, as captured
            await self._dialogue.answer(answer._replace(password=frame.password))

    def _told_period(self, function: int) -> None:
        """M4: what was asked for and got away counts as delivered with the centre's EOT."""
        if self._uplink.mode == "M4" and function == functions.QUERY_PERIOD:
            for key in self._orders.asked:
                if key in self._pending:
                    self._confirm(self._pending.drop(key))
            self._orders.asked = []
            self._save()


def settings_file(store: Path, uplink: Sl651Uplink) -> Path:
    """Where what a centre has changed is kept: beside the store."""
    return store.with_name(f"{store.name}.sl651-{uplink.id}.json")
