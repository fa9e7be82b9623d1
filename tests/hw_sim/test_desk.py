"""From an empty board to a proven node, as scripts/desk tells a person to do it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway import messages
from gateway.__main__ import main

ROOT = Path(__file__).parents[2]
LEFT_OUT = ("bus", "supply", "radio", "buffer", "uplink", "power_cut")  # tests of commission have them


@pytest.fixture
def visit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    command = [sys.executable, "-m", "gateway", "sim", "desk", str(tmp_path / "visit"), "--lang", "en"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and "empty RP2040" in process.stdout.readline()
    monkeypatch.chdir(tmp_path / "visit")
    yield tmp_path / "visit"
    process.terminate()
    said, _ = process.communicate()
    assert process.returncode == 0 and "Node water lives" in said
    messages.set_language(None)


def test_four_commands_without_a_value_to_look_up_lead_to_a_certificate(
    visit: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["flash", "--lang", "en"]) == 0
    assert main(["provision", "water", "--lang", "en"]) == 0
    skipped = [word for step in LEFT_OUT for word in ("--skip", step)]
    assert main(["commission", "water", "--yes", *skipped, "--lang", "en"]) == 0
    said = capsys.readouterr().out
    assert said.count("passed  three readings of each sensor") == 4
    assert "passed  clock · water" in said
    assert json.loads((visit / "certificate-water.json").read_text("utf-8"))
