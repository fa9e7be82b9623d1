"""Knows what of a history the page's charts need, packed into a size that is fit to send; knows no HTML."""

import json
import math
from collections.abc import Mapping
from typing import NamedTuple

from gateway.messages import catalogue, quantity_text, say, unit_text
from hw_sim.report.curves import (
    Mark,
    Point,
    decimals_for,
    decimals_of,
    group_marks,
    pack_curve,
    pack_marks,
    stored_points,
)
from hw_sim.report.history import ChannelHistory, Curve, FaultSpan, History

# Widths of a bucket that a person can name, in seconds.
LADDER_S = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)

_MOST_BYTES = 2_700_000  # of charts' JSON; the whole page is to stay below 3 MB
_MOST_NUMBERS = 1_600_000  # a first guess at what fits: 1.3 to 1.8 bytes each
_MOST_MARKS = 1_500  # of one kind on one channel; more are grouped by bucket
_SHOWN_AT_FIRST = 8  # channels: what an eye takes in at once
_VOLT_DECIMALS = 3
_DAY_MS = 86_400_000


class Sorted(NamedTuple):
    """A channel's readings: those beyond doubt as a curve, all others as marks (Unix ms, value or None, flags)."""

    good: list[Point]
    flagged: list[tuple[int, float | None, int]]
    lost: list[tuple[int, float | None, int]]
    wrong: list[tuple[int, float | None, int]]


class Contents(NamedTuple):
    """`json` for the charts, the bucket they were cut into, and each channel's readings and whether it is shown."""

    json: str
    bucket_s: int
    channels: list[Sorted]
    shown: list[bool]


def contents(history: History, lang: str, texts: Mapping[str, str], flags: Mapping[int, str]) -> Contents:
    """Everything the scripts need. `texts` are the words they say, `flags` the names of quality's bits."""
    channels = [sort_readings(channel) for channel in history.channels]
    shown = choose([channel.name for channel in history.channels], channels)
    about = {
        "begin": history.begin_ms,
        "end": max(history.end_ms, history.begin_ms + 1000),
        "texts": dict(texts),
        "flags": [[bit, name] for bit, name in sorted(flags.items())],
        "faults": [_fault(span, lang) for span in history.faults],
    }
    span_ms = span_of(history)
    tick_ms = 1000 if span_ms >= _DAY_MS else 1
    for bucket_s in LADDER_S:
        last = bucket_s == LADDER_S[-1]
        if not last and _numbers(history, channels, span_ms, bucket_s * 1000) > _MOST_NUMBERS:
            continue
        packer = _Packer(span_ms, bucket_s * 1000, tick_ms)
        charts = {
            "bucket": bucket_s * 1000,
            "channels": [
                packer.channel(channel, readings, lang, seen)
                for channel, readings, seen in zip(history.channels, channels, shown, strict=True)
            ],
            "battery": packer.group(history.battery_v, _VOLT_DECIMALS),
            "backlog": packer.group(history.backlog_rows, 0),
            "link": packer.group(history.link_frames, 0),
        }
        text = json.dumps({**about, **charts}, ensure_ascii=False, separators=(",", ":"))
        if last or len(text.encode()) <= _MOST_BYTES:
            break
    return Contents(text, bucket_s, channels, shown)


def span_of(history: History) -> int:
    """Milliseconds of the run, never 0."""
    return max(history.end_ms - history.begin_ms, 1000)


def sort_readings(channel: ChannelHistory) -> Sorted:
    """A reading that is wrong as well as flagged counts as wrong."""
    wrong = {*channel.wrong}
    good: list[Point] = []
    flagged: list[tuple[int, float | None, int]] = []
    for unix_ms, value, flags in channel.delivered:
        if flags == 0 and math.isfinite(value):
            if not wrong or (unix_ms, value) not in wrong:
                good.append((unix_ms, value))
        elif (unix_ms, value) not in wrong:
            flagged.append((unix_ms, value, flags))
    return Sorted(good, flagged, [(unix_ms, None, 0) for unix_ms in channel.lost], [(*row, 0) for row in channel.wrong])


