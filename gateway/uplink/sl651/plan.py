"""Knows which reports of SL 651 the rows of the store belong to, and what these say; knows no connection and no reply.

A row belongs to the reports that carry it: an hour row to its hourly report, a collected row to the timed report of the
slot that it falls into, and to an additional report where it passes a threshold. What belongs to none is not sent.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from fractions import Fraction
from typing import NamedTuple

from gateway.process.alarm.rows import ALARM
from gateway.site.sl651 import Sl651Element, Sl651Uplink
from gateway.store import Row, Series
from gateway.store.ranges import Ranges
from gateway.uplink.sl651 import values
from gateway.uplink.sl651.standing import Standing
from protocols.sl651 import body
from protocols.sl651.functions import ADDITIONAL, HOURLY, TIMED
from protocols.worth import is_usable

HOUR_MS, FIVE_MS = 3_600_000, 300_000
BEIJING_MS = 8 * HOUR_MS  # reports tell Beijing time
_COLLECTED = ("node ", "sensor ")
_BACK_ROWS, _BACK_PARTS = 2000, 50  # how far behind an hour's row its five-minute values are looked for; ours


class Key(NamedTuple):
    """One report: what it is, and its observation time."""

    at_ms: int
    function: int


class Reported(NamedTuple):
    """One element's value at one time."""

    observed_ms: int
    item: body.Item


class Limits(NamedTuple):
    """Beyond which an element is reported at once; by how much it must have changed for that: above the first limit
    it may be another amount."""

    above: Fraction | None
    below: Fraction | None
    change: Fraction | None
    change_above: Fraction | None


def digits(unix_ms: int, count: int) -> str:
    """Beijing time as YYMMDDhhmmss, or as many digits of it."""
    return datetime.fromtimestamp((unix_ms + BEIJING_MS) / 1000, UTC).strftime("%y%m%d%H%M%S")[:count]


def unix_ms(text: str) -> int:
    """The other way round, of 8, 10 or 12 digits. ValueError: no time."""
    padded = text.ljust(12, "0")
    moment = datetime.strptime(padded, "%y%m%d%H%M%S").replace(tzinfo=UTC)
    return int(moment.timestamp() * 1000) - BEIJING_MS


