"""The delivery core with the Sparkplug dialect, in virtual time: nothing is said to nobody, nothing is lost by it."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from gateway.control.desk import Desk
from gateway.control.platform import Platform
from gateway.site.config import MqttUplink
from gateway.store import Store
from gateway.uplink.birth_count import BirthCount
from gateway.uplink.devices import Device
from gateway.uplink.mqtt import MqttForwarder
from gateway.uplink.sparkplug import Sparkplug
from gateway.uplink.sparkplug_payload import decoded
from hw_sim.clock import run_virtual, world_clock
from tests.gateway.doubles import HandPublisher
from tests.gateway.test_store import CHANNELS

KNOWN = {"sensor do": Device("do", "sensor do", "Oxygen", 600_000)}
STATE = "spBv1.0/STATE/scada"


class Publisher(HandPublisher):
    """`kinds` are those of one connection's messages."""

    def read(self, topic: str, payload: bytes) -> Any:
        return decoded(payload)

    def kinds(self, connection: int = -1) -> list[str]:
        return [topic.split("/")[2] for topic, _ in self.connections[connection]]

    def numbers(self, connection: int) -> dict[int, bool]:
        """What data said of the first channel: value (as the store has it) -> whether as history."""
        return {
            round(100 * metric.value): metric.is_historical
            for topic, said in self.connections[connection]
            if "/DDATA/" in topic
            for metric in said.metrics
            if metric.alias == 1
        }


class Uplink:
    def __init__(self, folder: Path, **more: Any) -> None:
        self.clock = world_clock()
        self.store = Store(folder / "store.db", self.clock)
        self.series = self.store.series("sensor do", CHANNELS)
        self.publisher = Publisher()
        uplink = MqttUplink(
            id="scada", host="nowhere", dialect="sparkplug", primary_host="scada", again_s=10, **more
        )  # fmt: skip
        platform = Platform(Desk((), {}, self.store, self.clock), "scada", None)
        count = BirthCount(folder / "bdseq")
        dialect = Sparkplug("demo", uplink, KNOWN, "Demo", count, self.clock, self, platform)
        self.forwarder = MqttForwarder(uplink, dialect, self.publisher, self.store, self.clock)

    def all_series(self) -> Any:
        return self.store.all_series()

    def newest(self) -> Any:
        return [row for row in self.store.newest() if row.seq]

    async def live(self, seconds: int) -> None:
        """A row a second, with its number for a value."""
        for _ in range(seconds):
            self.store.add_poll(self.series, self.clock.unix_ms(), [(self.store.last_seq + 1, 0), (None, 1), (7, 0)])
            self.store.commit()
            await asyncio.sleep(1)

    def host(self, is_online: bool) -> None:
        assert self.publisher.heard is not None
        self.publisher.heard(STATE, json.dumps({"online": is_online, "timestamp": self.clock.unix_ms()}).encode())


def story(folder: Path, steps: Callable[[Uplink], Coroutine[Any, Any, None]], **more: Any) -> None:
    async def run() -> None:
        up = Uplink(folder, **more)
        task = asyncio.create_task(up.forwarder.run())
        await asyncio.sleep(1)
        await steps(up)
        assert not task.done()
        task.cancel()

    run_virtual(run())


def test_nothing_is_said_before_the_host_is_there_and_then_the_newest_is_current(tmp_path: Path) -> None:
    async def steps(up: Uplink) -> None:
        await up.live(100)
        assert up.publisher.connections == [[]] and not up.forwarder.state.is_connected
        assert up.forwarder.state.trouble == "the host application scada is not online"
        up.host(True)
        await asyncio.sleep(5)
        assert up.publisher.kinds()[:2] == ["NBIRTH", "DBIRTH"] and up.forwarder.state.trouble == ""
        (_, born) = up.publisher.connections[0][1]
        assert born.metrics[0].value == 1.0
        assert up.publisher.numbers(0) == {number: number < 100 for number in range(1, 101)}
        assert up.store.position("scada") == 100

    story(tmp_path, steps)


def test_where_there_are_several_brokers_it_is_looked_for_at_each(tmp_path: Path) -> None:
    async def steps(up: Uplink) -> None:
        await asyncio.sleep(100)
        assert len(up.publisher.connections) == 4 and not any(up.publisher.connections)
        up.host(True)
        await up.live(5)
        assert len(up.publisher.connections) == 4 and up.publisher.kinds()[0] == "NBIRTH"

    story(tmp_path, steps, hosts=("other:1883",))


def test_what_was_said_shortly_before_the_host_went_is_said_again(tmp_path: Path) -> None:
    async def steps(up: Uplink) -> None:
        up.host(True)
        await up.live(50)
        up.host(False)
        await up.live(60)
        assert len(up.publisher.connections) == 2 and up.publisher.connections[1] == []
        up.host(True)
        await up.live(1)
        await asyncio.sleep(5)
        told = up.publisher.numbers(1)
        assert set(told) == set(range(42, 112)) and not told[111] and all(told[number] for number in range(42, 110))
        assert up.store.position("scada") == 111
        births = [
            said for topic, said in (one for each in up.publisher.connections for one in each) if "NBIRTH" in topic
        ]
        assert [said.metrics[0].value for said in births] == [0, 1] and [said.seq for said in births] == [0, 0]

    story(tmp_path, steps)


def test_a_host_that_comes_and_goes_while_the_link_breaks_ends_with_everything(tmp_path: Path) -> None:
    async def steps(up: Uplink) -> None:
        told: set[int] = set()
        for round_ in range(12):
            up.host(True)
            await up.live(7)
            if round_ % 3 == 0:
                up.publisher.lose()
            elif round_ % 3 == 1:
                up.host(False)
            await up.live(5)
            await asyncio.sleep(5)
        up.host(True)
        await asyncio.sleep(30)
        for place in range(len(up.publisher.connections)):
            told |= set(up.publisher.numbers(place))
        assert told == set(range(1, up.store.last_seq + 1)) and up.store.position("scada") == up.store.last_seq

    story(tmp_path, steps)
