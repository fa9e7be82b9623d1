"""A site file is taken whole or refused with every fault named at once."""

import inspect
import json
import re
import tomllib
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.faults import SiteError, check_text, walk
from gateway.site import slice
from gateway.site.config import NodeLimit, Site, load
from gateway.site.library import Library, ProfileFile, RegisterFile, agreement
from gateway.site.profiles import columns, detail, quantities, table, width_of
from protocols import profiles
from protocols.profile import Profile
from protocols.registers import ORDERS, WORDS, Register

KEY = "0123456789abcdef" * 4
OTHER_KEY = "fedcba9876543210" * 4

SITE = f"""
profile_dir = "profiles"

[station]
id = "demo"
name = "Demonstration station"
name_zh = "演示站"
latitude = 35.0
longitude = 96.0
altitude_m = 4200

[radio]
port = "radio"

[[bus]]
id = "river"
port = "river"

[[bus]]
id = "roof"
tcp = "127.0.0.1:5020"

[[sensor]]
id = "level"
profile = "lev"
bus = "river"
unit_id = 3
period_s = 1
quantities = ["temperature", "pressure"]

[[sensor]]
id = "sky"
profile = "lev"
bus = "roof"
unit_id = 3
period_s = 2

[[node]]
id = 17
name = "water"
key = "{KEY}"
report_s = 3
  [[node.bus]]
  id = "uart1"
  [[node.sensor]]
  id = "do"
  profile = "oxy"
  bus = "uart1"
  unit_id = 1
  period_s = 2
  rail = "sensors"
  [[node.sensor]]
  id = "do_deep"
  profile = "oxy"
  bus = "uart1"
  unit_id = 2
  period_s = 3

[[node]]
id = 18
name = "air"
key = "{OTHER_KEY}"
report_s = 60
  [[node.bus]]
  id = "uart1"
  baud = 19200
  parity = "E"
  [[node.sensor]]
  id = "dust"
  profile = "fast"
  bus = "uart1"
  unit_id = 1
  period_s = 60

[[uplink]]
id = "platform"
type = "mqtt"
host = "127.0.0.1"
"""

OXY = """
title = "Oxygen probe"
kind = "water"
confidence = "note"
source = "invented for this test"
reserved_unit_ids = [19]
warm_up_ms = 8000

[[register]]
name = "temperature"
address = 0x2600
kind = "f32"
unit = "degC"
decimals = 2

[[register]]
name = "dissolved_oxygen"
address = 0x2604
kind = "f32"
unit = "mg/L"
low = 0
high = 20
decimals = 2
"""

OTHERS = {
    "lev": OXY.replace("dissolved_oxygen", "pressure").replace("mg/L", "bar"),
    "fast": OXY.replace("warm_up_ms = 8000", 'baud = 19200\nparity = "E"'),
}

NODE = "node[0]"
SENSOR = "node[0].sensor[0]"


def written(folder: Path, text: str = SITE, own: dict[str, str] | None = None) -> Path:
    (folder / "profiles").mkdir()
    for model, profile in {"oxy": OXY, **OTHERS, **(own or {})}.items():
        (folder / "profiles" / f"{model}.toml").write_text(profile, "utf-8")
    (folder / "site.toml").write_text(text, "utf-8")
    return folder / "site.toml"


