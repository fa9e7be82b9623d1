"""What a station's troubles left behind, in bus bytes, in a node's flash and in an MQTT log, replays as a scenario."""

import json
import re
import sqlite3
from pathlib import Path
from typing import NamedTuple

import pytest

from gateway.faults import SiteError
from gateway.messages import say
from hw_sim import scenario
from protocols import quality
from tests.hw_sim.capture_story import STORY, TROUBLES, Life, captured, live, until, write

POLLED = ("sensor level", "sensor do", "sensor ec", "sensor soil", "sensor met")
RIVER = 'file = "../notes/river.jsonl"\nkind = "bus"'
ROOF = 'file = "../notes/roof.jsonl"\nkind = "bus"\nline = "roof"'


class Field(NamedTuple):
    """The first life, and the folder with all that is left of it: notes/, water.bin, mqtt.log."""

    life: Life
    folder: Path


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Field:
    folder = tmp_path_factory.mktemp("field")
    path = write(folder / "first", STORY + TROUBLES)
    life = live(path, folder / "store", folder / "notes", folder / "mqtt.log")
    (folder / "water.bin").write_bytes(life.station.world.nodes["water"].board.flash.content)
    return Field(life, folder)


def again(field: Field, name: str, *tables: str) -> Life:
    path = write(field.folder / name, captured(*tables))
    return live(path, field.folder / f"{name}-store", field.folder / f"{name}-notes")


@pytest.fixture(scope="module")
def replayed(field: Field) -> Life:
    return again(field, "bytes", RIVER, ROOF)


@pytest.mark.parametrize("source", POLLED)
def test_captured_bytes_give_the_same_rows_at_the_same_times_with_every_failure(
    field: Field, replayed: Life, source: str
) -> None:
    first = until(field.life.rows[source], field.life.end_ms)
    assert until(replayed.rows[source], field.life.end_ms) == first
    assert any(flags & quality.NO_REPLY for _, _, cells in first for flags in cells), "nothing went wrong in this test"
    assert len({str(cells) for _, cells, _ in first}) > 15


def test_the_story_has_every_kind_of_trouble_that_is_to_be_replayed(field: Field) -> None:
    flags = {flag for source in POLLED for _, _, cells in field.life.rows[source] for flag in cells}
    assert {quality.GOOD, quality.NO_REPLY, quality.INVALID, quality.WARM_UP} <= flags
    notes = [json.loads(line) for line in (field.folder / "notes" / "river.jsonl").read_text("utf-8").splitlines()]
    assert {note["direction"] for note in notes} == {"open", "out", "in", "waited"}
    kinds = [event for (event,) in _events(field.life, "SELECT kind FROM event")]
    assert kinds.count("sensor_silent") > 5 and kinds.count("sensor_back") > 5


def _events(life: Life, query: str) -> list[tuple[str]]:
    db = sqlite3.connect(life.station.site.store.path)
    try:
        return db.execute(query).fetchall()
    finally:
        db.close()


@pytest.mark.parametrize("line", ["river", "roof"])
def test_notes_taken_of_a_replay_are_those_it_replays(field: Field, replayed: Life, line: str) -> None:
    first = (field.folder / "notes" / f"{line}.jsonl").read_text("utf-8").splitlines()
    second = (field.folder / "bytes-notes" / f"{line}.jsonl").read_text("utf-8").splitlines()
    both = min(len(first), len(second))
    assert both > 500 and first[:both] == second[:both]


def test_a_replay_is_judged_like_every_scenario_and_is_the_same_in_every_run(field: Field, replayed: Life) -> None:
    assert replayed.verdict.sound and replayed.verdict.delivered == replayed.verdict.measured > 3000
    path = field.folder / "bytes" / "story.toml"
    twice = live(path, field.folder / "twice-store", field.folder / "twice-notes")
    assert twice.digest == replayed.digest
    assert live(path, field.folder / "seed-store", seed=2).rows["sensor do"] == replayed.rows["sensor do"]


def test_questions_a_little_off_in_time_as_on_a_busy_gateway_still_get_their_own_answers(field: Field) -> None:
    (field.folder / "late").mkdir()
    with (field.folder / "late" / "river.jsonl").open("w") as file:
        for number, line in enumerate((field.folder / "notes" / "river.jsonl").read_text("utf-8").splitlines()):
            note = json.loads(line)
            file.write(json.dumps(note | {"t": note["t"] + number * 37 % 150}) + "\n")
    life = again(field, "jitter", RIVER.replace("notes", "late"))
    for source in ("sensor level", "sensor do", "sensor ec", "sensor soil"):
        rows, first = (until(one.rows[source], field.life.end_ms) for one in (life, field.life))
        assert [row[1:] for row in rows] == [row[1:] for row in first]
        # a damaged answer ends the waiting for it, and that one comes a little off
        assert max(abs(a[0] - b[0]) for a, b in zip(rows, first, strict=True)) <= 150


