"""HJ 212 in a site file, in a whole gateway, in its process over TCP, and on the command line."""

import asyncio
import re
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.faults import SiteError
from gateway.messages import catalogue
from gateway.site.hj212 import Hj212Uplink
from hw_sim import scenario
from hw_sim.clock import run_virtual, world_clock
from hw_sim.platforms.hj212 import Platform
from hw_sim.platforms.hj212 import Station as Known
from hw_sim.platforms.sl651_line import CentreWay
from hw_sim.virtual import VirtualStation
from protocols.hj212 import explain
from protocols.hj212.commands import COMMANDS
from protocols.hj212.marks import MARKS
from tests.gateway.doubles import RIVER, STATION, sensor, site
from tests.gateway.hj212.station import MN, PASSWORD
from tests.gateway.level_device import LevelDevice

EPB = f"""
[[uplink]]
id = "epb"
type = "hj212"
host = "127.0.0.1"
port = 9
mn = "{MN}"
password_file = "epb.password"
realtime_s = 30
  [[uplink.factor]]
  channel = "level.temperature"
  code = "w01010"
"""


def test_a_site_file_with_an_hj212_uplink_is_sound_and_makes_aggregates(tmp_path: Path) -> None:
    found = site(tmp_path, RIVER, sensor("level", 1), EPB)
    (uplink,) = found.uplinks
    assert isinstance(uplink, Hj212Uplink) and uplink.password_file == str(tmp_path / "epb.password")
    assert found.aggregates is not None and found.aggregates.minute_s == 600


@pytest.mark.parametrize(
    ("old", "new", "path", "word"),
    [
        ('"w01010"', '"w01011"', "uplink[0].factor[0].code", "w01018"),
        ('"w01010"', '"w01018"', "uplink[0].factor[0].channel", "mg/L"),
        ("level.temperature", "level.temprature", "uplink[0].factor[0].channel", "level.temperature"),
        (MN, "0" * 14, "uplink[0].mn", "24"),
        (MN, "xyz", "uplink[0].mn", "24 hex"),
        ("realtime_s = 30", "realtime_s = 5", "uplink[0].realtime_s", "30"),
        ("realtime_s = 30", "minute = 5", "uplink[0].minute", "600"),
        ("realtime_s = 30", 'key_file = "a"\nkey_env = "B"', "uplink[0].key_env", ""),
    ],
)
def test_a_fault_of_the_site_file_is_named(tmp_path: Path, old: str, new: str, path: str, word: str) -> None:
    with pytest.raises(SiteError) as error:
        site(tmp_path, RIVER, sensor("level", 1), EPB.replace(old, new))
    assert [fault.path for fault in error.value.faults] == [path]
    assert word in error.value.faults[0].text("en")


def test_a_code_that_the_table_does_not_have_is_taken_with_unit_and_decimals(tmp_path: Path) -> None:
    new = 'code = "w01099"\n  unit = "degC"\n  decimals = 2'
    assert site(tmp_path, RIVER, sensor("level", 1), EPB.replace('code = "w01010"', new)).uplinks


def test_the_simulated_stations_minutes_and_hours_reach_its_platform(tmp_path: Path) -> None:
    story = scenario.load(scenario.find("demo"))
    text = EPB.replace("level.temperature", "do.dissolved_oxygen").replace("w01010", "w01009")
    path = tmp_path / "site.toml"
    path.write_text(story.site_path.read_text("utf-8") + text, "utf-8")
    (tmp_path / "epb.password").write_text(PASSWORD)

    async def steps() -> None:
        clock = world_clock(story.start_unix_s)
        platform = Platform({MN: Known(PASSWORD)}, clock.unix_ms)
        station = VirtualStation(
            replace(story, site=str(path)), tmp_path, seed=1, ways={"127.0.0.1:9": CentreWay(platform).open}
        )
        await asyncio.sleep(3600 + 300)
        ledger = platform.ledger
        assert ledger.complaints == []
        minutes, hours = ledger.of("w01009", "2051"), ledger.of("w01009", "2061")
        assert len(minutes) >= 5 and len(hours) >= 1 and len(ledger.of("w01009", "2011")) > 60
        assert {"Min", "Avg", "Max"} <= hours[-1].values.keys() and 4 < float(hours[-1].values["Avg"]) < 20
        assert float(hours[-1].values["Min"]) <= float(hours[-1].values["Avg"]) <= float(hours[-1].values["Max"])
        await station.finish()

    run_virtual(steps())