def complaints(path: Path, lang: str = "en", overrides: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(SiteError) as refused:
        load(path, overrides)
    return check_text(refused.value, "site.toml", lang)


def changed(old: str, new: str) -> str:
    assert old in SITE, old
    return SITE.replace(old, new, 1)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return load(written(tmp_path))


def test_a_sound_file_becomes_a_site_with_defaults_and_absolute_paths(site: Site, tmp_path: Path) -> None:
    assert (site.station.id, site.station.name_zh, site.station.altitude_m) == ("demo", "演示站", 4200)
    assert (site.store.path, site.store.commit_delay_s) == (str(tmp_path / "store.db"), 10)
    assert site.radio is not None and (site.radio.port, site.radio.baud) == (str(tmp_path / "radio"), 9600)
    assert [(bus.port, bus.tcp) for bus in site.buses] == [(str(tmp_path / "river"), None), (None, "127.0.0.1:5020")]
    assert site.nodes[0].secret == bytes.fromhex(KEY)
    assert site.nodes[0].sensors[0].rail == "sensors" and site.nodes[0].sensors[1].rail is None
    assert site.uplinks[0].brokers == (("127.0.0.1", 1883),)


def test_a_sensor_finds_its_profile_and_the_registers_that_are_wanted(site: Site) -> None:
    level, sky = site.sensors
    assert site.profile(level).title == "Oxygen probe"
    assert [register.name for register in site.registers(level)] == ["temperature", "pressure"]
    assert site.registers(sky) == site.profile(sky).registers


def test_channels_are_named_by_sensor_and_quantity(site: Site) -> None:
    assert [channel.name for channel in site.channels] == [
        "level.temperature",
        "level.pressure",
        "sky.temperature",
        "sky.pressure",
        "do.temperature",
        "do.dissolved_oxygen",
        "do_deep.temperature",
        "do_deep.dissolved_oxygen",
        "dust.temperature",
        "dust.dissolved_oxygen",
    ]
    oxygen = site.channels[5]
    assert (oxygen.sensor, oxygen.node, oxygen.quantity, oxygen.unit) == ("do", 17, "dissolved_oxygen", "mg/L")
    assert (oxygen.decimals, oxygen.low, oxygen.high) == (2, 0, 20)
    assert site.channels[0].node is None


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        # the form of one table
        ("altitude_m", "altitud_m", ["station.altitud_m: unknown key; did you mean altitude_m?",
                                     "station.altitude_m: missing; needs a number from -500 to 9000 m"]),
        ("latitude = 35.0", "latitude = 95.0",
         ["station.latitude: 95.0 is out of range; needs a number from -90 to 90 °"]),
        ("latitude = 35.0", "latitude = nan",
         ["station.latitude: nan is out of range; needs a number from -90 to 90 °"]),
        ('id = "demo"', 'id = "Demo 1"',
         ["station.id: 'Demo 1' does not fit; needs an id of a-z, 0-9 and -, 32 characters at most"]),
        ('name = "Demonstration station"', 'name = ""',
         ["station.name: '' does not fit; needs text that is not empty"]),
        ("unit_id = 3", 'unit_id = "3"', ["sensor[0].unit_id: needs a whole number from 1 to 247, found text: '3'; "
                                          "write 3 without quotes"]),
        ("unit_id = 3", "unit_id = 248",
         ["sensor[0].unit_id: 248 is out of range; needs a whole number from 1 to 247"]),
        ("unit_id = 3", "unit_id = true",
         ["sensor[0].unit_id: needs a whole number from 1 to 247, found true or false: true"]),
        ("period_s = 1", "period_s = 100000",
         ["sensor[0].period_s: 100000 is out of range; needs a whole number from 1 to 86400 s"]),
        ("period_s = 1", "period_s = 1.5",
         ["sensor[0].period_s: needs a whole number from 1 to 86400 s, found a number: 1.5"]),
        ('name = "water"', "name = 12", ["node[0].name: needs a name of a-z, 0-9 and _, 32 characters at most, "
                                         "found a whole number: 12; put 12 in double quotes"]),
        ("[radio]", "[[radio]]", ["radio: needs a table, found a list; write [radio], not [[radio]]"]),
        ("[[uplink]]", "[uplink]",
         ["uplink: needs at least one table [[ ]], found a table; write [[uplink]], not [uplink]"]),
        ("baud = 19200", "baud = 19201", ["node[1].bus[0].baud: 19201 does not fit; needs one of 1200, 2400, 4800, "
                                          "9600, 14400, 19200, 28800, 38400, 57600, 115200"]),
        ('parity = "E"', 'parity = "even"', ["node[1].bus[0].parity: 'even' does not fit; needs one of 'E', 'N', 'O'"]),
        ('tcp = "127.0.0.1:5020"', 'tcp = "127.0.0.1"',
         ["bus[1].tcp: '127.0.0.1' does not fit; needs \"host:port\", for instance \"192.168.1.20:502\""]),
        ('tcp = "127.0.0.1:5020"', 'tcp = "127.0.0.1:65536"',
         ["bus[1].tcp: '127.0.0.1:65536' does not fit; needs \"host:port\", for instance \"192.168.1.20:502\""]),
        ('type = "mqtt"', 'type = "kafka"',
         ["uplink[0].type: 'kafka' does not fit; needs one of 'mqtt', 'sl651', 'hj212'"]),
        ('type = "mqtt"\n', "", ["uplink[0].type: missing; needs one of 'mqtt', 'sl651', 'hj212'"]),
        ('host = "127.0.0.1"', 'host = "127.0.0.1"\nprot = 1',
         ["uplink[0].prot: unknown key; did you mean port?"]),
        (f'key = "{KEY}"', 'key = "0123"', ["node[0].key: has 4 characters or not the right ones; needs 64 hex digits "
                                            "(32 bytes), as `openssl rand -hex 32` prints them"]),
        (f'key = "{KEY}"', "key = 123", ["node[0].key: needs 64 hex digits (32 bytes), as `openssl rand -hex 32` "
                                         "prints them, found a whole number"]),
        ('quantities = ["temperature", "pressure"]', "quantities = []",
         ["sensor[0].quantities: is empty; name at least one, or leave the key out where it is optional"]),
        # what tables must agree on
        ('profile = "lev"', 'profile = "levv"', ["sensor[0].profile: unknown profile 'levv'; did you mean lev?"]),
        ('bus = "river"', 'bus = "rivr"', ["sensor[0].bus: unknown bus 'rivr'; did you mean river?"]),
        ('bus = "river"', 'bus = "x"', ["sensor[0].bus: unknown bus 'x'; known: river, roof"]),
        ('"pressure"]', '"presure"]',
         ["sensor[0].quantities[1]: lev has no quantity 'presure'; did you mean pressure?"]),
        ('"pressure"]', '"temperature"]',
         ["sensor[0].quantities[1]: 'temperature' is taken already, by sensor[0].quantities[0]"]),
        ("unit_id = 3", "unit_id = 19",
         ["sensor[0].unit_id: unit id 19 is reserved by lev; set the device to another address"]),
        ('bus = "roof"', 'bus = "river"',
         ["sensor[1].unit_id: unit id 3 on bus 'river' is taken already, by sensor[0]"]),
        ("unit_id = 2", "unit_id = 1",
         ["node[0].sensor[1].unit_id: unit id 1 on bus 'uart1' is taken already, by node[0].sensor[0]"]),
        ('id = "sky"', 'id = "level"', ["sensor[1].id: 'level' is taken already, by sensor[0].id"]),
        ('id = "dust"', 'id = "sky"', ["node[1].sensor[0].id: 'sky' is taken already, by sensor[1].id"]),
        ('id = "roof"', 'id = "river"', ["bus[1].id: 'river' is taken already, by bus[0].id",
                                         "sensor[1].bus: unknown bus 'roof'; known: river"]),
        ("id = 18", "id = 17", ["node[1].id: 17 is taken already, by node[0].id"]),
        ('name = "air"', 'name = "water"', ["node[1].name: 'water' is taken already, by node[0].name"]),
        (OTHER_KEY, KEY.upper(), ["node[1].key: is the same as node[0].key; each needs its own"]),
        ('port = "river"', 'port = "./radio"',
         ["bus[0].port: './radio' is taken already, by radio.port"]),
        ('port = "river"', 'tcp = "127.0.0.1:5020"', ["bus[1].tcp: '127.0.0.1:5020' is taken already, by bus[0].tcp"]),
        ('[[uplink]]', '[[uplink]]\nid = "platform"\ntype = "mqtt"\nhost = "b"\n[[uplink]]',
         ["uplink[1].id: 'platform' is taken already, by uplink[0].id"]),
        ('port = "river"', "", ["bus[0]: has neither port nor tcp; give a serial line its port, or a Modbus TCP device "
                                'tcp = "host:port"']),
        ('port = "river"', 'port = "river"\ntcp = "a:1"', [
            'bus[0]: has both port and tcp; give a serial line its port, or a Modbus TCP device tcp = "host:port"']),
        ('[radio]\nport = "radio"\n', "",
         ["radio: there are nodes, but no radio that hears them; add [radio] with its port"]),
        ('port = "radio"', 'port = "radio"\nspreading_factor = 11', [
            f"node[{node}].sensor: a record of {count} channels can need a frame of {need} bytes; the limits in "
            "[radio] allow 33; choose a lower spreading_factor or a wider bandwidth_khz, name fewer quantities, or use "
            "two nodes"
            for node, count, need in ((0, 4, 59), (1, 2, 46))]),
        ('port = "radio"', 'port = "radio"\nbandwidth_khz = 100',
         ["radio.bandwidth_khz: 100 does not fit; needs one of 125, 250, 500"]),
        ("report_s = 3", "report_s = 1",
         ["node[0].report_s: 1 s is shorter than the shortest period_s of its sensors, 2 s"]),
        ("baud = 19200", "baud = 9600", [
            "node[1].sensor[0].bus: fast speaks 19200 8E1, but bus 'uart1' is set to 9600 8E1; set baud = 19200, "
            "parity = \"E\", stop_bits = 1 on bus 'uart1', or, if the device itself was set otherwise, write "
            'serial = "as_bus" with the sensor']),
        ('profile_dir = "profiles"', 'profile_dir = "profile"', [
            "node[0].sensor[0].profile: unknown profile 'oxy'; {shipped}",
            "node[0].sensor[1].profile: unknown profile 'oxy'; {shipped}",
            "node[1].sensor[0].profile: unknown profile 'fast'; {shipped}",
            "profile_dir: there is no folder 'profile' beside the site file",
            "sensor[0].profile: unknown profile 'lev'; {shipped}",
            "sensor[1].profile: unknown profile 'lev'; {shipped}"]),
        # TOML
        ('name = "air"', "name = air", [
            "line 61, column 8: Invalid value; text stands in double quotes, a table's head in [ ] or [[ ]], "
            "each key once"]),
    ],
)  # fmt: skip
def test_a_fault_is_named_with_its_path_and_a_suggestion(
    tmp_path: Path, old: str, new: str, expected: list[str]
) -> None:
    shipped = f"known: {', '.join(profiles.MODELS)}"
    lines = [f"site.toml: {line.replace('{shipped}', shipped)}" for line in expected]
    assert complaints(written(tmp_path, changed(old, new))) == lines


