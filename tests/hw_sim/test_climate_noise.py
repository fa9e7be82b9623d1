"""Random weather as arrays: its distribution, its memory, and that no draw disturbs another."""

import numpy as np
import pytest

from hw_sim.climate.memory import followed, lagged, trailing_mean
from hw_sim.climate.noise import Noise
from hw_sim.streams import Streams


def test_the_first_numbers_never_change() -> None:
    """PCG64 and its seeding are pinned by NumPy (NEP 19), the transforms by this project."""
    assert Noise(Streams(1), "a").uniforms(2).tolist() == [0.33714094084411095, 0.38942561699749045]
    assert Noise(Streams(1), "a").normals(2).tolist() == [-1.263946533203125, -0.5756378173828125]


def test_equal_names_agree_whatever_was_drawn_before() -> None:
    streams = Streams(3)
    first = Noise(streams, "x").normals(50)
    Noise(streams, "y").normals(7)
    streams["x"].random()
    assert np.array_equal(first, Noise(streams, "x").normals(50))
    assert not np.array_equal(first, Noise(streams, "y").normals(50))
    assert not np.array_equal(first, Noise(Streams(4), "x").normals(50))


def test_a_longer_span_begins_with_the_same_numbers() -> None:
    assert np.array_equal(
        Noise(Streams(1), "x").red(500, 7200.0, 600.0), Noise(Streams(1), "x").red(900, 7200.0, 600.0)[:500]
    )


def test_normals_are_normal_up_to_three_deviations() -> None:
    drawn = Noise(Streams(5), "n").normals(400_000)
    assert drawn.mean() == pytest.approx(0.0, abs=0.006)
    assert drawn.std() == pytest.approx(1.0, abs=0.006)
    assert np.mean(np.abs(drawn) > 1.0) == pytest.approx(0.317, abs=0.006)
    assert np.mean(np.abs(drawn) > 2.0) == pytest.approx(0.0455, abs=0.003)
    assert np.mean(np.abs(drawn) > 3.0) == pytest.approx(0.0027, abs=0.001)


@pytest.mark.parametrize("smooth_s", [0.0, 1800.0])
def test_red_noise_has_variance_one_and_forgets_in_tau(smooth_s: float) -> None:
    tau_s = 6 * 3600.0
    values = Noise(Streams(6), "r").red(400_000, tau_s, smooth_s)
    assert values.std() == pytest.approx(1.0, abs=0.03)
    lag = 72  # 6 h
    alike = float(np.mean(values[lag:] * values[:-lag]))
    assert alike == pytest.approx(np.exp(-1), abs=0.08)


def test_a_reservoir_gives_back_all_that_flows_in() -> None:
    inflow = np.zeros(2000)
    inflow[10] = 5.0
    out = lagged(inflow, 3600.0)
    assert out.sum() == pytest.approx(5.0)
    assert out[10 + 12] / out[10] == pytest.approx(np.exp(-1))


def test_a_reservoir_at_rest_stays_at_rest() -> None:
    assert lagged(np.full(50, 4.0), 3600.0).tolist() == pytest.approx([4.0] * 50)


def test_a_varying_memory_is_followed_step_by_step() -> None:
    assert followed(np.array([0.5, 0.0, 1.0]), np.array([1.0, 2.0, 3.0]), 4.0).tolist() == [3.0, 2.0, 5.0]


def test_a_trailing_mean_sees_only_the_past() -> None:
    assert trailing_mean(np.array([2.0, 4.0, 6.0, 8.0]), 2).tolist() == [2.0, 3.0, 5.0, 7.0]
