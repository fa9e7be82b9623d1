"""Knows how one SL 651 centre gets a station's reports and has its orders done; knows no sensor and no socket.

A full uplink: its position in the store is moved only by the centre's own reply. The store is the queue; what had no
reply when a connection ended is made from the store again.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from gateway.machine.lines import LineLost, Opener, OpenLine
from gateway.ports import Clock
from gateway.site.sl651 import Sl651Centre, Sl651Uplink
from gateway.states import UplinkState
from gateway.store import Store
from gateway.store.ranges import Ranges, count, gaps, union, within, without
from gateway.uplink import ration
from gateway.uplink.mqtt import Counters
from gateway.uplink.ration import Ration
from gateway.uplink.sl651.dialogue import Dialogue
from gateway.uplink.sl651.orders import Orders
from gateway.uplink.sl651.parameters import Parameters
from gateway.uplink.sl651.pending import Message, Pending
from gateway.uplink.sl651.plan import Plan, digits, items
from gateway.uplink.sl651.settings import Settings
from protocols.sl651 import functions, message
from protocols.sl651.body import Body
from protocols.sl651.frame import EOT, NAK, Frame, Sl651Error
from protocols.sl651.stream import Refused, Stream

log = logging.getLogger(__name__)
_FIRST_RETRY_S, _LAST_RETRY_S = 1.0, 60.0
_SAVE_MS = 1000  # as gateway/uplink/mqtt.py
_SCAN_ROWS = 1000
_READ_MS = 5000  # a frame that has not ended by then never does; ours
_MAIN_AGAIN_MS = 900_000  # so long on the backup channel, then the main one is tried again; ours
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


class Sl651Forwarder:
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
        self._uplink = uplink
        self._centre = centre
        self._name = uplink.name_of(centre)
        self._ways = ways
        self._way = 0
        self._small_ways = range(len(ways)) if small_ways is None else small_ways
        self._store = store
        self._clock = clock
        self._settings = settings
        self._precedence = precedence or Precedence()
        self._on_connected = on_connected
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
        self._confirmed: Ranges = ((0, 0),)
        self._scanned = 0
        self._remember()
        for row in store.newest() if store.is_open else ():
            if row.seq and not within(gaps(self._confirmed, 1, store.last_seq), row.seq, row.seq):
                self._plan.remember(row)  # an alarm that stands since before this start
        store.on_dated.append(self.resend)
        self._trouble = ""
        self._changed = asyncio.Event()
        self._told_unfit: set[str] = set()
        self._told_refused: set[str] = set()
        self._picture_slot = self._picture_slot_now()
        self._said_ms = 0  # when we said something last
        self._is_connected = self._has_tested = False
        self.counters = Counters()

    # --- what others ask ----------------------------------------------------------------------------------------------

    @property
    def waiting_rows(self) -> int:
        """Rows that the centre has not confirmed."""
        return self._store.last_seq - count(self._confirmed) + 1

    @property
    def used_bytes(self) -> int:
        return self._dialogue.sent_bytes

    @property
    def state(self) -> UplinkState:
        waits = ration.waiting(self._pending.pieces(self._clock.unix_ms()))
        counters = self.counters
        return UplinkState(
            uplink=self._name,
            is_connected=self._is_connected,
            trouble=self._trouble,
            waiting_rows=self.waiting_rows,
            complete=self._confirmed[0][1],
            sent_rows=counters.sent_rows,
            confirmed_rows=counters.confirmed_rows,
            gone_rows=counters.gone_rows,
            used_bytes=self.used_bytes,
            connections=counters.connections,
            failed_connections=counters.failed_connections,
            waits={
                "channel": "main" if self._way == 0 else "backup",
                "reports": len(self._pending),
                "alarms": waits.alarms,
                "newest": waits.newest,
                "backlog": waits.backlog,
                "oldest_ms": waits.oldest_ms,
                "next_message_ms": self._rationed.wait_ms(False, self._clock.monotonic_ms()),
            },
        )

    def resend(self, rows: Ranges) -> Ranges:
        """Sends these once more; returns which of them were confirmed already and now wait again."""
        known = within(rows, 1, self._store.last_seq)
        again = without(known, gaps(self._confirmed, 1, self._store.last_seq))
        self._confirmed = without(self._confirmed, again)
        if again:
            self._scanned = min(self._scanned, again[0][0] - 1)
        self._changed.set()
        return again

    async def drained(self) -> None:
        """Returns once the centre has all that is due, and the store knows that."""
        while self._scanned < self._store.last_seq or self._pending.next_key(self._due_ms(), self._now()) is not None:
            await asyncio.sleep(0.05)
        self._save()

    # --- the connection -----------------------------------------------------------------------------------------------

    def _remember(self) -> None:
        """Begins where the store says that this uplink is."""
        self._confirmed = self._store.confirmed(self._name)
        self._saved = self._confirmed
        self._saved_ms = self._clock.monotonic_ms()
        self._scanned = self._confirmed[0][1]

    async def run(self) -> None:
        self._remember()  # the store may have got its file since
        retry_s = _FIRST_RETRY_S
        while True:
            confirmed = self.counters.confirmed_rows
            try:
                line = await self._ways[self._way]()
                try:
                    self.counters.connections += 1
                    log.info("uplink %s: connected", self._name)
                    self._on_connected()
                    await self._session(line)
                finally:
                    self._is_connected = False
                    self._precedence.say(self._name, self._centre.priority, False)
                    self._dialogue.close()
                    line.close()
            except LineLost as error:
                self.counters.failed_connections += 1
                if self._trouble != str(error):  # an outage may last for weeks: each reason is told once
                    log.warning("uplink %s: %s", self._name, error)
                self._trouble = str(error)
            finally:
                self._save()
            if self.counters.confirmed_rows > confirmed:
                retry_s, self._trouble = _FIRST_RETRY_S, ""
            self._way = (self._way + 1) % len(self._ways)
            await asyncio.sleep(retry_s if self._way == 0 else 0.0)
            if self._way == 0:
                retry_s = min(2 * retry_s, _LAST_RETRY_S)

    async def _session(self, line: OpenLine) -> None:
        self._is_connected = True
        self._dialogue.open(line)
        began_ms = self._clock.monotonic_ms()
        listener = asyncio.create_task(self._listen(line))
        listener.add_done_callback(lambda _: self._changed.set())
        try:
            await self._test()
            while True:
                if listener.done():
                    listener.result()
                if self._way > 0 and self._clock.monotonic_ms() - began_ms > _MAIN_AGAIN_MS:
                    self._way = len(self._ways) - 1  # so that the next one is the main one
                    return
                self._changed.clear()
                await self._scan()
                wait_s = await self._send_next()
                if wait_s > 0:
                    await self._pause(wait_s)
        finally:
            listener.cancel()

    async def _pause(self, wait_s: float) -> None:
        arrival = asyncio.create_task(self._store.beyond(self._scanned))
        arrival.add_done_callback(lambda task: None if task.cancelled() else self._changed.set())
        try:
            async with asyncio.timeout(wait_s):
                await self._changed.wait()
        except TimeoutError:
            pass
        finally:
            arrival.cancel()

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

    async def _scan(self) -> None:
        """Sorts what is new in the store into reports."""
        while self._store.is_open and self._scanned < self._store.last_seq:
            first, last = self._scanned + 1, min(self._scanned + _SCAN_ROWS, self._store.last_seq)
            unwanted: list[tuple[int, int]] = list(gaps(tuple(self._seen(first, last)), first, last))
            self._scanned = last
            self._confirm(union(unwanted))
            await asyncio.sleep(0)

    def _seen(self, first: int, last: int) -> list[tuple[int, int]]:
        """Rows that some report carries and that are not confirmed."""
        wanted = []
        confirmed = within(self._confirmed, first, last)
        for row in self._store.rows_within(first, last):
            keys = self._plan.of(row)
            if keys and not within(confirmed, row.seq, row.seq):
                self._pending.add(keys, row.seq)
                wanted.append((row.seq, row.seq))
        return list(union(wanted))

    def _confirm(self, rows: Ranges) -> None:
        """These need nothing more, unless another report carries them, too."""
        self._confirmed = union([*self._confirmed, *rows])
        if self._clock.monotonic_ms() - self._saved_ms >= _SAVE_MS:
            self._save()

    def _confirm_parts(self, sent: Message) -> None:
        rows = self._pending.confirm(sent.parts)
        self.counters.confirmed_rows += count(rows)
        self._confirm(rows)

    def _save(self) -> None:
        if self._confirmed != self._saved:
            (_, complete), *beyond = self._confirmed
            self._store.set_position(self._name, complete, tuple(beyond))
            self._saved = self._confirmed
        self._saved_ms = self._clock.monotonic_ms()

    async def _test(self) -> None:
        if self._uplink.test_report and not self._has_tested and self._uplink.mode != "M4":
            await self._scan()
            await self._report(functions.TEST, Message(functions.TEST, self._plan.newest(), [], False))
            self._has_tested = True

    async def _send_next(self) -> float:
        """Sends what may go now; how long until something else may."""
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
        self._confirm_parts(sent)

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
