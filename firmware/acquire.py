"""Knows when one sensor is ready and reads it; knows no slot, no journal and no other sensor.

A sensor passes OFF -> (power) WARMING -> (start command) SETTLING -> STABLE. The processor sleeps between the steps.
"""

from firmware.board import Board
from firmware.config import Sensor
from protocols import poll, quality
from protocols.errors import DeviceError, FrameError, NoReply
from protocols.modbus_client import RtuClient

OFF, WARMING, SETTLING, STABLE = 0, 1, 2, 3
_STEPS_MS = 500  # for the start command, unanswered at worst, so that it does not push "stable" behind the slot


class Rails:
    """Who needs which supply: a rail is on while anybody does."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._users: dict[str, list[str]] = {}

    def need(self, rail: str | None, user: str) -> None:
        if rail is None:
            return
        users = self._users.setdefault(rail, [])
        if not users:
            self._board.rail(rail, True)
        if user not in users:
            users.append(user)

    def leave(self, rail: str | None, user: str) -> None:
        users = self._users.get(rail) if rail is not None else None
        if rail is not None and users and user in users:
            users.remove(user)
            if not users:
                self._board.rail(rail, False)


class Probe:
    """One sensor with its power and readiness. `next_ms`: when advance() has something to do (None: nothing)."""

    def __init__(self, board: Board, sensor: Sensor, client: RtuClient, rails: Rails) -> None:
        self.sensor = sensor
        self._board = board
        self._client = client
        self._rails = rails
        self._state = OFF
        self.next_ms: int | None = None
        profile = sensor.profile
        self.lead_ms = profile.warm_up_ms + profile.settle_ms + _STEPS_MS
        # switching off pays only when the sensor is off for a while
        self.always_on = sensor.rail is None or sensor.period_ms <= 2 * self.lead_ms

    def prepare(self, slot_ms: int, now_ms: int) -> None:
        """Plans to be stable at `slot_ms`, with power on at the last possible moment."""
        if self._state == OFF:
            self.next_ms = now_ms if self.always_on else max(slot_ms - self.lead_ms, now_ms)

    async def advance(self, now_ms: int) -> None:
        """Takes the step that is due."""
        profile = self.sensor.profile
        if self._state == OFF:
            self._rails.need(self.sensor.rail, self.sensor.id)
            self._state = WARMING
            self.next_ms = now_ms + profile.warm_up_ms
        elif self._state == WARMING:
            try:
                await poll.start(self._client, self.sensor.unit_id, profile)
            except (NoReply, FrameError, DeviceError):
                pass  # the reading will show it
            self._state = SETTLING
            self.next_ms = self._board.monotonic_ms() + profile.settle_ms
        else:
            self._state = STABLE
            self.next_ms = None

    async def read(self) -> list[tuple[int | None, int]]:
        """One reading for each register; (None, WARM_UP) while the sensor is not stable."""
        registers = self.sensor.registers
        if self._state != STABLE:
            return [(None, quality.WARM_UP)] * len(registers)
        readings = await poll.read(
            self._client, self.sensor.unit_id, self.sensor.profile, registers, self._board.sleep_ms
        )
        if not self.always_on:
            self._rails.leave(self.sensor.rail, self.sensor.id)
            self._state = OFF
        elif all(flag & quality.NO_REPLY for _, flag in readings):
            # it may have lost power and forgotten that it was told to measure
            self._state = WARMING
            self.next_ms = self._board.monotonic_ms() + self.sensor.profile.warm_up_ms
        return readings
