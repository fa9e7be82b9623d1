"""Knows which reports of HJ 212 the rows of the store belong to, and what these say; knows no connection and no answer.

Collected rows are real-time values (2011): the newest counts, none is owed. Rows of the sources `minute`, `hour` and
`day` belong to the report of their period, which is owed until the platform has it.
"""

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import NamedTuple

from gateway.site.hj212 import Hj212Factor, Hj212Uplink
from gateway.store import Row, Series
from gateway.store.ranges import Ranges
from gateway.uplink.hj212 import values
from protocols import quality, worth
from protocols.errors import RangeError
from protocols.fixed_point import decimal_text
from protocols.hj212 import marks, moment, units
from protocols.hj212.packet import V2005, VERSIONS, Items, items_of
from protocols.hj212.readings import DAY, HOUR, MINUTE, Reading, items

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
SOURCES = {"minute": MINUTE, "hour": HOUR, "day": DAY}
_COLLECTED = ("node ", "sensor ")
_BACK_ROWS, _BACK_PARTS = 2000, 50  # how far behind a minute's row the others of its period are looked for; ours
_STATISTICS = (("Min", ":min"), ("Avg", ""), ("Max", ":max"))


class Key(NamedTuple):
    """One report of a period. They are sent in this order: by end, the shorter first."""

    end_ms: int
    length_ms: int
    cn: str

    @property
    def start_ms(self) -> int:
        return self.end_ms - self.length_ms


class Newest(NamedTuple):
    """Of one factor; `value` None: there is none, the mark tells why."""

    at_ms: int
    value: str | None
    mark: str


class Latest(NamedTuple):
    """Of one channel, as it is in the store."""

    at_ms: int
    value: int
    decimals: int
    flags: int


