"""ThingsBoard's gateway API: what is sent is as its documentation has it, what comes does no more than is allowed."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from gateway.control.desk import Desk
from gateway.control.platform import Platform
from gateway.site.config import MqttUplink
from gateway.store import Day, Row, Series, Store
from gateway.uplink.devices import Device
from gateway.uplink.mqtt import MqttForwarder
from gateway.uplink.thingsboard import ThingsBoard
from hw_sim.clock import run_virtual, world_clock
from hw_sim.platforms import thingsboard
from protocols import quality
from tests.gateway.doubles import HandClock, HandPublisher
from tests.gateway.test_store import CHANNELS

KNOWN = {"sensor do": Device("do", "sensor do", "Oxygen probe", 60_000, ("gain",))}


class Publisher(HandPublisher):
    """What is handed over comes to the platform; `took` is what it refused."""

    def __init__(self) -> None:
        super().__init__()
        self.platform = thingsboard.ThingsBoard()

    def publish(self, topic: str, payload: bytes, retain: bool = False, qos: int = 1) -> "asyncio.Future[bool]":
        confirmed = super().publish(topic, payload, retain, qos)
        self.platform.take(topic, payload, retain, qos)
        return confirmed


class Uplink:
    def __init__(self, folder: Path, role: str | None = "operator") -> None:
        self.clock = world_clock()
        self.store = Store(folder / "store.db", self.clock)
        self.series = self.store.series("sensor do", CHANNELS)
        self.publisher = Publisher()
        self.platform = self.publisher.platform
        self.written: list[object] = []
        uplink = MqttUplink(id="tb", host="nowhere", dialect="thingsboard")

        async def write(argument: Any, name: str) -> dict[str, object]:
            self.written.append((argument.sensor, argument.name, argument.value, name))
            return {"outcome": "done"}

        async def status(argument: Any, name: str) -> dict[str, object]:
            return {"last_seq": self.store.last_seq}

        self.desk = Desk((), {"write": write, "status": status}, self.store, self.clock)
        platform = Platform(self.desk, uplink.id, role)
        dialect = ThingsBoard("demo", KNOWN, self.clock, self, platform)
        self.forwarder = MqttForwarder(uplink, dialect, self.publisher, self.store, self.clock)

    def all_series(self) -> Any:
        return self.store.all_series()

    def newest(self) -> Any:
        return [row for row in self.store.newest() if row.seq]

    def measure(self, *cells: tuple[int | None, int], source: str = "sensor do", ago_ms: int = 0) -> int:
        at_ms = self.clock.unix_ms() - ago_ms
        self.store.add_poll(self.store.series(source, CHANNELS), at_ms, list(cells))
        self.store.commit()
        return at_ms

    async def hear(self, message: tuple[str, bytes]) -> Any:
        """What the platform is answered, within a second."""
        assert self.publisher.heard is not None
        before = len(self.platform.answers)
        self.publisher.heard(*message)
        await asyncio.sleep(1)
        return self.platform.answers[before:]


def story(folder: Path, steps: Callable[[Uplink], Coroutine[Any, Any, None]], role: str | None = "operator") -> None:
    async def run() -> None:
        up = Uplink(folder, role)
        task = asyncio.create_task(up.forwarder.run())
        await asyncio.sleep(1)
        await steps(up)
        assert not task.done()
        task.cancel()

    run_virtual(run())


class Nothing:
    """A store without a row."""

    def all_series(self) -> list[Series]:
        return []

    def newest(self) -> list[Row]:
        return []


NOTHING = Nothing()
VALUES = ((1234, 0), (None, quality.NO_REPLY), (700, quality.RANGE))


def test_a_device_is_connected_before_its_values_and_each_has_its_time_in_ms(tmp_path: Path) -> None:
    async def steps(up: Uplink) -> None:
        at_ms = up.measure(*VALUES)
        await asyncio.sleep(1)
        assert up.platform.devices == {"demo do"} and up.platform.types == {"demo do": "Oxygen probe"}
        names = [channel.name for channel in CHANNELS]
        assert up.platform.telemetry == {
            ("demo do", names[0], at_ms): 12.34,
            ("demo do", f"{names[1]}_quality", at_ms): quality.NO_REPLY,
            ("demo do", names[2], at_ms): 700,
            ("demo do", f"{names[2]}_quality", at_ms): quality.RANGE,
        }
        units = {f"{channel.name}_unit": channel.unit for channel in CHANNELS}
        assert up.platform.attributes["demo do"] == {"station": "demo", **units}
        topics = [topic for topic, _ in up.publisher.connections[0]]
        assert topics == ["v1/gateway/connect", "v1/gateway/attributes", "v1/gateway/telemetry"]
        assert up.store.position("tb") == up.store.last_seq

    story(tmp_path, steps)


def test_a_silent_device_is_disconnected_and_comes_back_with_its_next_value(tmp_path: Path) -> None:
    async def steps(up: Uplink) -> None:
        up.measure(*VALUES)
        for _ in range(70):
            await asyncio.sleep(1)
            up.measure((None, quality.NO_REPLY), (None, quality.NO_REPLY), (None, quality.NO_REPLY))
        await asyncio.sleep(1)
        assert up.platform.devices == set()
        up.measure(*VALUES)
        await asyncio.sleep(1)
        assert up.platform.devices == {"demo do"}

    story(tmp_path, steps)


def test_after_an_outage_everything_comes_and_no_message_is_too_long(tmp_path: Path) -> None:
    async def steps(up: Uplink) -> None:
        up.publisher.up = False
        up.publisher.lose()
        times = set()
        for _ in range(300):
            await asyncio.sleep(1)
            times.add(up.measure(*VALUES))
        up.measure((5, 0), (6, 0), (7, 0), source="hour")
        up.publisher.up = True
        await asyncio.sleep(120)
        assert {ms for device, _, ms in up.platform.telemetry if device == "demo do"} == times
        assert {key for device, key, _ in up.platform.telemetry if device == "demo"} == {
            f"hour.{channel.name}" for channel in CHANNELS
        }
        assert up.store.position("tb") == up.store.last_seq
        wide = tuple((10**9, quality.RANGE) for _ in CHANNELS)
        for _ in range(800):
            up.measure(*wide)
        await asyncio.sleep(60)
        assert up.store.position("tb") == up.store.last_seq

    story(tmp_path, steps)


def test_a_call_is_done_where_the_site_file_allows_it_and_answered(tmp_path: Path) -> None:
    async def steps(up: Uplink) -> None:
        up.measure(*VALUES)
        call = up.platform.call("demo do", 7, "write", {"name": "gain", "value": 2.5})
        assert await up.hear(call) == [("demo do", 7, {"success": True, "result": "done", "outcome": "done"})]
        assert up.written == [("do", "gain", 2.5, "tb")]
        answer = await up.hear(up.platform.own_call(3, "status", {}))
        assert answer == [("", 3, {"success": True, "result": "done", "last_seq": up.store.last_seq})]

    story(tmp_path, steps)


def test_without_a_role_nothing_is_done(tmp_path: Path) -> None:
    async def steps(up: Uplink) -> None:
        up.measure(*VALUES)
        for call in (
            up.platform.call("demo do", 7, "write", {"name": "gain", "value": 2.5}),
            up.platform.own_call(8, "status", {}),
        ):
            ((_, _, data),) = await up.hear(call)
            assert data == {"success": False, "result": "refused", "reason": "role"}
        assert up.written == [] and up.desk.refused["role"] == 2

    story(tmp_path, steps, role=None)


def test_a_signed_day_is_an_attribute_of_the_gateway() -> None:
    platform = thingsboard.ThingsBoard()
    dialect = ThingsBoard("demo", {}, HandClock(), NOTHING, None)  # type: ignore[arg-type]
    platform.take(*dialect.day(Day("2026-01-31", 5, bytes([1]) * 32, bytes([2]) * 64, bytes([3]) * 32)))
    assert platform.attributes[""] == {
        "signed_day": "2026-01-31", "signed_block": 5, "signed_hash": "01" * 32, "signed_signature": "02" * 64,
        "signed_public": "03" * 32,
    }  # fmt: skip


HOSTILE = (
    (("v1/gateway/rpc", b""), "form", 0),
    (("v1/gateway/rpc", b"\xff\xfe"), "form", 0),
    (("v1/gateway/rpc", b"[" * 60_000), "form", 0),
    (("v1/gateway/rpc", b"{" + b" " * 70_000 + b"}"), "form", 0),
    (("v1/gateway/rpc", b'{"device":"demo do","data":{"id":"x","method":"write"}}'), "form", 0),
    (("v1/devices/me/rpc/request/x", b'{"method":"status"}'), "form", 0),
    (("v1/gateway/other", b'{"device":"demo do","data":{"id":1}}'), "form", 0),
    (thingsboard.ThingsBoard.call("demo do", 1, "write", {"name": "address", "value": 9}), "unknown_command", 1),
    (thingsboard.ThingsBoard.call("demo do", 1, "write", {"name": "gain", "value": "9"}), "argument", 1),
    (thingsboard.ThingsBoard.call("demo do", 1, "write", {"name": "gain", "value": 1, "x": 1}), "argument", 1),
    (thingsboard.ThingsBoard.call("demo do", 1, "write", ["gain", 1]), "unknown_command", 1),
    (thingsboard.ThingsBoard.call("demo do", 1, "restart", {}), "unknown_command", 1),
    (thingsboard.ThingsBoard.call("other do", 1, "write", {"name": "gain", "value": 1}), "unknown_device", 1),
    (thingsboard.ThingsBoard.own_call(1, "restart", {}), "role", 1),
    (thingsboard.ThingsBoard.own_call(1, "rm -rf /", None), "unknown_command", 1),
    (thingsboard.ThingsBoard.shared("demo do", {"gain": 5}), "attributes", 0),
)


@pytest.mark.parametrize("message,reason,answers", HOSTILE)
def test_what_is_hostile_is_refused_counted_and_never_done(
    tmp_path: Path, message: tuple[str, bytes], reason: str, answers: int
) -> None:
    async def steps(up: Uplink) -> None:
        up.measure(*VALUES)
        await asyncio.sleep(1)
        assert len(await up.hear(message)) == answers
        assert up.desk.refused == {reason: 1} and up.written == [] and not up.desk.done

    story(tmp_path, steps)


def test_a_station_of_many_channels_stays_below_what_the_platform_takes() -> None:
    platform, clock = thingsboard.ThingsBoard(), HandClock()
    names = tuple((f"station_with_many_channels.quantity_{number}", "mg/L", 3) for number in range(100))
    dialect = ThingsBoard("demo", {}, clock, NOTHING, None)  # type: ignore[arg-type]
    dialect.announce(Series(1, "sensor wide", names))
    rows = [Row(seq, 1, thingsboard.OLDEST_MS + seq, (123_456,) * 100, (4,) * 100) for seq in range(1, 51)]
    messages = dialect.rows(0, rows)
    for said in messages:
        platform.take(*said)
    assert len(platform.telemetry) == 50 * 200 and len(messages) > 5


# What the documentation shows, and near misses of it.
DOCUMENTED = (
    ("v1/gateway/connect", {"device": "Device A"}),
    ("v1/gateway/connect", {"device": "Device A", "type": "thermometer"}),
    ("v1/gateway/attributes", {"Device A": {"fw_version": "1.0", "battery": 87}, "Device B": {"battery": 92}}),
    ("v1/gateway/telemetry", {"Device A": [{"ts": 1783963200000, "values": {"temperature": 42, "humidity": 80}}]}),
    ("v1/gateway/rpc", {"device": "Device A", "id": 1, "data": {"success": True}}),
    ("v1/devices/me/attributes", {"attribute1": "value1", "attribute2": True}),
    ("v1/devices/me/rpc/response/1", {"result": "ok"}),
)
UNDOCUMENTED = (
    ("v1/gateway/connect", {"name": "Device A"}),
    ("v1/gateway/disconnect", {"device": "Device A"}),  # which is not connected
    ("v1/gateway/telemetry", {"Device A": {"ts": 1783963200000, "values": {"temperature": 42}}}),
    ("v1/gateway/telemetry", {"Device A": [{"ts": 1783963200, "values": {"temperature": 42}}]}),
    ("v1/gateway/telemetry", {"Device A": [{"ts": 1783963200000, "values": {"temperature": None}}]}),
    ("v1/gateway/telemetry", {"Device A": [{"ts": 1783963200000, "values": {}}]}),
    ("v1/gateway/rpc", {"device": "Device A", "id": "1", "data": {}}),
    ("v1/gateway/telemetry/demo", {"Device A": []}),
)


def test_the_double_takes_what_is_documented_and_nothing_else() -> None:
    for topic, said in DOCUMENTED:
        thingsboard.ThingsBoard().take(topic, json.dumps(said).encode())
    for topic, said in UNDOCUMENTED:
        with pytest.raises(thingsboard.Fault):
            thingsboard.ThingsBoard().take(topic, json.dumps(said).encode())