def choose(names: list[str], channels: list[Sorted]) -> list[bool]:
    """Which channels stand open at first: of each quantity the one with the worst marks, then the next worst."""

    def trouble(index: int) -> tuple[int, int, int, int]:
        readings = channels[index]
        return -len(readings.wrong), -len(readings.lost), -len(readings.flagged), index

    order = sorted(range(len(channels)), key=trouble)
    quantities: dict[str, int] = {}
    for index in order:
        quantities.setdefault(names[index].rpartition(".")[2], index)
    first = {*[*quantities.values(), *(index for index in order if index not in quantities.values())][:_SHOWN_AT_FIRST]}
    return [index in first for index in range(len(channels))]


def _fault(span: FaultSpan, lang: str) -> list[object]:
    return [kind_text(span.kind, lang), span.detail, span.begin_ms, span.end_ms]


def _numbers(history: History, channels: list[Sorted], span_ms: int, bucket_ms: int) -> int:
    """How many numbers, more or less, are to be sent with buckets of this width."""
    groups = (history.battery_v, history.backlog_rows, history.link_frames)
    curves = [len(curve) for group in groups for curve in group.values()]
    curves += [len(channel.truth) for channel in history.channels] + [len(readings.good) for readings in channels]
    marks = [len(kind) for readings in channels for kind in (readings.flagged, readings.lost, readings.wrong)]
    most = max(_MOST_MARKS, span_ms // bucket_ms + 1)
    of_curves = sum(stored_points(count, span_ms, bucket_ms) for count in curves)
    return of_curves + sum(6 * min(count, most) for count in marks)


class _Packer:
    """Packs with one width of bucket."""

    def __init__(self, span_ms: int, bucket_ms: int, tick_ms: int) -> None:
        self._span_ms = span_ms
        self._bucket_ms = bucket_ms
        self._tick_ms = tick_ms

    def channel(self, channel: ChannelHistory, readings: Sorted, lang: str, shown: bool) -> dict[str, object]:
        arrived = [value for _, value, _ in channel.delivered] + [value for _, value in channel.wrong]
        fine = decimals_of(arrived) + 1 if arrived else decimals_for([value for _, value in channel.truth])
        decimals = fine - 1 if arrived else fine
        return {
            "name": channel.name,
            "quantity": channel_text(channel, lang),
            "unit": unit_text(channel.unit),
            "shown": shown,
            "truth": self._curve(channel.truth, fine),
            "delivered": self._curve(readings.good, decimals),
            "flagged": self._marks(readings.flagged, decimals),
            "lost": self._marks(readings.lost, decimals),
            "wrong": self._marks(readings.wrong, decimals),
        }

    def group(self, curves: Mapping[str, Curve], decimals: int) -> list[dict[str, object]]:
        return [{"name": name, "curve": self._curve(curve, decimals)} for name, curve in curves.items()]

    def _curve(self, points: Curve, decimals: int) -> list[int | str]:
        return pack_curve(points, self._bucket_ms, self._tick_ms, self._span_ms, decimals)

    def _marks(self, readings: list[tuple[int, float | None, int]], decimals: int) -> list[int | str]:
        marks: list[Mark] = group_marks(readings, self._bucket_ms, _MOST_MARKS)
        return pack_marks(marks, decimals)


def kind_text(kind: str, lang: str) -> str:
    """A fault's kind as it is read: scenarios name it in one word."""
    return say(f"report_kind.{kind}", lang) if f"report_kind.{kind}" in catalogue() else kind.replace("_", " ")


def channel_text(channel: ChannelHistory, lang: str) -> str:
    """What a channel measures: its name is "<sensor>.<register>"."""
    return quantity_text(channel.name.rpartition(".")[2], lang)
