"""Knows what a node can afford by its battery's voltage and temperature; knows no sensor, no radio and no chemistry.

Loaded only where the slice has a battery. Its thresholds come from the cell's chemistry (gateway/site/slice.py).
"""

from firmware.board import Board
from firmware.journal import Journal, State
from protocols.record import Record

if 0:  # for mypy alone: MicroPython's compiler leaves it out
    from firmware.cycle import Cycle

NORMAL, SAVING, SURVIVAL, STANDBY = 0, 1, 2, 3
# Of each tier: periods and reports are so many times as long; whether wipers and the emergency period are allowed. All
# ours.
TIERS = ((1, 1, True), (2, 2, True), (4, 8, False), (1, 1, False))
LOOK_MS = 900_000  # the charger's output follows the temperature so closely (ours)
_WARMER_DC = 20  # hysteresis of temperatures (ours)


class Battery(Record):
    """Thresholds of a node's tiers : (down, up) in mV for each step, when it is warm and when it is
    colder than `cold_dc` tenths of a degree; from `charge_dc` on it may be charged (None: never)."""

    def __init__(
        self,
        warm_mv: tuple[tuple[int, int], ...],
        cold_mv: tuple[tuple[int, int], ...],
        cold_dc: int,
        charge_dc: int | None,
    ) -> None:
        self.warm_mv = warm_mv
        self.cold_mv = cold_mv
        self.cold_dc = cold_dc
        self.charge_dc = charge_dc


class Supply:
    """A node's battery. look() gives the tier, and the charger its leave."""

    def __init__(self, board: Board, battery: Battery, noted: int = NORMAL) -> None:
        """`noted`: the tier in which a gated board went without power, which it has from its journal."""
        self._board = board
        self.battery = battery
        self._is_cold = self._may_charge = False
        # A boot that follows a brown-out begins where it ended: a board that is not gated has no other cause to boot.
        self.tier = noted if board.gated else STANDBY

    def look(self) -> int:
        """The tier now. A board that can't measure its battery has none to spare: NORMAL."""
        dc = self._board.temperature_dc()
        self._board.charge(self._charges(dc))
        cold_dc = self.battery.cold_dc
        if dc is not None:
            self._is_cold = dc < cold_dc + (_WARMER_DC if self._is_cold else 0)
        mv = self._board.battery_mv()
        if mv is None:
            self.tier = NORMAL
            return self.tier
        limits = self.battery.cold_mv if self._is_cold else self.battery.warm_mv
        while self.tier < STANDBY and mv < limits[self.tier][0]:
            self.tier += 1
        while self.tier > NORMAL and mv >= limits[self.tier - 1][1]:
            self.tier -= 1
        return self.tier

    def _charges(self, dc: "int | None") -> bool:
        """Whether the cell may be charged. With no temperature a cell that frost ruins (lithium: plated, for ever, and
        then a danger) is not: an empty battery is cheaper. One that may be charged below freezing is."""
        from_dc = self.battery.charge_dc
        if from_dc is None:
            return False
        if dc is None:
            return from_dc < 0
        self._may_charge = dc >= from_dc + (0 if self._may_charge else _WARMER_DC)
        return self._may_charge


def supply_of(cycle: "Cycle") -> Supply:
    assert cycle.config.battery is not None
    return Supply(cycle.board, cycle.config.battery, cycle.journal.state.tier)


async def look(cycle: "Cycle", supply: Supply) -> None:
    """Gives a cycle its tier. Below the safe voltage there is nothing else until the battery has recovered."""
    before = supply.tier
    if supply.look() == STANDBY:
        for probe in cycle.probes:
            probe.off()
        await cycle.board.radio.rest()
        cycle.hears = False
        cycle.uplink.fetcher = None  # flash is not written now; what was fetched is found again
        await until_safe(cycle.board, supply.battery)
        supply.look()
        cycle.replan = True
    cycle.look_ms = cycle.pace.now_ms() + LOOK_MS
    cycle.tier = TIERS[supply.tier]
    if cycle.board.gated:
        _note(cycle.journal, supply.tier)
    cycle.replan = cycle.replan or supply.tier != before


def _note(journal: Journal, tier: int) -> None:
    """For the next boot of a gated board. Standby is not noted: below the safe voltage there is no writing."""
    state = journal.state
    if tier != state.tier:
        kept = state.boot, state.counter_limit, state.clock_ms, state.schema, state.channels, state.set_16th
        journal.note(State(*kept, tier))


async def until_safe(board: Board, battery: Battery) -> None:
    """Returns when flash may be written: before that nothing is, not even that there was a boot."""
    supply = Supply(board, battery)
    while supply.look() == STANDBY:
        if board.gated:
            await board.power_down(LOOK_MS)
        else:
            await board.sleep_ms(LOOK_MS)
