"""Knows how the default tests judge real records that a technician has labelled, and how ioos-qc does; tunes nothing.

A reading counts as found where any test calls it suspect or failed. Franklin Basin's unmarked readings were looked at
when the limits were chosen (gateway/process/quality/limit_table.py), Main Street's were not.
"""

import csv
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import hw_sim
from gateway.process.quality.channel import ChannelQuality
from gateway.process.quality.cross import Place, cross
from gateway.process.quality.limit_table import Channel, limits
from gateway.process.quality.limits import Limits
from gateway.process.water.oxygen import pressure_at
from hw_sim.bench import Figure, figure
from protocols.worth import FAIL, SUSPECT

PARTS = ("franklinbasin", "mainstreet")
_FILES = {"franklinbasin": "water_lro_franklinbasin_2014.csv", "mainstreet": "water_lro_mainstreet_2019.csv"}
_PERIOD_S = 900
# column -> channel; the ranges are those of a common sonde (protocols/profiles/yosemitech_y4000.py)
_CHANNELS = {
    "temp": Channel("water", "temperature", "degC", 2, -5.0, 50.0, _PERIOD_S),
    "cond": Channel("water", "conductivity", "uS/cm", 1, 1.0, 200_000.0, _PERIOD_S),
    "ph": Channel("water", "ph", "pH", 2, 2.0, 12.0, _PERIOD_S),
    "do": Channel("water", "dissolved_oxygen", "mg/L", 2, 0.0, 20.0, _PERIOD_S),
    "turb": Channel("water", "turbidity", "NTU", 2, 0.0, 1000.0, _PERIOD_S),
    "stage": Channel("water", "level", "cm", 2, None, None, _PERIOD_S),
}
# Franklin Basin and Main Street are at about 2,000 and 1,400 m; only the oxygen check asks.
_PLACE = Place(pressure_hpa=pressure_at(1700.0))
# What the record's own codes seem to mean: hw_sim/recordings/SOURCES.md
LABELS = {"1": "visit", "2": "malfunction", "3": "stuck", "4": "disturbance", "5": "ice", "7": "dry", "8": "erratic",
          "10": "drift"}  # fmt: skip


class Column(NamedTuple):
    unix_ms: list[int]
    values: list[float | None]
    labels: list[str]


class Score(NamedTuple):
    """Readings found of those with each label ("": good ones that were accused), and how many there are."""

    found: Counter[str]
    there: Counter[str]

    def recall(self, label: str) -> float:
        return self.found[label] / self.there[label]

    @property
    def precision(self) -> float:
        """Of all that were found, the share that has a label. 0: nothing was found."""
        total = self.found.total()
        return (total - self.found[""]) / total if total else 0.0

    @property
    def all_recall(self) -> float:
        return (self.found.total() - self.found[""]) / max(1, self.there.total() - self.there[""])


def measure(progress: Callable[[str], None], parts: tuple[str, ...] = PARTS) -> dict[str, Figure]:
    """The precision, and the recall over all labels and by label, of each record."""
    figures: dict[str, Figure] = {}
    for part in parts:
        progress(f"{part}: six channels, ours and ioos-qc with the same limits")
        columns = read(part)
        ours = score(columns, judged(columns))
        theirs = score(columns, by_ioos_qc(columns))
        alone = score(columns, judged(columns, with_cross=False))
        figures |= _figures(part, ours, alone, theirs)
    return figures


def _figures(part: str, ours: dict[str, Score], alone: dict[str, Score], theirs: dict[str, Score]) -> dict[str, Figure]:
    whole, single, other = (_together(one.values()) for one in (ours, alone, theirs))
    figures = {
        f"{part}_precision": figure(whole.precision, "1", "ioos-qc, same limits", other.precision),
        f"{part}_precision_single_channel": figure(single.precision, "1", "ioos-qc, same limits", other.precision),
        f"{part}_recall": figure(whole.all_recall, "1", "ioos-qc, same limits", other.all_recall),
        f"{part}_false_percent": figure(100 * whole.recall(""), "%", "ioos-qc, same limits", 100 * other.recall("")),
    }
    for label in sorted(whole.there, key=lambda label: int(label or 0)):
        if label:
            name = f"{part}_recall_{LABELS[label]}"
            figures[name] = figure(
                whole.recall(label), "1", f"ioos-qc; {whole.there[label]} readings", other.recall(label)
            )
    for column, one in ours.items():
        figures[f"{part}_{column}_precision"] = figure(one.precision, "1", "ioos-qc", theirs[column].precision)
        if one.there.total() > one.there[""]:
            figures[f"{part}_{column}_recall"] = figure(one.all_recall, "1", "ioos-qc", theirs[column].all_recall)
    return figures


