"""A scenario in real time: its faults on ptys, on the way to the broker and on the gateway's own process."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from hw_sim import scenario

ROOT = Path(__file__).resolve().parents[2]
ENGLISH = {**os.environ, "WATERTOWER_LANG": "en"}
DEMO = (scenario.FOLDER / "scenarios" / "demo.toml").read_text("utf-8")
ROUGH_MINUTE = (
    DEMO
    + """
[[fault]]
kind = "backhaul_down"
at = "3s"
lasts = "2s"

[[fault]]
kind = "gateway_off"
at = "8s"
lasts = "3s"

[[fault]]                            # noticed after 20 to 40 s, by the client's keep-alive
kind = "backhaul_silent"
at = "14s"
lasts = "2s"

[[fault]]
kind = "node_off"
node = "water"
at = "15s"
lasts = "3s"

[[fault]]
kind = "line"
line = "river"
at = "16s"
lasts = "4s"
trouble = { kind = "line_noise", bit_error_rate = 0.02 }

[[fault]]
kind = "line"
line = "air.uart1"
at = "16s"
lasts = "4s"
trouble = { kind = "line_noise", bit_error_rate = 0.001 }
"""
)


def watertower(*words: str, timeout_s: float = 120) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gateway", *words],
        cwd=ROOT, env=ENGLISH, capture_output=True, text=True, timeout=timeout_s,
    )  # fmt: skip


def test_a_minute_in_which_everything_goes_wrong_loses_nothing(tmp_path: Path) -> None:
    story, folder = tmp_path / "rough.toml", tmp_path / "run"
    story.write_text(ROUGH_MINUTE, "utf-8")
    run = watertower("demo", "--scenario", str(story), "--for", "22", "--json", "--folder", str(folder))
    assert run.returncode == 0, run.stdout + run.stderr
    summary = json.loads(run.stdout.splitlines()[-1])
    none_wrong = {"lost": 0, "duplicates": 0, "wrong_values": 0, "wrong_times": 0, "wrong_quality": 0}
    assert summary.items() >= none_wrong.items()
    assert summary["delivered"] > 150
    assert "backhaul_silent" in run.stderr, "what will come is said beforehand"

    log = (folder / "gateway.log").read_text("utf-8")
    # at the start, after the outage, after the power cut, after the silence
    assert log.count("connected\n") == 4, log
    assert "Keep alive timeout" in log
    with closing(sqlite3.connect(folder / "store.db")) as db:
        events = dict(db.execute("SELECT kind, count(*) FROM event GROUP BY kind"))
        gaps_ms = db.execute(
            "SELECT json_extract(detail, '$.to_ms') - json_extract(detail, '$.from_ms') FROM event WHERE kind = 'gap'"
        ).fetchall()
    assert len(gaps_ms) == 1 and gaps_ms[0][0] > 3000, "the gateway was killed once, and stayed off"
    assert events["sensor_silent"] >= 1, "the noise on the river's line was heard"


def test_ctrl_c_ends_a_run_of_weeks_and_it_is_judged_as_well() -> None:
    """As a terminal sends it: to all processes of the command at once."""
    with subprocess.Popen(
        [sys.executable, "-m", "gateway", "sim", "run", "demo", "--real-time", "--days", "30"],
        cwd=ROOT, env=ENGLISH, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, process_group=0,
    ) as run:  # fmt: skip
        assert run.stdout is not None and run.stderr is not None
        assert run.stdout.readline().startswith("Real time: this takes 30d, until ")
        assert run.stderr.readline().startswith("10 s: measured ")
        os.killpg(run.pid, signal.SIGINT)
        said, errors = run.communicate(timeout=60)
    assert run.returncode == 0, said + errors
    assert said.splitlines()[-1] == "judge: ok"
    assert "hash" not in said


def test_a_station_with_other_buses_and_nodes_runs_as_well_and_has_a_report(tmp_path: Path) -> None:
    page = tmp_path / "r.html"
    run = watertower("sim", "run", "lightning", "--real-time", "--for", "3", "--report", str(page), timeout_s=60)
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.splitlines()[-1] == "judge: ok"
    assert page.read_text("utf-8").startswith("<!")


def test_what_needs_virtual_time_is_refused_before_anything_runs() -> None:
    run = watertower("sim", "run", "clock-lost", "--real-time", timeout_s=30)
    assert run.returncode == 2 and run.stdout == ""
    assert ": fault[0].kind: 'clock_lost' needs virtual time: the gateway's process has the clock of this" in run.stderr
    chinese = watertower("--lang", "zh", "demo", "--scenario", "card-full", timeout_s=30)
    assert chinese.returncode == 2 and chinese.stdout == ""
    assert ".kind: 'disk_full' 只能在虚拟时间中运行：网关进程使用本机的磁盘" in chinese.stderr
