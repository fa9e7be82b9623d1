"""The command itself, on a real pseudo-terminal, its bus in a process of its own."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.__main__ import main
from gateway.site import config
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
    place(wire, clock, [Placed("yosemitech_y504", 4, Uart(9600)), Placed("xy_md02", 2, Uart(9600, "E")),
                        Placed("cwt_weather", 3, Uart(4800))])
    TunedPty(wire, Path(sys.argv[1]))
    print("ready", flush=True)
    await asyncio.sleep(120)
asyncio.run(run())
"""


@pytest.fixture
def port(tmp_path: Path) -> Iterator[str]:
    link = tmp_path / "bus"
    process = subprocess.Popen([sys.executable, "-c", BUS, str(link)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    yield str(link)
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_bus_is_searched_and_its_lines_pass_the_check(
    port: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["scan", port, "--units", "2-4", "--wait-ms", "60", "--lang", "en"]) == 0
    out = capsys.readouterr().out
    assert "9600 8N1, unit id 4: yosemitech_y504" in out
    assert "9600 8E1, unit id 2: xy_md02" in out
    assert "4800 8N1, unit id 3: cwt_weather" in out
    assert "can't share a bus" in out
    lines = out[out.index("[[bus]]") :].replace(port, "/dev/ttyUSB0")
    lines = lines.replace("/dev/ttyUSB0", "/dev/ttyUSB1", 1)
    uplink = '\n[[uplink]]\nid = "p"\ntype = "mqtt"\nhost = "192.168.1.10"\n'
    buses = lines.split("[[bus]]")
    for index, bus in enumerate(buses[1:]):
        buses[index + 1] = bus.replace("/dev/ttyUSB0", f"/dev/ttyUSB{index + 2}")
    write(tmp_path, UPPER, "[[bus]]".join(buses), uplink)
    assert len(config.load(tmp_path / "site.toml").sensors) == 3


def test_an_address_is_set_and_read_back(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    told = ["scan", port, "--serial", "9600,N", "--lang", "en"]
    assert main([*told, "--set-address", "4", "14"]) == 1  # nobody there to say yes
    assert "Nothing was written" in capsys.readouterr().err
    assert main([*told, "--set-address", "4", "14", "--yes"]) == 0
    assert "unit id 14 answers, 4 is silent" in capsys.readouterr().out


def test_a_port_that_is_not_there_is_told_with_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scan", "/dev/ttyNOWHERE", "--lang", "zh"]) == 1
    assert "处理办法" in capsys.readouterr().err
