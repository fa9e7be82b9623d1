"""A whole station commissioned, sound and with one thing wrong at a time, each named for what it is; in virtual time,
and once as a technician does it: the command beside the demonstration, a real kill, the certificate checked."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from gateway.site.config import Sensor
from gateway.visit.asking import Answer, Asker, SerialSettings
from gateway.visit.commission.course import Course
from gateway.visit.recognition import Question, request
from hw_sim import scenario
from hw_sim.bus.wire import WireLine
from hw_sim.clock import run_virtual
from hw_sim.desk.visit import Hurried, visit
from hw_sim.faults.hands import ProbesSwapped, UnitIdWrong
from hw_sim.node.battery import BatterySettings
from hw_sim.virtual import VirtualStation

ROOT = Path(__file__).resolve().parents[2]
STORY = scenario.FOLDER / "scenarios"
Verdicts = dict[tuple[str, str], tuple[str, str]]
Act = Callable[[VirtualStation], Awaitable[None]]


def told(course: Course) -> Verdicts:
    """(step, subject) -> verdict and what was seen, each by its key."""
    return {(one.step, one.subject): (one.verdict, one.seen.key.removeprefix("commission.")) for one in course.findings}


def commissioned(
    folder: Path, name: str, node: str | None = None, act: Act | None = None, left_out: Sequence[str] = ("power_cut",),
    during: Act | None = None, by_adapter: bool = False,
    overrides: dict[str, str] | None = None,
) -> Verdicts:  # fmt: skip
    """A scenario without its own faults runs for a while; `act` spoils it; then it is commissioned, and `during`
    happens when the plug is to be pulled."""

    async def story() -> Verdicts:
        loaded = scenario.load(STORY / f"{name}.toml")
        station = VirtualStation(loaded, folder, 1, 1.0, days=1, overrides=overrides)
        await asyncio.sleep(200)
        if act is not None:
            await act(station)
            await asyncio.sleep(90)
        of = next((one for one in station.site.nodes if one.name == node), None)
        person = Hurried()
        one = visit(station, of, person)
        if by_adapter:
            one.direct, one.direct_buses = adapter(station, node), frozenset({"uart1"})
        course = Course(one, left_out)
        await course.run()
        plug = asyncio.create_task(pulled(station, during))
        await course.cut(None)
        await plug
        await station.world.stop()
        station.kill_gateway()
        await asyncio.sleep(1)
        return told(course)

    async def pulled(station: VirtualStation, during: Act | None) -> None:
        if during is not None:
            await asyncio.sleep(20)
            await during(station)

    return run_virtual(story())


def adapter(
    station: VirtualStation, node: str | None
) -> Callable[[Sensor, Sequence[Question]], Awaitable[Sequence[Answer]]]:
    """The technician's own on a node's bus, in a pause of the node."""

    async def ask(sensor: Sensor, questions: Sequence[Question]) -> Sequence[Answer]:
        line = WireLine(station.world.lines[f"{node}.{sensor.bus}"])
        try:
            asker = Asker(line, SerialSettings(9600), station.clock.monotonic_ms, 300)
            answers = []
            for question in questions:
                for _ in range(5):  # the node asks, too
                    answer = await asker.ask(request(sensor.unit_id, question))
                    if answer.is_there:
                        break
                    await asyncio.sleep(0.13)
                answers.append(answer)
            return answers
        finally:
            line.close()

    return ask


def wrong(found: Verdicts) -> Verdicts:
    return {place: what for place, what in found.items() if what[0] == "failed"}


def test_a_sound_station_passes_and_its_sensors_tell_their_serial_numbers(tmp_path: Path) -> None:
    found = commissioned(tmp_path, "swapped-probes")
    cold = {("readings", "cod"): ("failed", "outside")}  # the river has 4.3 degC, a Y551 measures from 5 degC on
    assert wrong(found) == cold
    assert found["bus", "ec"] == ("passed", "is_there_serial") and found["bus", "level"] == ("passed", "is_there")
    assert found["readings", "do"][0] == found["buffer", "bench"][0] == found["uplink", "platform"][0] == "passed"
    assert found["supply", "turb"] == ("passed", "wiped_polled")
    assert found["power_cut", "bench"] == ("skipped", "left_out")


def test_two_probes_that_took_each_others_address_are_both_named(tmp_path: Path) -> None:
    async def swap(station: VirtualStation) -> None:
        ProbesSwapped(sensor="ec", other="chl").begin(station)

    found = commissioned(tmp_path, "swapped-probes", act=swap)
    assert found["bus", "ec"] == found["bus", "chl"] == ("failed", "swapped")
    assert found["bus", "do"][0] == "passed"


def test_a_wrong_address_is_silence_and_a_dead_backhaul_no_uplink(tmp_path: Path) -> None:
    async def spoil(station: VirtualStation) -> None:
        UnitIdWrong(sensor="nh4", unit_id=57).begin(station)
        station.backhaul.cut()

    found = commissioned(tmp_path, "swapped-probes", act=spoil)
    assert found["bus", "nh4"] == ("failed", "silent") and found["readings", "nh4"] == ("failed", "no_reply")
    assert found["uplink", "platform"] == ("failed", "not_connected")
    assert {step for step, _ in wrong(found)} == {"bus", "readings", "uplink"}


def test_a_clock_that_nobody_vouches_for_is_not_trusted(tmp_path: Path) -> None:
    async def flat_cell(station: VirtualStation) -> None:
        station.kill_gateway()
        station.world.gateway_clock.lose(0.0)
        station.start_gateway()

    assert wrong(commissioned(tmp_path, "demo", act=flat_cell)) == {("clock", "demo"): ("failed", "clock_untrusted")}


def test_a_power_cut_costs_the_station_nothing(tmp_path: Path) -> None:
    async def pull(station: VirtualStation) -> None:
        station.kill_gateway()
        await asyncio.sleep(30)
        station.start_gateway()

    found = commissioned(tmp_path, "demo", left_out=(), during=pull)
    assert found["power_cut", "demo"] == ("passed", "survived")


def test_a_plug_that_was_not_pulled_is_no_proof(tmp_path: Path) -> None:
    assert commissioned(tmp_path, "demo", left_out=())["power_cut", "demo"] == ("skipped", "no_cut")


def test_a_sound_node_passes_its_power_cut_too(tmp_path: Path) -> None:
    async def pull(station: VirtualStation) -> None:
        station.world.nodes["water"].cut()
        await asyncio.sleep(10)
        station.world.nodes["water"].boot()

    found = commissioned(tmp_path, "demo", "water", left_out=(), during=pull)
    assert wrong(found) == {}
    assert found["supply", "water"] == ("passed", "wiped")
    assert found["supply", "water.battery"] == ("skipped", "no_volts"), "nobody measured"
    assert found["power_cut", "water"] == ("passed", "node_survived")
    assert found["clock", "water"] == ("passed", "node_clock") and found["radio", "water"][0] == "passed"
    assert found["buffer", "water"] == ("passed", "records_kept") and found["uplink", "platform"][0] == "passed"


def test_a_node_that_knows_its_battery_is_asked_before_and_after_the_wiper(tmp_path: Path) -> None:
    async def measured(station: VirtualStation) -> None:
        station.world.add_battery(BatterySettings(node="water"))
        await asyncio.sleep(60)

    found = commissioned(tmp_path, "demo", "water", act=measured)
    assert wrong(found) == {} and found["supply", "water"] == ("passed", "wiped")
    assert found["supply", "water.battery"] == ("passed", "told")


def test_a_nodes_swapped_probes_are_named_through_the_technicians_adapter(tmp_path: Path) -> None:
    async def swap(station: VirtualStation) -> None:
        ProbesSwapped(sensor="do", other="ec").begin(station)

    found = commissioned(tmp_path, "demo", "water", act=swap, by_adapter=True)
    assert found["bus", "do"] == found["bus", "ec"] == ("failed", "swapped")
    assert found["bus", "turb"][0] == "passed"


def test_a_battery_that_is_low_under_load_refuses_the_wiper(tmp_path: Path) -> None:
    async def drain(station: VirtualStation) -> None:
        station.world.add_battery(BatterySettings(node="water", charge=0.16, cut_v=5.0))
        station.world.nodes["water"].cut()
        station.world.nodes["water"].boot()
        await asyncio.sleep(60)

    found = commissioned(tmp_path, "demo", "water", act=drain)
    assert found["supply", "water"] == ("failed", "node_refused_wipe"), found
    assert found["supply", "water.battery"][1] in ("told_once", "told_low"), "it tells how low"


def test_a_deaf_way_down_is_told_from_a_lossy_way_up(tmp_path: Path) -> None:
    async def spoil(station: VirtualStation) -> None:
        station.world.radio.loss = 0.45

    assert commissioned(tmp_path, "demo", "water", act=spoil)["radio", "water"] in (
        ("failed", "lost_up"), ("failed", "lost_down"),
    )  # fmt: skip


def test_a_node_that_reports_every_quarter_of_an_hour_is_hurried_by_its_emergency_period(tmp_path: Path) -> None:
    laid = {"node.upstream.emergency_period_s": "60"}
    found = commissioned(tmp_path, "swapped-probes", "upstream", overrides=laid)
    assert wrong(found) == {}
    assert found["radio", "upstream"] == ("passed", "heard_no_level"), "five frames would take 75 minutes else"
    assert found["readings", "upstream_do"] == ("passed", "plausible")


RADIO = """
[radio]
rssi_byte = true
shadow_db = 0.0
weather_db = 0.0
[radio.place.water]
east_km = {km}
[radio.place.air]
east_km = 0.5
"""


@pytest.mark.parametrize(("km", "found"), [(1.0, ("passed", "heard")), (4.5, ("failed", "faint"))])
def test_a_link_is_measured_and_needs_its_margin(tmp_path: Path, km: float, found: tuple[str, str]) -> None:
    (tmp_path / "story.toml").write_text((STORY / "demo.toml").read_text("utf-8") + RADIO.format(km=km), "utf-8")
    laid = {
        "radio.rssi_byte": "true",
        "radio.spreading_factor": "8",
        "node.water.report_s": "20",
        "node.air.report_s": "60",
    }
    got = commissioned(tmp_path, str(tmp_path / "story"), "water", overrides=laid)
    assert got["radio", "water"] == found, got


def test_the_desks_station_shows_a_supply_under_load_and_a_link_with_margin(tmp_path: Path) -> None:
    """What `watertower sim desk` gives a technician to commission, in virtual time."""
    found = commissioned(tmp_path, str(scenario.FOLDER / "desk" / "story"), "water")
    assert wrong(found) == {}
    assert found["supply", "water"] == ("passed", "wiped") and found["supply", "water.battery"] == ("passed", "told")
    assert found["radio", "water"] == ("passed", "heard")
    undone = {place for place, (verdict, _) in found.items() if verdict == "skipped"}
    assert undone == {("bus", "uart1"), ("power_cut", "water")}, "what needs an adapter, and what was left out here"


# --- as a technician does it ---


def watertower(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "WATERTOWER_LANG": "en"}
    return subprocess.run(
        [sys.executable, "-m", "gateway", *words], cwd=folder, env=environment, capture_output=True, text=True,
        timeout=150,
    )  # fmt: skip


def test_the_command_goes_on_after_the_cut_that_ended_it_and_signs(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    demo = subprocess.Popen(
        [sys.executable, "-m", "gateway", "demo", "--for", "80", "--kill-at", "55", "--folder", str(folder)],
        cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        end_s = time.monotonic() + 20
        while not (folder / "watertower.sock").exists():
            assert time.monotonic() < end_s, "the demonstration did not start"
            demo.poll()
        while json.loads(watertower("status", "site.toml", "--json", folder=folder).stdout)["store"]["last_seq"] < 40:
            assert time.monotonic() < end_s + 20, "nothing is measured"
        words = [sys.executable, "-m", "gateway", "commission", "demo", "--json", "--technician", "Tashi"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        with subprocess.Popen(
            words, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as first:
            while not (folder / "certificate-demo.part.json").exists():
                assert first.poll() is None and time.monotonic() < end_s + 25, "it did not come to the power cut"
            first.kill()
        run = watertower("commission", "demo", "--json", folder=folder)
        assert run.returncode == 0, run.stdout + run.stderr
        assert "Goes on after the power cut" in run.stderr
        made = json.loads(run.stdout)
        steps = {(one["step"], one["subject"]): one["verdict"] for one in made["steps"]}
        assert steps["power_cut", "demo"] == steps["uplink", "platform"] == steps["buffer", "demo"] == "passed"
        assert {device["name"] for device in made["devices"]} == {"demo", "level", "met"}
        check = watertower("commission", "--check", "certificate-demo.html", folder=folder)
        assert check.returncode == 0 and check.stdout.startswith("sound: demo"), check.stdout
        page = folder / "certificate-demo.html"
        page.write_text(page.read_text("utf-8").replace("Demonstration", "Another"), "utf-8")
        assert watertower("commission", "--check", "certificate-demo.html", folder=folder).returncode == 1
        assert not list(folder.glob("*.part.json")), "what outlives a cut goes when it is not needed any more"
    finally:
        demo.terminate()
        demo.wait()
