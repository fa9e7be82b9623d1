"""Where somebody works is known until he has gone, or has been gone for long, whatever is started anew meanwhile."""

import asyncio
from pathlib import Path

import pytest

from gateway.app import Gateway
from gateway.control.actions import Actions
from gateway.control.commands import Work
from gateway.control.desk import NotNow
from gateway.control.maintenance import LONGEST_MS, Maintenance
from gateway.store import Store
from hw_sim.clock import run_virtual
from tests.gateway.doubles import RIVER, HandClock, events, sensor, site
from tests.gateway.test_app import Room as Outside

SENSORS = {"do": ["do.temperature", "do.oxygen"], "ph": ["ph.ph"]}
MINUTE_MS = 60_000


class Room:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = HandClock()
        self.store = Store(folder / "store.db", self.clock)
        self.work = Maintenance(SENSORS, self.store)

    def start_again(self) -> None:
        self.store.close()
        self.store = Store(self.folder / "store.db", self.clock)
        self.work = Maintenance(SENSORS, self.store)

    @property
    def where(self) -> dict[str, int]:
        """Channel -> minutes that are left."""
        found = self.work.until_ms(self.clock.unix)
        return {name: (ms - self.clock.unix) // MINUTE_MS for name, ms in found.items()}

    def begin(self, sensor: str | None, *channels: str, minutes: int = 60) -> None:
        self.work.begin(sensor, channels, self.clock.unix, minutes * MINUTE_MS)


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


def test_it_is_of_a_sensor_of_channels_or_of_the_station(room: Room) -> None:
    assert room.where == {}
    room.begin("do")
    assert room.where == {"do.temperature": 60, "do.oxygen": 60}
    room.begin(None, "ph.ph", minutes=5)
    assert room.where == {"do.temperature": 60, "do.oxygen": 60, "ph.ph": 5}
    room.begin(None, minutes=30)
    assert set(room.where.values()) == {30}
    room.begin("do", minutes=0)
    assert room.where == {"ph.ph": 30}
    with pytest.raises(KeyError):
        room.begin("cod")
    with pytest.raises(KeyError):
        room.begin(None, "do.colour")


def test_it_ends_by_itself_and_never_lasts_longer_than_a_visit(room: Room) -> None:
    room.begin("ph", minutes=10)
    room.clock.unix += 10 * MINUTE_MS - 1
    assert room.where == {"ph.ph": 0}
    room.clock.unix += 1
    assert room.where == {}
    room.begin("ph", minutes=100_000)
    assert room.where == {"ph.ph": LONGEST_MS // MINUTE_MS}
    room.clock.unix -= 86_400_000  # the clock is set back by a day: it does not last for that
    assert room.where == {}


def test_a_start_forgets_nothing_of_it(room: Room) -> None:
    room.begin("do", minutes=90)
    room.begin(None, "ph.ph", minutes=60)
    room.begin(None, "do.oxygen", minutes=0)
    room.clock.unix += 30 * MINUTE_MS
    room.start_again()
    assert room.where == {"do.temperature": 60, "ph.ph": 30}
    room.work = Maintenance({"do": ["do.oxygen"]}, room.store)  # the site file is another one now
    assert room.where == {}


def test_who_works_where_is_an_event(room: Room) -> None:
    room.begin("do", minutes=90)
    ((_, detail),) = events(room.folder, "maintenance")
    assert detail == {"sensor": "do", "until_ms": room.clock.unix + 90 * MINUTE_MS}


def test_the_command_says_until_when_and_refuses_what_is_not_there(room: Room) -> None:
    actions = Actions(site(room.folder, RIVER, sensor("ph", 1)), room.store, room.clock, {}, maintenance=room.work)
    answer = asyncio.run(actions.maintenance(Work(minutes=5, sensor="ph"), ""))
    assert answer == {"until_ms": {"ph.ph": room.clock.unix + 5 * MINUTE_MS}}
    with pytest.raises(NotNow, match="no cod"):
        asyncio.run(actions.maintenance(Work(minutes=5, sensor="cod"), ""))


def test_a_gateway_tells_it_in_its_state(tmp_path: Path) -> None:
    async def steps() -> None:
        gateway = Gateway(site(tmp_path, RIVER, sensor("level", 1)), Outside())
        answer = await gateway.desk.ask("ma", "operator", "maintenance", {"sensor": "level", "minutes": 20}, "")
        assert answer["result"] == "done"
        assert set(gateway.status().maintenance) == {"level.pressure", "level.temperature"}
        answer = await gateway.desk.ask("ma", "viewer", "maintenance", {"minutes": 0}, "")
        assert answer["reason"] == "role"
        gateway.store.close()

    run_virtual(steps())