def test_five_different_faults_make_five_lines_each_once(tmp_path: Path) -> None:
    text = (
        SITE.replace("[radio]", "[radio]\nboud = 1")
        .replace("unit_id = 2", "unit_id = 1")
        .replace('profile = "fast"', 'profile = "fest"')
        .replace("id = 18", "id = 17")
        .replace(KEY, KEY[:-1])
    )
    assert complaints(written(tmp_path, text)) == [
        "site.toml: node[0].key: has 63 characters or not the right ones; needs 64 hex digits (32 bytes), "
        "as `openssl rand -hex 32` prints them",
        "site.toml: node[0].sensor[1].unit_id: unit id 1 on bus 'uart1' is taken already, by node[0].sensor[0]",
        "site.toml: node[1].id: 17 is taken already, by node[0].id",
        "site.toml: node[1].sensor[0].profile: unknown profile 'fest'; did you mean fast?",
        "site.toml: radio.boud: unknown key; did you mean baud?",
    ]


def test_the_same_faults_are_told_in_chinese(tmp_path: Path) -> None:
    text = SITE.replace('profile = "fast"', 'profile = "fest"').replace("unit_id = 2", "unit_id = 1")
    text = text.replace("period_s = 60", "period_s = 0")
    assert complaints(written(tmp_path, text), "zh") == [
        "site.toml: node[0].sensor[1].unit_id: 总线 'uart1' 上的从站地址 1 重复，已用于 node[0].sensor[0]",
        "site.toml: node[1].sensor[0].period_s: 0 超出范围，应为 1 到 86400 s 之间的整数",
        "site.toml: node[1].sensor[0].profile: 没有型号配置 'fest'；是否想写 fast？",
    ]


