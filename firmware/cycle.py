"""Knows a node's rhythm: slots, records, reports; knows no register, no flash layout and no radio.

Readings of one slot are one record. Slots are multiples of the period in Unix time once the clock is known, else in
time since boot. Between steps the board sleeps.
"""

from firmware import config, uplink
from firmware.acquire import Probe, Rails
from firmware.board import Board
from firmware.journal import Journal
from protocols import command, link
from protocols.command import Command
from protocols.modbus_client import RtuClient


class Cycle:
    """The node's life. step() does what is due and sleeps until the next thing is."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._config = config.parse(board.config())
        channels = sum([len(sensor.registers) for sensor in self._config.sensors])
        self.journal = Journal(board.flash, self._config.schema, channels)
        self._uplink = uplink.Uplink(board, self._config, self.journal, self._obey)
        self._trial = None
        if board.on_trial:
            from firmware.update import Trial

            self._trial = Trial(board)
        clients = [
            RtuClient(board.line(name, baud, parity, stop_bits), board.monotonic_ms, baud)
            for name, baud, parity, stop_bits in self._config.buses
        ]
        rails = Rails(board)
        self._probes = [Probe(board, sensor, clients[sensor.bus], rails) for sensor in self._config.sensors]
        now_ms = board.monotonic_ms()
        self._slots = [self._slot_after(i, now_ms, now_ms) for i in range(len(self._probes))]
        for probe, slot_ms in zip(self._probes, self._slots):
            probe.prepare(slot_ms, now_ms)
        self._report_ms = now_ms

    def _slot_after(self, index: int, time_ms: int, now_ms: int) -> int:
        """The first slot after `time_ms` that the sensor can be ready for, in monotonic time."""
        probe = self._probes[index]
        earliest_ms = max(time_ms + 1, now_ms if probe.always_on else now_ms + probe.lead_ms)
        period_ms = probe.sensor.period_ms
        return earliest_ms + -(earliest_ms + self.journal.state.clock_ms) % period_ms

    async def step(self) -> None:
        """Does what is due, then sleeps or listens until something else is."""
        now_ms = self._board.monotonic_ms()
        for probe in self._probes:
            if probe.next_ms is not None and probe.next_ms <= now_ms:
                await probe.advance(now_ms)
        if min(self._slots) <= now_ms:
            await self._measure(now_ms)
        if self._report_ms <= now_ms:
            self._report_ms = now_ms + self._config.report_ms
            if self._trial is not None and self._trial.report():
                await self._board.restart()
            self._uplink.begin()
        if self._uplink.next_ms is not None:
            self._uplink.hear(self._board.radio.pending())
            await self._uplink.advance()
        await self._prove()
        await self._wait()

    async def _prove(self) -> None:
        """Confirms a trial that was acknowledged; restarts into one that is fetched."""
        if self._trial is not None and self._trial.acknowledged(self.journal.released):
            self._trial = None
            self._board.on_trial = False
        fetcher = self._uplink.fetcher
        if fetcher is not None and fetcher.ready and self._uplink.next_ms is None:
            await self._board.restart()

    def _obey(self, waiting: Command) -> int | None:
        """A command's result; None: not decided yet."""
        if waiting.kind != command.UPDATE:
            return command.UNKNOWN
        from firmware import update

        settings = self._config
        most = settings.max_frame - link.OVERHEAD
        result, self._uplink.fetcher = update.heed(
            self._board, waiting.argument, settings.update_key, most, self._uplink.fetcher
        )
        return result

    async def _measure(self, now_ms: int) -> None:
        """Reads every sensor whose slot has come, keeps the record, plans their next slots."""
        cells: list[tuple[int | None, int]] = []
        due = []
        for i, probe in enumerate(self._probes):
            if self._slots[i] <= now_ms:
                due.append(i)
                cells += await probe.read()
            else:
                cells += [(None, 0)] * len(probe.sensor.registers)
        number = self.journal.append(uplink.pack_record(now_ms, tuple(cells)))
        if self._trial is not None and any(value is not None for value, _ in cells):
            self._trial.measured(number)
        after_ms = self._board.monotonic_ms()
        for i in due:
            self._slots[i] = self._slot_after(i, now_ms, after_ms)
            self._probes[i].prepare(self._slots[i], after_ms)

    async def _wait(self) -> None:
        times = self._slots + [self._report_ms]
        for probe in self._probes:
            if probe.next_ms is not None:
                times.append(probe.next_ms)
        if self._uplink.next_ms is not None:
            times.append(self._uplink.next_ms)
        wait_ms = min(times) - self._board.monotonic_ms()
        if wait_ms <= 0:
            return
        if self._uplink.next_ms is None:
            await self._board.sleep_ms(wait_ms)
        else:
            heard = await self._board.radio.read(wait_ms)
            if heard:
                self._uplink.hear(heard)
                await self._uplink.advance()
