"""Knows what a node can afford by its battery's voltage and temperature; knows no sensor, no radio and no chemistry.

Loaded only where the slice has a battery. Its thresholds come from the cell's chemistry (gateway/site/slice.py).
"""

if __debug__:  # compiled for a board it is the compiler's own word
    from firmware.const import const

if 0:  # for mypy alone: MicroPython's compiler leaves it out
    from firmware.board import Board
    from firmware.config import Battery

NORMAL = const(0)
SAVING = const(1)
SURVIVAL = const(2)
STANDBY = const(3)
# Of each tier: periods and reports are so many times as long; whether wipers and the emergency period are allowed. All
# ours.
TIERS = ((1, 1, True), (2, 2, True), (4, 8, False), (1, 1, False))
LOOK_MS = const(900_000)  # the charger's output follows the temperature so closely (ours)
_WARMER_DC = const(20)  # hysteresis of temperatures (ours)


class Supply:
    """A node's battery. look() gives the tier, and the charger its leave."""

    def __init__(self, board: "Board", battery: "Battery", noted: int = NORMAL) -> None:
        """`noted`: the tier in which a gated board went without power, which it has from its journal."""
        self._board = board
        self._battery = battery
        self._is_cold = self._may_charge = False
        # A boot that follows a brown-out begins where it ended: a board that is not gated has no other cause to boot.
        self.tier = noted if board.gated else STANDBY

    def look(self) -> int:
        """The tier now. A board that can't measure its battery has none to spare: NORMAL."""
        dc = self._board.temperature_dc()
        self._board.charge(self._charges(dc))
        cold_dc = self._battery.cold_dc
        if dc is not None:
            self._is_cold = dc < cold_dc + (_WARMER_DC if self._is_cold else 0)
        mv = self._board.battery_mv()
        if mv is None:
            self.tier = NORMAL
            return self.tier
        limits = self._battery.cold_mv if self._is_cold else self._battery.warm_mv
        while self.tier < STANDBY and mv < limits[self.tier][0]:
            self.tier += 1
        while self.tier > NORMAL and mv >= limits[self.tier - 1][1]:
            self.tier -= 1
        return self.tier

    def _charges(self, dc: "int | None") -> bool:
        """Whether the cell may be charged. With no temperature a cell that frost ruins (lithium: plated, for ever, and
        then a danger) is not: an empty battery is cheaper. One that may be charged below freezing is."""
        from_dc = self._battery.charge_dc
        if from_dc is None:
            return False
        if dc is None:
            return from_dc < 0
        self._may_charge = dc >= from_dc + (0 if self._may_charge else _WARMER_DC)
        return self._may_charge

    async def until_safe(self) -> None:
        """Returns when flash may be written: before that nothing is, not even that there was a boot."""
        while self.look() == STANDBY:
            if self._board.gated:
                await self._board.power_down(LOOK_MS)
            else:
                await self._board.sleep_ms(LOOK_MS)