def test_a_key_is_never_shown(tmp_path: Path) -> None:
    for text in (SITE.replace(OTHER_KEY, KEY), SITE.replace(KEY, KEY + "0"), SITE.replace(f'"{KEY}"', KEY)):
        folder = tmp_path / str(len(text))
        folder.mkdir()
        assert not re.search(KEY[:8], "".join(complaints(written(folder, text))))


def test_a_key_does_not_slip_into_a_log(site: Site) -> None:
    assert KEY not in repr(site)


def test_faults_stand_in_the_order_of_their_places(tmp_path: Path) -> None:
    text = SITE + "".join(f'[[uplink]]\nid = "u{n}"\ntype = "mqtt"\nhost = ""\n' for n in range(1, 12))
    found = complaints(written(tmp_path, text))
    assert [line.split(".host")[0] for line in found] == [f"site.toml: uplink[{n}]" for n in range(1, 12)]


def test_a_users_profile_does_not_hide_one_that_ships(tmp_path: Path) -> None:
    model = profiles.MODELS[0]
    assert complaints(written(tmp_path, own={model: OXY})) == [
        f"profiles/{model}.toml: a profile named {model} ships with watertower; rename your file"
    ]


def test_an_empty_file_lacks_its_station_and_nothing_else(tmp_path: Path) -> None:
    assert complaints(written(tmp_path, "")) == ["site.toml: station: missing; needs a table"]


