"""Somebody else's Sparkplug host (pysparkplug) over a real mosquitto: whatever fails, its picture ends whole."""

import asyncio
import subprocess
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from gateway.ports import Said
from gateway.site.config import MqttUplink
from gateway.uplink.paho import PahoPublisher
from tests.gateway.sparkplug import rig
from tests.gateway.sparkplug.rig import Broker, Told, edge, host, values

pytestmark = pytest.mark.skipif(rig.MOSQUITTO is None, reason="needs mosquitto")


@pytest.fixture(scope="module", autouse=True)
def _fetched() -> None:
    subprocess.run([rig.ROOT / "scripts" / "sparkplug-host"], check=True)


Steps = Callable[[Broker, Told, Told], Coroutine[Any, Any, None]]


def story(folder: Path, steps: Steps, *words: str) -> None:
    async def run() -> None:
        broker = Broker(folder)
        here, there = edge(broker, folder, *words), host(broker)
        try:
            async with asyncio.timeout(60):
                await broker.start()
                await there.start()
                await there.until(lambda lines: lines)
                await here.start()
                await steps(broker, here, there)
        finally:
            for one in (here, there):
                await one.kill()
            broker.kill()

    asyncio.run(run())


async def whole(here: Told, there: Told) -> None:
    """Every number that was on disk when this was asked reaches the host."""
    wanted = {line["number"] for line in here.of("stored")}
    await there.until(lambda lines: wanted <= values(lines, "level", "level.number"))


def kinds(told: Told, *devices: str | None) -> list[str]:
    return [line["kind"] for line in told.lines if line.get("device", "-") in (devices or (None,))]


def test_births_name_type_and_alias_what_data_then_says_by_alias_alone(tmp_path: Path) -> None:
    async def steps(broker: Broker, here: Told, there: Told) -> None:
        await there.until(lambda _: len(there.of("DDATA")) > 5)
        birth, *_ = there.of("NBIRTH")
        assert {one["name"]: (one["type"], one["value"], one["alias"]) for one in birth["metrics"]} == {
            "bdSeq": ("INT64", 0, None),
            "Node Control/Rebirth": ("BOOLEAN", False, None),
            "Properties/Name": ("STRING", "Demonstration", None),
        }
        level = next(line for line in there.of("DBIRTH") if line["device"] == "level")
        assert [(one["name"], one["type"]) for one in level["metrics"]] == [
            ("level.number", "INT64"), ("level.pressure", "DOUBLE"), ("Device Control/gain", "DOUBLE")
        ]  # fmt: skip
        aliases = [one["alias"] for line in there.of("DBIRTH") for one in line["metrics"] if one["alias"] is not None]
        assert len(set(aliases)) == len(aliases) == 3
        told = [line for line in there.lines if "seq" in line]
        assert [line["seq"] for line in told[:300]] == [place % 256 for place in range(len(told[:300]))]
        assert {(line["qos"], line["retain"]) for line in told} == {(0, False)}
        data = [one for line in there.of("DDATA") if line["device"] == "level" for one in line["metrics"]]
        assert all(one["value"] in (value["value"] for value in data) for one in data)
        pressures = {one["ms"]: one["value"] for one in data if one["name"] == "level.pressure"}
        numbers = {one["ms"]: one["value"] for one in data if one["name"] == "level.number"}
        assert {ms: round(100 * value) for ms, value in pressures.items()} == numbers and len(numbers) > 2

    story(tmp_path, steps)


def test_a_host_that_lost_a_message_or_a_birth_asks_for_a_rebirth_and_gets_one(tmp_path: Path) -> None:
    async def steps(broker: Broker, here: Told, there: Told) -> None:
        await there.until(lambda _: len(there.of("DDATA")) > 5)
        there.say("deaf 2")
        await there.until(lambda _: there.of("asked"))
        assert " after " in there.of("asked")[0]["why"]
        await there.until(lambda _: len(there.of("NBIRTH")) == 2)
        first, second = there.of("NBIRTH")
        assert first["bd_seq"] == second["bd_seq"] and second["seq"] == 0
        count = len(there.of("DDATA"))
        await there.until(lambda _: len(there.of("DDATA")) > count + 10)
        assert len(there.of("NBIRTH")) == 2 or there.of("asked")[-1]["why"].count("after")

    story(tmp_path, steps)


def test_a_birth_that_the_host_missed_is_said_again(tmp_path: Path) -> None:
    async def steps(broker: Broker, here: Told, there: Told) -> None:
        await there.until(lambda _: "DDATA" in kinds(there, "do"))
        here.say("silent")
        await there.until(lambda _: "DDEATH" in kinds(there, "do"))
        there.say("miss DBIRTH")
        here.say("speak")
        await there.until(lambda _: there.of("lost"))
        assert there.of("lost") == [{"kind": "lost", "what": "DBIRTH"}]
        await there.until(lambda _: kinds(there, "do")[-2:] == ["DBIRTH", "DDATA"])
        assert len(there.of("NBIRTH")) == 2
        there.say("miss NBIRTH")
        broker.kill()  # so that there is one
        await broker.start()
        await there.until(lambda _: len(there.of("lost")) == 2)
        await there.until(lambda _: len(there.of("NBIRTH")) == 3)
        count = len(there.of("DDATA"))
        await there.until(lambda _: len(there.of("DDATA")) > count + 10)
        births = {line["device"]: line["bd_seq"] for line in there.of("DBIRTH")}
        assert births == dict.fromkeys(("level", "do"), there.of("NBIRTH")[-1]["bd_seq"])

    story(tmp_path, steps)


