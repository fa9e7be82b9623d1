"""A battery in the cold: what is in reach, what may be charged, and a supervisor that cuts and boots."""

import asyncio
import math
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from gateway.energy.chemistry import CHEMISTRIES, between
from gateway.site import config
from hw_sim import scenario
from hw_sim.clock import WorldClock, run_virtual, world_clock
from hw_sim.node.battery import Battery, BatterySettings
from hw_sim.node.energy import Energy
from hw_sim.signals import Signal, constant
from hw_sim.world import World

DAY_S = 86_400
NO_SUN = constant(0.0)


class Bench:
    """A battery with a load that its supervisor switches."""

    def __init__(self, settings: BatterySettings, load_w: float, celsius: Signal, panel: Signal = NO_SUN) -> None:
        clock: WorldClock = world_clock()
        self.load_w = load_w
        self.energy = Energy(clock)
        self.switched: list[tuple[int, bool]] = []
        self._clock = clock
        self._set(True)
        self.battery = Battery(
            settings, clock, celsius, panel, self.energy, lambda: self._set(False), lambda: self._set(True)
        )
        self.battery.start()

    def _set(self, on: bool) -> None:
        self.energy.set("load", self.load_w if on else 0.0)
        self.switched.append((self._clock.monotonic_ms(), on))


def after(seconds: float, make: Callable[[], Bench]) -> Bench:
    async def main() -> Bench:
        bench = make()
        await asyncio.sleep(seconds)
        return bench

    return run_virtual(main())


LFP = BatterySettings(node="n", cells=4, capacity_ah=10.0, charge=0.9, panel_w=10.0)


def test_a_curve_is_straight_between_points_and_level_beyond() -> None:
    curve = ((0.0, 1.0), (2.0, 5.0), (4.0, 4.0))
    assert [between(curve, x) for x in (-1, 0, 1, 2, 3, 4, 9)] == [1, 1, 3, 5, 4.5, 4, 4]


def test_a_watt_for_a_day_takes_its_ampere_hours() -> None:
    battery = after(DAY_S, lambda: Bench(LFP, 1.0, constant(25.0))).battery
    taken_ah = (1.0 / 0.85 + 0.001) * 24 / 13.2
    assert LFP.capacity_ah * (0.9 - battery.charge) == pytest.approx(taken_ah, rel=0.02)
    assert battery.is_up and 12.8 < battery.volts < 13.4


def test_no_charge_below_freezing_and_charge_above() -> None:
    warm = after(DAY_S / 4, lambda: Bench(LFP, 0.1, constant(1.0), constant(0.3))).battery
    cold = after(DAY_S / 4, lambda: Bench(LFP, 0.1, constant(-1.0), constant(0.3))).battery
    lead = BatterySettings(node="n", chemistry="lead_acid", cells=6, capacity_ah=10.0, charge=0.9, panel_w=10.0)
    assert warm.charge == pytest.approx(1.0)  # and no more than full
    assert cold.charge == 0.9  # the panel feeds the load
    assert after(DAY_S / 4, lambda: Bench(lead, 0.1, constant(-1.0), constant(0.3))).battery.charge > 0.9


def test_cold_puts_charge_out_of_reach_and_warmth_brings_it_back() -> None:
    def winter(time_s: float) -> float:
        return -30.0 if time_s < 3 * DAY_S else 5.0

    bench = after(5 * DAY_S, lambda: Bench(LFP, 1.0, winter))
    charge_when_cut = LFP.capacity_ah * (1 - between(CHEMISTRIES["lifepo4"].reach, -30.0))
    assert [on for _, on in bench.switched] == [True, False, True]
    (_, cut_ms, boot_ms) = [at for at, _ in bench.switched]
    hours = (0.9 * LFP.capacity_ah - charge_when_cut) * 13.0 * 0.85
    assert cut_ms / 3_600_000 == pytest.approx(hours, rel=0.1)
    assert 3 * DAY_S <= boot_ms / 1000 <= 3 * DAY_S + 300
    assert bench.battery.cuts == 1


def test_a_controller_disconnects_the_load_in_the_cold_although_the_battery_is_full() -> None:
    settings = BatterySettings(node="n", charge=1.0, discharge_from_c=-20.0)

    def night(time_s: float) -> float:
        return -15.0 + 10.0 * math.cos(2 * math.pi * time_s / DAY_S)

    bench = after(2 * DAY_S, lambda: Bench(settings, 0.2, night))
    assert [on for _, on in bench.switched] == [True, False, True, False, True]


