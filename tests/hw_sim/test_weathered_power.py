"""A scenario's batteries feel its weather, its judge what a cut of their nodes takes, its report how it all went."""

import asyncio
from pathlib import Path

import pytest
from msgspec import structs

from gateway.faults import SiteError
from gateway.site import config
from hw_sim import scenario
from hw_sim.clock import run_virtual
from hw_sim.judge.readings import Verdict
from hw_sim.node.battery import BatterySettings
from hw_sim.report.history import History
from hw_sim.report.recorder import Recorder
from hw_sim.run import run
from hw_sim.scenario import Scenario
from hw_sim.virtual import VirtualStation

COLD_WEEK = scenario.load(scenario.find("cold-week"))
DEMO = scenario.load(scenario.find("demo"))


def recorded(story: Scenario, days: float) -> History:
    outcome = run(story, "story", 1, days, record=True)
    assert outcome.failures == () and outcome.history is not None
    return outcome.history


# --- what a cut takes -------------------------------------------------------------------------------------------------


def with_cuts(folder: Path, forgetful: bool) -> tuple[Verdict, int]:
    """The demonstration, its water node cut again and again; `forgetful`: its flash holds nothing over a cut."""

    async def story() -> tuple[Verdict, int]:
        station = VirtualStation(DEMO, folder, 1, 1.0)
        node = station.world.nodes["water"]
        for _ in range(20):
            await asyncio.sleep(17.31)
            node.cut()
            if forgetful:
                node.board.flash.content[:] = b"\xff" * len(node.board.flash.content)
            await asyncio.sleep(3)
            node.boot()
        kept = [cut.unix_ms - cut.kept_ms for cut in node.board.cuts]
        assert all(0 <= age_ms < 1500 for age_ms in kept)  # it keeps a record each second
        return await station.finish(60), len(kept)

    return run_virtual(story())


def test_what_was_read_in_the_wake_of_a_cut_is_cut_and_not_lost(tmp_path: Path) -> None:
    verdict, cuts = with_cuts(tmp_path, forgetful=False)
    channels = sum(channel.node is not None for channel in config.load(DEMO.site_path).channels)
    assert verdict.sound and verdict.complete
    assert 0 < verdict.cut_in_wake <= cuts * channels


def test_what_a_node_had_kept_and_forgets_is_lost(tmp_path: Path) -> None:
    verdict, _ = with_cuts(tmp_path, forgetful=True)
    assert verdict.lost > 0


# --- weather ----------------------------------------------------------------------------------------------------------


def test_boards_and_batteries_feel_the_air_of_the_place_and_panels_its_sun(tmp_path: Path) -> None:
    weather = COLD_WEEK.weather(config.load(COLD_WEEK.site_path), 1, 8)
    assert weather is not None
    air, panel = weather.signal("air.temperature"), weather.signal("panel.output")
    assert min(air(hour * 3600.0) for hour in range(192)) == pytest.approx(-38, abs=0.5)
    assert max(panel(hour * 3600.0) for hour in range(192)) > 30

    async def charged(covered: bool) -> float:
        station = VirtualStation(COLD_WEEK, tmp_path / str(covered), 1, days=8)
        world = station.world
        assert [world.air_c(time_s) for time_s in (0.0, 3e5)] == [air(0.0), air(3e5)]
        world.batteries["outfall"].uncovered = 0.0 if covered else 1.0
        await asyncio.sleep(43_200)
        await world.stop()
        return world.batteries["outfall"].charge

    assert run_virtual(charged(False)) > run_virtual(charged(True)) + 0.05


def test_a_scenario_without_physics_has_no_weather_until_it_has_a_battery() -> None:
    site = config.load(DEMO.site_path)
    assert DEMO.weather(site) is None
    assert structs.replace(DEMO, batteries=(BatterySettings(node="water"),)).weather(site) is not None


@pytest.fixture(scope="module")
def cold_week() -> History:
    return recorded(COLD_WEEK, 4)


def test_in_the_cold_week_a_battery_that_must_not_be_charged_dies_at_night_and_comes_back(cold_week: History) -> None:
    frames = [count for _, count in cold_week.link_frames["upstream"]]
    assert frames[:24] == [5] + [4] * 23  # a report at the boot and each quarter of an hour
    assert frames[48:60] == [0] * 12 and any(frames[60:])
    volts = [value for _, value in cold_week.battery_v["upstream"]]
    assert min(volts) < 4 * 2.8 < 4 * 3.2 < max(volts)