def test_a_host_that_came_late_gets_all_from_a_birth_that_it_asks_for(tmp_path: Path) -> None:
    async def steps(broker: Broker, here: Told, there: Told) -> None:
        await there.until(lambda _: there.of("DDATA"))
        await there.end()
        await here.until(lambda _: len(here.of("stored")) > 40)
        late = host(broker)
        await late.start()
        await late.until(lambda _: len(late.of("DDATA")) > 3)
        assert "no birth of" in late.of("asked")[0]["why"]
        assert set(kinds(late, None)) >= {"NBIRTH"} and {line["device"] for line in late.of("DBIRTH")} == {
            "level",
            "do",
        }
        await late.kill()

    story(tmp_path, steps)


def test_a_device_that_falls_silent_dies_and_is_born_again_when_it_answers(tmp_path: Path) -> None:
    async def steps(broker: Broker, here: Told, there: Told) -> None:
        await there.until(lambda _: "DDATA" in kinds(there, "do"))
        here.say("silent")
        await there.until(lambda _: "DDEATH" in kinds(there, "do"))
        await there.until(lambda _: len(there.of("DDATA")) > len(there.of("DDEATH")) + 40)
        assert kinds(there, "do")[-1] == "DDEATH" and "DDEATH" not in kinds(there, "level")
        here.say("speak")
        await there.until(lambda _: kinds(there, "do")[-2:] == ["DBIRTH", "DDATA"])
        assert kinds(there, "do").count("DDEATH") == 1 and not there.of("asked")

    story(tmp_path, steps)


def test_nothing_is_lost_while_the_host_is_away_and_it_comes_as_history(tmp_path: Path) -> None:
    async def steps(broker: Broker, here: Told, there: Told) -> None:
        await there.until(lambda _: there.of("DDATA"))
        there.freeze()  # the broker notices after 7.5 s: what is sent meanwhile is confirmed and heard by nobody
        count = len(here.of("stored"))
        await here.until(lambda _: len(here.of("stored")) > count + 240)
        again = host(broker)
        await again.start()
        wanted = {line["number"] for line in here.of("stored")}
        both = lambda lines: values([*there.lines, *lines], "level", "level.number")  # noqa: E731
        await again.until(lambda lines: wanted <= both(lines))
        assert again.of("NBIRTH")[0]["bd_seq"] == 1
        born = {one["name"]: one for one in next(_of(again, "DBIRTH", "level"))["metrics"]}
        before = [one for line in _of(again, "DDATA", "level") for one in line["metrics"]
                  if one["name"] == "level.number" and one["value"] < born["level.number"]["value"]]  # fmt: skip
        assert len(before) > 100 and all(one["history"] for one in before)
        await again.kill()

    story(tmp_path, steps, rig.HOST)


def _of(told: Told, kind: str, device: str) -> Any:
    return (line for line in told.lines if line["kind"] == kind and line["device"] == device)


def test_after_a_broker_restart_and_a_killed_gateway_the_picture_is_right_and_whole(tmp_path: Path) -> None:
    async def steps(broker: Broker, here: Told, there: Told) -> None:
        await there.until(lambda _: len(there.of("DDATA")) > 20)
        broker.kill()
        count = len(here.of("stored"))
        await here.until(lambda _: len(here.of("stored")) > count + 20)
        await broker.start()
        await there.until(lambda _: len(there.of("NBIRTH")) == 2)
        await whole(here, there)
        await here.kill()
        await there.until(lambda _: there.of("NDEATH"))
        assert there.of("NDEATH")[-1]["is_ours"]
        again = edge(broker, tmp_path)
        await again.start()
        await again.until(lambda _: len(again.of("stored")) > 20)
        await whole(here, there)
        await whole(again, there)
        sessions = list(dict.fromkeys(line["bd_seq"] for line in there.of("NBIRTH")))
        assert len(sessions) == 3 and sessions == sorted(sessions)  # each try to connect may have used one up
        await again.kill()

    story(tmp_path, steps)


def test_a_write_is_done_once_and_hostile_commands_are_not(tmp_path: Path) -> None:
    async def steps(broker: Broker, here: Told, there: Told) -> None:
        await there.until(lambda _: len({line["device"] for line in there.of("DBIRTH")}) == 2)
        evil = PahoPublisher(MqttUplink(id="evil", host="127.0.0.1", port=broker.port), "evil")
        await evil.connect(Said("evil", b""))
        for topic in ("NCMD/demo", "DCMD/demo/level", "DCMD/demo/do", "DCMD/demo/nobody"):
            for payload in (b"", b"\xff" * 300, b"{}", bytes(70_000), b"\x12\x02\x0a\xff"):
                await evil.publish(f"spBv1.0/watertower/{topic}", payload)
        there.say("write level Device_Control/address 9")
        there.say("write do Device_Control/gain 1")
        there.say("write level Device_Control/gain 2.5")
        await here.until(lambda _: here.of("written"))
        count = len(there.of("DDATA"))
        await there.until(lambda _: len(there.of("DDATA")) > count + 20)
        assert [line["value"] for line in here.of("written")] == [2.5]
        told = [one["value"] for line in _of(there, "DDATA", "level") for one in line["metrics"]
                if one["name"] == "Device Control/gain"]  # fmt: skip
        assert told == [2.5] and not there.of("asked") and len(there.of("NBIRTH")) == 1
        there.say("keep level Device_Control/gain 3")  # against the rules: it would be done at each connection
        await here.until(lambda _: len(here.of("written")) == 2)
        await here.kill()
        again = edge(broker, tmp_path)
        await again.start()
        await there.until(lambda _: len(there.of("NBIRTH")) > 1 and len(kinds(there, "level")) > 60)
        assert not again.of("written")
        await again.kill()
        await evil.close()

    story(tmp_path, steps)
