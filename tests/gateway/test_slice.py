"""What one node gets of the site, and the 16 bits that say which."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.site.config import Node, NodeBus, NodeSensor, Site, Station
from gateway.site.slice import channels_of, cut, schema_of
from protocols.profile import Profile
from protocols.registers import Register

KEY = "0123456789abcdef" * 4

# What cut() must give for `site()`, written out by hand; the schema is the head of
# `sha256sum` over the text in test_the_schema_is_the_head_of_a_sha256_over_node_and_sensors.
SENSORS = (
    '[{"id":"do","bus":0,"unit_id":1,"period_s":1,"rail":"sensors","function":3,"order":"DCBA","warm_up_ms":8000,'
    '"settle_ms":0,"measure_ms":500,"start":[3,9472,0],"busy_retry_ms":0,"max_words":125,"max_gap":2,"registers":'
    '[["temperature",9728,"f32",2,0,-5,45.5,[],null],["dissolved_oxygen",9732,"f32",2,0,0,20,[],null]]},'
    '{"id":"level","bus":1,"unit_id":3,"period_s":60,"rail":null,"function":4,"order":"ABCD","warm_up_ms":0,'
    '"settle_ms":0,"measure_ms":0,"start":null,"busy_retry_ms":0,"max_words":16,"max_gap":0,"registers":'
    '[["pressure",2,"i32",4,-1,null,null,[-32768,32767],6]]}]'
)
SCHEMA = 17581


def oxygen(order: str = "DCBA", decimals: int = 2, address: int = 9732, title: str = "Oxygen probe") -> Profile:
    return Profile(
        "oxy",
        title,
        "溶解氧探头",
        "water",
        (
            Register("temperature", 9728, "f32", "degC", -5.0, 45.5, decimals=2),
            Register("dissolved_oxygen", address, "f32", "mg/L", 0.0, 20, decimals=decimals),
        ),
        order=order,
        warm_up_ms=8000,
        measure_ms=500,
        start=(3, 9472, 0),
        max_gap=2,
        confidence="note",
        source="invented for this test",
    )


LEVEL = Profile(
    "lev",
    "Level probe",
    "液位计",
    "water",
    (
        Register("temperature", 0, "i16", "degC", decimals=1),
        Register("pressure", 2, "i32", "bar", decimals=4, exponent=-1, invalid=(-32768, 32767), point_at=6),
    ),
    function=4,
    max_words=16,
    confidence="note",
    source="invented for this test",
)

NODE = Node(
    id=17,
    name="water",
    key=KEY.upper(),
    report_s=3,
    buses=(NodeBus(id="uart1"), NodeBus(id="uart2", baud=19200, parity="E")),
    sensors=(
        NodeSensor(id="do", profile="oxy", bus="uart1", unit_id=1, period_s=1, rail="sensors"),
        NodeSensor(id="level", profile="lev", bus="uart2", unit_id=3, period_s=60, quantities=("pressure",)),
    ),
)


def site(profile: Profile | None = None) -> Site:
    return Site(
        station=Station(id="demo", name="Demo", latitude=35.0, longitude=96.0, altitude_m=4200),
        nodes=(NODE,),
        folder=Path("/"),
        profiles={"oxy": profile or oxygen(), "lev": LEVEL},
    )


def test_a_slice_is_canonical_json_with_everything_resolved() -> None:
    assert cut(site(), NODE).decode("ascii") == (
        f'{{"version":2,"node":17,"name":"water","schema":{SCHEMA},"key":"{KEY}","report_s":3,"max_frame":250,"buses":['
        '{"id":"uart1","baud":9600,"parity":"N","stop_bits":1},{"id":"uart2","baud":19200,"parity":"E","stop_bits":1}],'
        '"order":[0,1],"wipers":[],"battery":null,"emergency_s":0,"limits":[],'
        f'"sensors":{SENSORS}}}'
    )


def test_the_schema_is_the_head_of_a_sha256_over_node_and_sensors() -> None:
    digest = hashlib.sha256(f'{{"node":17,"sensors":{SENSORS}}}'.encode("ascii")).digest()
    assert schema_of(site(), NODE) == digest[0] * 256 + digest[1] == SCHEMA


@pytest.mark.parametrize("profile", [oxygen(order="ABCD"), oxygen(decimals=3), oxygen(address=9730)])
def test_the_schema_changes_with_how_a_sensor_is_read(profile: Profile) -> None:
    assert schema_of(site(profile), NODE) != SCHEMA


@pytest.mark.parametrize(
    "change",
    [
        lambda node: replace(node, id=18),
        lambda node: replace(node, sensors=node.sensors[::-1]),
        lambda node: replace(node, sensors=node.sensors[:1]),
        lambda node: replace(node, sensors=(replace(node.sensors[0], id="oxygen"), node.sensors[1])),
        lambda node: replace(node, sensors=(replace(node.sensors[0], unit_id=2), node.sensors[1])),
        lambda node: replace(node, sensors=(node.sensors[0], replace(node.sensors[1], quantities=None))),
    ],
)
def test_the_schema_changes_with_what_is_read(change: Callable[[Node], Node]) -> None:
    assert schema_of(site(), change(NODE)) != SCHEMA


@pytest.mark.parametrize(
    "change",
    [
        lambda node: replace(node, key="00" * 32),
        lambda node: replace(node, name="river"),
        lambda node: replace(node, report_s=600),
        lambda node: replace(node, buses=(node.buses[0], replace(node.buses[1], baud=9600))),
    ],
)
def test_the_schema_stays_when_the_numbers_mean_the_same(change: Callable[[Node], Node]) -> None:
    assert schema_of(site(), change(NODE)) == SCHEMA
    assert cut(site(), change(NODE)) != cut(site(), NODE)


def test_the_schema_stays_when_only_words_of_a_profile_change() -> None:
    assert cut(site(oxygen(title="Optical oxygen probe")), NODE) == cut(site(), NODE)


def test_the_order_in_which_quantities_are_listed_means_nothing() -> None:
    def listed(*names: str) -> Node:
        return replace(NODE, sensors=(replace(NODE.sensors[0], quantities=names),))

    assert cut(site(), listed("dissolved_oxygen", "temperature")) == cut(
        site(), listed("temperature", "dissolved_oxygen")
    )


def test_channels_stand_in_the_order_of_the_registers_of_the_slice() -> None:
    sensors = json.loads(cut(site(), NODE))["sensors"]
    in_slice = [f"{sensor['id']}.{register[0]}" for sensor in sensors for register in sensor["registers"]]
    assert [channel.name for channel in channels_of(site(), NODE)] == in_slice
