"""Rules tried on recorded data say what the gateway would have said; no input makes a class without its coverage."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.__main__ import main
from gateway.judging import judge
from gateway.messages import set_language
from gateway.pipeline import board, stages
from gateway.process.rehearsal import Rehearsal
from gateway.process.stage import Row, Series
from gateway.site.config import Site
from gateway.tryout import recorded
from gateway.tryout.command import rehearsed
from protocols import quality
from tests.gateway import doubles
from tests.gateway.derived import HOUR_MS, MIDNIGHT_MS, Ground

SITE = (
    doubles.RIVER
    + """
[aggregate]
[[sensor]]
id = "river"
profile = "yosemitech_y4000"
bus = "river"
unit_id = 1
period_s = 600
quantities = ["ph", "temperature"]
[[rule]]
id = "acid"
title = "Acid water"
title_zh = "水体偏酸"
level = "red"
when = "river.ph < 6"
delay_s = 600
[[rule]]
id = "warm"
level = "blue"
when = "hour/river.temperature > 15"
"""
)


def _wide(folder: Path, ph: dict[int, str]) -> Path:
    """Four hours, 8.0 but where `ph` says otherwise; from the second hour on it is warm."""
    lines = ["time,river.ph,t"]
    said = {step: str(8.0 + 0.01 * (step % 2)) for step in range(24)} | ph
    for step in range(24):
        minute = 10 * step
        temperature = 10.0 + 0.1 * (step % 3) if minute < 60 else 18.0 + 0.1 * (step % 3)
        lines.append(f"2026-11-29T{minute // 60:02d}:{minute % 60:02d},{said[step]},{temperature}")
    path = folder / "data.csv"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def test_the_command_tells_flags_and_alarms_with_their_times_in_both_languages(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    doubles.site(tmp_path, SITE)
    data = _wide(tmp_path, {5: "-3", 12: "5.4", 13: "5.3", 14: "5.2", 15: "5.4"})
    asked = [str(tmp_path / "site.toml"), "--data", str(data), "--column", "river.temperature=t"]
    try:
        assert main(["--lang", "en", "try-rules", *asked, "--plot", str(tmp_path / "out.html")]) == 0
        told = capsys.readouterr().out
        assert "2026-11-29 02:10:00  raised   red   Acid water (acid)  5.3" in told
        assert "2026-11-29 02:40:00  cleared  red   Acid water (acid)  8" in told
        assert "2026-11-29 02:00:00  raised   blue  warm               18.1" in told
        assert "not enough data" not in told  # an hour is known when it is over
        assert "out of range" not in told and "beyond what is possible here" in told and "failed" in told
        assert "Acid water (acid): in the end over, not acknowledged" in told
        page = (tmp_path / "out.html").read_text("utf-8")
        assert "Acid water" in page and "<script" not in page and "http" not in page.replace("http-equiv", "")
        assert main(["--lang", "zh", "try-rules", *asked]) == 0
        assert "产生报警  红色  水体偏酸 (acid)" in capsys.readouterr().out
    finally:
        set_language(None)


def test_a_rehearsal_writes_what_the_gateway_writes(tmp_path: Path) -> None:
    """The same readings through a store, polled and committed one by one."""
    (tmp_path / "one").mkdir()
    site = doubles.site(tmp_path / "one", SITE)
    data = _wide(tmp_path, {5: "13.9", 6: "8.0", 12: "5.4", 13: "5.3", 14: "5.2"})
    outcome = rehearsed(site, data, {"river.temperature": "t"}, 8.0)
    ground = Ground(tmp_path, SITE, is_judged=True)
    with open(data, encoding="utf-8", newline="") as file:
        for row in recorded.rows(file, site, {"river.temperature": "t"}, 8.0):
            ground.poll("river", row.unix_ms, *row.cells)
            ground.at(row.unix_ms)
    ground.at(ground.clock.unix + 900_000)
    flags: dict[tuple[str, int], int] = {}
    for source in ("sensor river", "quality sensor river"):
        for unix_ms, names, cells, worth in ground.rows(source):
            for name, value, flag in zip(names, json.loads(cells), json.loads(worth or "[0,0]"), strict=True):
                if value is not None or flag:
                    flags[name, unix_ms] = flag
    stored = {key: flag for key, flag in flags.items() if flag}
    told = {
        (one.channel, at): one.flags for one in outcome.stretches() for at in range(one.from_ms, one.to_ms + 1, 600_000)
    }
    assert {key: flag & ~(1 << 23) for key, flag in stored.items() if flag & ~(1 << 23)} == told
    alarms = [json.loads(cells)[0] for _, names, cells, _ in ground.rows("alarm") if names[0] == "alarm.acid.event"]
    assert len(alarms) == len([one for one in outcome.events if one.rule == "acid"]) > 0


def test_an_export_of_ours_is_read_and_what_tests_added_is_not(tmp_path: Path) -> None:
    site = doubles.site(tmp_path, SITE)
    path = tmp_path / "long.csv"
    path.write_text(
        "seq,time,channel,value,unit,quality,source\n"
        "1,2026-11-29T00:00:00.000Z,river.ph,8.01,pH,good,sensor river\n"
        "1,2026-11-29T00:00:00.000Z,river.temperature,10.1,degC,flag_256 flag_4194304,sensor river\n"
        "2,2026-11-29T00:10:00.000Z,river.ph,,pH,no_reply,sensor river\n"
        "3,2026-11-29T00:00:00.000Z,river.ph,8.01,pH,good,hour\n",
        "utf-8",
    )
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(recorded.rows(file, site, {}, 8.0))
    assert [row.cells for row in rows] == [((801, 0), (101, 0)), ((None, quality.NO_REPLY), (None, 0))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("time,river.p\n", "river.ph, river.temperature"),
        ("when,river.ph\n", "time"),
        ("time,river.ph\nsoon,8\n", "2: 'soon'"),
        ("time,channel,value,unit\n2026-01-01,river.ph,8,mg/L\n", "2: river.ph: mg/L, pH"),
    ],
)
def test_a_file_that_does_not_fit_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, expected: str
) -> None:
    doubles.site(tmp_path, SITE)
    (tmp_path / "data.csv").write_text(text, "utf-8")
    assert main(["try-rules", str(tmp_path / "site.toml"), "--data", str(tmp_path / "data.csv")]) == 2
    assert expected in capsys.readouterr().err


# --- whatever comes in, all of it -------------------------------------------------------------------------------------

JUDGED = (
    doubles.RIVER
    + """
