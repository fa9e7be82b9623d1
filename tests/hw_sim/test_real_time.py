"""What can be played in real time, where its gateway finds everything, and how durations are said."""

import inspect
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from gateway.site import config
from hw_sim import scenario
from hw_sim.faults.base import Fault, duration, seconds
from hw_sim.faults.clocks import ClockDrift
from hw_sim.faults.kinds import AnyFault
from hw_sim.real_time import only_virtual
from hw_sim.station import free_ports, places

KINDS: tuple[type[Fault], ...] = get_args(AnyFault)
SITE = """
[station]
id = "wide"
name = "Wide"
latitude = 35.0
longitude = 96.0
altitude_m = 4200
"""
BUS = """
[[bus]]
id = "tcp{0}"
tcp = "127.0.0.1:{1}"
[[bus]]
id = "serial{0}"
port = "/dev/ttyUSB{0}"
[[sensor]]
id = "a{0}"
profile = "keller_acculevel"
bus = "tcp{0}"
unit_id = 1
period_s = 1
[[sensor]]
id = "b{0}"
profile = "keller_acculevel"
bus = "serial{0}"
unit_id = 1
period_s = 1
[[uplink]]
id = "up{0}"
type = "mqtt"
host = "broker.example"
"""


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_fault_that_touches_what_only_virtual_time_has_says_so(kind: type[Fault]) -> None:
    body = inspect.getsource(kind)
    touches = any(word in body for word in ("gateway_clock", "_disk(", "_simulated("))
    names = {field: "x" for field in ("node", "sensor", "line", "other") if field in kind.__struct_fields__}
    if kind is ClockDrift:
        assert ClockDrift(node="x").only_virtual is None
        assert ClockDrift().only_virtual is not None
    else:
        fault = kind(**(dict.fromkeys(kind.__struct_fields__) | names))
        assert (fault.only_virtual is not None) == touches


def test_each_fault_that_is_refused_is_named_with_its_place_and_reason(tmp_path: Path) -> None:
    story = scenario.load(scenario.find("demo"))
    faults = msgspec.convert(
        [{"kind": "backhaul_down", "at": "1s"}, {"kind": "disk_slow", "at": "1s"}, {"kind": "ntp_jump", "at": "2s"}],
        tuple[AnyFault, ...],
    )
    found = only_virtual(msgspec.structs.replace(story, faults=faults))
    assert [fault.text("en").partition(";")[0] for fault in found] == [
        "fault[1].kind: 'disk_slow' needs virtual time: the gateway's process has the disk of this machine",
        "fault[2].kind: 'ntp_jump' needs virtual time: the gateway's process has the clock of this machine",
    ]
    assert only_virtual(story) == []


def test_a_gateway_of_many_buses_finds_each_in_its_folder_or_at_a_port_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    path.write_text(SITE + "".join(BUS.format(number, 5000 + number) for number in range(12)), "utf-8")
    ports = free_ports(12)
    assert len(set(ports)) == 12
    site = config.load(path, places(config.load(path), 1234, ports))
    assert {Path(bus.port).parent for bus in site.buses if bus.port is not None} == {tmp_path}
    assert [bus.tcp for bus in site.buses if bus.tcp is not None] == [f"127.0.0.1:{port}" for port in ports]
    assert {(uplink.host, uplink.port) for uplink in site.uplinks} == {("127.0.0.1", 1234)}
    assert Path(site.store.path).parent == tmp_path


@pytest.mark.parametrize(
    ("span_s", "text"),
    [
        (0.0, "0s"),
        (2.5, "2.5s"),
        (60, "1m"),
        (90.04, "1m 30s"),
        (3600, "1h"),
        (183_600, "2d 3h"),
        (86_405, "1d"),
        (30 * 86_400, "30d"),
    ],
)
def test_a_duration_is_said_as_a_scenario_writes_it(span_s: float, text: str) -> None:
    assert duration(span_s) == text
    if span_s != 86_405:
        assert seconds(text) == pytest.approx(span_s, abs=0.05)