@pytest.mark.parametrize(("celsius", "factor"), [(25.0, 1.0), (0.0, 2.0), (-20.0, 4.0)])
def test_a_load_pulls_the_voltage_down_and_the_cold_multiplies_it(celsius: float, factor: float) -> None:
    settings = BatterySettings(node="n", cells=4, capacity_ah=1.0, charge=1.0, panel_w=0.0)
    idle = after(11, lambda: Bench(settings, 0.0, constant(celsius))).battery
    loaded = after(11, lambda: Bench(settings, 5.0, constant(celsius))).battery
    ampere = 5.0 / 0.85 / 13.6
    assert idle.volts - loaded.volts == pytest.approx(ampere * 0.04 * 4 * factor, rel=0.1)


def test_hysteresis_decides_between_one_dawn_and_a_hundred_resets() -> None:
    def dawn(time_s: float) -> float:
        return max(math.sin(2 * math.pi * (time_s / DAY_S - 0.25)), 0.0)

    def morning(boot_v: float) -> Bench:
        settings = BatterySettings(
            node="n", cells=4, capacity_ah=2.0, charge=0.021, panel_w=3.0, cut_v=11.9, boot_v=boot_v
        )
        return after(DAY_S, lambda: Bench(settings, 1.0, constant(25.0), dawn))

    calm, nervous = morning(12.9), morning(11.905)
    assert calm.battery.cuts <= 2
    assert nervous.battery.cuts > 20
    spans_s = [(b - a) / 1000 for (a, on), (b, _) in pairwise(nervous.switched) if on]
    assert min(spans_s) <= 60


def test_a_primary_cell_is_never_charged_and_gives_less_to_a_greater_load() -> None:
    settings = BatterySettings(
        node="n", chemistry="li_socl2", cells=2, capacity_ah=19.0, charge=1.0, panel_w=10.0, cut_v=0.1
    )
    idle = after(DAY_S, lambda: Bench(settings, 0.0, constant(25.0), constant(1.0))).battery
    assert idle.charge <= 1.0

    def drawn(milliampere: float) -> float:
        watt = milliampere / 1000 * 7.3 * 0.85
        return 1 - after(DAY_S, lambda: Bench(settings, watt, constant(25.0))).battery.charge

    assert drawn(35.0) / drawn(4.0) == pytest.approx(35 / 4 * 19.0 / 7.0, rel=0.06)  # 7 Ah instead of 19


def test_an_aged_battery_holds_less_and_a_covered_panel_gives_less() -> None:
    def life(change: Callable[[Battery], None]) -> Battery:
        async def main() -> Battery:
            bench = Bench(LFP, 0.5, constant(10.0), constant(0.2))
            change(bench.battery)
            await asyncio.sleep(2 * DAY_S)
            return bench.battery

        return run_virtual(main())

    assert life(lambda battery: battery.age(0.5)).charge == pytest.approx(0.5)
    assert life(lambda battery: setattr(battery, "uncovered", 0.02)).charge < 0.8
    assert life(lambda battery: None).charge == pytest.approx(1.0)


def test_a_node_dies_with_its_battery_and_lives_again_and_loses_nothing_it_kept(tmp_path: Path) -> None:
    async def main() -> None:
        story = scenario.load(scenario.FOLDER / "scenarios" / "demo.toml")
        site = config.load(story.site_path, {"store.path": str(tmp_path / "store.db")})
        world = World(site, story.signals(1.0), world_clock(), 1, {})
        settings = BatterySettings(node="water", capacity_ah=0.05, charge=0.3, panel_w=5.0)
        battery = world.add_battery(settings, panel=lambda time_s: float(time_s > 3000))
        world.start()
        node = world.nodes["water"]
        for _ in range(3000):
            await asyncio.sleep(1)
            if not battery.is_up:
                break
        assert not battery.is_up and battery.cuts == 1
        flash, joule = bytes(node.board.flash.content), node.board.energy.total_j()
        node.boot()  # somebody presses the button
        node.cut("brown_out")
        await asyncio.sleep(600)
        assert node.board.energy.total_j() == joule and node.board.flash.content == flash
        while not battery.is_up:
            await asyncio.sleep(60)
        await asyncio.sleep(60)
        assert node.board.energy.total_j() == joule  # it is off for another reason as well
        node.boot("brown_out")
        await asyncio.sleep(60)
        world.check()
        assert node.board.energy.total_j() > joule and node.board.flash.content != flash
        assert len(node.board.cuts_ms) == 1
        assert all(0 < volts < 15 for _, volts in battery.curve) and len(battery.curve) >= 3
        await world.stop()

    run_virtual(main())
