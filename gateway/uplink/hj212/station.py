"""Knows what of a site an HJ 212 platform is given: its way, its settings, nodes that it may hurry; knows no packet."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from gateway.control.commands import NodeSeconds, OfNode, Write
from gateway.control.desk import Action, NotNow
from gateway.machine.lines import Opener
from gateway.site.config import Site
from gateway.site.hj212 import Hj212Order, Hj212Uplink
from gateway.store import Store
from gateway.uplink.hj212.forwarder import Hj212Forwarder
from gateway.uplink.hj212.instruments import Tend
from gateway.uplink.hj212.settings import Settings, settings_file

_LONGEST_S = 60.0  # a write to a slow instrument; as gateway/control/desk.py


def forwarder(
    site: Site,
    uplink: Hj212Uplink,
    way: Opener,
    store: Store,
    on_connected: Callable[[], None],
    time_told: Callable[[int, str], bool],
    actions: Mapping[str, Action],
) -> Hj212Forwarder:
    settings = Settings(uplink, settings_file(Path(site.store.path), uplink))
    minute_s = (site.aggregates.minute_s if site.aggregates else 0) or 60
    dense = emergency(site, uplink, actions["emergency"])
    return Hj212Forwarder(
        uplink, way, store, store.clock, settings, on_connected, time_told, dense, minute_s,
        tend=tend(uplink, actions),
    )  # fmt: skip


def tend(uplink: Hj212Uplink, actions: Mapping[str, Action]) -> Tend:
    """Does what the site file lets this platform do to instruments, on its behalf."""

    async def do(order: Hj212Order, value: float) -> None:
        if order.node is not None:
            await actions["wipe"](OfNode(order.node), uplink.id)
        elif order.sensor is not None and order.write is not None:
            async with asyncio.timeout(_LONGEST_S):
                await actions["write"](Write(order.sensor, order.write, value), uplink.id)

    return do


def emergency(site: Site, uplink: Hj212Uplink, action: Action) -> Callable[[int], Awaitable[None]]:
    """Has the nodes that measure for this platform do so densely for so long, if they have a dense period."""
    channels = {factor.channel for factor in uplink.factors}
    nodes = [
        node.name
        for node in site.nodes
        if node.emergency_period_s is not None
        and any(channel.name in channels for sensor in node.sensors for channel in site.channels_of(sensor, node))
    ]

    async def begin(seconds: int) -> None:
        for node in nodes:
            try:
                await action(NodeSeconds(node, seconds), uplink.id)
            except NotNow:
                continue

    return begin
