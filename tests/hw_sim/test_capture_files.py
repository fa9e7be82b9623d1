"""Files from the field, each kind alone: real frames, messages as they are logged, and one command from all to one."""

import asyncio
import csv
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.site import config
from hw_sim import scenario
from hw_sim.bus.sensor import post
from hw_sim.capture import author, bus, held, mqtt
from hw_sim.capture.device import CapturedSensor, Script
from hw_sim.capture.found import Found
from hw_sim.capture.notes import Note
from hw_sim.clock import run_virtual, world_clock
from hw_sim.ledger import Ledger, Reading
from protocols import modbus, profiles, quality
from protocols.modbus import Request
from tests.hw_sim.capture_story import STORY, TROUBLES, live, until, write

ROOT = Path(__file__).resolve().parents[2]
with (ROOT / "tests" / "vectors" / "modbus_captured_frames.csv").open(encoding="utf-8", newline="") as file:
    REAL = {int(row["id"]): bytes.fromhex(row["hex"]) for row in csv.DictReader(file)}


def exchanges(asked: bytes, *came: tuple[str, bytes]) -> list[bus.Exchange]:
    notes = [Note(0, 0, "river", "out", modbus.rtu(asked[0], asked[1:]))]
    notes += [Note(20 * i, 20_000 * i, "river", kind, data) for i, (kind, data) in enumerate(came, 1)]
    return list(bus.exchanges(notes, False))


def test_a_real_reply_that_came_in_two_pieces_is_one_clean_reply() -> None:
    asked = bytes.fromhex("F70300890004")
    (one,) = exchanges(asked, ("in", REAL[19][:2]), ("in", REAL[19][2:]))
    assert one.reply == REAL[19][1:-2] and one.is_clean
    assert one.heard == ((20_000, REAL[19][:2]), (40_000, REAL[19][2:]))
    read = bus.answered(one)
    assert read is not None and read[1] == (0, 0x98, 0x64, 0x64)


def test_a_real_reply_with_a_stale_byte_before_it_is_believed_and_kept_as_it_came() -> None:
    asked = bytes.fromhex("010400000001")
    rotated = REAL[15]
    (one,) = exchanges(asked, ("in", rotated[-1:] + rotated[:-1] + b"\x00"))
    assert one.reply == b"\x04\x02\x01\x01" and not one.is_clean


@pytest.mark.parametrize("heard", [REAL[15], REAL[23], REAL[11]])
def test_real_rubbish_and_the_answer_of_another_unit_are_no_reply(heard: bytes) -> None:
    (one,) = exchanges(bytes.fromhex("010400000001"), ("in", heard), ("in", b""))
    assert one.reply is None and not one.is_clean and one.heard == ((20_000, heard),)


def test_what_the_gateway_found_before_its_next_question_is_no_reply_to_the_last_one() -> None:
    asked = bytes.fromhex("F70300890004")
    (one,) = exchanges(asked, ("in", b""), ("waited", REAL[19]))
    assert one.reply is None and one.heard == ((30_000, REAL[19]),)  # half-way between its last look and this one


def test_samples_hold_until_a_little_before_the_next_and_the_first_always() -> None:
    signal = held([(10_000, 1.0), (20_000, 2.0), (20_400, 3.0)], 5)
    assert [signal(time_s) for time_s in (0, 5, 13.9, 14.0, 15, 15.29, 15.3, 1e6)] == [1, 1, 1, 2, 2, 2, 3, 3]


