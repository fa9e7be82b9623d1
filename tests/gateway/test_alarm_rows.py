"""Alarms in a running gateway: rows like all others, on disk and on their way at once, the same after a kill."""

import asyncio
import json
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from gateway.app import Gateway
from gateway.process.alarm import states
from gateway.process.alarm.rows import EVENTS
from gateway.site.slice import schema_of
from hw_sim.clock import run_virtual
from protocols import command, framing, link, worth
from tests.gateway.doubles import KEY, NODE, RIVER, UPLINK, events, query, sensor, site
from tests.gateway.test_app import Room
from tests.gateway.test_payload import validate

RULE = """
[[rule]]
id = "high"
level = "orange"
when = "level.pressure > 30 and level.pressure < 60"
delay_s = 3
"""
DENSE_NODE = NODE.replace('"level"', '"deep"').replace("report_s = 60\n", "report_s = 60\nemergency_period_s = 10\n")


class Station:
    """A level that rises by one each second is polled each second; a rule waits for 30."""

    def __init__(self, folder: Path, rule: str = RULE, *more: str) -> None:
        self.folder, self.parts = folder, (RIVER, sensor("level", 1), UPLINK, *more, rule)
        self.room = Room()
        self.begin()

    def begin(self) -> None:
        self.stop = asyncio.Event()
        self.gateway = Gateway(site(self.folder, *self.parts), self.room)
        self.task = asyncio.create_task(self.gateway.run(self.stop))

    async def kill(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def until(self, time_s: float) -> None:
        await asyncio.sleep(time_s - asyncio.get_running_loop().time())

    def told(self) -> list[tuple[str, str]]:
        """(event, state) of each alarm row."""
        found = query(
            self.folder, "SELECT cells FROM row JOIN series ON id = series WHERE source = 'alarm' ORDER BY seq"
        )
        cells = [json.loads(text) for (text,) in found]
        return [(EVENTS[event], states.ALL[state]) for event, state, *_ in cells]


def story(steps: Coroutine[Any, Any, None]) -> None:
    run_virtual(steps)


def test_an_alarm_is_at_the_broker_within_a_second_of_its_delay(tmp_path: Path) -> None:
    async def steps() -> None:
        one = Station(tmp_path)
        await one.until(32.9)
        assert one.told() == []
        await one.until(34.0)  # above 30 from 30.01 s on, with a delay of 3 s: no wait for the commit of 10 s
        assert one.told() == [("raised", "unacknowledged")]
        assert [0, 1, 3] in [values[:3] for _, _, _, values, *_ in one.room.broker.rows()]
        (standing,) = one.gateway.status().alarms
        assert (standing.rule, standing.state, standing.level) == ("high", "unacknowledged", "orange")
        assert 33 <= (standing.value or 0) <= 34
        one.stop.set()
        await one.task

    story(steps())


def test_what_a_person_said_outlives_a_kill_and_nothing_is_told_twice(tmp_path: Path) -> None:
    async def steps() -> None:
        one = Station(tmp_path)
        await one.until(40)
        answer = await one.gateway.desk.ask("ma", "operator", "alarm", {"rule": "high", "verb": "acknowledge"}, "")
        assert answer["result"] == "done"
        assert one.told() == [("raised", "unacknowledged"), ("acknowledged", "acknowledged")]
        await one.kill()
        one.begin()
        await one.until(55)
        assert one.gateway.status().alarms[0].state == "acknowledged"
        assert one.told()[2:] == []
        await one.until(66)
        assert one.told()[2:] == [("cleared", "normal")]
        assert [detail["command"] for _, detail in events(tmp_path, "command")] == ["alarm"]
        refused = await one.gateway.desk.ask("ma", "operator", "alarm", {"rule": "low", "verb": "reset"}, "")
        assert refused == {"result": "refused", "reason": "not_now", "detail": "no rule low"}
        await one.kill()

    story(steps())


def test_a_shelf_ends_by_itself_and_an_upstream_alarm_is_warned_with_its_travel_time(tmp_path: Path) -> None:
    rule = '\n[[rule]]\nid = "wave"\nlevel = "red"\nwhen = "alarm(upper/high)"\ntravel_s = 600\n'

    async def steps() -> None:
        one = Station(tmp_path, rule)
        await one.until(5)
        now_ms = one.room.clock.unix_ms()
        argument = {"name": "upper/high", "raised": True, "since_ms": now_ms - 60_000}
        assert (await one.gateway.desk.ask("ma", "operator", "upstream", argument, ""))["result"] == "done"
        assert one.told() == [("raised", "unacknowledged")]
        ((cells,),) = query(one.folder, "SELECT cells FROM row JOIN series ON id = series WHERE source = 'alarm'")
        assert json.loads(cells)[4] == (now_ms - 60_000 + 600_000) // 1000
        shelve = {"rule": "wave", "verb": "shelve", "minutes": 1}
        await one.gateway.desk.ask("ma", "operator", "alarm", shelve, "")
        await one.until(80)
        assert [event for event, _ in one.told()] == ["raised", "shelved", "unshelved", "raised"]
        await one.kill()

    story(steps())


def test_an_alarm_has_its_nodes_measure_densely_and_ends_that(tmp_path: Path) -> None:
    async def steps() -> None:
        one = Station(tmp_path, RULE + 'emergency = ["water"]\n', DENSE_NODE)
        await one.until(40)
        assert query(one.folder, "SELECT node, argument FROM command") == [(17, 72_000)]
        await one.until(68)
        assert query(one.folder, "SELECT node, argument FROM command ORDER BY id") == [(17, 72_000), (17, 0)]
        await one.kill()

    story(steps())


def test_a_node_that_boots_while_an_alarm_stands_is_told_to_measure_densely_again(tmp_path: Path) -> None:
    """It kept the order in memory only. One that still waits comes to it without a second one."""

    async def steps() -> None:
        one = Station(tmp_path, RULE + 'emergency = ["water"]\n', DENSE_NODE)
        orders = "SELECT argument FROM command WHERE kind = 1"

        async def say(counter: int, kind: int, body: bytes) -> None:
            one.room.radio_line.put(framing.stuff(link.seal(bytes.fromhex(KEY), kind, 17, counter, body)))
            await asyncio.sleep(0.2)

        schema = schema_of(site(tmp_path, *one.parts), site(tmp_path, *one.parts).nodes[0]).to_bytes(2, "big")
        await one.until(20)
        await say(1, link.HELLO, schema)
        assert query(one.folder, orders) == []
        await one.until(36)
        await say(2, link.HELLO, schema)
        assert query(one.folder, orders) == [(72_000,)]
        ((id,),) = query(one.folder, "SELECT id FROM command")
        await say(3, link.DONE, command.encode_results([(id, command.DONE)]))
        await say(4, link.HELLO, schema)
        assert query(one.folder, orders) == [(72_000,), (72_000,)]
        await one.until(68)
        await say(5, link.HELLO, schema)
        assert query(one.folder, orders) == [(72_000,), (72_000,), (0,)]
        await one.kill()

    story(steps())


WAVE = '\n[[rule]]\nid = "wave"\nlevel = "red"\nwhen = "alarm(upper/high)"\ntravel_s = 600\n'


def test_an_alarm_is_told_retained_and_a_station_below_hears_it_from_the_broker(tmp_path: Path) -> None:
    """What the upper station's gateway retains is what the lower one is given, as a broker would."""

    async def steps() -> None:
        (tmp_path / "upper").mkdir()
        (tmp_path / "lower").mkdir()
        upper, lower = Station(tmp_path / "upper"), Station(tmp_path / "lower", WAVE)
        await upper.until(20)
        topic = "watertower/demo/alarm/high"
        assert upper.room.broker.retained[topic]["raised"] is False
        assert lower.room.broker.topics == ["watertower/upper/alarm/high"]
        hear = lower.room.broker.heard
        assert hear is not None
        for message in (b"no JSON", b'{"raised":1}', b"[]", b"\xff"):
            hear("watertower/upper/alarm/high", message)
        await upper.until(34)
        told = upper.room.broker.retained[topic]
        assert (told["raised"], told["state"], told["level"]) == (True, "unacknowledged", "orange")
        validate("alarm", told)
        assert lower.told() == []
        hear("watertower/upper/alarm/high", json.dumps(told).encode())
        await upper.until(36)
        assert lower.told() == [("raised", "unacknowledged")]
        ((cells,),) = query(lower.folder, "SELECT cells FROM row JOIN series ON id = series WHERE source = 'alarm'")
        assert json.loads(cells)[4] == told["since_ms"] // 1000 + 600
        await upper.until(70)
        ended = upper.room.broker.retained[topic]
        assert (ended["raised"], ended["since_ms"]) == (False, told["since_ms"])
        hear("watertower/upper/alarm/high", json.dumps(ended).encode())
        await upper.until(72)
        assert lower.told()[-1] == ("cleared", "returned")
        await upper.kill()
        await lower.kill()

    story(steps())


def test_a_rule_that_has_gone_does_not_leave_its_alarm_standing_and_a_changed_one_keeps_what_fits(
    tmp_path: Path,
) -> None:
    async def steps() -> None:
        other = '\n[[rule]]\nid = "other"\nlevel = "blue"\nwhen = "level.pressure < -1"\n'
        suppressed = RULE.replace('"high"', '"works"') + 'suppress = "level.pressure > 20"\n'
        one = Station(tmp_path, RULE + suppressed)
        await one.until(40)
        assert one.told() == [("suppressed", "suppressed"), ("raised", "unacknowledged")]
        await one.kill()
        one.parts = (*one.parts[:-1], RULE.replace('"high"', '"works"') + other)
        one.begin()
        await one.until(50)
        assert one.told()[2:] == [("removed", "normal"), ("unsuppressed", "normal"), ("raised", "unacknowledged")]
        await one.kill()
        one.begin()
        await one.until(55)
        assert len(one.told()) == 5
        await one.kill()

    story(steps())


def test_who_works_at_a_sensor_raises_no_alarm_with_it_and_a_kill_does_not_forget_him(tmp_path: Path) -> None:
    async def steps() -> None:
        one = Station(tmp_path)
        await one.until(20)
        wish = {"sensor": "level", "state": "maintenance", "minutes": 2}
        assert (await one.gateway.desk.ask("ma", "operator", "service", wish, ""))["result"] == "done"
        refused = await one.gateway.desk.ask("ma", "operator", "service", wish | {"sensor": "pond"}, "")
        assert refused == {"result": "refused", "reason": "not_now", "detail": "no sensor pond"}
        await one.kill()
        one.begin()
        await one.until(45)
        one.gateway.store.commit()
        flags = query(tmp_path, "SELECT quality FROM row JOIN series ON id = series WHERE source = 'sensor level'")
        assert all(flag & worth.MAINTENANCE for flag in json.loads(flags[-1][0]))
        assert one.told() == []
        assert (await one.gateway.desk.ask("ma", "operator", "service", wish | {"state": "end"}, ""))[
            "result"
        ] == "done"
        await one.until(58)  # 5.5 s of warm-up and settling, and its delay of 3
        assert one.told() == [("raised", "unacknowledged")]
        await one.kill()

    story(steps())
