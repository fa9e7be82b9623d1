"""Knows what all tests together say of a station's rows before they are written; knows no store, no site and no clock.

Flags only add, and no number is changed. A reading gets what is known when it comes in. What only the next reading
tells (a spike) becomes a row that restates it: the same series with `quality ` before its source, the same time and
value, all flags that it has by then, null for the channels of which nothing is said. A reading that jumped so far that
the next one may make it fail is AWAITED, and is always restated then, spike or not.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from gateway.process.quality import cross
from gateway.process.quality.channel import ChannelQuality
from gateway.process.quality.limits import Limits
from gateway.process.quality.sensor_state import LONGEST_MS, STATES, SensorState
from gateway.process.stage import Cell, Named, Row, Series
from protocols import quality
from protocols.worth import AWAITED, is_usable

_OWN = ~quality.CLOCK  # a time that is a guess is the row's matter
_SHORTEST_FRESH_MS = 60_000  # ours
_AIR = "air"  # over all places of a station is the same


class Part(NamedTuple):
    """What a channel is for the checks against others: its quantity there, what its number is multiplied with, where
    it hangs (a node's number, None: the gateway itself), whether it speaks to the other sensors of that place, and how
    long a reading of it counts as of the moment."""

    quantity: str
    factor: float = 1.0
    where: int | None = None
    speaks: bool = True
    fresh_ms: int = _SHORTEST_FRESH_MS


class Window(NamedTuple):
    """When somebody worked at a sensor: one of sensor_state.STATES."""

    sensor: str
    state: str
    from_ms: int
    to_ms: int


class Plan(NamedTuple):
    """By channel: the limits of its tests, and what it is beside others. `settle_ms`: by sensor, how long it is not
    trusted after somebody had it in his hands."""

    limits: Mapping[str, Limits]
    parts: Mapping[str, Part] = {}
    place: cross.Place = cross.Place()
    checks: tuple[cross.Check, ...] = cross.CHECKS
    windows: tuple[Window, ...] = ()
    settle_ms: Mapping[str, int] = {}
    zone_ms: int = 0


class _Channel:
    """One channel's tests, and its last reading that was compared: (Unix ms, value, flags)."""

    __slots__ = ("_last", "_scale", "_test", "_zone_ms", "limits")

    def __init__(self, limits: Limits, decimals: int, zone_ms: int) -> None:
        self.limits = limits
        self._scale = 10.0**decimals
        self._zone_ms = zone_ms
        self.restore((None, None))

    def restore(self, state: Sequence[Any]) -> None:
        test, last = state
        self._test = ChannelQuality(self.limits, self._zone_ms, test)
        self._last: tuple[int, int | None, int] | None = None if last is None else (last[0], last[1], last[2])

    def state(self) -> list[Any]:
        return [self._test.state(), self._last]

    def step(self, unix_ms: int, value: int | None, flags: int, is_late: bool) -> tuple[int, tuple[int, Cell] | None]:
        """(all flags of this reading, (time, cell) of one before it that has to be restated)."""
        test, last = self._test, self._last
        found = later = 0
        for when, added in test.step(unix_ms, None if value is None else value / self._scale, flags, is_late):
            if when == unix_ms:
                found |= added
            elif last is not None and when == last[0]:
                later |= added
        flags |= found
        told = None
        if test.is_next:
            if test.awaited_ms == unix_ms:
                flags |= AWAITED
            if last is not None and (last[2] & AWAITED or later & ~last[2]):
                told = last[0], (last[1], last[2] | later)
            self._last = unix_ms, value, flags & _OWN
        return flags, told


class _Desk:
    """What one series needs: which channel is at which place, and its sensors one by one with their places."""

    def __init__(
        self, names: Sequence[Named], channels: Sequence[_Channel | None], parts: Sequence[Part | None]
    ) -> None:
        self.channels = channels
        self.parts = parts
        self.scales = [10.0**decimals for _, _, decimals in names]
        self.sensors: dict[str, list[int]] = {}
        for place, (name, _, _) in enumerate(names):
            self.sensors.setdefault(name.rpartition(".")[0], []).append(place)
        held = [[place for place in places if parts[place] is not None] for places in self.sensors.values()]
        self.checked = [places for places in held if places]


class Judge:
    """`state`: what state() gave before a start."""

    def __init__(self, plan: Plan, state: Mapping[str, Any] | None = None) -> None:
        self._plan = plan
        self._desks: dict[Series, _Desk] = {}
        self._channels: dict[Named, _Channel] = {}
        self._windows: dict[str, list[Window]] = {}
        for window in plan.windows:
            self._windows.setdefault(window.sensor, []).append(window)
        self._undo: dict[Named, list[Any]] | None = None
        self.restore(state or {})

    # --- memory -------------------------------------------------------------------------------------------------------

    def restore(self, state: Mapping[str, Any]) -> None:
        self._kept: dict[str, Any] = dict(state.get("channels", {}))
        self._channels.clear()
        self._desks.clear()
        # the last reading of those that speak, by place and quantity: (Unix ms, value, flags, until when)
        self._beside: dict[object, dict[str, tuple[int, float, int, int]]] = {}
        self._services = {
            sensor: SensorState(self._plan.settle_ms.get(sensor, 0), kept)
            for sensor, kept in state.get("services", {}).items()
        }

    def state(self) -> dict[str, Any]:
        """All that has to outlive a start, as JSON takes it. What channels have beside each other is of the moment."""
        kept = self._kept | {_key(name): channel.state() for name, channel in self._channels.items()}
        services = {sensor: service.state() for sensor, service in self._services.items()}
        return {"channels": kept, "services": services}

    def begin(self) -> None:
        """From now on undo() leads back to here."""
        self._undo = {}

    def done(self) -> None:
        self._undo = None

    def undo(self) -> None:
        for name, state in (self._undo or {}).items():
            self._channels[name].restore(state)
        self._undo = None

    # --- persons ------------------------------------------------------------------------------------------------------

    def serve(self, sensor: str, state: str | None, unix_ms: int, for_ms: int = LONGEST_MS) -> None:
        """Somebody begins to work at a sensor, or has done (None). KeyError: no such state."""
        service = self._services.setdefault(sensor, SensorState(self._plan.settle_ms.get(sensor, 0)))
        if state is None:
            service.end(unix_ms)
        else:
            service.begin(unix_ms, state, for_ms)

    def services(self, unix_ms: int) -> dict[str, tuple[str, int]]:
        """By sensor that is served now: the state and when it ends, be it a person's word or the site file's."""
        found = {
            window.sensor: (window.state, window.to_ms)
            for windows in self._windows.values()
            for window in windows
            if window.from_ms <= unix_ms < window.to_ms
        }
        for sensor, service in self._services.items():
            if (stands := service.stands(unix_ms)) is not None:
                found[sensor] = stands
        return found

    def _service(self, sensor: str, unix_ms: int) -> int:
        flags = 0
        for window in self._windows.get(sensor, ()):
            if window.from_ms <= unix_ms < window.to_ms:
                flags |= STATES[window.state]
        service = self._services.get(sensor)
        return flags if service is None else flags | service.flags(unix_ms)

    # --- rows ---------------------------------------------------------------------------------------------------------

    def judge(
        self, series: Series, unix_ms: int, cells: Sequence[Cell], is_dated: bool = True, is_late: bool = False
    ) -> tuple[tuple[Cell, ...], list[Row]]:
        """(the cells with all flags that they get, rows that restate earlier readings of the series). `is_dated`: its
        time is no guess; `is_late`: later ones of the series have come before it."""
        desk = self._desks.get(series) or self._meet(series)
        clock = 0 if is_dated else quality.CLOCK
        found = list(cells)
        told: list[Row] = []
        for sensor, places in desk.sensors.items():
            service = self._service(sensor, unix_ms)
            for place in places:
                value, flags = cells[place]
                if value is None and not flags:
                    continue  # it was not due
                flags |= service | clock
                channel = desk.channels[place]
                if channel is not None:
                    if self._undo is not None and series.channels[place] not in self._undo:
                        self._undo[series.channels[place]] = channel.state()
                    flags, restated = channel.step(unix_ms, value, flags, is_late)
                    if restated is not None:
                        told.append(_restated(series, place, *restated))
                found[place] = value, flags
        for places in desk.checked:
            self._check(desk, places, unix_ms, found)
        if clock:
            found = [
                (value, flags & _OWN | known & clock) for (value, flags), (_, known) in zip(found, cells, strict=True)
            ]
        return tuple(found), told

    def _check(self, desk: _Desk, places: Sequence[int], unix_ms: int, found: list[Cell]) -> None:
        """What the readings of this moment say against those of one sensor."""
        own: dict[str, int] = {}
        readings: dict[str, tuple[float | None, int]] = {}
        where: int | None = None
        for place in places:
            part = desk.parts[place]
            value, flags = found[place]
            if part is None or value is None or part.quantity in own:
                continue
            own[part.quantity] = place
            where = part.where
            number = value / desk.scales[place] * part.factor
            readings[part.quantity] = number, flags
            if part.speaks and not flags & quality.CLOCK:
                beside = self._beside.setdefault(_AIR if part.quantity.startswith("air_") else where, {})
                known = beside.get(part.quantity)
                if known is None or not 0 <= known[0] - unix_ms <= part.fresh_ms:
                    beside[part.quantity] = unix_ms, number, flags, part.fresh_ms
        if not own:
            return
        for around in (where, _AIR):
            for quantity, (measured_ms, number, worth, fresh_ms) in self._beside.get(around, {}).items():
                if quantity == cross.OF_ONE_SENSOR and not is_usable(worth):
                    continue
                if quantity not in readings and abs(unix_ms - measured_ms) <= fresh_ms:
                    readings[quantity] = number, worth
        for quantity, added in cross.cross(readings, self._plan.place, self._plan.checks).items():
            if quantity in own:
                value, flags = found[own[quantity]]
                found[own[quantity]] = value, flags | added

    def _meet(self, series: Series) -> _Desk:
        channels: list[_Channel | None] = []
        for named in series.channels:
            limits = self._plan.limits.get(named[0])
            if limits is not None and named not in self._channels:
                self._channels[named] = self._new(named, limits)
            channels.append(None if limits is None else self._channels[named])
        parts = [self._plan.parts.get(name) for name, _, _ in series.channels]
        desk = self._desks[series] = _Desk(series.channels, channels, parts)
        return desk

    def _new(self, named: Named, limits: Limits) -> _Channel:
        channel = _Channel(limits, named[2], self._plan.zone_ms)
        kept = self._kept.pop(_key(named), None)
        if kept is not None:
            try:
                channel.restore(kept)
            except (TypeError, ValueError, IndexError):  # of another edition: it begins anew
                channel.restore((None, None))
        return channel

    def recall(self, row: Row, is_dated: bool, is_late: bool) -> None:
        """One that was judged after state() was taken: what it said is remembered, nothing is told."""
        cells = [(value, flags & _FROM_SENSOR) for value, flags in row.cells]
        self.judge(row.series, row.unix_ms, cells, is_dated, is_late)


_FROM_SENSOR = 0xFF  # protocols/quality.py


def _key(named: Named) -> str:
    return " ".join(map(str, named))


def _restated(series: Series, place: int, unix_ms: int, cell: Cell) -> Row:
    cells: list[Cell] = [(None, 0)] * len(series.channels)
    cells[place] = cell
    return Row(series.restated, unix_ms, tuple(cells))
