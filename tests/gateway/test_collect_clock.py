"""A calendar that is set neither starves a sensor nor repeats or bunches its polls; in virtual time."""

from itertools import pairwise
from pathlib import Path

import pytest

from hw_sim.clock import run_virtual
from tests.gateway.doubles import sensor
from tests.gateway.polled_bus import Bus, Thinking

JUMPS_S = (-28_800.0, 28_800.0, -0.25, 0.4, -619_315_200.3, 1e9, -3.5)


@pytest.mark.parametrize("jump_s", JUMPS_S)
def test_a_jump_of_the_clock_leaves_every_sensor_its_period(tmp_path: Path, jump_s: float) -> None:
    async def steps() -> None:
        bus = Bus(tmp_path, sensor("fast", 1, 1), sensor("slow", 2, 5), sensor("slower", 3, 10))
        await bus.until(30.5)
        bus.gateway_clock.step(jump_s)
        await bus.until(200.5)
        for id, unit_id, period_ms in (("fast", 1, 1000), ("slow", 2, 5000), ("slower", 3, 10_000)):
            asked = bus.ear.questions(unit_id)
            steps_ms = [b - a for a, b in pairwise(asked)]
            assert 0.85 * period_ms <= min(steps_ms) and max(steps_ms) <= 1.15 * period_ms, id
            assert abs(len(asked) - 200_500 // period_ms) <= 1
            # on whole periods again, behind those before it on the same wire
            assert all(unix_ms % period_ms < 250 for unix_ms in bus.stamps(id)[-3:])

    run_virtual(steps())


def test_a_clock_that_is_slewed_takes_the_slots_along(tmp_path: Path) -> None:
    async def steps() -> None:
        bus = Bus(tmp_path, sensor("level", 1, 1))
        for second in range(1, 120):
            await bus.until(second + 0.5)
            bus.gateway_clock.step(0.005)
        assert all(unix_ms % 1000 < 40 for unix_ms in bus.stamps("level"))

    run_virtual(steps())


def test_a_bus_with_more_to_do_than_it_can_says_so_once_and_polls_every_sensor_all_the_same(tmp_path: Path) -> None:
    async def steps() -> None:
        bus = Bus(tmp_path, *[sensor(f"s{i}", i, 1) for i in range(1, 9)], kind=Thinking)
        bus.think(180)
        await bus.until(300.5)
        counts = [len(bus.seconds(id)) for id in bus.devices]
        assert max(counts) - min(counts) <= 2 and min(counts) > 140
        bus.think(5)
        await bus.until(600.5)
        told = bus.told("bus_overloaded", "bus_keeps_up")
        assert [kind for kind, _ in told] == ["bus_overloaded", "bus_keeps_up"]
        assert told[0][1]["skipped"] > 100 and told[1][1]["skipped"] > told[0][1]["skipped"]

    run_virtual(steps())


def test_a_poll_that_lasts_longer_than_half_its_period_loses_no_slot(tmp_path: Path) -> None:
    async def steps() -> None:
        bus = Bus(tmp_path, sensor("long", 1, 1, "yosemitech_y532"), sensor("level", 2, 1), kind=Thinking)
        bus.think(170)  # for each of three blocks and one
        await bus.until(120.9)
        assert len(bus.rows("long")) == len(bus.rows("level")) == 120

    run_virtual(steps())
