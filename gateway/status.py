"""Knows how the states of all parts become one; knows no part but by its state, and no way to show it."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import starmap

from gateway.ports import Clock
from gateway.process.alarm.rows import Standing
from gateway.site.config import Site
from gateway.states import AlarmState, BusState, ChannelState, EventState, RadioState, ServiceState, Status, UplinkState
from gateway.store import Store
from protocols.fixed_point import decimal_text

_EVENTS = 20


def snapshot(
    site: Site,
    store: Store,
    clock: Clock,
    started_ms: int,
    buses: Sequence[BusState],
    radio: RadioState | None,
    uplinks: Sequence[UplinkState],
    stuck: Sequence[str],
    commands: Mapping[str, int],
    refused_commands: Mapping[str, int],
    alarms: Iterable[Standing] = (),
    services: Mapping[str, tuple[str, int]] | None = None,
) -> Status:
    """The gateway now; it began at monotonic `started_ms`."""
    return Status(
        station=site.station.id,
        unix_ms=clock.unix_ms(),
        is_clock_trusted=clock.is_trusted(),
        running_s=(clock.monotonic_ms() - started_ms) // 1000,
        store=store.state,
        buses=tuple(buses),
        radio=radio,
        uplinks=tuple(uplinks),
        channels=tuple(_channels(site, store)),
        events=tuple(starmap(EventState, store.last_events(_EVENTS))),
        stuck=tuple(stuck),
        commands=dict(commands),
        refused_commands=dict(refused_commands),
        alarms=tuple(AlarmState(**one._asdict()) for one in alarms),
        services=tuple(
            ServiceState(sensor=sensor, state=state, until_ms=until_ms)
            for sensor, (state, until_ms) in sorted((services or {}).items())
        ),
    )


def _channels(site: Site, store: Store) -> list[ChannelState]:
    """In the order of the site file; of a channel in several series the newest reading."""
    names = {series.id: series.channels for series in store.all_series()}
    quantities = {channel.name: channel.quantity for channel in site.channels}
    found: dict[str, ChannelState] = {}
    for row in sorted(store.newest(), key=lambda row: row.unix_ms):
        qualities = row.quality or (0,) * len(row.cells)
        for (name, unit, decimals), cell, quality in zip(names.get(row.series, ()), row.cells, qualities, strict=False):
            if name in quantities and (cell is not None or quality):
                found[name] = ChannelState(
                    channel=name,
                    quantity=quantities[name],
                    unit=unit,
                    value=None if cell is None else decimal_text(cell, decimals),
                    quality=quality,
                    unix_ms=row.unix_ms,
                )
    return [found[name] for name in quantities if name in found]
