"""Faults of the air at a whole station: what does not come through at once waits in the node and comes later."""

import asyncio
import tempfile
from pathlib import Path

import msgspec
import pytest

from gateway.faults import SiteError
from hw_sim import scenario
from hw_sim.clock import run_virtual
from hw_sim.faults.base import Fault, seconds
from hw_sim.faults.radio import AntennaOff, RadioFade, RadioJam
from hw_sim.judge.readings import Verdict
from hw_sim.radio.channel import RadioChannel
from hw_sim.radio.settings import GATEWAY, Place, RadioSettings
from hw_sim.timeline import Player, plan
from hw_sim.virtual import VirtualStation
from tests.hw_sim.fault_story import DEMO, live

SETTINGS = RadioSettings(
    places={"water": Place(east_km=1.0), "air": Place(east_km=-1.5)},
    shadow_db=0.0,
    weather_db=0.0,
    rician_k_db=60.0,
    spreading_factor=7,
)
_WHOLE_S = 300.5  # no poll is under way then
NEAR = msgspec.structs.replace(DEMO, radio=SETTINGS)


def lost(folder: Path, *faults: Fault) -> tuple[Verdict, dict[str, int]]:
    ending = live(folder, *faults, story=NEAR, seconds=_WHOLE_S)
    channel = ending.station.world.radio
    assert isinstance(channel, RadioChannel)
    return ending.verdict, channel.at(GATEWAY).lost


def test_with_places_and_nothing_wrong_everything_arrives(tmp_path: Path) -> None:
    verdict, reasons = lost(tmp_path)
    assert verdict.sound and verdict.delivered == verdict.measured > 5_000
    assert reasons["weak"] == 0


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (RadioFade(at="1m", lasts="2m", extra_db=60.0), "weak"),
        (RadioFade(at="1m", lasts="2m", node="water", extra_db=60.0), "weak"),
        (AntennaOff(at="1m", lasts="2m"), "weak"),
        (AntennaOff(at="1m", lasts="2m", node="air"), "weak"),
        (RadioJam(at="1m", lasts="2m", share=0.5, level_dbm=-60.0), "jam"),
    ],
)
def test_what_the_air_takes_comes_later(tmp_path: Path, fault: Fault, reason: str) -> None:
    verdict, reasons = lost(tmp_path, fault)
    assert reasons[reason] > 0
    assert verdict.sound and verdict.delivered == verdict.measured > 5_000


def test_faults_of_the_air_undo_what_they_did(tmp_path: Path) -> None:
    ending = live(
        tmp_path, RadioFade(at="1m", lasts="1m"), AntennaOff(at="1m"), RadioJam(at="1m"), story=NEAR, seconds=200
    )
    channel = ending.station.world.radio
    assert isinstance(channel, RadioChannel) and not channel.fades and not channel.jams


def test_the_same_seed_tells_the_same_story_through_the_air(tmp_path: Path) -> None:
    def digest(folder: str, seed: int) -> str:
        fault = RadioJam(at="1m", share=0.4, level_dbm=-60.0)
        return live(tmp_path / folder, fault, seconds=240, seed=seed, story=NEAR).digest

    assert digest("a", 1) == digest("b", 1) != digest("c", 2)


def test_a_scenario_without_places_has_the_channel_that_is_the_same_for_all(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no \\[radio\\]"):
        live(tmp_path, RadioFade(at="1m"), seconds=120, prepare=lambda station: RadioFade().begin(station))


RADIO = """
site = "bench"
[radio]
spreading_factor = 8
[radio.place.upstream]
east_km = 1
[radio.place.outfall]
east_km = 2
[radio.place.downstream]
east_km = 3
[[radio.ridge]]
between = ["outfall", "gateway"]
loss_db = 10
[[fault]]
kind = "radio_fade"
node = "upstream"
at = "1h"
"""


@pytest.mark.parametrize(
    ("sound", "faulty", "expected"),
    [
        ("= 8", "= 13", "radio.spreading_factor: 13 is out of range; needs a whole number from 7 to 12"),
        ("[radio.place.downstream]\neast_km = 3\n", "", "radio.place.downstream: missing"),
        ("place.outfall", "place.outfal", "radio.place.outfal: site bench has no node 'outfal'; did you mean outfall?"),
        (
            '"gateway"]',
            '"gatewy"]',
            "radio.ridge[0].between[1]: site bench has no node 'gatewy'; did you mean gateway?",
        ),
        ("east_km = 2", "north_km = 2", "radio.place.outfall.east_km: missing"),
        ("loss_db", "los_db", "radio.ridge[0].los_db: unknown key"),
        ('node = "upstream"', 'node = "up"', "fault[0].node: site bench has no node 'up'"),
    ],
)
def test_what_is_wrong_with_the_radio_is_said_with_its_place(
    tmp_path: Path, sound: str, faulty: str, expected: str
) -> None:
    path = tmp_path / "story.toml"
    path.write_text(RADIO, "utf-8")
    assert scenario.load(path).radio is not None
    assert sound in RADIO
    path.write_text(RADIO.replace(sound, faulty), "utf-8")
    with pytest.raises(SiteError) as caught:
        scenario.load(path)
    assert any(fault.text("en").startswith(expected) for fault in caught.value.faults), str(caught.value)
    assert all(fault.text("zh") != fault.text("en") for fault in caught.value.faults)


def test_a_fault_of_the_air_needs_places(tmp_path: Path) -> None:
    path = tmp_path / "story.toml"
    path.write_text('site = "bench"\n[[fault]]\nkind = "radio_jam"\nat = "1h"\n', "utf-8")
    with pytest.raises(SiteError) as caught:
        scenario.load(path)
    (fault,) = caught.value.faults
    assert fault.text("en") == "fault[0].kind: 'radio_jam' needs a [radio] table, which says where the nodes stand"


def test_the_far_nodes_collide_unheard_by_each_other_and_lose_nothing() -> None:
    story = scenario.load(scenario.find("far-nodes"))

    async def main(folder: Path) -> tuple[Verdict, RadioChannel]:
        station = VirtualStation(story, folder, 1, days=0.1)
        player = Player(plan(story.faults, station.world.streams, 8640.0), station)
        await asyncio.sleep(8640.0)
        player.end_all()
        verdict = await station.finish(seconds(story.accept.drain))
        assert isinstance(station.world.radio, RadioChannel)
        return verdict, station.world.radio

    with tempfile.TemporaryDirectory() as folder:
        verdict, channel = run_virtual(main(Path(folder)))
    assert verdict.sound and verdict.delivered == verdict.measured
    assert channel.at(GATEWAY).lost["collision"] > 0
    assert channel.at("outfall").lost["weak"] > 0 and not channel.at("outfall").lost["surge"]
