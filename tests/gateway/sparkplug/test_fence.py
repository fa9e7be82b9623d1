"""A broker confirms nothing of QoS 0; what its answer to something later confirms is that it had what went before."""

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.ports import LinkDown
from gateway.site.config import MqttUplink
from gateway.uplink.paho import PahoPublisher
from tests.gateway.sparkplug import rig
from tests.gateway.sparkplug.rig import Broker

pytestmark = pytest.mark.skipif(rig.MOSQUITTO is None, reason="needs mosquitto")


@pytest.mark.parametrize("version", ["3.1.1", "5"])
def test_qos_0_is_confirmed_when_the_broker_has_read_it_and_not_before(tmp_path: Path, version: str) -> None:
    async def steps(broker: Broker) -> None:
        one = PahoPublisher(MqttUplink(id="a", host="127.0.0.1", port=broker.port, version=version), "a")  # type: ignore[arg-type]
        other = PahoPublisher(MqttUplink(id="b", host="127.0.0.1", port=broker.port), "b")
        heard: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()
        await one.connect()
        await other.connect()
        await other.subscribe("data/#", lambda topic, message: heard.put_nowait((topic, message)))
        os.kill(broker.pid, signal.SIGSTOP)
        sent = [one.publish("data/now", b"%d" % number, qos=0) for number in range(20)]
        done, _ = await asyncio.wait(sent, timeout=0.3)
        assert not done
        os.kill(broker.pid, signal.SIGCONT)
        assert await asyncio.gather(*sent) == [True] * 20
        assert [await heard.get() for _ in range(20)] == [("data/now", b"%d" % number) for number in range(20)]
        os.kill(broker.pid, signal.SIGSTOP)
        lost = one.publish("data/now", b"lost", qos=0)
        broker.kill()
        with pytest.raises(LinkDown):
            await lost
        await one.close()
        await other.close()

    _story(tmp_path, steps)


def test_what_a_broker_has_kept_counts_only_where_it_is_asked_for(tmp_path: Path) -> None:
    async def steps(broker: Broker) -> None:
        one = PahoPublisher(MqttUplink(id="a", host="127.0.0.1", port=broker.port), "a")
        heard: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()
        take: Callable[[str, bytes], None] = lambda topic, message: heard.put_nowait((topic, message))  # noqa: E731
        await one.connect()
        await asyncio.gather(one.publish("state", b"kept", retain=True), one.publish("order/x", b"kept", retain=True))
        await one.subscribe("order/+", take)
        await one.subscribe("state", take, kept=True)
        await one.publish("order/x", b"new")
        assert [await heard.get() for _ in range(2)] == [("state", b"kept"), ("order/x", b"new")]
        await one.close()

    _story(tmp_path, steps)


def test_a_broker_that_was_left_is_not_the_first_to_be_asked_again(tmp_path: Path) -> None:
    async def steps(broker: Broker) -> None:
        other = Broker(tmp_path, "other")
        await other.start()
        place = f"127.0.0.1:{other.port}"
        one = PahoPublisher(MqttUplink(id="a", host="127.0.0.1", port=broker.port, hosts=(place,)), "a")
        ears = [PahoPublisher(MqttUplink(id="b", host="127.0.0.1", port=at.port), "b") for at in (broker, other)]
        heard: asyncio.Queue[int] = asyncio.Queue()
        for number, ear in enumerate(ears):
            await ear.connect()
            await ear.subscribe("here", lambda topic, message, number=number: heard.put_nowait(number))  # type: ignore[misc]
        found = []
        for _ in range(3):
            await one.connect()
            await one.publish("here", b"")
            found.append(await heard.get())
            await one.close()
        assert found == [0, 1, 0]
        await one.connect()  # to the second
        other.kill()
        with pytest.raises(LinkDown):
            await one.publish("here", b"")
        await one.close()
        await one.connect()
        await one.publish("here", b"")
        assert await heard.get() == 0
        for publisher in (one, *ears):
            await publisher.close()

    _story(tmp_path, steps)


def _story(folder: Path, steps: "Callable[[Broker], object]") -> None:
    async def run() -> None:
        broker = Broker(folder)
        await broker.start()
        try:
            async with asyncio.timeout(20):
                await steps(broker)  # type: ignore[misc]
        finally:
            broker.kill()

    asyncio.run(run())
