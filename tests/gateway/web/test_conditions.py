"""What of a state somebody should see to."""

import pytest
from msgspec.structs import replace

from gateway.messages import catalogue
from gateway.states import Status
from gateway.web.conditions import URGENT, conditions
from protocols import quality, worth
from tests.gateway.web.station import World, troubled, well


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("world"))


def keys(world: World, status: Status | None) -> list[str]:
    return [one.key for one in conditions(world.site, status)]


def test_of_a_station_of_which_all_is_well_there_is_nothing_to_see_to(world: World) -> None:
    assert keys(world, well(world.site, world.clock.unix)) == []


def test_each_trouble_is_one_and_the_urgent_ones_come_first(world: World) -> None:
    status = troubled(world.site, world.clock.unix)
    assert keys(world, status) == ["clock", "sensor cod", "node outfall", "uplink platform", "reading turb.turbidity"]
    status = replace(status, store=replace(status.store, is_full=True), stuck=("bus river",))
    assert keys(world, status)[:2] == ["stuck bus river", "store"]
    assert keys(world, None) == ["gateway"]


def test_a_lost_bus_or_radio_is_one_trouble_and_not_one_for_each_that_hangs_on_it(world: World) -> None:
    status = troubled(world.site, world.clock.unix)
    assert status.radio is not None
    status = replace(
        status,
        buses=tuple(replace(bus, is_open=False) for bus in status.buses),
        radio=replace(status.radio, is_open=False),
    )
    found = conditions(world.site, status)
    assert [(one.key, one.urgency) for one in found][:2] == [("bus river", URGENT), ("radio", URGENT)]
    assert not [one for one in found if one.key.startswith(("sensor", "node"))]


def test_a_node_may_miss_two_reports(world: World) -> None:
    def after(reports: float) -> list[str]:
        status = well(world.site, world.clock.unix)
        assert status.radio is not None
        heard_ms = world.clock.unix - round(reports * 900_000)
        nodes = tuple(replace(node, heard_unix_ms=heard_ms) for node in status.radio.nodes[:1])
        return keys(world, replace(status, radio=replace(status.radio, nodes=nodes)))

    assert after(3) == []
    assert after(3.01) == ["node upstream"]


def test_every_condition_has_words_for_its_values(world: World) -> None:
    for one in [*conditions(world.site, troubled(world.site, world.clock.unix)), *conditions(world.site, None)]:
        for text in catalogue()[f"condition.{one.word}"].values():
            assert "{" not in text.format(**one.values)


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        (quality.GOOD, None),
        (quality.RANGE, "range"),
        (quality.INVALID | quality.CLOCK, "invalid"),
        (worth.FAIL | worth.GAP | worth.GROSS, "gross"),
        (worth.FAIL, "fail"),
        (worth.SUSPECT | worth.SPIKE, None),
        (quality.NO_REPLY, None),  # its sensor is silent
        (worth.FAIL | worth.GROSS | worth.MAINTENANCE, None),  # somebody has it in his hands
    ],
)
def test_a_reading_that_failed_is_one_with_its_cause(world: World, flags: int, word: str | None) -> None:
    status = well(world.site, world.clock.unix)
    channels = (replace(status.channels[0], quality=flags), *status.channels[1:])
    found = conditions(world.site, replace(status, channels=channels))
    assert [one.values["worth"] for one in found] == ([] if word is None else [word])
