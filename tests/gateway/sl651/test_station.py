"""SL 651 in a site file, in a whole gateway, over TCP, and on the command line."""

import asyncio
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gateway.app import Gateway, Outside
from gateway.faults import SiteError
from gateway.machine.lines import Opener
from gateway.messages import catalogue
from gateway.site.sl651 import Sl651Centre, Sl651Uplink
from gateway.uplink.sl651.forwarder import Precedence
from gateway.uplink.sl651.station import ways
from hw_sim.clock import run_virtual, world_clock
from hw_sim.platforms.sl651 import Centre
from hw_sim.platforms.sl651_line import CentreWay
from protocols.sl651 import body, explain, functions
from tests.gateway.doubles import site
from tests.gateway.sl651.station import ADDRESS, LEVEL, PASSWORD

HYDRO = f"""
[[uplink]]
id = "hydro"
type = "sl651"
station_address = "{ADDRESS}"
password = "{PASSWORD}"
timed_s = 300
  [[uplink.element]]
  channel = "level.level"
  element = "39"
  [[uplink.centre]]
  address = 5
  tcp = "127.0.0.1:9"
  priority = 1
  [[uplink.centre]]
  address = 6
  tcp = "127.0.0.1:10"
  priority = 2
"""


def test_a_site_file_with_an_sl651_uplink_is_sound(tmp_path: Path) -> None:
    (uplink,) = site(tmp_path, HYDRO).uplinks
    assert isinstance(uplink, Sl651Uplink)
    assert [uplink.name_of(centre) for centre in uplink.centres] == ["hydro/5", "hydro/6"]
    assert PASSWORD not in repr(uplink)


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        (ADDRESS, "12", "uplink[0].station_address"),
        ('element = "39"', 'element = "F0"', "uplink[0].element[0].element"),
        ("address = 6", "address = 5", "uplink[0].centre[1].address"),
        ('tcp = "127.0.0.1:10"', "", "uplink[0].centre[1]"),
        ("timed_s = 300", "timed_s = 7", "uplink[0].timed_s"),
    ],
)
def test_a_fault_of_the_site_file_is_named(tmp_path: Path, old: str, new: str, path: str) -> None:
    with pytest.raises(SiteError) as error:
        site(tmp_path, HYDRO.replace(old, new))
    assert [fault.path for fault in error.value.faults] == [path]


class _Outside(Outside):
    def __init__(self, ways: dict[str, CentreWay]) -> None:
        super().__init__()
        self.clock = world_clock()
        self._ways = ways

    def way(self, place: str, baud: int | None) -> Opener:
        return self._ways[place].open


def test_each_centre_of_a_gateway_has_its_own_position(tmp_path: Path) -> None:
    async def steps() -> None:
        clock = world_clock()
        centres = [Centre(address, {ADDRESS: PASSWORD}, clock.unix_ms) for address in (5, 6)]
        roads = {f"127.0.0.1:{port}": CentreWay(centre) for port, centre in zip((9, 10), centres, strict=True)}
        roads["127.0.0.1:10"].up = False
        gateway = Gateway(site(tmp_path, HYDRO), _Outside(roads))
        stop = asyncio.Event()
        running = asyncio.create_task(gateway.run(stop))
        series = gateway.store.series("sensor level", [LEVEL])
        for minute in range(12):
            await asyncio.sleep(60)
            gateway.store.add_poll(series, clock.unix_ms(), [(minute, 0)])
            gateway.store.commit()
        assert len(centres[0].ledger.of("39")) == 2 and centres[1].ledger.values == []
        assert gateway.store.position("hydro/5") == 10 and gateway.store.position("hydro/6") == 0
        roads["127.0.0.1:10"].up = True
        await asyncio.sleep(120)
        assert gateway.store.position("hydro/6") >= 10
        stop.set()
        await running
        assert centres[0].ledger.complaints == centres[1].ledger.complaints == []

    run_virtual(steps())


