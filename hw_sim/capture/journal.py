"""Knows what a dump of a node's flash says that it measured; knows no radio and no gateway's store."""

from firmware.board import Flash
from firmware.journal import Entry, Journal, State
from firmware.ring import MAGIC as MAGIC
from gateway.site import slice
from gateway.site.config import Site
from hw_sim.capture.found import Found, Readings, scaled
from protocols import batch
from protocols.errors import FrameError
from protocols.varint import Reader

SECTOR_BYTES = Flash.sector_bytes
_MOST = 1 << 30


class _Dump(Flash):
    """Flash that can only be read."""

    def __init__(self, content: bytes) -> None:
        self.sectors = len(content) // SECTOR_BYTES
        self._content = content

    def read(self, offset: int, count: int) -> bytes:
        return self._content[offset : offset + count]


class _Copy(Journal):
    """A journal that is looked at: no boot begins."""

    def note(self, state: State) -> None:
        self.state = state


def found(dump: bytes, site: Site, node: str | None = None) -> Found:
    """Samples of every record whose time is known and whose slice is that of a node of the site (`node`: of this one).
    A part of a sector at the end is taken for one that was never written to its end."""
    content = dump + b"\xff" * (-len(dump) % SECTOR_BYTES)
    readings = Readings()
    wanted = {slice.schema_of(site, one): one for one in site.nodes if node in (None, one.name)}
    copy = _Copy(_Dump(content))
    for entry in copy.read(1, copy.next_number - 1, _MOST):
        if not entry.state.clock_ms or entry.state.schema not in wanted:
            continue
        channels = slice.channels_of(site, wanted[entry.state.schema])
        for channel, (value, flags) in zip(channels, _cells(entry, len(channels)), strict=False):
            readings.take(channel, _unix_s(entry) * 1000, scaled(value, channel), flags)
    return readings.found(site)


def _unix_s(entry: Entry) -> int:
    """When it was measured (firmware/uplink.py: pack_record)."""
    boot_ms = int.from_bytes(entry.payload[:4], "big") * 1000 // 16
    return (entry.state.clock_ms + boot_ms + 500) // 1000


def _cells(entry: Entry, channels: int) -> tuple[tuple[int | None, int], ...]:
    """The record's cells; none when it is no record of so many channels."""
    reader = Reader(entry.payload[4:])
    try:
        cells = batch.take_cells(reader, channels)
        reader.end()
    except FrameError:
        return ()
    return cells
