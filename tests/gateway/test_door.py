"""The control socket, the metrics and a changed site file: a real gateway process polls a device over TCP."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families

from gateway.__main__ import main
from gateway.control.call import NoGateway, asked, watched
from gateway.messages import set_language
from gateway.states import BusState, DeviceState, Status, StoreState
from gateway.status_table import is_well
from hw_sim.station import free_ports
from tests.gateway.doubles import query
from tests.gateway.level_device import LevelDevice

SITE = """
[station]
id = "demo"
name = "Demo"
latitude = 33.0
longitude = 97.0
altitude_m = 4500

[store]
commit_delay_s = 0.2

[metrics]
listen = "127.0.0.1:{metrics}"

[[bus]]
id = "river"
tcp = "127.0.0.1:{device}"

[[sensor]]
id = "level"
profile = "keller_acculevel"
bus = "river"
unit_id = 1
period_s = 1

[[uplink]]
id = "platform"
type = "mqtt"
host = "127.0.0.1"
port = 1
"""


class Running:
    """A gateway process in a folder, with the device that it polls."""

    def __init__(self, folder: Path, device: LevelDevice) -> None:
        (self.metrics,) = free_ports(1)
        self.folder = folder
        self.file = folder / "site.toml"
        self.text = SITE.format(metrics=self.metrics, device=device.port)
        self.file.write_text(self.text)
        self.socket = folder / "watertower.sock"
        self.log = folder / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen([sys.executable, "-m", "gateway", "run", str(self.file)], stderr=log)
        wait_for(self.is_settled)

    def state(self) -> dict:  # type: ignore[type-arg]
        return asked(self.socket, "status")

    def is_settled(self) -> bool:
        """Whether the sensor has warmed up, a row is on disk and the broker that is not there was looked for."""
        state = self.state()
        has_value = any(one["value"] for one in state["channels"])
        return has_value and state["store"]["last_seq"] > 0 and bool(state["uplinks"][0]["trouble"])

    def end(self) -> int:
        self.process.terminate()
        return self.process.wait(10)


def wait_for(is_so, limit_s: float = 20.0) -> None:  # type: ignore[no-untyped-def]
    """Until it is so; what can't be asked yet is not."""
    end_s = time.monotonic() + limit_s
    while time.monotonic() < end_s:
        with contextlib.suppress(NoGateway, OSError):
            if is_so():
                return
        time.sleep(0.05)
    raise AssertionError("it never came to be")


@pytest.fixture(autouse=True)
def own_language() -> Iterator[None]:
    yield
    set_language(None)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    with LevelDevice() as device:
        one = Running(tmp_path, device)
        yield one
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()


def test_the_socket_tells_the_state_and_takes_commands_of_this_user(running: Running) -> None:
    state = running.state()
    assert state["station"] == "demo" and state["stuck"] == []
    assert [one["channel"] for one in state["channels"]] == ["level.pressure", "level.temperature"]
    (bus,) = state["buses"]
    assert bus["is_open"] and bus["devices"][0]["missed"] == 0
    (uplink,) = state["uplinks"]
    assert not uplink["is_connected"] and uplink["waiting_rows"] >= 1 and "127.0.0.1:1" in uplink["trouble"]
    assert os.stat(running.socket).st_mode & 0o777 == 0o660
    assert asked(running.socket, "resend", {"ranges": [[1, 1]]}) == {"result": "done", "wanted": 1, "again": []}
    assert asked(running.socket, "emergency", {"node": "x", "seconds": 1})["reason"] == "not_now"
    assert asked(running.socket, "fly")["reason"] == "unknown_command"
    assert asked(running.socket, "write", {"sensor": "level"})["reason"] == "argument"
    kinds = query(running.folder, "SELECT kind, detail ->> 'command', detail ->> 'operator' FROM event")
    assert ("command", "resend", "root@local" if os.getuid() == 0 else None) in kinds or os.getuid() != 0
    seen = watched(running.socket, 0.2)
    assert next(seen)["unix_ms"] < next(seen)["unix_ms"]


def test_nobody_at_the_socket_hurts_the_polls(running: Running) -> None:
    def said(line: bytes) -> bytes:
        with socket.socket(socket.AF_UNIX) as door:
            door.settimeout(5)
            door.connect(str(running.socket))
            with contextlib.suppress(BrokenPipeError):
                door.sendall(line)
            return door.recv(1000)

    assert json.loads(said(b"nonsense\n")) == {"result": "refused", "reason": "form"}
    assert json.loads(said(b'{"command":7,"argument":' + b"[" * 2000 + b"\n")) == {
        "result": "refused",
        "reason": "form",
    }
    with contextlib.suppress(ConnectionResetError):
        assert said(b"x" * 300_000) == b""
    callers = [socket.socket(socket.AF_UNIX) for _ in range(20)]
    for caller in callers:
        caller.connect(str(running.socket))
    time.sleep(0.2)
    with pytest.raises(NoGateway):  # sixteen are served
        running.state()
    for caller in callers:
        caller.close()
    wait_for(running.state)
    before = running.state()["store"]["last_seq"]
    wait_for(lambda: running.state()["store"]["last_seq"] >= before + 3)
    assert running.end() == 0 and not running.socket.exists()


