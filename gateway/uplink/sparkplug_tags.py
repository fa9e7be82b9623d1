"""Knows the tags (devices and their metrics) that a Sparkplug host has of this gateway, and what it believes of each;
knows no topic, no session number and no broker."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from gateway.store import Row, Series
from gateway.uplink.devices import Device, device_of, told_of
from gateway.uplink.sparkplug_payload import BAD, DOUBLE, GOOD, INT32, INT64, STALE, STRING, UINT32, Metric, Property
from protocols import quality, worth

EDGE = ""  # the gateway itself, among the names of devices


class Tag:
    """One metric of a host's tree. `unix_ms`, `quality`: of the value that the host has for current."""

    def __init__(self, name: str, alias: int, unit: str) -> None:
        self.name = name
        self.alias = alias
        self.unit = unit
        self.datatype = INT64
        self.value: int | float | None = None
        self.unix_ms: int | None = None
        self.flags = 0
        self.told = GOOD

    def note(self, value: int | float | None, flags: int, unix_ms: int) -> bool:
        """What is known; False: something newer is."""
        if self.unix_ms is not None and unix_ms < self.unix_ms:
            return False
        self.value, self.flags, self.unix_ms = value, flags, unix_ms
        return True


class Change(NamedTuple):
    """A metric of a device, with the data type in which it is written."""

    owner: str
    metric: Metric
    datatype: int


def quality_of(value: object, flags: int) -> int:
    """Sparkplug's three words (6.4.9.1): a value that can't be had is stale, one of which no mean would be made bad."""
    if value is None:
        return BAD if flags & quality.INVALID else STALE
    return GOOD if worth.is_usable(flags) else BAD


class Tags:
    """Aliases are unique in the gateway (6.4.6) and stay while the process runs."""

    def __init__(self, known: Mapping[str, Device]) -> None:
        self._known = known
        self._tags: dict[str, dict[str, Tag]] = {EDGE: {}}
        self.devices: dict[str, Device] = {}
        self._series: dict[int, tuple[str, tuple[tuple[Tag, int], ...]]] = {}
        self._next = 1

    def learn(self, series: Series) -> tuple[str, bool]:
        """Whose it is, and whether that has tags now of which a birth must tell."""
        device = device_of(series.source, self._known)
        owner, lead = (EDGE, f"{told_of(series.source)}/") if device is None else (device.name, "")
        if device is not None:
            self.devices[owner] = device
        tags = self._tags.setdefault(owner, {})
        is_new = False
        told: list[tuple[Tag, int]] = []
        for channel, unit, decimals in series.channels:
            name = lead + channel
            if name not in tags:
                tags[name] = Tag(name, self._next, unit)
                self._next += 1
                is_new = True
            tag = tags[name]
            if decimals > 0 and tag.datatype == INT64:
                tag.datatype, is_new = DOUBLE, True
            told.append((tag, decimals))
        self._series[series.id] = (owner, tuple(told))
        return owner, is_new

    def knows(self, series: int) -> bool:
        return series in self._series

    def owner(self, series: int) -> str:
        return self._series[series][0]

    def remember(self, rows: Iterable[Row]) -> None:
        """What is current, for the next birth."""
        for row in rows:
            for tag, value, flags in self._cells(row):
                tag.note(value, flags, row.unix_ms)

    def metrics(self, row: Row) -> Iterator[Change]:
        """A row as what changes; what the host has newer already is history to it."""
        owner = self.owner(row.series)
        for tag, value, flags in self._cells(row):
            is_news = tag.note(value, flags, row.unix_ms)
            word = quality_of(value, flags)
            properties = [] if word == GOOD == tag.told and not flags else [Property("Quality", INT32, word)]
            if flags:
                properties.append(Property("Flags", UINT32, flags))
            if is_news:
                tag.told = word
            metric = Metric(value, row.unix_ms, None, tag.alias, None, not is_news, tuple(properties))
            yield Change(owner, metric, tag.datatype)

    def birth(self, owner: str, now_ms: int, is_there: bool) -> list[tuple[Metric, int]]:
        """All metrics of a device with name, alias, type and their current value."""
        found = []
        for tag in self._tags.get(owner, {}).values():
            tag.told = quality_of(tag.value, tag.flags) if is_there else STALE
            properties = [Property("Quality", INT32, tag.told)]
            if tag.unit:
                properties.append(Property("engUnit", STRING, tag.unit))
            at_ms = now_ms if tag.unix_ms is None else tag.unix_ms
            metric = Metric(tag.value, at_ms, tag.name, tag.alias, tag.datatype, False, tuple(properties))
            found.append((metric, tag.datatype))
        return found

    def name(self, owner: str, metric: Metric) -> str | None:
        """What a host means by a metric of a command."""
        if metric.name is not None:
            return metric.name
        return next((tag.name for tag in self._tags.get(owner, {}).values() if tag.alias == metric.alias), None)

    def _cells(self, row: Row) -> Iterator[tuple[Tag, int | float | None, int]]:
        """What a row says; a channel that was not due says nothing."""
        flags: Sequence[int] = row.quality or (0,) * len(row.cells)
        for (tag, decimals), value, flag in zip(self._series[row.series][1], row.cells, flags, strict=True):
            if value is not None:
                yield tag, value if tag.datatype == INT64 else value / 10**decimals, flag
            elif flag & ~quality.CLOCK:
                yield tag, None, flag
