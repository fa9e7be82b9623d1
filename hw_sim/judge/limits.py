"""Knows what a run may use up of the gateway's memory and disk and of the nodes' energy; knows no reading.

Energy is held against a plan: what the site file's periods ask of sensors, radio and processor, were nothing ever to go
wrong. A rail left on or a radio that never comes to rest takes a multiple of it.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from gateway.energy.budget import DAY_S, day_j, total_j
from gateway.messages import say
from gateway.site.config import Node, Site
from hw_sim.scenario import Accept
from hw_sim.virtual import VirtualStation

_MIB = 1 << 20
_EMPTY_STORE = 256 * 1024  # bytes: tables, indexes, and the pages that SQLite keeps half full


class Used(NamedTuple):
    """What a run has used up; of the write-ahead log and of the waiting rows, the most there were."""

    store_bytes: int
    wal_bytes: int
    waiting_rows: int  # polled and in the gateway's memory only
    node_j: Mapping[str, float]
    span_s: float


class Meter:
    """Looks now and then at what a station uses."""

    def __init__(self, station: VirtualStation) -> None:
        self._station = station
        self._began_s = station.clock.monotonic_ms() / 1000
        self._wal_bytes = 0
        self._waiting_rows = 0

    def look(self) -> None:
        self._wal_bytes = max(self._wal_bytes, _size(Path(f"{self._station.site.store.path}-wal")))
        self._waiting_rows = max(self._waiting_rows, self._station.waiting_rows)

    def used(self) -> Used:
        """Up to now; it goes on."""
        self.look()
        station = self._station
        return Used(
            _size(Path(station.site.store.path)),
            self._wal_bytes,
            self._waiting_rows,
            {name: node.board.energy.total_j() for name, node in station.world.nodes.items()},
            station.clock.monotonic_ms() / 1000 - self._began_s,
        )


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def exceeded(used: Used, accept: Accept, site: Site, measured: int) -> Iterator[str]:
    """Why the use is not accepted, a line each. `measured`: how many readings the store should hold."""
    most = _EMPTY_STORE + accept.store_bytes_per_reading * measured
    if used.store_bytes > most:
        yield say("sim.store_large", mib=_mib(used.store_bytes), most=_mib(most))
    if used.wal_bytes > accept.wal_mib * _MIB:
        yield say("sim.wal_large", mib=_mib(used.wal_bytes), most=f"{accept.wal_mib:g}")
    if used.waiting_rows > accept.waiting_rows:
        yield say("sim.rows_waited", count=used.waiting_rows, most=accept.waiting_rows)
    for node in site.nodes:
        took_wh = used.node_j.get(node.name, 0.0) / 3600
        plan_wh = planned_w(site, node) * used.span_s / 3600
        if took_wh > accept.energy * plan_wh + _START_WH:
            most_text = f"{accept.energy * plan_wh + _START_WH:.2f}"
            yield say("sim.energy", node=node.name, wh=f"{took_wh:.2f}", most=most_text, plan=f"{plan_wh:.2f}")


_START_WH = 0.1  # a boot, the first wake, and that sensors are on from then on (ours): counts in short runs


def _mib(size: float) -> str:
    return f"{size / _MIB:.2f}"


def planned_w(site: Site, node: Node) -> float:
    """The mean power that a node's slice asks for (gateway/energy/budget.py)."""
    return total_j(day_j(site, node)) / DAY_S
