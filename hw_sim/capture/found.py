"""Knows what every kind of capture comes down to: samples of channels, and what devices did; knows no kind."""

import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from gateway.site.config import Channel, Site
from hw_sim.signals import Signal
from protocols import quality

Sample = tuple[int, float]  # Unix ms, value in the channel's unit
_WAKE_MS = 1000  # a node starts, and starts its sensors
_EARLY_MS = 1000  # a node's stamps are whole seconds, and its clock is set over a radio


class Exchange(NamedTuple):
    """One question and what the gateway heard after it: `heard` has microseconds after the question's end and bytes;
    `reply` is the PDU that it could believe (None: there was none); `is_clean`: that reply came alone."""

    unix_ms: int
    question: bytes  # unit id and PDU
    heard: tuple[tuple[int, bytes], ...]
    reply: bytes | None
    is_clean: bool


class Found(NamedTuple):
    """What captures hold of a site. `samples`: channel -> in the order of time; `exchanges`: sensor id -> the same.
    `begin_ms` is when a gateway or node had to start to see it all, `end_ms` the last that is known (0: nothing).
    `silent`: sensor id -> Unix ms of questions on record as not answered, where `exchanges` has nothing of it.
    `damaged`: numbers and beginnings of the lines that could not be read."""

    samples: Mapping[str, Sequence[Sample]]
    exchanges: Mapping[str, Sequence[Exchange]]
    begin_ms: int = 0
    end_ms: int = 0
    silent: Mapping[str, Sequence[int]] = MappingProxyType({})
    damaged: tuple[tuple[int, str], ...] = ()


def joined(parts: Iterable[Found]) -> Found:
    """Several captures as one."""
    found = [part for part in parts if part.end_ms]
    samples: dict[str, list[Sample]] = {}
    exchanges: dict[str, list[Exchange]] = {}
    for part in found:
        for channel, more in part.samples.items():
            samples.setdefault(channel, []).extend(more)
        for sensor, others in part.exchanges.items():
            exchanges.setdefault(sensor, []).extend(others)
    silent: dict[str, set[int]] = {}
    for part in found:
        for sensor, times_ms in part.silent.items():
            if sensor not in exchanges:
                silent.setdefault(sensor, set()).update(times_ms)
    for series in samples.values():
        series.sort(key=lambda sample: sample[0])
    for story in exchanges.values():
        story.sort(key=lambda exchange: exchange.unix_ms)
    begin_ms = min((part.begin_ms for part in found), default=0)
    end_ms = max((part.end_ms for part in found), default=0)
    return Found(samples, exchanges, begin_ms, end_ms, {sensor: sorted(times) for sensor, times in silent.items()})


class Readings:
    """What a source without bytes tells, reading by reading in any order."""

    def __init__(self) -> None:
        self.samples: dict[str, list[Sample]] = defaultdict(list)
        self.silent: dict[str, set[int]] = defaultdict(set)

    def take(self, channel: Channel, unix_ms: int, value: float | None, flags: int) -> None:
        """`value` in the channel's unit. What has no certain time is passed over."""
        if flags & quality.CLOCK:
            return
        if value is not None:
            self.samples[channel.name].append((unix_ms, value))
        elif flags & quality.NO_REPLY:
            self.silent[channel.sensor].add(unix_ms)

    def found(self, site: Site) -> Found:
        silent = {sensor: sorted(times_ms) for sensor, times_ms in self.silent.items()}
        return of_samples(self.samples, site)._replace(silent=silent)


def scaled(value: int | None, channel: Channel) -> float | None:
    """A fixed-point value in the channel's unit."""
    return None if value is None else value / 10**channel.decimals


def of_samples(samples: Mapping[str, Sequence[Sample]], site: Site) -> Found:
    """Samples alone, unordered. Their world begins so long before the first that its sensor had warmed up, at a whole
    multiple of the slowest period of all: slots are such multiples."""
    ordered = {channel: sorted(series, key=lambda s: s[0]) for channel, series in samples.items() if series}
    times = [series[place][0] for series in ordered.values() for place in (0, -1)]
    if not times:
        return Found({}, {})
    measuring = {channel.rpartition(".")[0] for channel in ordered}
    every = [*site.sensors, *(sensor for node in site.nodes for sensor in node.sensors)]
    profiles = {sensor.id: site.profile(sensor) for sensor in every if sensor.id in measuring}
    lead_ms = _WAKE_MS + max(profile.warm_up_ms + profile.settle_ms for profile in profiles.values())
    slowest_ms = max(sensor.period_s for sensor in every if sensor.id in measuring) * 1000
    return Found(ordered, {}, (min(times) - lead_ms) // slowest_ms * slowest_ms, max(times))


def held(samples: Sequence[Sample], start_unix_s: int) -> Signal:
    """Samples as truth: each holds until the next one, the first also before its time. It is true a little early, a
    quarter of the time since the one before it, a second at most: whoever samples at the same times again comes sooner
    or later by the error of a clock."""
    times_s = []
    before_ms = -math.inf
    for unix_ms, _ in samples:
        early_ms = min((unix_ms - before_ms) / 4, _EARLY_MS)
        times_s.append((unix_ms - early_ms) / 1000 - start_unix_s)
        before_ms = unix_ms
    values = [value for _, value in samples]

    def signal(time_s: float) -> float:
        return values[max(bisect_right(times_s, time_s) - 1, 0)]

    return signal