def test_a_script_gives_each_exchange_once_near_its_time_and_knows_a_silence_that_goes_on() -> None:
    asked, other = b"\x01\x03\x00\x00\x00\x01", b"\x01\x03\x00\x01\x00\x01"
    reply = ((30_000, b"..."),)
    story = [
        bus.Exchange(1_010_000, asked, reply, b"\x03\x02\x00\x07", True),
        bus.Exchange(1_020_000, asked, (), None, False),
        bus.Exchange(1_020_350, asked, reply, b"\x03\x02\x00\x08", True),
    ]
    script = Script(story, 1000, 10)
    assert script.take(other, 10_000) is None
    assert script.take(asked, 4_900) is None  # half a period too soon
    assert script.take(asked, 10_200) is story[0]
    assert script.take(asked, 10_200) is None
    assert script.take(asked, 19_900) is story[1]
    assert script.was_silent(20_100) and not script.was_silent(10_100) and not script.was_silent(20_350)
    assert not script.was_silent(0)
    assert script.take(asked, 30_000) is None  # nobody asked the last one again


def test_a_captured_sensor_stays_silent_to_new_questions_and_answers_from_the_truth_under_a_new_trouble() -> None:
    """Exchanges: silent at 10 s, words at 20 s, a refusal at 30 s."""
    profile = profiles.load("renke_wind_direction")
    asked, other = (Request(1, profile.function, address, 1).pdu() for address in (0, 1))
    question = b"\x01" + asked
    busy, words = b"\x83\x06", b"\x03\x02\x00\x07"
    story = [
        bus.Exchange(10_000, question, (), None, False),
        bus.Exchange(20_000, question, ((40_000, b""),), words, True),
        bus.Exchange(30_000, question, ((20_000, b""),), busy, True),
    ]

    async def steps() -> None:
        ledger, clock = Ledger(), world_clock()
        sensor = CapturedSensor(Script(story, 0, 10), "vane", profile, 1, {}, ledger, clock)
        name = profile.registers[0].name
        sensor.posts = {1: post("vane", profile, profile.registers, ledger)}
        await asyncio.sleep(10)
        assert sensor.answer(asked) is None
        await asyncio.sleep(4)
        assert sensor.answer(other) is None, "still silent"
        await asyncio.sleep(6)
        assert sensor.answer(asked) == words and sensor.latency_ms == 40
        assert ledger.readings[f"vane.{name}"] == [Reading(clock.unix_ms(), 7 * 10 ** profile.registers[0].decimals)]
        assert sensor.answer(asked) == b"\x03\x02\x00\x00", "not asked twice then: the truth, which is 0 here"
        await asyncio.sleep(10)
        assert sensor.answer(asked) == busy
        assert sensor.answer(other) == b"\x03\x02\x00\x00"
        sensor.broken = True
        assert sensor.answer(other) is None

    run_virtual(steps())


@pytest.fixture
def site(tmp_path: Path) -> config.Site:
    write(tmp_path / "site", STORY)
    return config.load(tmp_path / "site" / "site.toml")


SERIES = 'watertower/field/series/1 {"series":1,"source":"sensor level","channels":[["level.pressure","bar",5]]}'


@pytest.mark.parametrize(
    "when", ["1780272005.280917914", "1780272005280", "2026-06-01T00:00:05+0000", "2026-06-01T00:00:05.280Z"]
)
def test_a_log_may_have_any_usual_time_and_rows_may_come_before_their_series_and_twice(
    tmp_path: Path, site: config.Site, when: str
) -> None:
    row = (
        'watertower/field/data {"complete":0,"first":1,"unix_ms":1780272005011,'
        '"rows":[[1,0,[0.5]],[1,4989,[null],[1]]]}'
    )
    guess = 'watertower/field/data {"complete":0,"first":3,"unix_ms":5000,"rows":[[1,0,[0.7],[16]]]}'
    other = "watertower/elsewhere/data {}"
    lines = [row, SERIES, row, guess, other, 'watertower/field/status {"online":true,"unix_ms":1}', "some/thing else"]
    (tmp_path / "log").write_text("".join(f"{when} {line}\n" for line in lines), "utf-8")
    found = mqtt.found(tmp_path / "log", site)
    assert found.damaged == ()
    assert found.samples == {"level.pressure": [(1_780_272_005_011, 0.5)]}
    assert found.silent == {"level": [1_780_272_010_000]}


