"""A long backlog drains at link speed while live values stay young; over the simulated backhaul, in virtual time."""

import asyncio
import json
from pathlib import Path
from typing import NamedTuple

import pytest

from gateway.site.config import MqttUplink
from gateway.store import Store
from gateway.uplink.mqtt import MqttForwarder
from gateway.uplink.watertower import Watertower
from hw_sim.backhaul.backhaul import Backhaul
from hw_sim.clock import run_virtual, world_clock
from hw_sim.platforms.platform import Platform
from hw_sim.streams import Stream
from tests.gateway.doubles import START_MS, numbered
from tests.gateway.test_store import CHANNELS

CELLS = [(12345, 0), (54321, 0), (777, 0)]
_SETTLED_S = 20  # by then a connection stands; what came before it is backlog


class Seen(NamedTuple):
    """Of a run: how old live rows were when they arrived, and what the link did."""

    ages_s: list[float]
    backlog_s: float
    backlog_bytes: int  # carried until the backlog had arrived, live rows and headers included
    seqs: list[int]
    forwarder: MqttForwarder


def drained(
    folder: Path,
    backlog: int,
    delay_s: float,
    bytes_per_s: float | None,
    bytes_per_hour: int | None = None,
    limit_s: float = 20_000,
) -> Seen:
    """Rows of a long outage wait, and one comes each second."""

    async def main() -> Seen:
        loop = asyncio.get_running_loop()
        clock = world_clock()
        store = Store(folder / "store.db", clock)
        series = store.series("sensor do", CHANNELS)
        for number in range(backlog):
            store.add_poll(series, START_MS - 10_000_000 + number, CELLS)
            if number % 10_000 == 0:
                store.commit()  # so many may wait in memory
        store.commit()
        backhaul = Backhaul(Platform(), Stream(1, "backhaul"))
        backhaul.delay_s, backhaul.bytes_per_s = delay_s, bytes_per_s
        came: dict[int, float] = {}
        last_s, size, backlog_bytes = 0.0, 0, 0

        def take(topic: str, payload: bytes) -> None:
            nonlocal last_s, size, backlog_bytes
            if topic.endswith("/data"):
                for row in numbered(json.loads(payload)):
                    came.setdefault(row[0], loop.time())
                    if row[0] <= backlog:
                        last_s = loop.time()
            size += len(topic) + len(payload) + 10
            if last_s == loop.time():
                backlog_bytes = size

        backhaul.session._take = take
        uplink = MqttUplink(id="platform", host="nowhere", bytes_per_hour=bytes_per_hour)
        forwarder = MqttForwarder(uplink, Watertower("demo", clock), backhaul.publisher(), store, clock)
        task = asyncio.create_task(forwarder.run())
        made: dict[int, float] = {}
        while sum(seq <= backlog for seq in came) < backlog and loop.time() < limit_s:
            await asyncio.sleep(1)
            store.add_poll(series, clock.unix_ms(), CELLS)
            store.commit()
            made[store.last_seq] = loop.time()
        await asyncio.sleep(10)
        task.cancel()
        ages_s = [came[seq] - at_s for seq, at_s in made.items() if seq in came and at_s > _SETTLED_S]
        assert len(ages_s) > len(made) - _SETTLED_S - 5
        return Seen(ages_s, last_s, backlog_bytes, list(came), forwarder)

    return run_virtual(main())


@pytest.mark.parametrize(
    ("backlog", "delay_s", "bytes_per_s"),
    [(20_000, 0.3, 5000.0), (2_000, 0.6, 600.0), (40_000, 0.05, 20_000.0), (5_000, 1.4, 2000.0)],
)
def test_a_backlog_drains_at_link_speed_while_live_values_stay_young(
    tmp_path: Path, backlog: int, delay_s: float, bytes_per_s: float
) -> None:
    seen = drained(tmp_path, backlog, delay_s, bytes_per_s)
    assert max(seen.ages_s) < 5
    assert seen.backlog_bytes / bytes_per_s > 0.8 * seen.backlog_s  # the rest: becoming connected, finding the speed
    assert sorted(seen.seqs) == list(range(1, len(seen.seqs) + 1))
    old = [seq for seq in seen.seqs if seq <= backlog]
    assert old == sorted(old) and len(old) == backlog


def test_a_budget_holds_and_live_rows_have_the_last_of_it(tmp_path: Path) -> None:
    seen = drained(tmp_path, 20_000, 0.3, 5000.0, bytes_per_hour=2_000_000, limit_s=900)
    assert 0.22 * 2_000_000 < seen.forwarder.used_bytes < 0.27 * 2_000_000  # a quarter of an hour
    assert max(seen.ages_s) < 5
