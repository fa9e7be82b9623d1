"""Knows what a site file says about the worth of readings, and what is wrong with it; tests no reading.

[[quality]] changes a channel's tests: what is left out stays as gateway/process/quality/limit_table.py has it.
[checks] is about channels against each other, [[service]] says when somebody works at a sensor, [[calibration]] what a
probe read in its standards at a deployment's end. Faults are found on the sound part of a file, as in tables.py.
"""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, get_args

from msgspec import Meta, Struct

from gateway.faults import Fault, Tree, doubled, nearest, quoted
from gateway.messages import Phrase
from gateway.process.quality import drift
from gateway.process.quality.drift import Deployment, Standard
from gateway.process.quality.limits import Limits, Season, Span

_Text = Annotated[str, Meta(min_length=1, extra={"allowed": Phrase("allowed.some_text")})]
_Number = Annotated[float, Meta(ge=-1e12, le=1e12)]  # neither infinite nor NaN
_Size = Annotated[float, Meta(ge=0.0, le=1e12)]
_Hours = Annotated[float, Meta(ge=0.01, le=744.0, extra={"unit": "h"})]
_Month = Annotated[int, Meta(ge=1, le=12)]

# RFC 3339 with its offset: a gateway's own zone is nobody's business
Moment = Annotated[
    str,
    Meta(
        pattern=r"^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])[T ](?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d)?"
        r"(?:Z|[+-](?:0\d|1[0-4]):[0-5]\d)\Z",
        extra={"allowed": Phrase("allowed.moment")},
    ),
]

_HOUR_MS = 3_600_000
# test -> the fields of Limits that make it
_TESTS = {
    "fail": ("fail",),
    "suspect": ("suspect",),
    "season": ("seasons",),
    "spike": ("spike_suspect", "spike_fail"),
    "rate": ("rate_suspect_per_s", "rate_fail_per_s"),
    "flat": ("flat_suspect_ms", "flat_fail_ms"),
    "attenuated": ("attenuated_ms",),
    "gap": ("gap_ms",),
}
Test = Literal["fail", "suspect", "season", "spike", "rate", "flat", "attenuated", "gap", "all"]
Check = Literal["ice", "dry", "pm", "oxygen", "level", "thermometer"]
_GRADES = (("spike", 1), ("rate", 1), ("flat", 1), ("attenuated", -1))


class SeasonTable(Struct, frozen=True, kw_only=True):
    """What the months from the first to the second have."""

    months: tuple[_Month, _Month]
    suspect: tuple[_Number, _Number]
    fail: tuple[_Number, _Number] | None = None


class QualityTable(Struct, frozen=True, kw_only=True, rename={"seasons": "season"}):
    """In the channel's unit; rates are per hour. `off` names tests that are not to be made."""

    channel: _Text
    fail: tuple[_Number, _Number] | None = None
    suspect: tuple[_Number, _Number] | None = None
    spike_by: Literal["differential", "average"] | None = None
    spike_suspect: _Size | None = None
    spike_fail: _Size | None = None
    rate_suspect: _Size | None = None
    rate_fail: _Size | None = None
    flat_suspect: _Hours | None = None
    flat_fail: _Hours | None = None
    flat_tolerance: _Size | None = None
    attenuated_by: Literal["std", "range"] | None = None
    attenuated_over: _Hours | None = None
    attenuated_suspect: _Size | None = None
    attenuated_fail: _Size | None = None
    gap_s: Annotated[int, Meta(ge=1, le=31 * 86_400, extra={"unit": "s"})] | None = None
    off: tuple[Test, ...] = ()
    seasons: tuple[SeasonTable, ...] = ()


class Checks(Struct, frozen=True, kw_only=True):
    """Channels against each other: which are not asked, and what the place must say for the others
    (gateway/process/quality/cross.py)."""

    off: tuple[Check, ...] = ()
    level_offset_mm: _Number = 0.0
    level_tolerance_mm: Annotated[float, Meta(ge=1.0, le=1e5, extra={"unit": "mm"})] = 50.0
    dry_below_us_cm: Annotated[float, Meta(ge=0.0, le=1e4, extra={"unit": "uS/cm"})] = 5.0


