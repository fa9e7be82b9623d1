"""The command where no gateway runs: it asks the bus itself, over a pty, and the technician at a terminal."""

import json
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.__main__ import main
from tests.gateway.stations import UPPER, write

ROOT = Path(__file__).parents[3]
BUS = """
import asyncio, sys
from pathlib import Path
from hw_sim.clock import world_clock
from hw_sim.desk.bus import Placed, TunedPty, bus, place
from hw_sim.bus.uart import Uart
from tests.gateway.stations import UPPER, write
async def run():
    clock = world_clock()
    wire = bus(clock)
    place(wire, clock, [Placed("keller_acculevel", 4, Uart(9600)), Placed("xy_md02", 20, Uart(9600))])
    TunedPty(wire, Path(sys.argv[1]))
    print("ready", flush=True)
    await asyncio.sleep(120)
asyncio.run(run())
"""
SITE = (
    UPPER
    + """
[[bus]]
id = "river"
port = "bus"
[[sensor]]
id = "level"
profile = "keller_acculevel"
bus = "river"
unit_id = {level}
period_s = 60
[[sensor]]
id = "air"
profile = "xy_md02"
bus = "river"
unit_id = {air}
serial = "as_bus"
period_s = 60
"""
)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    command = [sys.executable, "-c", BUS, str(tmp_path / "bus")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        yield tmp_path
        process.kill()


def commission(folder: Path, capsys: pytest.CaptureFixture[str], level: int, air: int) -> dict[tuple[str, str], str]:
    site = write(folder, SITE.format(level=level, air=air))
    main(["commission", "--site", str(site), "--json", "--lang", "en"])
    made = json.loads(capsys.readouterr().out)
    return {(one["step"], one["subject"]): one["verdict"] for one in made["steps"]}


def test_without_a_gateway_the_bus_itself_is_asked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = commission(folder, capsys, 4, 20)
    assert found["bus", "level"] == found["bus", "air"] == "passed"
    assert found["readings", "level"] == found["readings", "air"] == "passed"
    others = {verdict for (step, _), verdict in found.items() if step not in ("bus", "readings")}
    assert others == {"skipped"}, "what needs a gateway is no proof"
    assert main(["commission", "--check", str(folder / "certificate-upper.html"), "--lang", "en"]) == 0
    page = str(folder / "certificate-upper.html")
    assert main(["commission", "--check", page, "--public-key", "00" * 32]) == 1, "of another station"
    with pytest.raises(SystemExit):
        main(["commission", "--check", page, "--public-key", "no hex"])
    assert (folder / "gateway.key").stat().st_mode & 0o777 == 0o600


def test_swapped_addresses_are_told_without_a_gateway_too(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = commission(folder, capsys, 20, 4)
    assert found["bus", "level"] == found["bus", "air"] == "failed"


def test_a_port_or_target_that_is_not_there_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site = ["--site", str(write(tmp_path, SITE.format(level=4, air=20))), "--lang", "zh", "--yes"]
    assert main(["commission", *site]) == 1 and "处理办法" in capsys.readouterr().err
    assert main(["commission", "water", *site]) == 1 and "upper" in capsys.readouterr().err
    assert main(["commission", "--port", "roof=/dev/ttyUSB9", *site]) == 1 and "roof" in capsys.readouterr().err


def test_at_a_terminal_the_technician_is_asked_and_answers_in_letters_or_in_chinese(folder: Path) -> None:
    write(folder, SITE.format(level=4, air=20))
    answers = {"level 的探头": "空气\n", "level 铭牌": "L-1\n"}
    process, terminal = pty.fork()
    if process == 0:  # only this process's own calls from here
        os.chdir(folder)
        environment = {**os.environ, "WATERTOWER_LANG": "zh", "PYTHONPATH": str(ROOT)}
        os.execvpe(sys.executable, [sys.executable, "-m", "gateway", "commission"], environment)
    said, asked = "", 0
    end_s = time.monotonic() + 60
    while time.monotonic() < end_s:
        if select.select([terminal], [], [], 1.0)[0]:
            try:
                said += os.read(terminal, 4096).decode("utf-8", "replace")
            except OSError:  # it has ended
                break
        question = said[asked:]
        if question.rstrip().endswith(("]", "：")):
            asked = len(said)
            answer = next((text for words, text in answers.items() if words in question), "\n")
            os.write(terminal, answer.encode())
    _, status = os.waitpid(process, 0)
    os.close(terminal)
    made = json.loads((folder / "certificate-upper.json").read_text("utf-8"))
    seen = {(one["step"], one["subject"]): one["seen"]["zh"] for one in made["steps"]}
    assert seen["readings", "air"].startswith("空气中"), said
    serials = {device["name"]: (device["serial"], device["source"]) for device in made["devices"]}
    assert serials["level"] == ("L-1", "told") and serials["air"] == (None, "none")
    assert os.waitstatus_to_exitcode(status) in (0, 1) and "证书" in said