def test_a_file_that_cannot_be_read_is_a_fault_and_no_traceback(tmp_path: Path) -> None:
    assert complaints(tmp_path / "none.toml") == [
        "site.toml: cannot be read: no such file or folder; go to the folder where it lies, or give its path"
    ]
    (tmp_path / "gbk.toml").write_bytes('[station]\nname = "演示站"\n'.encode("gbk"))
    assert complaints(tmp_path / "gbk.toml") == ["site.toml: line 2 is not UTF-8 text; save the file as UTF-8"]
    (tmp_path / "open.toml").write_text('[station]\nname = """x', "utf-8")
    assert complaints(tmp_path / "open.toml")[0].startswith("site.toml: line 2, column 12: ")


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    path = written(tmp_path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert load(path).station.id == "demo"


def places(value: Any, path: str = "") -> Iterator[str]:
    """Every path in a TOML tree."""
    if path:
        yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, f"{path}.{key}" if path else key)
    if isinstance(value, list):
        for index, inner in enumerate(value):
            yield from places(inner, f"{path}[{index}]")


@pytest.mark.parametrize("junk", ["1", '"x"', '""', "[]", "[1]", "[{}]", "{}", "2026-01-01", "true", "nan", "[[]]"])
def test_no_value_in_any_place_breaks_the_checker(tmp_path: Path, junk: str) -> None:
    path = written(tmp_path)
    for place in places(tomllib.loads(SITE)):
        if place.endswith("]"):
            continue  # an override names a key
        try:
            load(path, {place: junk})
        except SiteError as error:
            assert all(check_text(error, "site.toml", lang) for lang in ("en", "zh"))


def test_a_technician_may_say_that_a_device_was_set_to_its_line(tmp_path: Path) -> None:
    text = changed("baud = 19200", "baud = 9600").replace("period_s = 60", 'period_s = 60\n  serial = "as_bus"')
    assert load(written(tmp_path, text)).nodes[1].sensors[0].serial == "as_bus"


def test_a_modbus_tcp_line_has_no_serial_settings_to_disagree_about(tmp_path: Path) -> None:
    text = changed('profile = "lev"\nbus = "roof"', 'profile = "fast"\nbus = "roof"')
    assert load(written(tmp_path, text)).sensors[1].profile == "fast"


@pytest.mark.parametrize(
    "port", ["COM3", "socket://10.0.0.5:4001", "/dev/ttyUSB0", "usb:0403:6001:A50285BI", "usb-at:1-1.2"]
)
def test_a_port_that_is_no_relative_path_stays_as_it_is(tmp_path: Path, port: str) -> None:
    radio = load(written(tmp_path, changed('port = "radio"', f'port = "{port}"'))).radio
    assert radio is not None and radio.port == port


def test_overrides_reach_a_value_by_index_id_or_name(tmp_path: Path) -> None:
    site = load(
        written(tmp_path),
        {
            "uplink[0].port": "1884",
            "uplink.platform.host": "broker.local",
            "node.17.report_s": "9",
            "node.air.sensor.dust.period_s": "30",
            "store.commit_delay_s": "2.5",
        },
    )
    assert (site.uplinks[0].port, site.uplinks[0].host) == (1884, "broker.local")
    assert (site.nodes[0].report_s, site.nodes[1].sensors[0].period_s) == (9, 30)
    assert site.store.commit_delay_s == 2.5