class Service(Struct, frozen=True, kw_only=True, rename={"start": "from", "end": "to"}):
    """From when to when somebody works at a sensor. What it reads then stays, and counts for nothing."""

    sensor: _Text
    state: Literal["maintenance", "calibration"] = "maintenance"
    start: Moment
    end: Moment


class CalibrationTable(Struct, frozen=True, kw_only=True, rename={"start": "from", "end": "to"}):
    """A deployment between two calibrations, and at its end (true value, what the probe read) in one or two
    standards."""

    channel: _Text
    start: Moment
    end: Moment
    low: tuple[_Number, _Number]
    high: tuple[_Number, _Number] | None = None


def limit_faults(
    tables: list[tuple[str, Tree]], channels: Collection[str] | None, usual: Mapping[str, Limits] | None = None
) -> Iterator[Fault]:
    """Every fault of `tables`, each (path, table). `channels`: the station's, None where not all are known; `usual`:
    what their quantities have where the site says nothing."""
    yield from doubled([(f"{path}.channel", table.get("channel")) for path, table in tables])
    for path, table in tables:
        name = table.get("channel")
        if name is not None and channels is not None and name not in channels:
            yield Fault(f"{path}.channel", "fault.no_station_channel", nearest(name, channels), found=quoted(name))
        yield from _spans(path, table)
        for index, season in enumerate(table.get("season", ())):
            yield from _spans(f"{path}.season[{index}]", season or {})
        for test, sign in _GRADES:
            suspect, fail = table.get(f"{test}_suspect"), table.get(f"{test}_fail")
            if suspect is not None and fail is not None and sign * (fail - suspect) <= 0:
                place, key = f"{path}.{test}_fail", f"{test}_suspect"
                yield Fault(place, "fault.grades", Phrase("hint.grades"), found=fail, suspect=suspect, other=key)
        if usual is not None and name is not None and name in usual:
            yield from _beyond(path, table, usual[name])


def _beyond(path: str, table: Tree, usual: Limits) -> Iterator[Fault]:
    """A suspect limit that lies beyond the fail limit which the quantity has: nothing would ever be only suspect."""
    off = table.get("off", ())
    own = table.get("suspect")
    if own is not None and None not in own and table.get("fail") is None and usual.fail is not None:
        low, high = usual.fail
        if (own[0] < low or own[1] > high) and not {"fail", "all"} & set(off):
            yield _usual(f"{path}.suspect", list(own), "fail", f"[{low:g}, {high:g}]")
    for test, per_unit in (("spike", 1.0), ("rate", 3600.0), ("flat", 1 / _HOUR_MS)):
        own, fail = table.get(f"{test}_suspect"), getattr(usual, _TESTS[test][1])
        if own is None or fail is None or table.get(f"{test}_fail") is not None or {test, "all"} & set(off):
            continue
        if own >= fail * per_unit * (1 - 1e-9):
            yield _usual(f"{path}.{test}_suspect", own, f"{test}_fail", f"{fail * per_unit:g}")


def _usual(path: str, found: object, key: str, usual: str) -> Fault:
    return Fault(path, "fault.usual_fail", Phrase("hint.usual_fail", other=key), found=found, usual=usual, other=key)


def service_faults(tables: list[tuple[str, Tree]], sensors: Collection[str] | None) -> Iterator[Fault]:
    """`sensors`: the station's, None where not all are known."""
    for path, table in tables:
        name = table.get("sensor")
        if name is not None and sensors is not None and name not in sensors:
            yield Fault(f"{path}.sensor", "fault.no_sensor", nearest(name, sensors), found=quoted(name))
        yield from order_faults(path, table)


