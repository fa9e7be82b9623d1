"""Ground: waves shrink and lag with depth as theory says, freezing water holds 0 degC, no heat is lost."""

import math

import numpy as np
import pytest

from hw_sim.climate import ground
from hw_sim.climate.grid import Array

DAY = 24
YEAR_S = 365.25 * 86400.0


def forced(water: float, surface: Array, start_c: float) -> Array:
    """degC of the layers; the surface's resistance is that of the air."""
    below = ground.Ground(water)
    heat = below.run(surface, np.zeros(len(surface)), below.enthalpy(np.full(len(ground.MID_M), start_c)))
    return below.temperature(heat)


def amplitude(values: Array) -> float:
    return float(values.max() - values.min()) / 2.0


def test_the_annual_wave_shrinks_with_the_damping_depth() -> None:
    """Frozen all the year and without latent heat, so that theory has one diffusivity."""
    hours = np.arange(8 * 366 * DAY)
    layers = forced(0.0, -20.0 + 10.0 * np.cos(hours * 3600.0 * 2 * math.pi / YEAR_S), -20.0)[-366 * DAY :]
    depth = ground.damping_depth(ground.FROZEN_CONDUCTS / ground.FROZEN_HEAT, YEAR_S)
    assert depth == pytest.approx(3.08, abs=0.02)  # sqrt(0.947e-6 * 31557600 / pi)
    top, deep = 5, 17  # 0.55 m and 3.2 m
    between = ground.MID_M[deep] - ground.MID_M[top]
    assert amplitude(layers[:, deep]) / amplitude(layers[:, top]) == pytest.approx(math.exp(-between / depth), rel=0.06)
    later_s = (int(layers[:, deep].argmax()) - int(layers[:, top].argmax())) % (366 * DAY) * 3600.0
    assert later_s == pytest.approx(between / depth * YEAR_S / (2 * math.pi), rel=0.1)


def test_the_daily_wave_dies_within_half_a_metre() -> None:
    hours = np.arange(60 * DAY)
    layers = forced(0.0, -20.0 + 10.0 * np.cos(hours * 2 * math.pi / 24), -20.0)[-2 * DAY :]
    depth = ground.damping_depth(ground.FROZEN_CONDUCTS / ground.FROZEN_HEAT, 86400.0)
    assert depth == pytest.approx(0.161, abs=0.002)
    ratio = amplitude(layers[:, 3]) / amplitude(layers[:, 1])
    assert ratio == pytest.approx(math.exp(-0.2 / depth), abs=0.08)  # layers of 0.1 m blur it a little
    assert amplitude(layers[:, 6]) < 0.05 * amplitude(layers[:, 0])


def test_freezing_ground_waits_at_zero_and_dry_ground_does_not() -> None:
    surface = np.full(120 * DAY, -8.0)
    wet, dry = forced(0.25, surface, 3.0)[:, 5], forced(0.0, surface, 3.0)[:, 5]
    waiting = np.abs(wet) < 0.02
    assert waiting.sum() > 5 * DAY
    assert (np.abs(dry) < 0.02).sum() < DAY
    first, last = np.flatnonzero(waiting)[[0, -1]]
    assert waiting[first : last + 1].all()  # one curtain, not many
    assert wet[-1] < -1.0


def test_heat_that_enters_is_heat_that_stays() -> None:
    below = ground.Ground(0.2)
    begin = below.enthalpy(np.full(len(ground.MID_M), -2.0))
    surface = np.full(90 * DAY, 12.0)
    heat = below.run(surface, np.zeros(len(surface)), begin)
    celsius = np.vstack([below.temperature(begin), below.temperature(heat)])[:-1, 0]
    liquid = np.vstack([below.thawed(begin), below.thawed(heat)])[:-1, 0]
    conducts = ground.FROZEN_CONDUCTS + (ground.THAWED_CONDUCTS - ground.FROZEN_CONDUCTS) * liquid
    entered = ((surface - celsius) / (1 / 15.0 + 0.05 / conducts) * 3600.0).sum()
    layers = np.diff(np.concatenate([[0.0], 2 * (ground.MID_M - np.concatenate([[0.0], ground.MID_M[:-1]]))]))
    thickness = np.array([0.1] * 10 + [0.2] * 5 + [0.4] * 5 + [1.0] * 6 + [2.0] * 3)
    assert len(layers) == len(thickness)
    assert ((heat[-1] - begin) * thickness).sum() == pytest.approx(entered, rel=1e-9)


def test_thaw_deepens_as_stefan_has_it() -> None:
    """sqrt(2 k T t / L): 1.2 W/(m K), 10 degC, 100 days, 0.2 of water: 1.76 m; warming the ground takes some of it."""
    below = ground.Ground(0.2)
    surface = np.full(100 * DAY, 10.0)
    heat = below.run(surface, np.zeros(len(surface)), below.enthalpy(np.full(len(ground.MID_M), -0.5)))
    thawed = ground.thaw_depth(below.thawed(heat))
    assert 1.35 < thawed[-1] < 1.76
    assert thawed[-1] / thawed[25 * DAY - 1] == pytest.approx(2.0, rel=0.12)


def test_snow_keeps_the_ground_warm() -> None:
    below = ground.Ground(0.2)
    surface = np.full(30 * DAY, -20.0)
    begin = below.enthalpy(np.full(len(ground.MID_M), -1.0))
    bare = below.temperature(below.run(surface, np.zeros(len(surface)), begin))[-1, 0]
    covered = below.temperature(below.run(surface, np.full(len(surface), 0.3), begin))[-1, 0]
    assert covered > bare + 3.0


def test_depths_lie_between_layers() -> None:
    layers = np.tile(ground.MID_M * 2.0, (3, 1))
    for depth, values in zip((0.05, 0.3, 1.7, 12.0), ground.at_depths(layers, (0.05, 0.3, 1.7, 12.0)), strict=True):
        assert values.tolist() == pytest.approx([2 * depth] * 3)


def test_frozen_ground_shows_little_moisture() -> None:
    assert ground.liquid_percent(np.array([0.0, 1.0]), 0.2).tolist() == pytest.approx([5.0, 20.0])