def read(part: str) -> dict[str, Column]:
    """The raw columns of a record and the technician's labels."""
    with (Path(hw_sim.__path__[0]) / "recordings" / _FILES[part]).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    times = [int(datetime.fromisoformat(f"{row['time_local']}+00:00").timestamp()) * 1000 for row in rows]
    return {
        name: Column(
            times, [float(row[name]) if row[name] else None for row in rows], [row[f"{name}_qual"] for row in rows]
        )
        for name in _CHANNELS
    }


def judged(columns: dict[str, Column], with_cross: bool = True) -> dict[str, list[bool]]:
    """Whether each reading is suspect or failed, as the gateway comes to it: in the order of time."""
    tests = {name: ChannelQuality(limits(_CHANNELS[name])) for name in columns}
    flags: dict[str, dict[int, int]] = {name: {} for name in columns}
    names = {_CHANNELS[name].quantity: name for name in columns}
    for place, unix_ms in enumerate(next(iter(columns.values())).unix_ms):
        for name, test in tests.items():
            for at, added in test.step(unix_ms, columns[name].values[place]):
                flags[name][at] = flags[name].get(at, 0) | added
        if with_cross:
            readings = {
                quantity: (columns[name].values[place], flags[name].get(unix_ms, 0)) for quantity, name in names.items()
            }
            for quantity, added in cross(readings, _PLACE).items():
                flags[names[quantity]][unix_ms] = flags[names[quantity]].get(unix_ms, 0) | added
    return {
        name: [bool(flags[name].get(unix_ms, 0) & (SUSPECT | FAIL)) for unix_ms in column.unix_ms]
        for name, column in columns.items()
    }


def by_ioos_qc(columns: dict[str, Column]) -> dict[str, list[bool]]:
    """The same limits, each test over the whole column, as that library is used."""
    import numpy as np

    return {name: _by_ioos_qc(column, limits(_CHANNELS[name]), np) for name, column in columns.items()}


def _by_ioos_qc(column: Column, own: Limits, np: Any) -> list[bool]:
    from ioos_qc import qartod

    values = np.array([np.nan if value is None else value for value in column.values])
    times = np.array(column.unix_ms, dtype="datetime64[ms]")
    found = np.zeros(len(values), dtype=bool)
    tests = []
    if own.fail is not None:
        # that library wants what is suspect to lie within what fails
        span = own.suspect and (max(own.suspect[0], own.fail[0]), min(own.suspect[1], own.fail[1]))
        tests.append(qartod.gross_range_test(values, own.fail, span))
    elif own.suspect is not None:
        tests.append(qartod.gross_range_test(values, own.suspect))
    if own.spike_suspect is not None:
        tests.append(qartod.spike_test(values, own.spike_suspect, own.spike_fail, method=own.spike_by))
    if own.rate_suspect_per_s is not None:
        tests.append(qartod.rate_of_change_test(values, times, own.rate_suspect_per_s))
    if own.flat_suspect_ms is not None:
        fail_s = (own.flat_fail_ms or 10 * own.flat_suspect_ms) // 1000
        tests.append(qartod.flat_line_test(values, times, own.flat_suspect_ms // 1000, fail_s, own.flat_tolerance))
    for flags in tests:
        found |= np.isin(np.ma.filled(flags, 9), (3, 4))
    return [bool(one) for one in found]


def score(columns: dict[str, Column], found: dict[str, list[bool]]) -> dict[str, Score]:
    scores = {}
    for name, column in columns.items():
        kept = [place for place, value in enumerate(column.values) if value is not None]
        there = Counter(column.labels[place] for place in kept)
        scores[name] = Score(Counter(column.labels[place] for place in kept if found[name][place]), there)
    return scores


def _together(scores: Any) -> Score:
    found: Counter[str] = Counter()
    there: Counter[str] = Counter()
    for one in scores:
        found += one.found
        there += one.there
    return Score(found, there)