def calibration_faults(
    tables: list[tuple[str, Tree]], channels: Collection[str] | None, has_hours: bool
) -> Iterator[Fault]:
    """`has_hours`: whether hours are made, which is what is corrected."""
    for path, table in tables:
        name = table.get("channel")
        if name is not None and channels is not None and name not in channels:
            yield Fault(f"{path}.channel", "fault.no_station_channel", nearest(name, channels), found=quoted(name))
        if not has_hours:
            yield Fault(path, "fault.calibration_hours", Phrase("hint.calibration_hours"))
        yield from order_faults(path, table)
        low, high = table.get("low"), table.get("high")
        if low is None or high is None or None in (*low, *high):
            continue
        if drift.fault(Deployment(0, 1, (Standard(*low), Standard(*high)))) is not None:
            yield Fault(f"{path}.high", "fault.same_standard", Phrase("hint.same_standard"))


def order_faults(path: str, table: Tree) -> Iterator[Fault]:
    """A moment that the calendar does not have, and an end before its beginning."""
    moments = {key: _ms_or_none(table[key]) for key in ("from", "to") if table.get(key) is not None}
    for key, moment in moments.items():
        if moment is None:
            yield Fault(f"{path}.{key}", "fault.no_day", found=quoted(table[key]))
    first, last = moments.get("from"), moments.get("to")
    if first is not None and last is not None and first >= last:
        yield Fault(f"{path}.to", "fault.ends_first")


def _ms_or_none(text: str) -> int | None:
    try:
        return moment_ms(text)
    except ValueError:
        return None


def moment_ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def deployment(table: CalibrationTable) -> Deployment:
    pairs = (table.low,) if table.high is None else (table.low, table.high)
    return Deployment(moment_ms(table.start), moment_ms(table.end), tuple(Standard(*pair) for pair in pairs))


def _spans(path: str, table: Tree) -> Iterator[Fault]:
    spans = {}
    for key in ("fail", "suspect"):
        span = table.get(key)
        if span is None or None in span:
            continue
        if span[0] >= span[1]:
            yield Fault(f"{path}.{key}", "fault.span")
        else:
            spans[key] = span
    if len(spans) == 2:
        fail, suspect = spans["fail"], spans["suspect"]
        if suspect[0] < fail[0] or suspect[1] > fail[1]:  # QARTOD: what is suspect lies within what fails
            yield Fault(f"{path}.suspect", "fault.span_outside", found=list(suspect), outer=list(fail))


def own_limits(table: QualityTable) -> dict[str, Any]:
    """The fields of process.quality.limits.Limits that the table gives."""
    given: dict[str, Any] = {
        "fail": table.fail,
        "suspect": table.suspect,
        "spike_by": table.spike_by,
        "spike_suspect": table.spike_suspect,
        "spike_fail": table.spike_fail,
        "rate_suspect_per_s": _over(table.rate_suspect, 3600),
        "rate_fail_per_s": _over(table.rate_fail, 3600),
        "flat_suspect_ms": _hours(table.flat_suspect),
        "flat_fail_ms": _hours(table.flat_fail),
        "flat_tolerance": table.flat_tolerance,
        "attenuated_by": table.attenuated_by,
        "attenuated_ms": _hours(table.attenuated_over),
        "attenuated_suspect": table.attenuated_suspect,
        "attenuated_fail": table.attenuated_fail,
        "gap_ms": None if table.gap_s is None else 1000 * table.gap_s,
        "seasons": tuple(_season(one) for one in table.seasons) or None,
    }
    found = {name: value for name, value in given.items() if value is not None}
    for test in get_args(Test)[:-1] if "all" in table.off else table.off:
        found |= {name: () if name == "seasons" else None for name in _TESTS[test]}
    return found


def _season(table: SeasonTable) -> Season:
    fail: Span | None = table.fail
    return Season(table.months[0], table.months[1], table.suspect, fail)


def _over(value: float | None, divisor: float) -> float | None:
    return None if value is None else value / divisor


def _hours(value: float | None) -> int | None:
    return None if value is None else round(value * _HOUR_MS)
