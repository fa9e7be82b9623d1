"""Knows a node's rhythm: slots, records, reports; knows no register, no flash layout and no radio.

Readings of one slot are one record. Slots and reports are multiples of their period in Unix time once the clock is
known, else in time since boot. All times here are those of a Pace. Between steps the board sleeps, the radio rests but
for reports, and a gated board has no power at all.
"""

from firmware import forget, uplink
from firmware.acquire import LATE_MS, Probe, Rails
from firmware.board import Board
from firmware.config import ConfigError, NodeConfig
from firmware.journal import Journal
from firmware.pace import Pace
from protocols.modbus_client import RtuClient

if __debug__:  # compiled for a board it is the compiler's own word
    from firmware.const import const

if 0:  # for mypy alone: MicroPython's compiler leaves it out
    from firmware.emergency import Emergency
    from firmware.power import Supply
    from protocols.command import Command

_TURN_MS = const(3000)  # nodes report one after the other: a report takes so long (ours)
_TURNS = const(20)
_OFF_MS = const(500)  # a clock with a battery that is off by more is set (ours)
# Each is loaded when it is needed, and dropped after the next report.
_SELDOM = (
    "firmware.wishes",
    "firmware.orders",
    "firmware.emergency",
    "firmware.gate",
    "protocols.command",
    "protocols.spoilt",
)
# An emergency's period where the slice names none, and the shortest between its reports (ours)
_DENSE_MS = const(60_000)


