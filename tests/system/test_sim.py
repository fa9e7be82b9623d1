"""The simulator as an engineer uses it: its command, its swarm, its pytest plugin."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PLUGIN_TEST = """
import pytest

@pytest.mark.scenario("outage", seed=3, days=0.5)
def test_nothing_is_lost(world, uplink, truth, bus, clock):
    world.advance("1h")
    uplink.cut()
    world.advance("90m")
    uplink.restore()
    assert bus["river"].transmissions > 0 and clock.unix_ms() > 0
    assert truth.verdict().sound
"""


def sim(*words: str, hash_seed: str = "0") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gateway", "sim", *words],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed, "WATERTOWER_LANG": "en"},
        capture_output=True,
        text=True,
        timeout=600,
    )


def digest(*words: str, hash_seed: str = "0") -> str:
    run = sim(*words, hash_seed=hash_seed)
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.splitlines()[-1] == "judge: ok"
    found = re.search(r"^hash: ([0-9a-f]{64})$", run.stdout, re.MULTILINE)
    assert found
    return found[1]


def test_one_seed_gives_one_hash_in_every_process_and_another_seed_another() -> None:
    first = digest("run", "lightning", "--seed", "5", "--days", "0.2", hash_seed="1")
    assert digest("run", "lightning", "--seed", "5", "--days", "0.2", hash_seed="2") == first
    assert digest("run", "lightning", "--seed", "6", "--days", "0.2") != first


def test_a_replay_with_everything_is_the_run_itself() -> None:
    every = ",".join(map(str, range(100)))
    assert digest("replay", "outage", "--seed", "2", "--days", "0.2", "--only", every) == digest(
        "run", "outage", "--seed", "2", "--days", "0.2"
    )


def test_two_hundred_seeds_over_all_scenarios_are_accepted() -> None:
    run = sim("swarm", "all", "--seeds", "200", "--days", "0.06")
    assert run.returncode == 0, run.stdout
    assert run.stdout.splitlines()[-1] == "200 seeds, 0 failures"


def test_a_report_is_one_offline_page(tmp_path: Path) -> None:
    page = tmp_path / "r.html"
    run = sim("run", "outfall-spill", "--days", "0.3", "--report", str(page))
    assert run.returncode == 0, run.stdout + run.stderr
    text = page.read_text("utf-8")
    assert text.startswith("<!") and not re.search(r'(src|href)="https?:', text)


def test_a_wrong_scenario_is_refused_with_its_path(tmp_path: Path) -> None:
    story = tmp_path / "story.toml"
    story.write_text('site = "bench"\n[[fault]]\nkind = "node_off"\nnode = "upsteam"\nat = "soon"\n', "utf-8")
    run = sim("run", str(story))
    assert run.returncode == 2
    assert "fault[0].node" in run.stderr and "did you mean upstream" in run.stderr
    assert "fault[0].at" in run.stderr
    assert "Traceback" not in run.stderr


def test_the_plugin_works_in_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "test_station.py").write_text(PLUGIN_TEST, "utf-8")
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "1 passed" in run.stdout
