"""Knows how the lines of a CSV become the raw rows of a site; tests nothing.

Long: a line is a reading, with the columns time, channel and value, as `watertower export` writes it. Wide: a line is a
moment, with a column for each channel. What tests have added to an exported reading is left out: they run again.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import NamedTuple, TextIO

from gateway.process.number import exact
from gateway.process.stage import Cell, Row, Series
from gateway.site import slice
from gateway.site.config import Channel, Site
from protocols import quality
from protocols.worth import CALIBRATION, MAINTENANCE

_TIMES = ("time", "time_local", "time_utc", "datetime", "timestamp", "date")
_FLAGS = {"no_reply": quality.NO_REPLY, "invalid": quality.INVALID, "range": quality.RANGE, "warm_up": quality.WARM_UP,
          "clock": quality.CLOCK, "maintenance": MAINTENANCE, "calibration": CALIBRATION}  # fmt: skip


class Unreadable(Exception):
    """The file is not what it should be; the message says where."""


class Place(NamedTuple):
    """Where a channel's reading goes: the cell of a row of that series."""

    series: Series
    cell: int
    decimals: int
    unit: str


def places(site: Site) -> dict[str, Place]:
    """By channel, in the series that the gateway would make."""
    found: dict[str, Place] = {}

    def add(source: str, channels: Sequence[Channel]) -> None:
        series = Series(source, tuple((one.name, one.unit, one.decimals) for one in channels))
        for cell, one in enumerate(channels):
            found[one.name] = Place(series, cell, one.decimals, one.unit)

    for sensor in site.sensors:
        for _, registers in site.groups(sensor):
            add(f"sensor {sensor.id}", site.channels_of(sensor, None, registers))
    for node in site.nodes:
        add(f"node {node.id}", slice.channels_of(site, node))
    return found


def rows(file: TextIO, site: Site, columns: Mapping[str, str], zone_h: float) -> Iterator[Row]:
    """`columns`: channel -> column of a wide file, where its name is another. `zone_h`: of times that name no zone."""
    lines = csv.DictReader(file)
    names = list(lines.fieldnames or ())
    zone = timezone(timedelta(hours=zone_h))
    known = places(site)
    if {"time", "channel", "value"} <= set(names):
        return _joined(_long(lines, known, zone))
    return _wide(lines, names, known, columns, zone)


def _long(
    lines: Iterable[dict[str, str]], known: Mapping[str, Place], zone: timezone
) -> Iterator[tuple[int, Place, Cell]]:
    for number, line in enumerate(lines, 2):
        place = known.get(line["channel"])
        source = line.get("source") or "sensor "
        if place is None or not source.startswith(("sensor ", "node ")):
            continue
        if line.get("unit") and line["unit"] != place.unit:
            raise Unreadable(f"{number}: {line['channel']}: {line['unit']}, {place.unit}")
        flags = 0
        for word in (line.get("quality") or "").split():
            flags |= _FLAGS.get(word, 0)
        yield _unix_ms(line["time"], zone, number), place, _cell(line["value"], place.decimals, flags)


def _joined(readings: Iterable[tuple[int, Place, Cell]]) -> Iterator[Row]:
    """Readings of one series and time that stand beside each other are a row."""
    row: Row | None = None
    for unix_ms, place, cell in readings:
        if row is None or (row.series, row.unix_ms) != (place.series, unix_ms) or row.cells[place.cell] != (None, 0):
            if row is not None:
                yield row
            row = _empty(place.series, unix_ms)
        row = row._replace(cells=(*row.cells[: place.cell], cell, *row.cells[place.cell + 1 :]))
    if row is not None:
        yield row


def _wide(
    lines: Iterable[dict[str, str]],
    names: Sequence[str],
    known: Mapping[str, Place],
    columns: Mapping[str, str],
    zone: timezone,
) -> Iterator[Row]:
    time = next((name for name in _TIMES if name in names), None)
    lacking = [name for name in columns.values() if name not in names] + ([] if time else ["time"])
    lacking += [name for name in columns if name not in known]
    found = {channel: columns.get(channel, channel) for channel in known}
    found = {channel: name for channel, name in found.items() if name in names}
    if lacking or time is None:
        raise Unreadable(", ".join(lacking))
    if not found:
        raise Unreadable(", ".join(known))
    for number, line in enumerate(lines, 2):
        unix_ms = _unix_ms(line[time], zone, number)
        moment: dict[Series, list[Cell]] = {}
        for channel, name in found.items():
            place = known[channel]
            cells = moment.setdefault(place.series, [(None, 0)] * len(place.series.channels))
            cells[place.cell] = _cell(line[name], place.decimals, 0)
        for series, cells in moment.items():
            yield Row(series, unix_ms, tuple(cells))


def _empty(series: Series, unix_ms: int) -> Row:
    return Row(series, unix_ms, ((None, 0),) * len(series.channels))


def _cell(text: str | None, decimals: int, flags: int) -> Cell:
    """What has no value was asked for and gave none."""
    try:
        number = exact(Decimal(text)) if text else None
    except InvalidOperation:
        number = None
    if number is None:
        return None, flags & ~quality.RANGE or quality.INVALID
    return int(number.scaleb(decimals).quantize(Decimal(1), ROUND_HALF_EVEN)), flags


def _unix_ms(text: str | None, zone: timezone, line: int) -> int:
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        raise Unreadable(f"{line}: {(text or '')[:40]!r}") from None
    return round((moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp() * 1000)
