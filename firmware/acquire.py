"""Knows when one sensor is ready and reads it; knows no slot, no journal and no other sensor.

A sensor passes OFF -> (power) WARMING -> (wiper) WIPING -> (start command) SETTLING -> STABLE. The processor sleeps
between the steps. It is stable when it has also had the time of one measurement since it settled: what it tells then
was measured after, as EnviroDIY ModularSensors waits for it.
"""

from firmware.board import Board
from firmware.config import ConfigError, Sensor, Wiper
from protocols import poll, quality
from protocols.errors import DeviceError, FrameError, NoReply, RangeError
from protocols.modbus_client import RtuClient

if __debug__:  # compiled for a board it is the compiler's own word
    from firmware.const import const

if 0:  # for mypy alone: MicroPython's compiler leaves it out
    from collections.abc import Callable

OFF = const(0)
WARMING = const(1)
WIPING = const(2)
SETTLING = const(3)
STABLE = const(4)
# A command and its answer at 9600 Bd take 17 ms, two silences 8 ms, the device its 12 ms. What an unanswered one takes
# longer the slot waits.
_TELL_MS = const(40)
LATE_MS = const(1000)  # so long after its slot a reading is still that of the slot (ours; it tells its own time)


class Rails:
    """Who needs which supply: a rail is on while anybody does. `missing` counts rails, and buses, that the board
    doesn't have: their sensors will be silent."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._users: dict[str, list[str]] = {}
        self.missing = 0

    def need(self, rail: str | None, user: str) -> None:
        if rail is None:
            return
        users = self._users.setdefault(rail, [])
        if not users:
            self._switch(rail, True)
        if user not in users:
            users.append(user)

    def leave(self, rail: str | None, user: str) -> None:
        users = self._users.get(rail) if rail is not None else None
        if rail is not None and users and user in users:
            users.remove(user)
            if not users:
                self._switch(rail, False)

    def _switch(self, rail: str, on: bool) -> None:
        try:
            self._board.rail(rail, on)
        except ConfigError:
            self.missing += on


class Probe:
    """One sensor with its power and readiness, in the time of `now_ms`. `next_ms`: when advance() has something to do
    (None: nothing); `ready_ms`: when it will be stable, once that is under way."""

    def __init__(
        self,
        sensor: Sensor,
        client: RtuClient | None,
        rails: Rails,
        board: Board,
        now_ms: "Callable[[], int]",
        wiper: Wiper | None = None,
    ) -> None:
        self.sensor = sensor
        self.wiper = wiper
        self.next_ms: int | None = None
        self.ready_ms = 0
        self._client = client  # None: the board has no such bus
        self._rails = rails
        self._board = board
        self._now_ms = now_ms
        self._state = OFF
        self._wipes = False
        self.set_period(sensor.period_ms)

    def set_period(self, period_ms: int) -> None:
        """From now on it is read so often. Switching off pays only when the sensor is off for a while."""
        self.period_ms = period_ms
        self.always_on = self.sensor.rail is None or period_ms <= 2 * self.lead_ms()

    def lead_ms(self, wipes: bool = False) -> int:
        """From power to a stable reading."""
        profile = self.sensor.profile
        tells_ms = _TELL_MS if profile.start is not None else 0
        if wipes and self.wiper is not None:
            tells_ms += _TELL_MS + self.wiper.takes_ms
        return profile.warm_up_ms + tells_ms + profile.settle_ms + profile.measure_ms

    def earliest_ms(self, now_ms: int) -> int:
        """When it can be read, and if it's always on when somebody may try."""
        if self.always_on:
            return now_ms
        return now_ms + self.lead_ms() if self._state == OFF else max(self.ready_ms, now_ms)

    def is_late(self, now_ms: int) -> bool:
        """Whether a slot that has come should wait for it."""
        if self.always_on and self.ready_ms > now_ms + min(LATE_MS, self.period_ms // 4):
            return False  # it goes on without, and says so
        return self._state != STABLE

    @property
    def needs_memory(self) -> bool:
        """Whether it would be lost with the node's memory how far it is."""
        return self._state != OFF and not (self.always_on and not self.lead_ms())

    def prepare(self, slot_ms: int, now_ms: int, wipes: bool = False) -> bool:
        """Plans to be stable at `slot_ms`, with power on at the last possible moment, and if it `wipes` with its window
        wiped before. False: there is no time for that now."""
        lead_ms = self.lead_ms(wipes)
        has_time = slot_ms >= now_ms + lead_ms - LATE_MS
        if wipes and not has_time:
            self.prepare(slot_ms, now_ms)
            return False
        if not self.always_on and slot_ms > now_ms + lead_ms + LATE_MS:
            self.off()
        if self._state == OFF:
            self._wipes = wipes
            self.next_ms = now_ms if self.always_on else max(slot_ms - lead_ms, now_ms)
            self.ready_ms = self.next_ms + lead_ms
        elif wipes and self._state == STABLE:
            self._wipes = True
            self._state = WARMING
            self.ready_ms = max(slot_ms, now_ms + lead_ms)
            self.next_ms = self.ready_ms - lead_ms + self.sensor.profile.warm_up_ms
        return self._wipes == wipes

    async def advance(self, now_ms: int) -> None:
        """Takes the step that is due."""
        profile = self.sensor.profile
        if self._state == OFF:
            self._rails.need(self.sensor.rail, self.sensor.id)
            self._state = WARMING
            self.next_ms = now_ms + profile.warm_up_ms
        elif self._state == WARMING and self._wipes and self.wiper is not None:
            wiper = self.wiper
            await self._tell((wiper.function, wiper.address, wiper.quantity))
            self._wipes = False
            self._state = WIPING
            self.next_ms = self._now_ms() + wiper.takes_ms
        elif self._state < SETTLING:
            await self._tell(profile.start)
            self._state = SETTLING
            self.next_ms = self.ready_ms = self._now_ms() + profile.settle_ms + profile.measure_ms
        else:
            self._state = STABLE
            self.next_ms = None

    async def _tell(self, what: tuple[int, int, int] | None) -> None:
        if what is not None and self._client is not None:
            try:
                await poll.tell(self._client, self.sensor.unit_id, *what)
            except (NoReply, FrameError, DeviceError, RangeError):
                pass  # the reading will show it

    async def read(self) -> list[tuple[int | None, int]]:
        """One reading for each register; (None, WARM_UP) while the sensor is not stable."""
        registers = self.sensor.registers
        if self._state != STABLE:
            return [(None, quality.WARM_UP)] * len(registers)
        readings: list[tuple[int | None, int]] = [(None, quality.NO_REPLY)] * len(registers)
        if self._client is not None:
            try:
                readings = await poll.read(
                    self._client, self.sensor.unit_id, self.sensor.profile, registers, self._board.sleep_ms
                )
            except RangeError:  # a slice that asks for what Modbus can't say
                readings = [(None, quality.INVALID)] * len(registers)
        if not self.always_on:
            self.off()
        elif all(flag & quality.NO_REPLY for _, flag in readings):
            # it may have lost power and forgotten that it was told to measure
            self._state = WARMING
            self.next_ms = self._now_ms() + self.sensor.profile.warm_up_ms
            self.ready_ms = self._now_ms() + self.lead_ms()
        return readings

    def off(self) -> None:
        """Needs no power until it is prepared again."""
        self._rails.leave(self.sensor.rail, self.sensor.id)
        self._state = OFF
        self.next_ms = None