def test_a_centre_of_lower_priority_lets_its_backlog_wait() -> None:
    precedence = Precedence()
    precedence.say("a", 1, True)
    assert precedence.must_wait(2) and not precedence.must_wait(1)
    precedence.say("a", 1, False)
    assert not precedence.must_wait(2)


def test_every_channel_of_a_centre_is_a_way_main_first(tmp_path: Path) -> None:
    asked: list[tuple[str, int | None]] = []

    def way(place: str, baud: int | None) -> Opener:
        asked.append((place, baud))
        return CentreWay.open  # type: ignore[return-value]

    assert len(ways(Sl651Centre(address=1, tcp="a:1", backup_port="/dev/modem", baud=1200), way)) == 2
    assert asked == [("a:1", None), ("/dev/modem", 1200)]


def test_the_simulated_centre_on_a_port_gets_reports_of_a_gateway_in_real_time(tmp_path: Path) -> None:
    centre = subprocess.Popen(
        [sys.executable, "-m", "gateway", "sim", "platform", "sl651", "--port", "0", "--address", "5", "--for", "20",
         "--ask", "0.5", "--lang", "en"],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert centre.stdout is not None
        port = re.search(r"port (\d+)", centre.stdout.readline())
        assert port is not None
        text = HYDRO.replace("127.0.0.1:9", f"127.0.0.1:{port[1]}").replace("timed_s = 300", "test_report = true")

        async def steps() -> None:
            gateway = Gateway(site(tmp_path, text), Outside())
            series = gateway.store.series("sensor level", [LEVEL])
            gateway.store.add_poll(series, time.time_ns() // 1_000_000, [(1234, 0)])
            gateway.store.commit()
            stop = asyncio.Event()
            running = asyncio.create_task(gateway.run(stop))
            async with asyncio.timeout(15):
                line = await asyncio.to_thread(centre.stdout.readline)
            stop.set()
            await running
            assert re.search(rf"{functions.TEST:02X}  \d{{10}}  39   Z +1\.234 m", line), line

        asyncio.run(steps())
    finally:
        centre.kill()
        centre.communicate()


@pytest.mark.parametrize(("lang", "word"), [("en", "observed at"), ("zh", "观测时间")])
def test_a_frame_is_explained_in_both_languages(lang: str, word: str) -> None:
    frame = "7E7E05001122334403E838002A020035170718110128F1F1001122334448F0F017071810050418000005F46005"
    frame += "00000014FFFFFFFFFF000003E8AB"
    command = [sys.executable, "-m", "gateway", "decode", "--lang", lang]
    sound = subprocess.run([*command, frame], capture_output=True, encoding="utf-8", env={"PYTHONUTF8": "1"})
    assert sound.returncode == 0 and word in sound.stdout and "F4 DRP 0.5 0.0 0.0 0.0 2.0" in sound.stdout
    harmed = subprocess.run([*command, frame[:-1] + "C"], capture_output=True, encoding="utf-8",
                            env={"PYTHONUTF8": "1"})  # fmt: skip
    assert harmed.returncode == 1 and {"en": "CRC: WRONG", "zh": "校验码：错误"}[lang] in harmed.stdout


def test_every_word_of_an_explanation_is_in_the_catalogue() -> None:
    fields = [f"sl651_function_{code:02X}" for code in functions.KNOWN] + list(explain.FAULTS)
    fields += [f"sl651_end_{end.lower()}" for end in explain.ENDS.values()]
    fields += [f"sl651_status_{bit}" for bit in range(explain.STATUS_BITS)]
    fields += [f"sl651_{kind}" for kind in (body.STATION, body.TIME, body.ELEMENT, body.WISH, body.TEXT, body.PICTURE)]
    fields += [f"sl651_{kind}" for kind in (body.SPAN, body.REST, "element_unknown", "up", "down")]
    assert [field for field in fields if f"decode.{field}" not in catalogue()] == []