class Cycle:
    """The node's life. step() does what is due and sleeps until the next thing is."""

    def __init__(self, board: Board, plan: NodeConfig) -> None:
        """`plan`: the board's slice."""
        self.board = board
        self.config = plan
        channels = sum([len(sensor.registers) for sensor in self.config.sensors])
        self.journal = Journal(board.flash, self.config.schema, channels)
        self.pace = Pace(board.monotonic_ms, board.clock_ms())
        if self.pace.clock_ms:
            self.journal.set_clock(self.pace.clock_ms, self.pace.now_ms())
        self._clock_ms = self.pace.clock_ms
        self.uplink = uplink.Uplink(board, self.config, self.journal, self.obey, self.pace)
        self._trial = None
        if board.on_trial:
            from firmware.update import Trial

            self._trial = Trial(board)
        self.rails = Rails(board)
        clients = [self._client(*bus) for bus in self.config.buses]
        self.probes = [
            Probe(sensor, clients[sensor.bus], self.rails, board, self.pace.now_ms, self.config.wipers.get(i))
            for i, sensor in enumerate(self.config.sensors)
        ]
        self.supply: Supply | None = None
        self.tier = (1, 1, True)  # as firmware/power.py has them: a node that knows no battery has none to spare
        self.emergency: Emergency | None = None
        if plan.battery is not None:
            from firmware import power

            self.supply = power.Supply(board, plan.battery, self.journal.state.tier)
        self.reports_ms = 0  # by command
        self.restarts = False
        self.replan = True  # periods have changed
        self.is_dense = False
        self.to_wipe: set[int] = set()  # by order, as soon as there is time
        self.hears = True  # whether the radio is awake
        now_ms = self.pace.now_ms()
        self._slots = [now_ms] * len(self.probes)
        self.look_ms = now_ms
        self._report_ms = self._report_after(now_ms) if self.pace.clock_ms else now_ms

    def _client(self, name: str, baud: int, parity: str, stop_bits: int) -> RtuClient | None:
        try:
            return RtuClient(self.board.line(name, baud, parity, stop_bits), self.board.monotonic_ms, baud)
        except ConfigError:
            self.rails.missing += 1
            return None

    # --- plans ------------------------------------------------------------------------------------------------------

    @property
    def may_wipe(self) -> bool:
        """Whether the battery has something to spare: for wipers, for an emergency."""
        return self.tier[2]

    def _period_of(self, probe: Probe) -> int:
        period_ms = probe.sensor.period_ms
        if self.is_dense:
            return min(period_ms, self.config.emergency_ms or _DENSE_MS)
        return period_ms * self.tier[0]

    def _report_period(self) -> int:
        period_ms = self.reports_ms or self.config.report_ms
        if self.is_dense:
            return min(period_ms, max(self.config.emergency_ms, _DENSE_MS))
        return period_ms * self.tier[1]

    def _report_after(self, time_ms: int) -> int:
        """The node's first turn to report after `time_ms`."""
        period_ms = self._report_period()
        if not self.pace.clock_ms:
            return time_ms + period_ms
        turn_ms = _TURN_MS * (1 + self.config.node % _TURNS)
        return time_ms + 1 + (turn_ms - time_ms - 1 - self.pace.clock_ms) % period_ms

    def _next_report(self, now_ms: int) -> int:
        """One after a report that has just begun; the clock may have been set back since."""
        return self._report_after(now_ms + (self._report_period() // 4 if self.pace.clock_ms else 0))

    def _slot_after(self, probe: Probe, time_ms: int, now_ms: int) -> int:
        """The first slot after `time_ms` that the sensor can be ready for."""
        earliest_ms = max(time_ms + 1, probe.earliest_ms(now_ms) - (0 if probe.always_on else LATE_MS))
        return earliest_ms + -(earliest_ms + self.pace.clock_ms) % probe.period_ms

    def _prepare(self, i: int, slot_ms: int, now_ms: int) -> None:
        self._slots[i] = slot_ms
        probe = self.probes[i]
        wipes = False
        if probe.wiper is not None and self.may_wipe:
            # the first slot of each of its periods: so a board without memory knows as well
            every_ms = probe.wiper.every_ms
            is_first = every_ms and (slot_ms + self.pace.clock_ms) % every_ms < probe.period_ms
            wipes = bool(is_first or i in self.to_wipe)
        if probe.prepare(slot_ms, now_ms, wipes) and wipes:
            self.to_wipe.discard(i)

    def wipe(self) -> bool:
        """Has every wiper wipe before its sensor's next slot. Whether there is any."""
        self.to_wipe = set(self.config.wipers)
        return bool(self.to_wipe)

    def obey(self, given: "Command") -> int | None:
        """A command's result; None: not decided yet."""
        from firmware import orders

        return orders.obey(self, given)

    def _plan(self, now_ms: int) -> None:
        """Other periods: of the tier, of an emergency, by command."""
        self.replan = False
        for i, probe in enumerate(self.probes):
            probe.set_period(self._period_of(probe))
            self._prepare(i, self._slot_after(probe, now_ms, now_ms), now_ms)
        if self._report_ms > now_ms:
            self._report_ms = self._report_after(now_ms)

    def _follow_clock(self, now_ms: int) -> None:
        """The clock was set: slots keep their place in Unix time, or get one."""
        is_new = not self._clock_ms
        self._clock_ms = self.pace.clock_ms
        for i, probe in enumerate(self.probes):
            half_ms = probe.period_ms // 2
            slot_ms = self._slots[i] + half_ms - (self._slots[i] + half_ms + self._clock_ms) % probe.period_ms
            if is_new or slot_ms < probe.earliest_ms(now_ms) - LATE_MS:
                slot_ms = self._slot_after(probe, now_ms, now_ms)
            self._prepare(i, slot_ms, now_ms)
        self._report_ms = self._next_report(now_ms)
        unix_ms = now_ms + self._clock_ms
        kept_ms = self.board.clock_ms()
        if kept_ms is None or abs(kept_ms - unix_ms) > _OFF_MS:
            self.board.set_clock(unix_ms)

    # --- steps ------------------------------------------------------------------------------------------------------

    async def step(self) -> None:
        """Does what is due, then sleeps or listens until something else is."""
        if self.supply is not None and self.look_ms <= self.pace.now_ms():
            await self._look(self.supply)
        now_ms = self.pace.now_ms()  # the battery may have been empty for days
        self._settle(now_ms)
        for probe in self.probes:
            if probe.next_ms is not None and probe.next_ms <= now_ms:
                await probe.advance(now_ms)
        due = self._due(now_ms)
        if due:
            await self._measure(due, now_ms)
            self._settle(self.pace.now_ms())
        await self._report()
        self._prove()
        if self.restarts and self.uplink.next_ms is None and not self.uplink.owes_results:
            await self.board.restart()
        await self._wait()

    async def _look(self, supply: "Supply") -> None:
        """What the battery can spare. Below the safe voltage there is nothing else until it has recovered."""
        from firmware import power

        before = supply.tier
        if supply.look() == power.STANDBY:
            for probe in self.probes:
                probe.off()
            await self.board.radio.rest()
            self.hears = False
            self.uplink.fetcher = None  # flash is not written now; what was fetched is found again
            await supply.until_safe()
            self.replan = True
        self.look_ms = self.pace.now_ms() + power.LOOK_MS
        self.tier = power.TIERS[supply.tier]
        if self.board.gated:
            self.journal.note_tier(supply.tier)
        self.replan = self.replan or supply.tier != before

    def _due(self, now_ms: int) -> list[int]:
        """The sensors to be read now, in their order: none while one of them is late."""
        due = [i for i in self.config.order if self._slots[i] <= now_ms]
        return [] if any(self.probes[i].is_late(now_ms) for i in due) else due

    def _prove(self) -> None:
        """Confirms a trial that was acknowledged; restarts into one that has been fetched."""
        if self._trial is not None and self._trial.acknowledged(self.journal.released):
            self._trial = None
            self.board.on_trial = False
        fetcher = self.uplink.fetcher
        if fetcher is not None and fetcher.ready:
            self.restarts = True

    def _settle(self, now_ms: int) -> None:
        """Changes the rhythm if there is cause. An emergency that begins is reported at once."""
        if self.emergency is not None and self.is_dense != (self.may_wipe and self.emergency.is_on(now_ms)):
            self.is_dense = not self.is_dense
            self.replan = True
            if self.is_dense:
                self._report_ms = now_ms
        if self.replan:
            self._plan(now_ms)

    async def _measure(self, due: list[int], now_ms: int) -> None:
        """Reads every sensor whose slot has come, keeps the record, plans their next slots."""
        read = {}
        for i in due:
            read[i] = await self.probes[i].read()
        cells: list[tuple[int | None, int]] = []
        for i, probe in enumerate(self.probes):
            cells += read[i] if i in read else [(None, 0)] * len(probe.sensor.registers)
        number = self.journal.append(uplink.pack_record(now_ms, tuple(cells)))
        if self._trial is not None and any(value is not None for value, _ in cells):
            self._trial.measured(number)
        for channel, side, limit in self.config.limits:
            value = cells[channel][0]
            if self.emergency is None and value is not None and (value - limit) * side > 0:
                from firmware.emergency import Emergency

                self.emergency = Emergency(self.config.limits)
        if self.emergency is not None:
            self.emergency.watch(cells)
        after_ms = self.pace.now_ms()
        for i in due:
            self._prepare(i, self._slot_after(self.probes[i], now_ms, after_ms), after_ms)

    async def _report(self) -> None:
        now_ms = self.pace.now_ms()
        if self._report_ms <= now_ms:
            self._report_ms = self._next_report(now_ms)
            if self._trial is not None and self._trial.report():
                self.restarts = True
            if not self.hears:
                await self.board.radio.wake()
                self.hears = True
            self.uplink.begin()
        if self.uplink.next_ms is not None:
            self.uplink.hear(self.board.radio.pending())
            await self._advance()
        if self.hears and self.uplink.next_ms is None:
            await self.board.radio.rest()
            self.hears = False
            if self.emergency is not None and not self.is_dense and self.emergency.is_over:
                self.emergency = None
            forget(*_SELDOM)

    async def _advance(self) -> None:
        await self.uplink.advance()
        if self.pace.clock_ms != self._clock_ms:
            self._follow_clock(self.pace.now_ms())

    async def _wait(self) -> None:
        now_ms = self.pace.now_ms()
        if self._due(now_ms):
            return  # a slot has come while the rest was done
        times = [slot_ms for slot_ms in self._slots if slot_ms > now_ms]  # one that is past waits for its sensors
        for probe in self.probes:
            if probe.next_ms is not None:
                times.append(probe.next_ms)
        if self.supply is not None:
            times.append(self.look_ms)
        if self.emergency is not None and self.emergency.ends_ms is not None:
            times.append(self.emergency.ends_ms)
        times.append(self._report_ms if self.uplink.next_ms is None else self.uplink.next_ms)
        wait_ms = min(times) - now_ms
        if wait_ms <= 0 or self.replan:
            return
        if self.uplink.next_ms is not None:
            heard = await self.board.radio.read(self.pace.own_span(wait_ms))
            if heard:
                self.uplink.hear(heard)
                await self._advance()
        else:
            if self.board.gated:
                from firmware import gate

                if await gate.goes_without(self, wait_ms):
                    return
            await self.board.sleep_ms(self.pace.own_span(wait_ms))
