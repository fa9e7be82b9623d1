"""The demonstration station, as a person starts it: real processes, ptys, broker, MicroPython, kill -9."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.system.planting import ROOT, planted

NONE_WRONG = {"lost": 0, "duplicates": 0, "wrong_values": 0, "wrong_times": 0}


def demo(*options: str, root: Path = ROOT) -> tuple[int, dict[str, int], str]:
    """(exit status, the summary, standard error) of a run."""
    run = subprocess.run(
        [sys.executable, "-m", "gateway", "demo", "--json", *options],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=180,
    )
    lines = run.stdout.splitlines()
    return run.returncode, json.loads(lines[-1]) if lines else {}, run.stderr


def test_a_station_delivers_what_its_sensors_answered(tmp_path: Path) -> None:
    status, summary, errors = demo("--for", "20", "--folder", str(tmp_path / "run"))
    assert status == 0, errors
    assert summary.items() >= {"nodes": 2, "channels": 18, "cut_at_kill": 0, **NONE_WRONG}.items()
    assert summary["measured"] == summary["stored"] == summary["delivered"] > 150
    assert summary["distinct_values"] > 100
    assert (tmp_path / "run" / "store.db").exists()


@pytest.mark.skipif(
    shutil.which("unshare") is None or subprocess.run(["unshare", "-rn", "true"], check=False).returncode != 0,
    reason="nobody may make a network of his own here",
)
def test_a_machine_without_its_own_network_is_told_what_it_needs_and_no_other_is_needed() -> None:
    def said(command: str) -> tuple[int, str]:
        run = subprocess.run(["unshare", "-rn", "sh", "-c", command], cwd=ROOT, capture_output=True, text=True)
        return run.returncode, run.stdout + run.stderr

    program = f"{sys.executable} -m gateway demo --for 8 --lang zh"
    status, text = said(program)
    assert status == 1 and "sudo ip link set lo up" in text and "Traceback" not in text
    status, text = said(f"ip link set lo up && {program}")
    assert status == 0 and "丢失 0" in text


def test_killing_the_gateway_loses_only_what_was_not_committed(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    status, summary, errors = demo("--for", "24", "--kill-at", "9", "--kill-at", "15.5", "--folder", str(folder))
    assert status == 0, errors
    assert summary.items() >= NONE_WRONG.items()
    # two kills, each at most one commit delay (2 s) and the poll under way of five polled channels, a reading a second
    # (a kill just after a commit costs nothing)
    assert summary["cut_at_kill"] <= 2 * 3 * 5
    assert summary["delivered"] == summary["stored"] == summary["measured"] - summary["cut_at_kill"]
    events = subprocess.run(
        [sys.executable, "-c", "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute("
         "\"SELECT count(*) FROM event WHERE kind = 'gap'\").fetchone()[0])", str(folder / "store.db")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert events.stdout.strip() == "2", "each unclean stop leaves its gap on record"


def test_an_off_by_one_in_a_decoder_turns_the_summary_red(tmp_path: Path) -> None:
    root = planted(
        tmp_path,
        "protocols/registers.py",
        "    return value, range_quality(register, value)",
        "    return value + 1, range_quality(register, value)",
    )
    status, summary, errors = demo("--for", "8", "--folder", str(tmp_path / "run"), root=root)
    assert status == 1, errors
    assert summary["wrong_values"] > summary["measured"] // 2


def test_a_shifted_clock_turns_the_summary_red(tmp_path: Path) -> None:
    root = planted(
        tmp_path,
        "gateway/store/incoming.py",
        "unix_ms, number = record.time_s * 1000,",
        "unix_ms, number = record.time_s * 1000 - 30_000,",
    )
    status, summary, _ = demo("--for", "8", "--folder", str(tmp_path / "run"), root=root)
    assert status == 1
    assert summary["wrong_values"] + summary["wrong_times"] > 10
