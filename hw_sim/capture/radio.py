"""Knows what captured frames of the radio say that nodes measured; knows no node's bus and answers nothing."""

from collections.abc import Iterable

from gateway.site import slice
from gateway.site.config import Node, Site
from hw_sim.capture.found import Found, Readings, scaled
from hw_sim.capture.notes import Note
from protocols import batch_reading, link
from protocols.errors import FrameError
from protocols.gateway_session import GatewaySession, Received


def found(notes: Iterable[Note], site: Site) -> Found:
    """Samples of every node of the site whose tag fits its key and whose slice is that of the site."""
    session = GatewaySession(
        {node.id: node.secret for node in site.nodes}, {}, {node.id: slice.schema_of(site, node) for node in site.nodes}
    )
    nodes = {node.id: node for node in site.nodes}
    readings = Readings()
    for note in notes:
        if note.direction not in ("in", "waited"):
            continue
        for event in session.receive(note.data):
            if isinstance(event, Received) and event.kind == link.BATCH:
                _take(event, nodes[event.node], site, readings)
    return readings.found(site)


def _take(event: Received, node: Node, site: Site, readings: Readings) -> None:
    channels = slice.channels_of(site, node)
    try:
        if batch_reading.schema_of(event.body) != slice.schema_of(site, node):
            return
        decoded = batch_reading.decode(event.body, len(channels))
    except FrameError:
        return
    if decoded.boot is None:  # otherwise nobody knows when
        for record in decoded.records:
            for channel, (value, flags) in zip(channels, record.cells, strict=True):
                readings.take(channel, record.time_s * 1000, scaled(value, channel), flags)