def _platform(*options: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "gateway", "sim", "platform", *options, "--port", "0", "--for", "60", "--lang", "en"],
        stdout=subprocess.PIPE, text=True, encoding="utf-8",
    )  # fmt: skip


HYDRO = """
[[uplink]]
id = "hydro"
type = "sl651"
station_address = "0012345678"
password = "A000"
  [[uplink.element]]
  channel = "level.temperature"
  element = "03"
  above = 1.0
  [[uplink.centre]]
  address = 1
  tcp = "127.0.0.1:9"
"""

SAID = {
    "hj212": r"2011  \d{14}  w01010 N water temperature Rtd 4\.5 degC",
    "sl651": r"33  \d{10}  03 .* 4\.5 ",
}


@pytest.mark.parametrize(("kind", "table", "port_line"), [("hj212", EPB, "port = 9"), ("sl651", HYDRO, "127.0.0.1:9")])
def test_values_of_a_gateway_process_appear_at_a_platform_process_in_real_time(
    tmp_path: Path, kind: str, table: str, port_line: str
) -> None:
    with LevelDevice() as device:
        platform = _platform(kind)
        gateway = None
        try:
            assert platform.stdout is not None
            port = re.search(r"port (\d+)", platform.stdout.readline())
            assert port is not None
            table = table.replace(port_line, port_line.replace("9", port[1]))
            (tmp_path / "epb.password").write_text(PASSWORD)
            text = STATION.replace("commit_delay_s = 10", "commit_delay_s = 0.2")
            bus = f'[[bus]]\nid = "river"\ntcp = "127.0.0.1:{device.port}"\n'
            (tmp_path / "site.toml").write_text(text + bus + sensor("level", 1) + table, "utf-8")
            gateway = subprocess.Popen([sys.executable, "-m", "gateway", "run", str(tmp_path / "site.toml")])
            line = platform.stdout.readline()
            assert re.search(SAID[kind], line), line
        finally:
            if gateway is not None:
                gateway.terminate()
                gateway.wait(20)
            platform.kill()
            platform.communicate()


CRC_WRONG = {"en": "check: WRONG, found and right", "zh": "校验码：错误"}


@pytest.mark.parametrize(("lang", "words"), [("en", "mean  w01018"), ("zh", "均值  w01018")])
def test_a_packet_is_explained_in_both_languages(lang: str, words: str) -> None:
    packet = _packet(b"QN=20260101093000123;ST=21;CN=2061;PW=123456;MN=%s;Flag=5;CP=&&DataTime=20260101080000;"
                     b"w01018-Avg=12.3,w01018-Flag=N&&" % MN.encode())  # fmt: skip
    command = [sys.executable, "-m", "gateway", "decode", "--lang", lang]
    sound = subprocess.run([*command, packet], capture_output=True, encoding="utf-8", env={"PYTHONUTF8": "1"})
    assert sound.returncode == 0 and words in sound.stdout and "12.3 mg/L" in sound.stdout
    harmed = subprocess.run([*command, packet.replace("12.3", "12.4")], capture_output=True, encoding="utf-8",
                            env={"PYTHONUTF8": "1"})  # fmt: skip
    assert harmed.returncode == 1 and CRC_WRONG[lang] in harmed.stdout


def _packet(segment: bytes) -> str:
    from protocols.hj212.frame import frame

    return frame(segment).decode().replace("\r\n", "\\r\\n")


def test_every_word_of_an_explanation_is_in_the_catalogue() -> None:
    fields = [f"cn_{cn}" for cn in (*COMMANDS, *explain.OLD_COMMANDS)] + [f"mark_{mark}" for mark in MARKS]
    fields += [name.lower() for name in (*explain.SUFFIXES, *explain.NAMED) if name != "Flag"]
    fields += [f"st_{st}" for st in explain.SYSTEMS] + [f"state_{state}" for state in explain.STATES]
    fields += [f"odd_{reason}" for reason in explain.ODDITIES] + [field[6:] for field in explain.FAULTS]
    fields += [f"{name.lower()}_{code}" for name, codes in explain.RETURNS.items() for code in codes]
    assert [field for field in fields if f"decode.hj212_{field}" not in catalogue()] == []
