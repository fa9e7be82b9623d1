"""A rail is on before a slot long enough, and off behind it where that pays; in virtual time."""

from itertools import pairwise
from pathlib import Path

import pytest

from gateway.machine.rails import GpioSwitch, Supply
from gateway.site.config import Rail
from hw_sim.clock import run_virtual
from protocols import quality
from tests.gateway.doubles import RIVER, sensor
from tests.gateway.polled_bus import Bus

PROBES = RIVER + '[[rail]]\nid = "probes"\ngpio = 17\n'
RAIL = 'rail = "probes"\n'


def test_a_probe_has_power_for_its_warm_up_and_settling_and_no_longer(tmp_path: Path) -> None:
    async def steps() -> None:
        bus = Bus(tmp_path, sensor("level", 1, 60) + RAIL, bus=PROBES)  # 0.5 s and 5 s
        await bus.until(600.9)
        history = bus.switches["probes"].history
        assert [on for _, on in history] == [True, False] * 10
        spans = [off - on for (on, _), (off, _) in zip(history[::2], history[1::2], strict=True)]
        assert all(5.5 <= span < 6 for span in spans)
        rows = bus.rows("level")
        assert len(rows) == 10 and all(flags == [] and values[0] for _, values, flags in rows)

    run_virtual(steps())


def test_a_probe_that_must_be_started_is_started_as_soon_as_it_is_warm(tmp_path: Path) -> None:
    async def steps() -> None:
        bus = Bus(tmp_path, sensor("ec", 1, 60, "yosemitech_y520") + RAIL, bus=PROBES)
        await bus.until(600.9)
        rows = bus.rows("ec")
        assert len(rows) == 10 and all(values == [115, 72500] for _, values, _ in rows)
        assert all(at % 60_000 < 300 for at, _, _ in rows)
        assert bus.told("sensor_silent") == []

    run_virtual(steps())


def test_one_rail_serves_several_probes_and_is_on_while_one_needs_it(tmp_path: Path) -> None:
    async def steps() -> None:
        level, other = sensor("level", 1, 60) + RAIL, sensor("ec", 2, 60, "yosemitech_y520") + RAIL
        bus = Bus(tmp_path, level, other, bus=PROBES)
        await bus.until(300.9)
        assert [on for _, on in bus.switches["probes"].history] == [True, False] * 5
        assert all(flags == [] for id in bus.devices for _, _, flags in bus.rows(id))

    run_virtual(steps())


def test_switching_a_short_period_off_does_not_pay(tmp_path: Path) -> None:
    async def steps() -> None:
        bus = Bus(tmp_path, sensor("level", 1, 10) + RAIL, bus=PROBES)
        await bus.until(120.9)
        assert [on for _, on in bus.switches["probes"].history] == [True]
        rows = bus.rows("level")
        assert len(rows) >= 11 and not any(values[0] == 0 and flags == [] for _, values, flags in rows)
        assert bus.told("sensor_silent") == []

    run_virtual(steps())


def test_a_rail_that_can_not_be_switched_is_told_once_each_way_and_ends_nothing(tmp_path: Path) -> None:
    async def steps() -> None:
        bus = Bus(tmp_path, sensor("level", 1, 60) + RAIL, sensor("other", 2, 60), bus=PROBES)
        bus.switches["probes"].broken = True
        await bus.until(300.9)
        assert bus.rows("level")[0][2] == [quality.NO_REPLY] * 2
        assert len(bus.seconds("other")) == 5
        bus.switches["probes"].broken = False
        await bus.until(1500.9)
        assert bus.seconds("level")
        told = bus.told("rail_failed", "rail_back")
        assert [kind for kind, _ in told] == ["rail_failed", "rail_back"]
        assert told[0][1] == {"rail": "probes", "reason": "no such chip"}

    run_virtual(steps())


def test_a_supply_is_off_only_when_nobody_needs_it() -> None:
    history: list[bool] = []

    class Switch:
        def set(self, on: bool) -> None:
            history.append(on)

        def close(self) -> None: ...

    supply = Supply("probes", Switch(), lambda kind, detail: None)
    supply.need("a")
    supply.need("b")
    supply.leave("a")
    assert history == [True]
    supply.leave("b")
    supply.need("a")
    assert history == [True, False, True]


def test_a_machine_without_gpio_says_so_as_an_error_of_the_rail() -> None:
    switch = GpioSwitch(Rail(id="probes", gpio=17, chip="gpiochip99"))
    with pytest.raises(OSError, match=r"gpiod is not installed|gpiochip99 line 17"):
        switch.set(True)
    switch.close()


def test_the_periods_of_a_railed_probe_stay(tmp_path: Path) -> None:
    async def steps() -> None:
        bus = Bus(tmp_path, sensor("level", 1, 60) + RAIL + "periods = { temperature = 120 }\n", bus=PROBES)
        await bus.until(1200.9)
        pressures = [at for at, values, _ in bus.rows("level") if len(values) == 1]
        assert len(pressures) == 20 + 10
        assert [on for _, on in bus.switches["probes"].history] == [True, False] * 20
        ons = [at for at, on in bus.switches["probes"].history if on]
        assert {round(b - a) for a, b in pairwise(ons)} == {60}

    run_virtual(steps())
