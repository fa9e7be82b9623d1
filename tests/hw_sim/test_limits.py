"""What a run may use up: each bound is kept by an ordinary run, and each can be broken."""

import asyncio
from pathlib import Path

import pytest
from msgspec import structs

from gateway.site import config
from hw_sim import scenario
from hw_sim.clock import run_virtual
from hw_sim.judge.limits import Meter, Used, exceeded, planned_w
from hw_sim.run import run
from hw_sim.scenario import Accept
from hw_sim.virtual import VirtualStation

STORY = scenario.load(scenario.find("lightning"))
SITE = config.load(STORY.site_path)
DAY_S = 86_400.0
MEASURED = 30_000


def used(**changes: object) -> Used:
    """A day of the bench station as it should be."""
    plain = Used(
        store_bytes=400_000,
        wal_bytes=4_150_000,
        waiting_rows=8,
        node_j={node.name: planned_w(SITE, node) * DAY_S for node in SITE.nodes},
        span_s=DAY_S,
    )
    return plain._replace(**changes)


def refused(usage: Used, accept: Accept | None = None) -> list[str]:
    return list(exceeded(usage, accept or Accept(), SITE, MEASURED))


def test_an_ordinary_day_is_accepted() -> None:
    assert refused(used()) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"store_bytes": 1_600_000}, "the gateway's store has 1.53 MiB, at most 1.39"),
        ({"wal_bytes": 9 << 20}, "write-ahead log grew to 9.00 MiB, at most 8"),
        ({"waiting_rows": 20_001}, "20001 polled rows waited in the gateway's memory, at most 20000"),
    ],
)
def test_each_bound_of_the_gateway_can_be_broken(change: dict[str, object], said: str) -> None:
    (line,) = refused(used(**change))
    assert said in line


def test_a_node_that_takes_twice_what_its_periods_ask_for_is_refused_by_name() -> None:
    plain = used()
    (line,) = refused(plain._replace(node_j={**plain.node_j, "outfall": 2 * plain.node_j["outfall"]}))
    assert line.startswith("node outfall took ")


def test_the_bounds_are_the_scenarios_own() -> None:
    tight = Accept(store_bytes_per_reading=1.0, wal_mib=1.0, waiting_rows=7, energy=0.5)
    assert len(refused(used(), tight)) == 3 + len(SITE.nodes)


@pytest.mark.parametrize("name", ["gas-leak", "lightning"])
def test_a_run_keeps_near_its_plan_of_energy_and_what_stays_on_does_not(name: str, tmp_path: Path) -> None:
    story = scenario.load(scenario.find(name))

    def took(wasteful: bool) -> float:
        async def main() -> float:
            station = VirtualStation(story, tmp_path / str(wasteful), 1, days=0.1)
            meter = Meter(station)
            node = station.site.nodes[0]
            if wasteful:
                for sensor in node.sensors:
                    station.world.nodes[node.name].board.energy.set(f"stuck {sensor.id}", 0.3)
            await asyncio.sleep(7200)
            usage = meter.used()
            await station.finish()
            return usage.node_j[node.name] / (planned_w(station.site, node) * usage.span_s)

        return run_virtual(main())

    assert 0.5 < took(False) < 1.1
    assert took(True) > took(False) + 0.2


def test_a_run_says_what_it_does_not_accept() -> None:
    tight = structs.replace(STORY, accept=Accept(wal_mib=0.01, energy=0.01))
    outcome = run(tight, "lightning", 1, 0.2)
    assert any("write-ahead log" in line for line in outcome.failures)
    assert any(line.startswith("node upstream took") for line in outcome.failures)
