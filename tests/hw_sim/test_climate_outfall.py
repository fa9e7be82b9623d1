"""Waste in a river: it arrives when the water does, nothing of it is lost, and oxygen pays for it."""

import numpy as np
import pytest

from hw_sim.climate.outfall import Reach, front, passage, share, strengths
from hw_sim.climate.overlays import Slug

HOUR = 3600.0


def arrival(reach: Reach, slug: Slug) -> tuple[float, float]:
    """(s from the middle of the release to the middle of the passage, s of whole strength that pass)."""
    t = np.arange(0.0, 4 * 86400, 60.0)
    shape = passage(slug, t, reach)
    middle = float((shape * t).sum() / shape.sum())
    return middle - slug.at_s - slug.lasts_s / 2, float(shape.sum()) * 60.0


@pytest.mark.parametrize(("distance_m", "velocity"), [(1500.0, 0.5), (5000.0, 0.8), (12_000.0, 1.2)])
def test_a_slug_travels_as_fast_as_the_water_and_arrives_whole(distance_m: float, velocity: float) -> None:
    reach = Reach(distance_m, 2.0, velocity, 20.0, 20.0)
    travel, passed = arrival(reach, Slug(at_s=6 * HOUR, lasts_s=2 * HOUR))
    assert travel == pytest.approx(distance_m / velocity, rel=0.03)  # dispersion adds D/v^2 or two
    assert passed == pytest.approx(2 * HOUR, rel=0.002)


def test_half_of_the_front_has_come_when_the_water_has() -> None:
    assert front(5000.0, 5000.0, 1.0, 1e-3) == pytest.approx(0.5, abs=0.01)
    assert front(5000.0, 4900.0, 1.0, 1e-3) < 1e-6 < 1 - 1e-6 < front(5000.0, 5100.0, 1.0, 1e-3)
    assert front(5000.0, 0.0, 1.0, 10.0) == 0.0


def test_the_front_is_ogata_and_banks_at_every_peclet_number() -> None:
    """Against numerical integration of the first passage time: x / sqrt(4 pi D t^3) exp(-(x - v t)^2 / (4 D t))."""
    for distance, velocity, dispersion in ((100.0, 0.2, 50.0), (2000.0, 0.6, 20.0), (9000.0, 1.5, 5.0)):
        t = np.linspace(1e-3, 2.5 * distance / velocity, 400_001)
        rate = (
            distance
            / np.sqrt(4 * np.pi * dispersion * t**3)
            * np.exp(-((distance - velocity * t) ** 2) / (4 * dispersion * t))
        )
        whole = np.cumsum(rate) * (t[1] - t[0])
        for part in (0.3, 0.5, 0.9):
            index = int(len(t) * part)
            assert front(distance, float(t[index]), velocity, dispersion) == pytest.approx(
                float(whole[index]), abs=2e-3
            )


def test_upstream_nothing_arrives() -> None:
    assert not passage(Slug(at_s=0.0), np.arange(0.0, 86400.0, 300.0), Reach(-1000.0)).any()


def test_waste_is_mixed_by_its_share_of_the_flow() -> None:
    slug = Slug(at_s=0.0, flow_m3_s=0.5, ammonium_mg_l=40.0)
    reach = Reach(0.0, 4.5)
    assert share(slug, reach) == 0.1
    change = strengths(slug, reach)
    assert change["ammonium"] == pytest.approx(4.0)
    assert change["cod"] > 0 and change["conductivity"] > 0 and change["dissolved_oxygen"] < 0


def test_oxygen_sags_and_recovers_as_streeter_and_phelps_have_it() -> None:
    slug = Slug(at_s=0.0, immediate_demand_mg_l=0.0, slow_demand_mg_l=300.0)
    km = np.array(
        [-strengths(slug, Reach(x * 1000.0, 2.0, 0.5, 20.0, 3.0))["dissolved_oxygen"] for x in range(0, 200, 2)]
    )
    assert km[0] == pytest.approx(0.0, abs=1e-9)
    critical_days = np.log(3.0 / 0.4) / (3.0 - 0.4)
    assert int(km.argmax()) * 2 == pytest.approx(critical_days * 86.4 * 0.5, abs=2)
    assert km[-1] < km.max()