@pytest.mark.parametrize("line", ["rubbish", f"noon {SERIES}", f"{SERIES}", "1780272005 watertower/field/data [1,2]"])
def test_a_line_of_another_form_is_damage(tmp_path: Path, site: config.Site, line: str) -> None:
    (tmp_path / "log").write_text(f"1780272005 {SERIES}\n{line}\n", "utf-8")
    assert [number for number, _ in mqtt.found(tmp_path / "log", site).damaged] == [2]


def test_silences_reach_half_a_period_farther_than_is_known(site: config.Site) -> None:
    samples = {"level.pressure": [(100_000, 1.0), (130_000, 1.0)]}
    found = Found(samples, {}, 0, 200_000, {"level": [105_000, 110_000, 150_000]})
    assert author.silences(found, site) == [("level", 102_500, 127_500), ("level", 147_500, 152_500)]


def sim(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gateway", "sim", *words, "--lang", "en"],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_one_command_makes_a_scenario_of_everything_that_was_captured(tmp_path: Path) -> None:
    first = live(write(tmp_path / "site", STORY + TROUBLES), tmp_path / "store", tmp_path / "notes", tmp_path / "log")
    (tmp_path / "water.bin").write_bytes(first.station.world.nodes["water"].board.flash.content)

    made = sim(
        tmp_path, "capture", "site/site.toml", "notes/river.jsonl", "notes/roof.jsonl", "water.bin", "-o", "all.toml"
    )
    assert made.returncode == 0, made.stderr
    assert made.stdout.startswith("all.toml: 39 channels for 0.02") and "read 0" not in made.stdout
    again = live(tmp_path / "all.toml", tmp_path / "all-store")
    assert until(again.rows["sensor do"], first.end_ms) == until(first.rows["sensor do"], first.end_ms)
    kinds = [one.kind for one in scenario.load(tmp_path / "all.toml").captures]
    assert kinds == ["bus", "bus", "journal"]
    ran = sim(tmp_path, "run", "all.toml", "--days", "0.01")
    assert ran.returncode == 0 and ran.stdout.splitlines()[-1] == "judge: ok"
    assert sim(tmp_path, "run", "all.toml", "--days", "0.01").stdout == ran.stdout


def test_of_a_log_the_silences_become_faults(tmp_path: Path) -> None:
    path = write(tmp_path / "site", STORY + TROUBLES)
    live(path, tmp_path / "store", None, tmp_path / "log")
    made = sim(tmp_path, "capture", "site/site.toml", "log", "-o", "log.toml")
    assert made.returncode == 0, made.stderr
    again = live(tmp_path / "log.toml", tmp_path / "log-store")
    silent = [row[0] for row in again.rows["sensor met"] if row[2][0] & quality.NO_REPLY]
    begin_ms = 1_780_272_000_000
    assert 180_000 <= silent[0] - begin_ms <= 185_000 and silent[-1] - begin_ms < 480_000 and len(silent) > 5


def test_the_command_says_what_is_wrong_in_a_sentence(tmp_path: Path) -> None:
    write(tmp_path / "site", STORY)
    (tmp_path / "torn.jsonl").write_text('{"t":1,"line":"river","direction":"open"}\n{"t":', "utf-8")
    missing = sim(tmp_path, "capture", "site/site.toml", "none", "-o", "x.toml")
    assert missing.returncode == 1 and "none" in missing.stderr
    torn = sim(tmp_path, "capture", "site/site.toml", "torn.jsonl", "-o", "x.toml")
    assert torn.returncode == 2 and "x.toml: capture[0].file: line 2 of torn.jsonl can't be read" in torn.stderr
    no_site = sim(tmp_path, "capture", "nowhere.toml", "torn.jsonl", "-o", "x.toml")
    assert no_site.returncode == 2 and no_site.stderr.startswith("nowhere.toml: cannot be read")
    assert "Traceback" not in missing.stderr + torn.stderr + no_site.stderr