def test_on_byte_level_a_replay_has_the_same_rows(field: Field) -> None:
    life = live(write(field.folder / "bytewise", 'wires = "byte"\n' + captured(RIVER)), field.folder / "bytewise-store")
    for source in ("sensor level", "sensor do", "sensor ec", "sensor soil"):
        assert until(life.rows[source], field.life.end_ms) == until(field.life.rows[source], field.life.end_ms)


def test_half_a_file_replays_as_far_as_it_goes(field: Field) -> None:
    (field.folder / "half").mkdir()
    lines = (field.folder / "notes" / "river.jsonl").read_bytes().splitlines(keepends=True)
    (field.folder / "half" / "river.jsonl").write_bytes(b"".join(lines[len(lines) // 2 :]))
    life = again(field, "second-half", RIVER.replace("notes", "half"))
    # soil has the longest period, and the first half shows in nothing of it: no start, no back-off
    begin_ms = life.rows["sensor soil"][0][0] + 60_000
    rows = [row for row in life.rows["sensor soil"] if begin_ms <= row[0] <= field.life.end_ms]
    before = [row for row in field.life.rows["sensor soil"] if begin_ms <= row[0] <= field.life.end_ms]
    assert [row[1:] for row in rows] == [row[1:] for row in before] and len(rows) > 20


@pytest.mark.parametrize(
    "table", ['file = "../water.bin"\nkind = "journal"', 'file = "../notes/radio-link.jsonl"\nkind = "bus"']
)
def test_a_nodes_flash_and_the_frames_it_sent_replay_its_records(field: Field, table: str) -> None:
    life = again(field, re.sub(r"\W", "", table.split()[-1]), table)
    for channel in ("turb.turbidity", "turb.temperature"):
        first = sorted((row.unix_ms, row.value) for row in field.life.station.platform.delivered[channel])
        second = sorted((row.unix_ms, row.value) for row in life.station.platform.delivered[channel])
        assert len(second) >= len(first) - 5 > 60
        common = min(len(first), len(second)) - 5  # the ends of both runs differ
        assert second[:common] == first[:common]
    assert life.verdict.sound


def test_an_mqtt_log_replays_the_values_that_were_delivered(field: Field) -> None:
    life = again(field, "mqtt", 'file = "../mqtt.log"\nkind = "mqtt"')
    compared = 0
    for channel, rows in field.life.station.platform.delivered.items():
        second = {row.unix_ms: row.value for row in life.station.platform.delivered[channel]}
        both = [(row.value, second[row.unix_ms]) for row in rows if row.unix_ms in second]
        both = both[: len(both) * 9 // 10]  # beyond the log's end the last value holds
        assert [old for old, _ in both] == [new for _, new in both]
        compared += len(both)
    assert compared > 3500
    assert life.verdict.sound


def test_a_truth_of_the_scenario_goes_before_the_captures(field: Field) -> None:
    text = captured('file = "../mqtt.log"\nkind = "mqtt"') + '[truth]\n"met.temperature" = { value = 7.5 }\n'
    story = scenario.load(write(field.folder / "laid", text))
    life = live(field.folder / "laid" / "story.toml", field.folder / "laid-store")
    assert {row.value for row in life.station.platform.delivered["met.temperature"]} == {75}
    assert story.start == "2026-05-31T23:59:00" and 0.02 < story.days < 0.03


def test_start_and_days_of_the_scenario_choose_a_part(field: Field) -> None:
    text = 'start = "2026-06-01T00:26:30"\ndays = 0.0015\n' + captured(RIVER)
    life = live(write(field.folder / "part", text), field.folder / "part-store")
    begin_ms = life.rows["sensor level"][0][0] + 20_000
    first = [row for row in field.life.rows["sensor level"] if begin_ms < row[0] <= life.end_ms]
    part = [row for row in life.rows["sensor level"] if begin_ms < row[0] <= life.end_ms]
    assert [row[1:] for row in part] == [row[1:] for row in first]
    assert life.end_ms - begin_ms < 120_000 and len(first) > 15


def faults(folder: Path, text: str) -> list[str]:
    with pytest.raises(SiteError) as caught:
        scenario.load(write(folder, text))
    assert all(fault.text("zh") != fault.text("en") for fault in caught.value.faults)
    return [fault.text("en") for fault in caught.value.faults]


def test_lines_that_can_not_be_read_are_named_and_the_rest_is_not_lost(field: Field) -> None:
    lines = (field.folder / "notes" / "river.jsonl").read_bytes().splitlines(keepends=True)
    lines[6] = b'{"t":1,"line":"river","direction":"in","hex":"0g"}\n'
    lines[11] = b"\xff\xfe\n"
    (field.folder / "torn.jsonl").write_bytes(b"".join(lines)[:-9])
    log = (field.folder / "mqtt.log").read_bytes().splitlines(keepends=True)
    log[4] = log[4][: len(log[4]) // 2] + b"\n"
    (field.folder / "torn.log").write_bytes(b"".join(log))
    torn = captured('file = "../torn.jsonl"\nkind = "bus"', 'file = "../torn.log"\nkind = "mqtt"')
    found = faults(field.folder / "torn", torn + '[truth]\n"met.temper" = { value = 1 }\n')
    assert [fault[: fault.index(" can't")] for fault in found[:4]] == [
        "capture[0].file: line 7 of torn.jsonl",
        "capture[0].file: line 12 of torn.jsonl",
        f"capture[0].file: line {len(lines)} of torn.jsonl",
        "capture[1].file: line 5 of torn.log",
    ]
    assert "skip_damaged = true" in found[0] and found[4].startswith('truth."met.temper": ')
    life = again(field, "mended", 'file = "../torn.jsonl"\nkind = "bus"\nskip_damaged = true')
    ends_ms = field.life.end_ms - 30_000
    # a torn answer is none, and what the sensor tells next is not believed at once
    first, second = (until(rows["sensor level"], ends_ms)[5:] for rows in (field.life.rows, life.rows))
    assert [row[1:] for row in second] == [row[1:] for row in first]
    assert max(abs(a[0] - b[0]) for a, b in zip(first, second, strict=True)) <= 2  # without what was torn, a bit sooner


def test_a_dump_without_its_end_is_told_and_its_whole_sectors_are_not_lost(field: Field) -> None:
    flash = (field.folder / "water.bin").read_bytes()
    (field.folder / "short.bin").write_bytes(flash[:5000])
    table = 'file = "../short.bin"\nkind = "journal"'
    (fault,) = faults(field.folder / "short", captured(table))
    assert fault.startswith("capture[0].file: short.bin has 5000 bytes")
    story = scenario.load(write(field.folder / "short", captured(table + "\nskip_damaged = true")))
    assert story.start == "2026-06-01T00:00:00" and len(story.captured(field.life.station.site).samples) == 2


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ('file = "../no.log"\nkind = "mqtt"', "capture[0].file: cannot be read: ../no.log: "),
        ('file = "../mqtt.log"\nkind = "mqqt"', "capture[0].kind: 'mqqt' does not fit"),
        ('kind = "mqtt"', "capture[0].file: missing"),
        ('file = "first/site.toml"\nkind = "mqtt"\nskip_damaged = true', "capture[0].file: cannot be read"),
        ('file = "site.toml"\nkind = "mqtt"\nskip_damaged = true', "capture[0].file: site.toml has no reading of "),
        ('file = "site.toml"\nkind = "mqtt"', "capture[0].file: line 1 of site.toml can't be read: '[station]'"),
        ('file = "site.toml"\nkind = "bus"', "capture[0].file: line 1 of site.toml can't be read: '[station]'"),
        (RIVER + '\nline = "rive"', "capture[0].line: ../notes/river.jsonl has nothing of line 'rive'"),
        (
            'file = "../two.jsonl"\nkind = "bus"',
            "capture[0].line: which line? the file has several; known: moon, river",
        ),
        ('file = "../two.jsonl"\nkind = "bus"\nline = "moon"', "capture[0].line: site field has no serial line 'moon'"),
        ('file = "../water.bin"\nkind = "journal"\nnode = "wat"', "capture[0].node: site field has no node 'wat'"),
        ('file = "../other.bin"\nkind = "journal"', "capture[0].file: other.bin has no reading of station field"),
    ],
)
def test_each_fault_of_a_capture_has_its_path(field: Field, table: str, expected: str) -> None:
    note = '{{"t":1,"line":"{}","direction":"open"}}\n'
    (field.folder / "two.jsonl").write_text(note.format("river") + note.format("moon"), "utf-8")
    (field.folder / "other.bin").write_bytes(b"\xff" * 8192)
    found = faults(field.folder / "wrong", captured(table))
    assert any(fault.replace("river.jsonl has", "../notes/river.jsonl has").startswith(expected) for fault in found)


def test_a_site_of_ones_own_is_a_path_beside_the_scenario(tmp_path: Path) -> None:
    path = write(tmp_path / "own", 'site = "site.toml"\n[truth]\n"met.temperature" = { value = 1 }\n')
    assert scenario.load(path).site_path == tmp_path / "own" / "site.toml"
    (fault,) = faults(tmp_path / "own", 'site = "../sites.toml"\n')
    assert fault == "site: unknown site '../sites.toml'; check the path"
    (tmp_path / "bad.toml").write_text('[station]\nid = "UPPER"\n', "utf-8")
    with pytest.raises(SiteError) as caught:
        scenario.load(write(tmp_path / "own", 'site = "../bad.toml"\n'))
    assert {fault.file for fault in caught.value.faults} == {"../bad.toml"}
    assert say("hint.check_path", "zh") != say("hint.check_path", "en")