@pytest.mark.parametrize(
    ("target", "value", "expected"),
    [
        ("uplink.platfrm.port", "1", "uplink.platfrm.port: cannot be set from the command line: the file has no "
                                     "platfrm; did you mean platform?"),
        ("uplink[3].port", "1", "uplink[3].port: cannot be set from the command line: the file has no 3; "
                                "known: platform"),
        ("station.id.x", "1", "station.id.x: cannot be set from the command line: the file has no station.id.x"),
        ("station[0].id", "1", "station[0].id: cannot be set from the command line: the file has no 0"),
        ("node[0]", "1", "node[0]: cannot be set from the command line: the file has no node[0]"),
        ("", "1", "cannot be set from the command line: the file has no "),
        ("uplink[0].port", "0", "uplink[0].port: 0 is out of range; needs a whole number from 1 to 65535"),
        ("uplink[0].prt", "1", "uplink[0].prt: unknown key; did you mean port?"),
    ],
)  # fmt: skip
def test_an_override_is_checked_like_the_file(tmp_path: Path, target: str, value: str, expected: str) -> None:
    assert complaints(written(tmp_path), overrides={target: value}) == ["site.toml: " + expected]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('kind = "water"', 'kind = "fire"',
         "kind: 'fire' does not fit; needs one of 'air', 'ground', 'water', 'weather'"),
        ('kind = "f32"', 'kind = "f64"',
         "register[0].kind: 'f64' does not fit; needs one of 'f32', 'i16', 'i32', 'u16', 'u32', 'u8'"),
        ("warm_up_ms", "warmup_ms", "warmup_ms: unknown key; did you mean warm_up_ms, wipe_ms?"),
        ("address = 0x2600", "address = 0xFFFF", "register[0].address: a register at 65535 reaches past address 65535"),
        ("high = 20", "high = 0", "register[1].high: low 0 is not below high 0"),
        ('"dissolved_oxygen"', '"temperature"',
         "register[1].name: 'temperature' is taken already, by register[0].name"),
        ("[19]", "[19, 300]", "reserved_unit_ids[1]: 300 is out of range; needs a whole number from 0 to 255"),
        ("[19]", "[]\nstart = [3, 2560]", "start: needs a list of 3, found a list"),
        ("[[register]]", "[[register", "line 9, column 11: Expected ']]' at the end of an array declaration; "
                                       "text stands in double quotes, a table's head in [ ] or [[ ]], each key once"),
    ],
)  # fmt: skip
def test_a_fault_of_a_users_profile_names_its_own_file(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert old in OXY
    found = complaints(written(tmp_path, own={"oxy": OXY.replace(old, new, 1)}))
    assert found == ["profiles/oxy.toml: " + expected]


def test_a_users_profile_is_a_profile_like_any_other(site: Site) -> None:
    assert site.profiles["oxy"] == Profile(
        "oxy",
        "Oxygen probe",
        "Oxygen probe",
        "water",
        (
            Register("temperature", 0x2600, "f32", "degC", decimals=2),
            Register("dissolved_oxygen", 0x2604, "f32", "mg/L", low=0.0, high=20.0, decimals=2),
        ),
        confidence="note",
        source="invented for this test",
        reserved_unit_ids=(19,),
        warm_up_ms=8000,
    )


def fields_of(record: type) -> set[str]:
    return set(inspect.signature(record).parameters)


def test_a_written_profile_offers_what_the_codec_knows() -> None:
    assert set(ProfileFile.__struct_fields__) == fields_of(Profile) - {"model"}
    assert set(RegisterFile.__struct_fields__) == fields_of(Register)
    assert set(typing.get_args(typing.get_type_hints(RegisterFile)["kind"])) == set(WORDS)
    assert set(typing.get_args(typing.get_type_hints(ProfileFile)["order"])) == set(ORDERS)


def as_tree(record: Profile | Register) -> dict[str, Any]:
    """A profile as its TOML file would give it."""
    fields = {name: value for name, value in vars(record).items() if value is not None}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in fields.items()}


@pytest.mark.parametrize("model", profiles.MODELS)
def test_a_shipped_profile_passes_the_checks_of_a_users_own(model: str) -> None:
    profile = profiles.load(model)
    tree = as_tree(profile)
    assert tree.pop("model") == model
    tree["register"] = [as_tree(register) for register in tree.pop("registers")]
    tree["write"] = [as_tree(write) for write in tree.pop("writes")]
    assert [*walk(tree, ProfileFile)[1], *agreement(tree["register"])] == []


