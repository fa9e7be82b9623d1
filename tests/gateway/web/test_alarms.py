"""What of a state is an alarm, and what people have said of it."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.messages import catalogue
from gateway.states import Status
from gateway.web.alarms import URGENT, conditions
from gateway.web.history import History
from gateway.web.notes import NoteFile
from gateway.web.station import now
from tests.gateway.web.station import World, troubled, well

HOUR_MS = 3_600_000


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("world"))


def keys(world: World, status: Status | None) -> list[str]:
    return [alarm.key for alarm in conditions(world.site, status)]


def test_a_station_of_which_all_is_well_has_no_alarm(world: World) -> None:
    assert keys(world, well(world.site, world.clock.unix)) == []


def test_each_trouble_is_an_alarm_and_the_urgent_ones_come_first(world: World) -> None:
    status = troubled(world.site, world.clock.unix)
    assert keys(world, status) == ["clock", "sensor cod", "node outfall", "uplink platform", "reading turb.turbidity"]
    status = replace(status, store=replace(status.store, is_full=True), stuck=("bus river",))
    assert keys(world, status)[:2] == ["stuck bus river", "store"]
    assert keys(world, None) == ["gateway"]


def test_a_lost_bus_or_radio_is_one_alarm_and_not_one_for_each_that_hangs_on_it(world: World) -> None:
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


def test_every_alarm_has_words_for_its_values(world: World) -> None:
    for alarm in [*conditions(world.site, troubled(world.site, world.clock.unix)), *conditions(world.site, None)]:
        for text in catalogue()[f"condition.{alarm.word}"].values():
            assert "{" not in text.format(**alarm.values)


def test_what_was_said_outlives_the_process_and_ends_with_its_alarm(tmp_path: Path) -> None:
    path = tmp_path / "notes.json"
    notes = NoteFile(path)
    assert not notes.acknowledge("clock", "somebody", 0)  # there is no such alarm
    notes.keep_to(["clock", "store"], 0)
    assert notes.acknowledge("clock", "somebody", 0)
    assert notes.shelve("store", "somebody", 0, HOUR_MS)
    notes = NoteFile(path)
    notes.keep_to(["clock", "store"], 1)
    assert [note and note.state for note in map(notes.of, ("clock", "store"))] == ["acknowledged", "shelved"]
    notes.keep_to([], 2)
    notes.keep_to(["clock", "store"], 3)
    assert notes.of("clock") is None  # it came again
    assert notes.of("store") is not None
    notes.keep_to(["store"], HOUR_MS)
    assert NoteFile(path).of("store") is None


def test_while_no_gateway_answers_nothing_that_was_said_is_forgotten(world: World) -> None:
    notes, history = NoteFile(world.file.with_name("notes.json")), History(Path(world.site.store.path))

    def look(status: Status | None) -> dict[str, str]:
        found = now(world.site, status, "", history, notes, world.clock.unix)
        return {alarm["key"]: alarm["state"] for alarm in found["alarms"]}

    status = troubled(world.site, world.clock.unix)
    assert look(status)["clock"] == "unacknowledged"
    assert notes.acknowledge("clock", "somebody", world.clock.unix)
    assert look(None) == {"gateway": "unacknowledged"}
    assert look(status)["clock"] == "acknowledged"
    assert look(well(world.site, world.clock.unix)) == {}
    assert look(status)["clock"] == "unacknowledged"


def test_a_shelf_can_be_emptied_and_damaged_notes_are_none(tmp_path: Path) -> None:
    path = tmp_path / "notes.json"
    path.write_bytes(b'{"clock": [')
    notes = NoteFile(path)
    assert notes.of("clock") is None
    notes.keep_to(["clock"], 0)
    assert notes.shelve("clock", "somebody", 0, HOUR_MS)
    assert notes.unshelve("clock")
    assert not notes.unshelve("clock")


def test_a_disk_that_takes_nothing_does_not_stop_a_technician(tmp_path: Path) -> None:
    notes = NoteFile(tmp_path / "no folder" / "notes.json")
    notes.keep_to(["clock"], 0)
    assert notes.acknowledge("clock", "somebody", 0)
    assert notes.of("clock") is not None