class Plan:
    """One uplink's. `read` gives rows first..last; `refuse` is told of a channel whose unit does not fit."""

    def __init__(
        self,
        uplink: Hj212Uplink,
        all_series: Callable[[], Sequence[Series]],
        read: Callable[[int, int], Sequence[Row]],
        refuse: Callable[[str, str], None] = lambda channel, why: None,
    ) -> None:
        self._uplink = uplink
        self.minute_ms = (uplink.minute or 0) * MINUTE_MS  # set by the platform, too
        self._all_series = all_series
        self._read = read
        self._refuse = refuse
        self._series: dict[int, Series] = {}
        self._newest: dict[str, Newest] = {}
        self._told: dict[str, Newest] = {}  # what the last 2011 said
        self._latest: dict[str, Latest] = {}  # of channels that are no factor
        self._watched = {device.channel for device in uplink.devices} | {info.channel for info in uplink.infos}
        self._watched |= {factor.runs for factor in uplink.factors if factor.runs is not None}
        self._watched |= {order.bottle for order in uplink.orders if order.bottle is not None}

    def series(self, id: int) -> Series:
        if id not in self._series:
            self._series = {series.id: series for series in self._all_series()}
        return self._series[id]

    # --- which report -------------------------------------------------------------------------------------------------

    def of(self, row: Row) -> Key | None:
        """The report that carries this row; a collected row becomes the newest of its channels."""
        series = self.series(row.series)
        if series.source.startswith(_COLLECTED):
            self._note(row, series)
            return None
        cn = SOURCES.get(series.source)
        return self.key_of(row, cn) if cn is not None and self._wants(cn) else None

    def key_of(self, row: Row, cn: str) -> Key | None:
        """The report of that kind that could carry this row."""
        series = self.series(row.series)
        if SOURCES.get(series.source) != cn or not self._carries(series):
            return None
        return self.key(cn, row.unix_ms)

    def key(self, cn: str, start_ms: int) -> Key:
        """The report of the period that begins there, or that a minute which begins there is part of."""
        if cn != MINUTE:
            length_ms = HOUR_MS if cn == HOUR else DAY_MS
            return Key(start_ms + length_ms, length_ms, cn)
        length_ms = self.minute_ms or MINUTE_MS
        begin_ms = start_ms // length_ms * length_ms
        return Key(begin_ms + length_ms, length_ms, cn)

    def _wants(self, cn: str) -> bool:
        wanted = {MINUTE: self._uplink.minute is not None, HOUR: self._uplink.hour, DAY: self._uplink.day}
        return wanted[cn]

    def _carries(self, series: Series) -> bool:
        names = {name for name, _, _ in series.channels}
        if series.source == "day" and any(device.channel in names for device in self._uplink.devices):
            return True
        return any(
            not names.isdisjoint((factor.channel, factor.cumulative, factor.runs)) for factor in self._uplink.factors
        )

    # --- real time ----------------------------------------------------------------------------------------------------

    def _note(self, row: Row, series: Series) -> None:
        for place, (name, _, decimals) in enumerate(series.channels):
            cell = row.cells[place]
            if name not in self._watched or cell is None:
                continue
            held = self._latest.get(name)
            if held is None or row.unix_ms >= held.at_ms:
                flags = 0 if row.quality is None else row.quality[place]
                self._latest[name] = Latest(row.unix_ms, cell, decimals, flags)
        for factor in self._uplink.factors:
            for place, (name, unit, decimals) in enumerate(series.channels):
                if name != factor.channel:
                    continue
                flags = 0 if row.quality is None else row.quality[place]
                cell = row.cells[place]
                if cell is None and not flags:
                    continue  # it was not due
                known = self._newest.get(factor.code)
                if known is None or row.unix_ms >= known.at_ms:
                    value = None if cell is None else self._text(factor, cell, decimals, unit)
                    self._newest[factor.code] = Newest(row.unix_ms, value, marks.mark(flags))

    def realtime(self, again: bool = False) -> Items | None:
        """What a 2011 says now; None: nothing that is newer than the last one (`again`: even so)."""
        found = {code: newest for code, newest in self._newest.items() if again or self._told.get(code) != newest}
        if not found:
            return None
        self._told |= found
        at_ms = max(newest.at_ms for newest in found.values())
        has_times = VERSIONS[self._uplink.version] > V2005
        readings = []
        for factor in self._uplink.factors:
            newest = found.get(factor.code)
            if newest is None:
                continue
            said: list[tuple[str, str]] = []
            if newest.value is not None:
                said.append(("Rtd", newest.value))
            if has_times and newest.at_ms // 1000 != at_ms // 1000:
                said.append(("SampleTime", moment.digits(newest.at_ms)))
            runs = self._latest.get(factor.runs or "")
            is_stopped = runs is not None and runs.value == 0
            readings.append(Reading(factor.code, tuple(said), marks.STOPPED if is_stopped else newest.mark))
        return items(moment.digits(at_ms), readings)

    def newest(self, channel: str) -> str | None:
        """The newest value of a channel that the site file names beside the factors."""
        known = self._latest.get(channel)
        return None if known is None else decimal_text(known.value, known.decimals)

    def states(self) -> Items | None:
        """What a 2021 says now: which treatment devices run; None: nothing is known of any."""
        found = [(device, self._latest[device.channel]) for device in self._uplink.devices
                 if device.channel in self._latest]  # fmt: skip
        if not found:
            return None
        at_ms = max(latest.at_ms for _, latest in found)
        pairs = [(f"SB{device.number}-RS", _state(latest)) for device, latest in found]
        return items_of(("DataTime", moment.digits(at_ms)), *pairs)

    def running(self, key: Key, rows: Ranges) -> Items | None:
        """What a 2041 says of a day: for how many hours each device ran, by the mean of its 0 and 1."""
        hours: dict[int, str] = {}
        for row in (row for first, last in rows for row in self._read(first, last) if self._is_of(row, key)):
            for device in self._uplink.devices:
                mean = self._cells(row, device.channel).get("")
                if mean is not None:
                    value, decimals, _ = mean
                    hours[device.number] = units.written(value, decimals, Fraction(24), 1)
        if not hours:
            return None
        pairs = [(f"SB{number}-RT", text) for number, text in sorted(hours.items())]
        return items_of(("DataTime", moment.digits(key.start_ms)), *pairs)

    # --- periods ------------------------------------------------------------------------------------------------------

    def report(self, key: Key, rows: Ranges) -> Items | None:
        """What the report of a period says, in the order of the site file; None: nothing."""
        found = [row for first, last in rows for row in self._read(first, last) if self._is_of(row, key)]
        if key.cn == MINUTE and found:
            found = self._whole(key, found)
        return self.said(key, found)

    def _is_of(self, row: Row, key: Key) -> bool:
        source = self.series(row.series).source
        return SOURCES.get(source) == key.cn and key.start_ms <= row.unix_ms < key.end_ms

    def _whole(self, key: Key, found: list[Row]) -> list[Row]:
        """A longer minute needs all its shorter ones, also those that another report has carried."""
        known = {row.seq: row for row in found}
        last_seq = max(known)
        for _ in range(_BACK_PARTS):
            if last_seq < 1 or all(row.unix_ms == key.start_ms for row in known.values()):
                break
            rows = self._read(max(1, last_seq - _BACK_ROWS + 1), last_seq)
            known |= {row.seq: row for row in rows if self._is_of(row, key)}
            if not rows or min(row.unix_ms for row in rows) < key.start_ms - DAY_MS:
                break
            last_seq -= _BACK_ROWS
        return [known[seq] for seq in sorted(known)]

    def said(self, key: Key, rows: Iterable[Row]) -> Items | None:
        newest: dict[tuple[str, int], Row] = {}
        for row in rows:
            for name, _, _ in self.series(row.series).channels:
                held = newest.get((name, row.unix_ms))
                if held is None or held.seq < row.seq:
                    newest[name, row.unix_ms] = row
        readings = []
        for factor in self._uplink.factors:
            parts = [row for (name, _), row in newest.items() if name == factor.channel]
            amounts = [row for (name, _), row in newest.items() if name == factor.cumulative]
            running = [row for (name, _), row in newest.items() if name == factor.runs]
            if parts or amounts:
                found = self._reading(factor, parts, amounts)
                readings.append(found._replace(mark=marks.STOPPED) if self._stood(factor, running) else found)
        return items(moment.digits(key.start_ms), readings) if readings else None

    def _reading(self, factor: Hj212Factor, parts: list[Row], amounts: list[Row]) -> Reading:
        cells = [self._cells(row, factor.channel) for row in parts]
        said = []
        total = [cell for row in amounts if (cell := self._cells(row, factor.cumulative or "").get("")) is not None]
        risen = [one.pop("") for one in cells if ":first" in one and "" in one]  # of a counter: by how much it rose
        for value in (sum_of(total), sum_of([one for one in risen if one is not None])):
            if value is not None:
                said.append(("Cou", values.amount(value[0], value[1])))
                break
        for suffix, statistic in _STATISTICS:
            cell = merged(statistic, cells)
            if cell is not None:
                text = self._text(factor, *cell)
                if text is not None:
                    said.append((suffix, text))
        flags = [self._flags(row, factor.channel) for row in parts]
        good = sum(not flag & quality.FEW for flag in flags)
        # of a minute that is made of several: three quarters of them, as a minute of its readings
        few = not flags or good < len(flags) * 0.75
        mark = marks.NORMAL if flags and not few else values.period_mark(_any(flags) | quality.FEW)
        return Reading(factor.code, tuple(said), mark if parts else marks.NORMAL)

    def _stood(self, factor: Hj212Factor, rows: list[Row]) -> bool:
        """Whether the plant stood for the whole period."""
        means = [self._cells(row, factor.runs or "").get("") for row in rows]
        return bool(means) and all(mean is not None and mean[0] == 0 for mean in means)

    def _cells(self, row: Row, channel: str) -> "dict[str, Cell]":
        """By statistic: those of one channel that have a value."""
        found: dict[str, Cell] = {}
        for place, (name, unit, decimals) in enumerate(self.series(row.series).channels):
            base, colon, statistic = name.partition(":")
            cell = row.cells[place]
            if base == channel and cell is not None:
                found[colon + statistic] = (cell, decimals, unit)
        return found

    def _flags(self, row: Row, channel: str) -> int:
        for place, (name, _, _) in enumerate(self.series(row.series).channels):
            if name == channel:
                return 0 if row.quality is None else row.quality[place]
        return 0

    def _text(self, factor: Hj212Factor, value: int, decimals: int, unit: str) -> str | None:
        try:
            return values.text(value, decimals, unit, values.form(factor))
        except RangeError as error:
            self._refuse(factor.channel, str(error))
            return None


