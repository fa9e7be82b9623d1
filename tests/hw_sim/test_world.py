"""The demonstration's world in virtual time: both nodes in this process, a hand-made gateway at the radio's end."""

import asyncio
import hashlib
from collections.abc import Callable
from itertools import pairwise

from gateway.site import config
from hw_sim import scenario
from hw_sim.clock import START_UNIX_S, run_virtual, world_clock
from hw_sim.judge.pairing import match
from hw_sim.ledger import Ledger
from hw_sim.world import World
from tests.hw_sim.radio_end import RadioEnd, Recorder

STORY = scenario.load(scenario.FOLDER / "scenarios" / "demo.toml")
SITE = config.load(STORY.site_path)
TRUTH = STORY.signals(SITE, seconds_per_row=1.0)


class Run:
    """What a run of the world left behind."""

    def __init__(
        self, seconds: float, seed: int = 1, loss: float = 0.0, prepare: Callable[[World], None] | None = None
    ):
        async def main() -> None:
            clock = world_clock()
            world = World(SITE, TRUTH, clock, seed, {})
            world.radio.loss = loss
            if prepare is not None:
                prepare(world)
            recorder = Recorder(world.radio)
            end = RadioEnd(SITE, world.radio, clock)
            world.start()
            await asyncio.sleep(seconds)
            world.check()
            await world.stop()
            self.ledger: Ledger = world.ledger
            self.end = end
            self.air = recorder.heard

        run_virtual(main())

    @property
    def hash(self) -> str:
        return hashlib.sha256(repr(self.air).encode()).hexdigest()


def test_both_nodes_send_dated_batches_of_what_their_sensors_answered() -> None:
    run = Run(120)
    assert run.end.refused == []
    assert {node for node, _ in run.end.batches} == {17, 18}
    assert all(batch.boot is None for _, batch in run.end.batches)
    readings = run.end.readings()
    nodes_channels = {channel.name for channel in SITE.channels if channel.node is not None}
    assert set(readings) == nodes_channels
    for channel, arrived in readings.items():
        found = match(run.ledger.readings[channel], arrived, 1500)
        assert (found.wrong, found.wrong_times) == ([], 0)
        due_ms = (START_UNIX_S + 110) * 1000
        assert [reading for reading in found.missing if reading.unix_ms < due_ms] == []
        assert len(arrived) > 60  # the slowest probe settles for 40 s


def test_records_are_numbered_without_a_gap_and_a_second_apart() -> None:
    run = Run(60)
    for records in run.end.records.values():
        assert sorted(records) == list(range(1, len(records) + 1))
        # the first ones were taken before the clock was known: those slots are not whole seconds of Unix time
        times = [record.time_s for _, record in sorted(records.items())][5:]
        assert [b - a for a, b in pairwise(times)] == [1] * (len(times) - 1)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    assert Run(60, seed=5, loss=0.2).hash == Run(60, seed=5, loss=0.2).hash
    assert Run(60, seed=5, loss=0.2).hash != Run(60, seed=6, loss=0.2).hash


def test_a_lossy_radio_loses_packets_but_no_record() -> None:
    run = Run(300, loss=0.2)
    for node, records in run.end.records.items():
        assert len(records) > 250, node
        assert sorted(records) == list(range(1, len(records) + 1))
    for channel, arrived in run.end.readings().items():
        found = match(run.ledger.readings[channel], arrived, 1500)
        assert (found.wrong, found.wrong_times) == ([], 0)


def test_the_gateways_own_sensors_hang_on_its_wires() -> None:
    async def main() -> None:
        world = World(SITE, TRUTH, world_clock(), 1, {})
        assert list(world.lines) == ["river", "water.uart1", "air.uart1"]
        assert {bus: [sensor.id for sensor in sensors] for bus, sensors in world.tcp.items()} == {"roof": ["met"]}
        assert list(world.nodes) == ["water", "air"]

    run_virtual(main())
