"""A node's energy: what each part took, to the millijoule, from what its board did."""

import asyncio
from pathlib import Path

import pytest

from gateway.energy.consumption import POWERS, sensor_w
from gateway.site import config
from hw_sim import scenario
from hw_sim.clock import run_virtual, world_clock
from hw_sim.node.energy import Energy
from hw_sim.world import World
from protocols import profiles
from tests.hw_sim.test_board import Bench

RP2 = POWERS["rp2"]


def test_the_account_is_power_times_time_of_each_part() -> None:
    async def main() -> None:
        energy = Energy(world_clock())
        energy.set("radio", 0.04)
        await asyncio.sleep(10)
        energy.set("radio", 0.4)
        energy.set("bus", 1.0)
        assert energy.power_w == pytest.approx(1.4)
        await asyncio.sleep(2)
        energy.set("radio", 0.04)
        energy.set("bus", 0.0)
        energy.add("processor", 0.125)
        assert energy.parts() == pytest.approx({"radio": 1.2, "bus": 2.0, "processor": 0.125})
        assert (energy.peak_w(), energy.peak_w()) == (pytest.approx(1.4), pytest.approx(0.04))
        await asyncio.sleep(5)
        assert energy.parts()["radio"] == pytest.approx(1.4)  # without anybody's doing
        energy.off()
        await asyncio.sleep(1000)
        assert energy.total_j() == pytest.approx(1.4 + 2.0 + 0.125) and energy.power_w == 0.0

    run_virtual(main())


def test_a_board_books_sleep_rails_bus_and_radio() -> None:
    async def main() -> None:
        bench = Bench(world_clock())
        board = bench.board
        await board.sleep_ms(100_000)
        board.rail("probes", True)
        await board.sleep_ms(10_000)
        board.rail("probes", False)
        await board.radio.write(bytes(500))  # a second per thousand bytes on this wire
        line = board.line("uart1", 9600, "N", 1)
        await line.read(2000)
        parts = board.energy.parts()
        assert parts["sleep"] == pytest.approx(110 * RP2.asleep_w)
        assert parts["sensor do"] == pytest.approx(10 * sensor_w(profiles.load("yosemitech_y504")))
        assert parts["radio"] == pytest.approx(112 * RP2.radio_listens_w + 0.5 * RP2.radio_sends_w)
        assert parts["bus uart1"] == pytest.approx(2 * RP2.bus_idle_w)
        assert parts["processor"] == pytest.approx(2.5 * RP2.awake_w)
        board.power_off()
        before_j = board.energy.total_j()
        await asyncio.sleep(1000)
        assert board.energy.total_j() == before_j

    run_virtual(main())


def test_a_driven_bus_costs_more_than_one_that_listens() -> None:
    async def main() -> None:
        board = Bench(world_clock()).board
        line = board.line("uart1", 9600, "N", 1)
        await line.write(bytes(96))
        air_s = 96 * 10 / 9600 + 3.5 * 11 / 9600
        assert board.energy.parts()["bus uart1"] == pytest.approx(air_s * RP2.bus_drives_w, rel=0.01)

    run_virtual(main())


def test_the_nodes_of_a_world_are_on_account_and_their_sensors_by_name(tmp_path: Path) -> None:
    async def main() -> None:
        story = scenario.load(scenario.FOLDER / "scenarios" / "demo.toml")
        site = config.load(story.site_path, {"store.path": str(tmp_path / "store.db")})
        world = World(site, story.signals(1.0), world_clock(), 1, {})
        world.start()
        await asyncio.sleep(600)
        world.check()
        for name, node in world.nodes.items():
            parts = node.board.energy.parts()
            configured = next(entry for entry in site.nodes if entry.name == name)
            assert {f"sensor {sensor.id}" for sensor in configured.sensors} <= set(parts)
            assert all(joule >= 0 for joule in parts.values())
            assert parts["sleep"] / RP2.asleep_w + parts["processor"] / RP2.awake_w == pytest.approx(600, abs=2)
            assert sum(parts.values()) == pytest.approx(node.board.energy.total_j())
        await world.stop()

    run_virtual(main())