def test_a_controller_keeps_a_node_off_below_twenty_degrees_of_frost(cold_week: History) -> None:
    assert 0 in [count for _, count in cold_week.link_frames["downstream"]]
    assert min(value for _, value in cold_week.battery_v["downstream"]) > 13  # its battery is full


def test_a_panel_under_dust_and_a_drift_lets_a_node_die_until_it_is_swept() -> None:
    history = recorded(scenario.load(scenario.find("dust-storm")), 3)
    frames = [count for _, count in history.link_frames["air"]]
    assert 0 in frames and frames[-2] > 0
    assert max(count for _, count in history.backlog_rows["air"]) < 30  # a dead node has nothing to send


# --- what is recorded -------------------------------------------------------------------------------------------------


def test_backlog_grows_while_there_is_no_way_and_is_gone_at_the_end() -> None:
    history = recorded(scenario.load(scenario.find("outage")), 0.5)
    platform = [count for _, count in history.backlog_rows["platform"]]
    assert max(platform) > 4000 and platform[0] == 0
    assert set(history.backlog_rows) == {"platform", "upstream", "outfall", "downstream"}
    assert max(count for _, count in history.backlog_rows["outfall"]) >= 1


def test_a_recorded_run_is_the_run_itself() -> None:
    story = scenario.load(scenario.find("outage"))
    assert run(story, "a", 2, 0.3, record=True).digest == run(story, "a", 2, 0.3).digest


def test_what_no_sensor_said_and_what_is_lost_stand_in_the_history(tmp_path: Path) -> None:
    async def story() -> History:
        station = VirtualStation(DEMO, tmp_path, 1, 1.0)
        recorder = Recorder(station, 86_400.0)
        await asyncio.sleep(60)
        until_ms = station.clock.unix_ms()
        await station.finish()
        rows = station.platform.delivered["do.temperature"]
        gone, spoilt = rows.pop(3), rows.pop(9)
        rows.append(spoilt._replace(value=spoilt.value + 1234))
        station.watched.clear()
        verdict = station.verdict(until_ms)
        assert (verdict.lost, verdict.wrong_values) == (1, 1)
        history = recorder.history("demo", 1, [], verdict, "", [])
        (channel,) = [channel for channel in history.channels if channel.name == "do.temperature"]
        assert len(channel.lost) == 1 and abs(channel.lost[0] - gone.unix_ms) <= 1500
        assert channel.wrong == [(spoilt.unix_ms, (spoilt.value + 1234) / 10)]
        return history

    history = run_virtual(story())
    assert all(
        not channel.lost and not channel.wrong for channel in history.channels if channel.name != "do.temperature"
    )


# --- the file ---------------------------------------------------------------------------------------------------------

SOUND = """
site = "bench"
[[battery]]
node = "upstream"
cut_v = 11.0
boot_v = 12.5
[[fault]]
kind = "panel_covered"
node = "upstream"
at = "1h"
"""


@pytest.mark.parametrize(
    ("sound", "faulty", "expected"),
    [
        (
            '"upstream"\ncut',
            '"upsteam"\ncut',
            "battery[0].node: site bench has no node 'upsteam'; did you mean upstream?",
        ),
        ("cut_v = 11.0", "cut_v = 13.0", "battery[0].boot_v: 12.5 V must be above cut_v, 13.0 V: "),
        ("boot_v", "chemistry = 'lifepo'\nboot_v", "battery[0].chemistry: "),
        (
            "[[fault]]",
            '[[battery]]\nnode = "upstream"\n[[fault]]',
            "battery[1].node: node 'upstream' has a battery already",
        ),
        (
            'at = "1h"',
            'at = "1h"\n[[fault]]\nkind = "battery_old"\nnode = "outfall"',
            "fault[1].node: node 'outfall' has no ",
        ),
    ],
)
def test_a_wrong_battery_is_named_with_its_path(tmp_path: Path, sound: str, faulty: str, expected: str) -> None:
    path = tmp_path / "story.toml"
    path.write_text(SOUND, "utf-8")
    assert scenario.load(path).batteries == (BatterySettings(node="upstream", cut_v=11.0, boot_v=12.5),)
    assert SOUND.count(sound) == 1
    path.write_text(SOUND.replace(sound, faulty), "utf-8")
    with pytest.raises(SiteError) as caught:
        scenario.load(path)
    assert any(fault.text("en").startswith(expected) for fault in caught.value.faults)
