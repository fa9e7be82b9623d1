"""Where the page's map puts what hangs on a station, held against distances that others have reckoned."""

import re
from math import hypot
from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.faults import SiteError, check_text
from gateway.site.config import load
from gateway.web.map import offset_m, places
from tests.gateway.web.station import World


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("world"))


@pytest.mark.parametrize(
    ("latitude", "longitude", "metres"),
    [  # by the series of a degree's length (WGS 84): 111132.95 - 559.85 cos 2p .. and 111412.88 cos p - 93.50 cos 3p ..
        (33.01, 97.0, 1109.1), (33.0, 97.01, 934.5), (32.99, 96.99, 1450.3), (33.0, 97.0, 0.0),
    ],
)  # fmt: skip
def test_distances_are_those_of_the_earth(world: World, latitude: float, longitude: float, metres: float) -> None:
    east_m, north_m = offset_m(world.site.station, latitude, longitude)
    assert hypot(east_m, north_m) == pytest.approx(metres, rel=0.004, abs=0.1)
    assert (east_m > 0, north_m > 0) == (longitude > 97, latitude > 33)


def test_the_date_line_is_crossed_the_short_way(world: World) -> None:
    east_m, _ = offset_m(replace(world.site.station, latitude=0, longitude=179.999), 0, -179.999)
    assert east_m == pytest.approx(222.4, rel=0.001)


def test_only_what_has_a_position_is_on_the_map_and_a_nodes_sensor_knows_its_node(tmp_path: Path) -> None:
    world = World(tmp_path)
    text = world.file.read_text("utf-8")
    world.file.write_text(
        text.replace('id = "upstream_do"', 'id = "upstream_do"\nlatitude = 33.0\nlongitude = 96.99'), "utf-8"
    )
    found = places(load(world.file))
    assert [(one["name"], one["is_node"], one["node"]) for one in found] == [
        ("level", False, None),
        ("turb", False, None),
        ("upstream", True, None),
        ("upstream_do", False, "upstream"),
        ("outfall", True, None),
        ("downstream", True, None),
    ]
    assert (found[2]["north_m"], found[2]["east_m"]) == pytest.approx((1056, -1725), abs=2)
    world.file.write_text(re.sub(r"l(at|ong)itude = \d+\.\d{2,}\n", "", text), "utf-8")
    assert places(load(world.file)) == []


def test_half_a_position_is_a_fault(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.file.write_text(world.file.read_text("utf-8").replace("longitude = 96.9815\n", ""), "utf-8")
    with pytest.raises(SiteError) as found:
        load(world.file)
    assert "node[0]" in "\n".join(check_text(found.value, world.file))
