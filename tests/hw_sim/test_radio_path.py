"""What a path takes of a signal: more with distance, otherwise each hour and each moment, and the same for a seed."""

import statistics
from itertools import pairwise

import pytest

from hw_sim.radio.jam import Jam
from hw_sim.radio.path import Path, loss_db
from hw_sim.radio.settings import RadioSettings
from hw_sim.streams import Stream

STILL = RadioSettings(shadow_db=0.0, weather_db=0.0, rician_k_db=60.0)


def test_loss_grows_with_distance_as_the_exponent_says() -> None:
    losses = [loss_db(STILL, km) for km in (0.1, 1.0, 3.0, 10.0)]
    assert losses == sorted(losses)
    assert losses[3] - losses[1] == pytest.approx(23.2)
    at_868 = RadioSettings(frequency_mhz=868.0)
    assert loss_db(at_868, 1.0) == 128.95  # Petajajarvi et al., ITST 2015, on the ground
    assert loss_db(STILL, 1.0) < loss_db(at_868, 1.0)


def test_a_path_has_one_shadow_and_what_is_in_between() -> None:
    settings = RadioSettings(weather_db=0.0, rician_k_db=60.0)
    means = [Path(settings, seed, "gateway-a", 2.0, 5.0).mean_db - loss_db(settings, 2.0) - 5.0 for seed in range(400)]
    assert statistics.fmean(means) == pytest.approx(0.0, abs=1.2)
    assert statistics.pstdev(means) == pytest.approx(settings.shadow_db, rel=0.12)


def test_weather_has_its_deviation_at_every_time_and_changes_slowly() -> None:
    settings = RadioSettings(shadow_db=0.0, weather_db=3.0, rician_k_db=60.0)
    path = Path(settings, 7, "gateway-a", 1.0, 0.0)
    for share in (0.0, 0.5, 0.9):
        drawn = [path.loss_db((k + share) * settings.weather_s) - path.mean_db for k in range(1500)]
        assert statistics.pstdev(drawn) == pytest.approx(3.0, rel=0.1)
    minutes = [path.loss_db(60.0 * minute) for minute in range(600)]
    assert max(abs(b - a) for a, b in pairwise(minutes)) < 0.8


def test_fading_keeps_the_mean_power_and_now_and_then_takes_much() -> None:
    settings = RadioSettings(shadow_db=0.0, weather_db=0.0, rician_k_db=3.0, coherence_s=2.0)
    path = Path(settings, 7, "gateway-a", 1.0, 0.0)
    drawn = [path.loss_db(2.0 * k) - path.mean_db for k in range(4000)]
    assert statistics.fmean(10 ** (-db / 10) for db in drawn) == pytest.approx(1.0, rel=0.05)
    assert max(drawn) > 12.0
    assert path.loss_db(100.0) == path.loss_db(101.9)


def test_what_was_drawn_does_not_depend_on_who_asked_before() -> None:
    settings = RadioSettings()
    one, other, foreign = (Path(settings, seed, "gateway-a", 1.0, 0.0) for seed in (3, 3, 4))
    for time_s in (5.0, 999.0, 4000.0):
        one.loss_db(time_s)
    assert one.loss_db(9000.0) == other.loss_db(9000.0)
    assert one.loss_db(9000.0) - one.mean_db != pytest.approx(foreign.loss_db(9000.0) - foreign.mean_db, abs=1e-6)


def test_another_user_fills_his_share_however_seldom_he_is_asked() -> None:
    often = Jam(Stream(1, "jam"), share=0.2, burst_s=0.5, level_dbm=-90.0)
    assert statistics.fmean(often.is_busy(0.1 * k) for k in range(50_000)) == pytest.approx(0.2, abs=0.03)
    seldom = Jam(Stream(1, "jam"), share=0.2, burst_s=0.5, level_dbm=-90.0)
    assert statistics.fmean(seldom.is_busy(900.0 * k) for k in range(5000)) == pytest.approx(0.2, abs=0.03)


def test_a_burst_between_two_looks_is_not_overlooked() -> None:
    hits = 0
    for seed in range(500):
        jam = Jam(Stream(seed, "jam"), share=0.2, burst_s=0.5, level_dbm=-90.0)
        jam.is_busy(100.0)
        hits += jam.was_busy(100.0, 102.0)
    assert hits / 500 == pytest.approx(1 - 0.8 * 2.718281828 ** (-2.0 / 2.0), abs=0.06)  # no pause is so long