def test_columns_hold_for_wide_characters() -> None:
    lines = columns([("型号", "a", "b"), ("lev", "串口", "c")])
    assert [width_of(line) for line in lines] == [13, 13]
    assert [line[-1] for line in lines] == ["b", "c"]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_table_of_profiles_keeps_its_columns_and_its_width(site: Site, lang: str) -> None:
    known = [*site.profiles.values(), *Library().all()]
    lines = table(known, lang, width=90).splitlines()
    assert lines[0].split()[0] == {"en": "MODEL", "zh": "型号"}[lang]
    rows = [line for line in lines[2:] if line[0] != " "]
    assert [row.split()[0] for row in rows] == [profile.model for profile in known]
    titles = [profile.title_zh if lang == "zh" else profile.title for profile in known]
    assert len({width_of(row[: -len(title)]) for row, title in zip(rows, titles, strict=True)}) == 1
    assert max(width_of(line) for line in lines if line not in rows) <= 90


def test_numbered_quantities_are_told_as_one() -> None:
    registers = [Register(f"soil_moisture_{n}", n, "u16", "%") for n in range(1, 9)]
    air = [Register("pm1", 10, "u16", "ug/m3"), Register("pm2_5", 11, "u16", "ug/m3")]
    profile = Profile("x", "X", "X", "ground", (*registers, *air), confidence="note", source="invented for this test")
    assert quantities(profile, "en") == ["soil moisture 1-8 %", "PM1 µg/m³", "PM2.5 µg/m³"]
    assert quantities(profile, "zh")[0] == "土壤含水量 1-8 %"


def test_the_detail_of_a_profile_tells_registers_times_and_source(site: Site) -> None:
    english = detail(site.profiles["oxy"], "en")
    assert "0x2604  9732  dissolved_oxygen  dissolved oxygen  f32" in re.sub(" {2,}", "  ", english)
    assert "warm-up 8 s" in english and "invented for this test" in english and "reserved unit ids: 19" in english
    chinese = detail(site.profiles["oxy"], "zh")
    assert "溶解氧" in chinese and "预热 8 s" in chinese and "保留的从站地址：19" in chinese


RAIL = '[[rail]]\nid = "probes"\ngpio = 17\n'
LEVEL = "unit_id = 3\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            changed(LEVEL, LEVEL + 'rail = "probe"\n') + RAIL,
            "sensor[0].rail: unknown rail 'probe'; did you mean probes?",
        ),
        (
            SITE + RAIL + RAIL.replace("probes", "other"),
            "rail[1].gpio: 'gpiochip0 17' is taken already, by rail[0].gpio",
        ),
        (SITE + RAIL + RAIL.replace("17", "18"), "rail[1].id: 'probes' is taken already, by rail[0].id"),
        (
            SITE + RAIL + 'chip = "/dev/gpiochip0"\n',
            "rail[0].chip: '/dev/gpiochip0' does not fit; needs the name of a GPIO chip, for instance \"gpiochip0\"",
        ),
        (
            changed('port = "river"', 'port = "usb:403:6001"'),
            'bus[0].port: \'usb:403:6001\' names no USB port; write "usb:VID:PID", "usb:VID:PID:SERIAL" (four hex '
            'digits each) or "usb-at:1-1.2"',
        ),
        (
            changed('port = "river"', 'port = "river"\nconnections = 2'),
            "bus[0].connections: only a Modbus TCP device may have several connections",
        ),
        (
            changed(LEVEL, LEVEL + "periods = { presure = 10 }\n"),
            "sensor[0].periods.presure: lev has no quantity 'presure'; did you mean pressure?",
        ),
        (
            changed(LEVEL, LEVEL + "periods = { pressure = 0 }\n"),
            "sensor[0].periods.pressure: 0 is out of range; needs a whole number from 1 to 86400 s",
        ),
        (
            changed("unit_id = 1\n  period_s = 2", "unit_id = 1\n  periods = { temperature = 9 }\n  period_s = 2"),
            "node[0].sensor[0].periods: a node reads all quantities of a sensor at once",
        ),
        (
            changed("unit_id = 1\n  period_s = 2", "unit_id = 1\n  latency_ms = 900\n  period_s = 2"),
            "node[0].sensor[0].latency_ms: a node takes the latency of the profile",
        ),
    ],
)
def test_how_sensors_are_polled_is_checked(tmp_path: Path, text: str, expected: str) -> None:
    assert complaints(written(tmp_path, text)) == [f"site.toml: {expected}"]