class Plan:
    """One uplink's. `read` gives rows first..last; `refuse` is told of a channel whose unit does not fit."""

    def __init__(
        self,
        uplink: Sl651Uplink,
        all_series: Callable[[], Sequence[Series]],
        read: Callable[[int, int], Sequence[Row]],
        refuse: Callable[[str, str], None] = lambda channel, why: None,
    ) -> None:
        self.uplink = uplink
        self.timed_ms = None if uplink.timed_s is None else 1000 * uplink.timed_s
        self.bases_m: dict[str, float] = {}  # of relative levels, set by a centre: block -> metres
        self._all_series = all_series
        self._read = read
        self._refuse = refuse
        self._series: dict[int, Series] = {}
        self._newest: dict[str, tuple[int, Fraction | None]] = {}  # element -> (when, value)
        self.standing = Standing(uplink.statuses)
        self.limits = limits(uplink.elements)  # set by a centre, too
        self._state: dict[str, int] = {}  # of thresholds: -1 below, 0 between, 1 above
        self._reported: dict[str, Fraction] = {}  # what `change` is counted from

    # --- rows ---------------------------------------------------------------------------------------------------------

    def of(self, row: Row) -> list[Key]:
        """The reports that carry this row; rows come in their order, each once."""
        series = self.series(row.series)
        if series.source == "hour":
            return self.hourly(row) if self.uplink.hourly else []
        if series.source == ALARM:
            return [Key(row.unix_ms, ADDITIONAL)] if self.remember(row) else []
        if not series.source.startswith(_COLLECTED):
            return []
        if self.standing.is_told:
            for (name, _, _), cell in zip(series.channels, row.cells, strict=True):
                if cell is not None:
                    self.standing.see(name, row.unix_ms, cell)
        found = list(self._cells(row))
        if not found:
            return []
        keys = []
        if self._passes(row.unix_ms, found):
            keys.append(Key(row.unix_ms, ADDITIONAL))
        if self.timed_ms is not None:
            keys.append(Key(-(-row.unix_ms // self.timed_ms) * self.timed_ms, TIMED))
        return keys

    def remember(self, row: Row) -> bool:
        """How an alarm stands by this row; whether that has changed."""
        series = self.series(row.series)
        return series.source == ALARM and self.standing.hear(row.unix_ms, series.channels, row.cells)

    def hourly(self, row: Row) -> list[Key]:
        """The hourly report of an hour row with something that this uplink sends."""
        if self.series(row.series).source != "hour" or not self._cells(row, hourly=True):
            return []
        return [Key(row.unix_ms + HOUR_MS, HOURLY)]

    def _passes(self, at_ms: int, found: list[tuple[Sl651Element, Fraction | None]]) -> bool:
        passed = False
        for element, value in found:
            id = element.element
            if id not in self._newest or at_ms >= self._newest[id][0]:
                self._newest[id] = (at_ms, value)
            if value is None:
                continue
            above, below, change, change_above = self.limits[id]
            state = 1 if above is not None and value > above else -1 if below is not None and value < below else 0
            passed |= state != 0 and state != self._state.get(id, 0)
            self._state[id] = state
            change = change_above if state == 1 and change_above is not None else change
            if change is not None:
                last = self._reported.setdefault(id, value)
                if abs(value - last) >= change:
                    passed = True
                    self._reported[id] = value
        return passed

    def series(self, id: int) -> Series:
        if id not in self._series:
            self._series = {series.id: series for series in self._all_series()}
        return self._series[id]

    def _cells(self, row: Row, hourly: bool = False) -> list[tuple[Sl651Element, Fraction | None]]:
        """The elements that this row has a cell for; null without a quality was not due. SL 651 has no mark for a value
        that failed its tests: it is told as missing."""
        channels = self.series(row.series).channels
        places = {name: place for place, (name, _, _) in enumerate(channels)}
        found = []
        for element in self.uplink.elements:
            name = (element.hourly_channel or element.channel) if hourly else element.channel
            place = places.get(name)
            if place is None:
                continue
            cell = row.cells[place]
            if cell is None and row.quality is None:
                continue
            _, unit, decimals = channels[place]
            try:
                is_told = cell is not None and is_usable(0 if row.quality is None else row.quality[place])
                value = values.scaled(element, cell, decimals, unit) if is_told and cell is not None else None
            except values.NoSuchUnit as error:
                self._refuse(name, str(error))
                continue
            found.append((element, value))
        return found

    def base_m(self, element: Sl651Element) -> float:
        return self.bases_m.get(element.five_minute or "", element.base_m)

    # --- reports ------------------------------------------------------------------------------------------------------

    def report(self, key: Key, rows: Ranges) -> list[Reported]:
        """What it says, in the order of the site file. `rows`: those that belong to it."""
        found: dict[str, tuple[Sl651Element, Fraction | None]] = {}
        newest_seq = 0
        for first, last in rows:
            for row in self._read(first, last):
                if self.series(row.series).source == "hour" and key.function != HOURLY:
                    continue
                newest_seq = row.seq
                for element, value in self._cells(row, hourly=key.function == HOURLY):
                    found[element.element] = (element, value)  # of several the newest seq counts
        if key.function == ADDITIONAL:  # an event tells how the station is just then
            for element in self.uplink.elements:
                at_ms, value = self._newest.get(element.element, (0, None))
                if element.element not in found and key.at_ms - HOUR_MS <= at_ms <= key.at_ms:
                    found[element.element] = (element, value)
        said = [
            Reported(key.at_ms, values.item(element, found[element.element][1]))
            for element in self.uplink.elements
            if element.element in found
        ]
        if key.function == ADDITIONAL and self.standing.is_told:
            said.append(Reported(key.at_ms, self.standing.item(key.at_ms)))
        if key.function == HOURLY:
            said = [*self._blocks(key.at_ms - HOUR_MS, newest_seq), *said]
        return said

    def _blocks(self, from_ms: int, last_seq: int) -> list[Reported]:
        """The hour's five-minute values; their time is that of the first of them (draft 6.6.3; captured frames)."""
        wanted = [element for element in self.uplink.elements if element.five_minute is not None]
        if not wanted:
            return []
        slots: dict[str, dict[int, tuple[int, Fraction]]] = {element.element: {} for element in wanted}
        for row in self._back(from_ms, last_seq):
            source = self.series(row.series).source
            is_within = (
                from_ms - FIVE_MS < row.unix_ms <= from_ms + HOUR_MS
            )  # the slot before: rain counts on from there
            if not is_within or not (source == "minute" or source.startswith(_COLLECTED)):
                continue
            for element, value in self._cells(row):
                if element.five_minute is not None and value is not None:
                    slot = -(-(row.unix_ms - from_ms) // FIVE_MS) - 1
                    held = slots[element.element]
                    if slot not in held or held[slot][0] <= row.unix_ms:
                        held[slot] = (row.unix_ms, value)
        reported = []
        for element in wanted:
            held = slots[element.element]
            counted = [held[slot][1] if slot in held else None for slot in range(-1, 12)]
            series = _fallen(counted) if element.five_minute == "F4" else counted[1:]
            reported.append(Reported(from_ms + FIVE_MS, values.block(element, series, self.base_m(element))))
        return reported

    def _back(self, from_ms: int, last_seq: int) -> list[Row]:
        found: list[Row] = []
        for _ in range(_BACK_PARTS):
            if last_seq < 1:
                break
            rows = self._read(max(1, last_seq - _BACK_ROWS + 1), last_seq)
            found = [*rows, *found]
            if not rows or max(row.unix_ms for row in rows) <= from_ms - FIVE_MS:
                break
            last_seq -= _BACK_ROWS
        return found

    def newest(self) -> list[Reported]:
        """What an answer to "how is it now" says."""
        return [
            Reported(self._newest[element.element][0], values.item(element, self._newest[element.element][1]))
            for element in self.uplink.elements
            if element.element in self._newest
        ]


def limits(elements: Sequence[Sl651Element]) -> dict[str, Limits]:
    """What the site file says, by element."""
    return {one.element: Limits(*map(_exact, (one.above, one.below, one.change, one.change))) for one in elements}


def _exact(value: float | None) -> Fraction | None:
    return None if value is None else Fraction(str(value))


def _fallen(counted: list[Fraction | None]) -> list[Fraction | None]:
    """What fell in each slot, of a gauge that counts on; one that was set back begins at nothing."""
    found: list[Fraction | None] = []
    last = counted[0]
    for value in counted[1:]:
        found.append(None if value is None or last is None else value - last if value >= last else value)
        last = last if value is None else value
    return found


def items(said: Sequence[Reported], address: str, station_type: str) -> tuple[body.Item, ...]:
    """The items of a report's body: the station, then each time once with its elements."""
    found = [body.station(address, station_type)]
    observed: int | None = None
    for one in said:
        if one.observed_ms != observed:
            observed = one.observed_ms
            found.append(body.time(digits(observed, 10)))
        found.append(one.item)
    return tuple(found)