def _state(latest: Latest) -> int:
    """RS of HJ 212-2017: 0 off, 1 runs, 2 is calibrated, 3 maintained; 4 and 5 nobody tells us."""
    if latest.flags & worth.CALIBRATION:
        return 2
    if latest.flags & worth.MAINTENANCE:
        return 3
    return int(latest.value != 0)


Cell = tuple[int, int, str]  # (value, decimals, unit)


def sum_of(cells: list[Cell]) -> Cell | None:
    if not cells:
        return None
    return sum(value for value, _, _ in cells), cells[0][1], cells[0][2]


def merged(statistic: str, parts: "list[dict[str, Cell]]") -> Cell | None:
    """Of several shorter periods: least of least, greatest of greatest, means by their counts."""
    cells = [part[statistic] for part in parts if statistic in part]
    if not cells:
        return None
    _, decimals, unit = cells[0]
    if len(cells) == 1:
        return cells[0]
    if statistic:
        pick = min if statistic == ":min" else max
        return pick(value for value, _, _ in cells), decimals, unit
    counts = [part[":count"][0] if ":count" in part else 1 for part in parts if statistic in part]
    weights = counts if any(counts) else [1] * len(cells)
    weighted = sum(cell[0] * weight for cell, weight in zip(cells, weights, strict=True))
    return round(Fraction(weighted, sum(weights))), decimals, unit


def _any(flags: Iterable[int]) -> int:
    found = 0
    for flag in flags:
        found |= flag
    return found