def test_a_sensor_has_a_group_of_registers_for_each_period(tmp_path: Path) -> None:
    site = load(written(tmp_path, changed(LEVEL, LEVEL + "periods = { pressure = 10 }\n")))
    level = site.sensors[0]
    assert [(period_s, [one.name for one in group]) for period_s, group in site.groups(level)] == [
        (level.period_s, ["temperature"]),
        (10, ["pressure"]),
    ]
    assert site.groups(site.sensors[1]) == [(site.sensors[1].period_s, site.registers(site.sensors[1]))]


EMERGENCY = 'report_s = 3\nemergency_period_s = 1\n  [[node.limit]]\n  channel = "do.temperature"\n  above = 20.5'


def with_limit(**changes: str) -> str:
    """The site with an emergency period and a limit on its first node, some of whose texts are changed."""
    text = changed("report_s = 3", EMERGENCY)
    for old, new in changes.values():
        assert old in text
        text = text.replace(old, new, 1)
    return text


def test_a_node_may_have_limits_a_wiper_and_a_battery(tmp_path: Path) -> None:
    wiper = "warm_up_ms = 8000\nwipe = [16, 0x3100, 0]\nwipe_ms = 9000"
    path = written(tmp_path, with_limit(wipe=("period_s = 3", "period_s = 3\n  wipe_every_s = 3600")))
    (tmp_path / "profiles" / "oxy.toml").write_text(OXY.replace("warm_up_ms = 8000", wiper), encoding="utf-8")
    site = load(path, {"node.17.battery": '{chemistry = "lead_acid", cells = 6, capacity_ah = 40}'})
    node = site.nodes[0]
    assert (node.emergency_period_s, node.limits) == (1, (NodeLimit(channel="do.temperature", above=20.5),))
    assert node.sensors[1].wipe_every_s == 3600 and node.battery is not None
    plain = json.loads(slice.cut(site, node))
    assert plain["limits"] == [[0, 1, 2050]] and plain["emergency_s"] == 1 and plain["order"] == [0, 1]
    assert plain["wipers"] == [[0, 16, 0x3100, 0, 9000, 0], [1, 16, 0x3100, 0, 9000, 3600]]
    assert plain["battery"]["charge_dc"] == -200 and plain["battery"]["warm_mv"][2] == [11722, 11790]


@pytest.mark.parametrize(
    ("change", "expected", "chinese"),
    [
        (('"do.temperature"', '"do.temprature"'),
         "node[0].limit[0].channel: this node has no channel 'do.temprature'; did you mean do.temperature,",
         "本节点没有通道 'do.temprature'"),
        (("above = 20.5", ""), "node[0].limit[0]: needs either above or below; write two", "必须且只能"),
        (("above = 20.5", "above = 20.5\n  below = 1.0"), "node[0].limit[0]: needs either above", "必须且只能"),
        (("20.5", "1e12"), "node[0].limit[0].above: 1000000000000.0 is more than a reading can say", "超出读数"),
        (("20.5", "nan"), "node[0].limit[0].above: nan is more than a reading can say", "超出读数"),
        (("emergency_period_s = 1\n", ""),
         "node[0].limit: has limits, but no emergency_period_s to go over to; add emergency_period_s", "应急采集周期"),
        (("emergency_period_s = 1\n", "emergency_period_s = 3\n"),
         "node[0].emergency_period_s: 3 s is not shorter than the longest period_s of its sensors, 3 s", "最长采集"),
        (("period_s = 3", "period_s = 3\n  wipe_every_s = 3600"),
         "node[0].sensor[1].wipe_every_s: oxy has no wiper that can be told to wipe", "没有可由指令启动的清扫刷"),
        (("period_s = 3", "period_s = 3\n  wipe_every_s = 2"),
         "node[0].sensor[1].wipe_every_s: 2 s is shorter than period_s, 3 s", "短于采集周期"),
    ],
)  # fmt: skip
def test_faults_of_a_nodes_rhythm_are_named_in_both_languages(
    tmp_path: Path, change: tuple[str, str], expected: str, chinese: str
) -> None:
    with pytest.raises(SiteError) as caught:
        load(written(tmp_path, with_limit(change=change)))
    assert any(expected in line for line in check_text(caught.value, "site.toml", "en"))
    assert any(chinese in line for line in check_text(caught.value, "site.toml", "zh"))
