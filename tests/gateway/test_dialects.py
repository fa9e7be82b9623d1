"""A site file names the dialect of an MQTT uplink; who does not speak Sparkplug does not load its library."""

import subprocess
import sys
from pathlib import Path

import pytest

from gateway.control.desk import Desk
from gateway.faults import SiteError
from gateway.site.config import MqttUplink
from gateway.store import Store
from gateway.uplink.devices import Device, device_of, devices
from gateway.uplink.dialects import Room, dialect
from tests.gateway.doubles import NODE, RIVER, UPLINK, HandClock, sensor, site

ROOT = Path(__file__).resolve().parents[2]


def of(folder: Path, *lines: str) -> Room:
    found = site(folder, NODE, RIVER, sensor("deep", 2, 600), UPLINK, *(f"{line}\n" for line in lines))
    clock = HandClock()
    store = Store(folder / "store.db", clock)
    (uplink,) = found.uplinks
    assert isinstance(uplink, MqttUplink)
    return Room(found, uplink, store, clock, Desk((), {}, store, clock))


@pytest.mark.parametrize(
    "lines,topics,again_ms",
    [
        ((), (), 0),
        (
            ('dialect = "sparkplug"', 'group = "高原"', 'primary_host = "scada"', "again_s = 90"),
            ("spBv1.0/高原/NCMD/demo", "spBv1.0/高原/DCMD/demo/+", "spBv1.0/STATE/scada"),
            90_000,
        ),
        (
            ('dialect = "thingsboard"', 'commands = "operator"'),
            ("v1/gateway/rpc", "v1/gateway/attributes", "v1/devices/me/rpc/request/+"),
            0,
        ),
    ],
)
def test_the_site_file_names_the_dialect(
    tmp_path: Path, lines: tuple[str, ...], topics: tuple[str, ...], again_ms: int
) -> None:
    spoken = dialect(of(tmp_path, *lines))
    assert spoken.topics == topics and spoken.again_ms == again_ms
    spoken.will()
    assert isinstance(spoken.greeting(), list)


@pytest.mark.parametrize(
    "lines,fault",
    [
        (('dialect = "sparkplugs"',), "uplink[0].dialect: 'sparkplugs' does not fit; needs one of"),
        (('group = "g"',), "uplink[0].group: belongs to the dialects 'sparkplug' only"),
        (('dialect = "thingsboard"', 'primary_host = "h"'), "uplink[0].primary_host: belongs to the dialects"),
        (('commands = "viewer"',), "uplink[0].commands: belongs to the dialects 'sparkplug', 'thingsboard' only"),
        (('dialect = "sparkplug"', 'group = "a/b"'), "uplink[0].group: 'a/b' does not fit"),
        (('dialect = "sparkplug"', 'primary_host = "+"'), "uplink[0].primary_host: '+' does not fit"),
    ],
)
def test_what_does_not_fit_is_told(tmp_path: Path, lines: tuple[str, ...], fault: str) -> None:
    with pytest.raises(SiteError) as caught:
        of(tmp_path, *lines)
    assert fault in str(caught.value)


def test_sensors_and_nodes_are_devices_and_what_is_gone_is_known_by_its_rows(tmp_path: Path) -> None:
    found = devices(of(tmp_path).site)
    assert [(one.name, one.silent_ms) for one in found.values()] == [("deep", 1_800_000), ("node-water", 180_000)]
    assert device_of("sensor old", found) == Device("old", "sensor old", "old", 60_000)
    assert device_of("node 9", found) == Device("node-9", "node 9", "9", 60_000)
    assert device_of("hour", found) is None and device_of("node 17", found) == found["node 17"]


def test_a_gateway_that_does_not_speak_it_does_not_load_protobuf(tmp_path: Path) -> None:
    site(tmp_path, RIVER, sensor("deep", 2), UPLINK)
    program = (
        "import sys; from pathlib import Path;"
        "from gateway.app import Gateway, Outside; from gateway.site import config;"
        "Gateway(config.load(Path('site.toml')), Outside());"
        "print([name for name in sys.modules if name.startswith('google')])"
    )
    told = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert told.stdout == "[]\n", told.stderr