def test_prometheus_can_read_what_it_gets(running: Running) -> None:
    place = f"http://127.0.0.1:{running.metrics}"
    with urllib.request.urlopen(f"{place}/metrics", timeout=5) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        families = {family.name: family for family in text_string_to_metric_families(answer.read().decode())}
    reading = {sample.labels["channel"]: sample.value for sample in families["watertower_reading"].samples}
    assert set(reading) == {"level.pressure", "level.temperature"}
    assert families["watertower_store_rows"].type == "counter"
    assert families["watertower_uplink_connected"].samples[0].value == 0
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"{place}/etc/passwd", timeout=5)
    with socket.create_connection(("127.0.0.1", running.metrics)) as rude:
        with contextlib.suppress(OSError):
            rude.sendall(b"GET /" + b"a" * 100_000)
        with contextlib.suppress(ConnectionResetError):
            assert rude.recv(100) == b""


def times_ms(folder: Path, source: str) -> list[int]:
    found = query(folder, f"SELECT unix_ms FROM row JOIN series ON series.id = series WHERE source = '{source}'")
    return sorted(unix_ms for (unix_ms,) in found)


@pytest.mark.parametrize("by_signal", [True, False])
def test_a_changed_site_file_is_taken_over_without_losing_a_reading(running: Running, by_signal: bool) -> None:
    time.sleep(2.2)
    running.file.write_text(running.text + SECOND)
    if by_signal:
        running.process.send_signal(signal.SIGHUP)
    else:
        assert main(["reload", str(running.file)]) == 0
    wait_for(lambda: len(running.state()["buses"][0]["devices"]) == 2)
    time.sleep(2.5)
    assert running.end() == 0
    gaps_ms = [after - before for before, after in pairwise(times_ms(running.folder, "sensor level"))]
    assert all(500 < gap < 1500 for gap in gaps_ms), gaps_ms
    assert len(times_ms(running.folder, "sensor two")) >= 2
    assert query(running.folder, "SELECT count(*) FROM event WHERE kind = 'gap'") == [(0,)]


SECOND = """
[[sensor]]
id = "two"
profile = "keller_acculevel"
bus = "river"
unit_id = 2
period_s = 1
"""


def test_a_faulty_site_file_is_refused_and_the_old_one_goes_on(
    running: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    running.file.write_text(running.text.replace('bus = "river"\nunit', 'bus = "rover"\nunit'))
    running.process.send_signal(signal.SIGHUP)
    wait_for(lambda: any(one["kind"] == "configuration_refused" for one in running.state()["events"]))
    assert "did you mean river?" in running.log.read_text()
    assert asked(running.socket, "reload")["reason"] == "not_now"
    running.file.write_text(running.text.replace('id = "demo"', 'id = "other"'))
    assert "station.id" in asked(running.socket, "reload")["detail"]
    before = running.state()["store"]["last_seq"]
    wait_for(lambda: running.state()["store"]["last_seq"] >= before + 2)


def test_status_is_a_table_in_both_languages_and_says_when_nobody_answers(
    running: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status", str(running.file), "--lang", "en"]) == 1  # the uplink is down
    told = capsys.readouterr().out
    assert "level.pressure" in told and "DOWN: no broker at 127.0.0.1:1" in told and "answers" in told
    assert main(["status", str(running.file), "--lang", "zh"]) == 1
    assert "应答正常" in capsys.readouterr().out
    assert main(["status", str(running.file), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["station"] == "demo"
    running.end()
    assert main(["status", str(running.file), "--lang", "en"]) == 2
    assert "no gateway answers" in (told := capsys.readouterr().err) and "last row" in told


def test_a_silent_sensor_and_a_lost_store_are_not_well(tmp_path: Path) -> None:
    store = StoreState(is_open=True, is_full=False, last_seq=1, waiting=0, size_bytes=1, free_bytes=None)
    device = DeviceState(sensor="a", unit_id=1, missed=0, skipped=0, is_on=True, answered_unix_ms=1)
    bus = BusState(bus="river", is_open=True, is_overloaded=False, devices=(device,))
    well = Status(
        station="demo", unix_ms=2, is_clock_trusted=True, running_s=1, store=store, buses=(bus,), radio=None,
        uplinks=(), channels=(), events=(), stuck=(), commands={}, refused_commands={},
    )  # fmt: skip
    assert is_well(well)
    for worse in (
        replace(well, stuck=("bus",)),
        replace(well, is_clock_trusted=False),
        replace(well, store=replace(store, is_open=False)),
        replace(well, store=replace(store, is_full=True)),
        replace(well, buses=(replace(bus, is_open=False),)),
        replace(well, buses=(replace(bus, devices=(replace(device, missed=1),)),)),
    ):
        assert not is_well(worse)