[aggregate]
minute_s = 600
[assess]
water = "river"
factors = ["pH"]
[[sensor]]
id = "river"
profile = "yosemitech_y4000"
bus = "river"
unit_id = 1
period_s = 600
quantities = ["ph"]
[[sensor]]
id = "dust"
profile = "sds069"
bus = "river"
unit_id = 2
period_s = 600
quantities = ["pm2_5", "pm10"]
[[trend]]
channel = "river.ph"
[[rule]]
id = "acid"
level = "red"
when = "mean(river.ph, 1h) < 6 or change(river.ph, 1h) < -2 or hour/river.ph < 6"
"""
)
# (time before it, so many readings each ten minutes, their value, their flags)
STRETCH = st.tuples(
    st.sampled_from([0, 600, 600, 600, 1200, 7200, -600, -3600, 86_400 * 400, -86_400 * 30]),
    st.integers(1, 30),
    st.one_of(st.none(), st.sampled_from([800, 801, 560, 10**9, -(10**9)]), st.integers(-(2**31), 2**31)),
    st.sampled_from([0, 0, 0, 1, 2, 4, 8, 16, 127]),
)


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return doubles.site(tmp_path_factory.mktemp("judged"), JUDGED)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(STRETCH, max_size=12))
def test_no_story_breaks_it_and_none_makes_a_result_without_its_coverage(
    judged: Site, story: list[tuple[int, int, int | None, int]]
) -> None:
    """Missing, late, doubled, out of order, stuck, absurd, through clocks that jump: an hour or day of water or air has
    a class only where so many good readings of it came in at all."""
    river = Series("sensor river", (("river.ph", "pH", 2),))
    dust = Series("sensor dust", (("dust.pm2_5", "ug/m3", 0), ("dust.pm10", "ug/m3", 0)))
    rows, unix_ms = [], MIDNIGHT_MS
    for jump_s, count, value, flags in story:
        cell = (None, flags or quality.INVALID) if value is None else (value, flags)
        for place in range(count):
            unix_ms += 1000 * (jump_s if place == 0 else 600)
            rows += [Row(river, unix_ms, (cell,)), Row(dust, unix_ms, (cell, cell))]
    rehearsal = Rehearsal(judge(judged), stages(judged, board(judged)))
    written = [*rehearsal.play(rows), *rehearsal.end(2 * HOUR_MS)]
    came: dict[tuple[str, int], int] = {}
    for row in rows:
        if row.cells[0][0] is not None and not row.cells[0][1]:
            came[row.series.source, row.unix_ms // HOUR_MS] = (
                came.get((row.series.source, row.unix_ms // HOUR_MS), 0) + 1
            )
    for row in written:
        if row.series.source == "hour" and row.cells[0][0] is not None and not row.cells[0][1] & quality.FEW:
            source = "sensor river" if row.series.channels[0][0] == "river.ph" else "sensor dust"
            assert came[source, row.unix_ms // HOUR_MS] >= 5
        kind, _, level = row.series.source.partition("_")
        if kind in ("air", "water") and row.cells[0][0] is not None:  # the class, or the AQI
            source = "sensor river" if kind == "water" else "sensor dust"
            hours = range(row.unix_ms // HOUR_MS, row.unix_ms // HOUR_MS + (24 if level == "day" else 1))
            good = sum(came.get((source, hour), 0) >= 5 for hour in hours)
            assert good >= (1 if level == "hour" else 18 if kind == "water" else 20)
