"""A command is obeyed once, from whom may give it; whatever else comes is refused and counted, and nothing is done."""

import asyncio
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.control import order
from gateway.control.commands import COMMANDS
from gateway.control.desk import Action, Desk, NotNow
from gateway.control.order import Order, sealed
from gateway.site.config import Operator
from gateway.store import Store
from tests.gateway.doubles import START_MS, HandClock, events

KEYS = {"li": "11" * 32, "ma": "22" * 32, "wu": "33" * 32}
OPERATORS = [
    Operator(name="li", role="viewer", key=KEYS["li"]),
    Operator(name="ma", role="operator", key=KEYS["ma"]),
    Operator(name="wu", role="admin", key=KEYS["wu"]),
]
ARGUMENTS: dict[str, dict[str, Any]] = {
    "status": {},
    "resend": {"ranges": [[1, 4], [9, 9]]},
    "backfill": {"from_ms": 5, "to_ms": 9},
    "emergency": {"node": "water", "seconds": 60},
    "report": {"node": "water", "seconds": 600},
    "wipe": {"node": "water"},
    "battery": {"node": "water"},
    "write": {"sensor": "ph", "name": "offset", "value": -0.2},
    "service": {"sensor": "ph", "state": "maintenance"},
    "ask": {"sensor": "ph", "questions": [{"function": 3, "address": 1, "quantity": 2}]},
    "alarm": {"rule": "high", "verb": "acknowledge"},
    "upstream": {"name": "upper/high", "raised": True, "since_ms": 5},
    "restart": {},
    "reload": {},
    "configure": {"site": "[station]"},
    "update": {"node": "water", "archive": "V1RVMQ=="},
}
MAY = {"li": 3, "ma": 12, "wu": 16}  # how many of these, from the first


def topic(operator: str, station: str = "demo") -> str:
    return f"watertower/{station}/command/{operator}"


class Room:
    """A desk whose actions write down what they were asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = HandClock()
        self.store = Store(folder / "store.db", self.clock)
        self.did: list[tuple[str, Any]] = []
        self.counter = 0
        self.open()

    def open(self) -> None:
        self.desk = Desk(OPERATORS, {name: self._action(name) for name in COMMANDS}, self.store, self.clock)

    def _action(self, name: str) -> Action:
        async def act(argument: Any, uplink: str) -> dict[str, object]:
            self.did.append((name, msgspec.to_builtins(argument)))
            return {"uplink": uplink}

        return act

    def order(self, command: str, argument: dict[str, Any] | None = None, **changed: Any) -> Order:
        self.counter += 1
        said = {"id": f"a{self.counter}", "counter": self.counter, "unix_ms": self.clock.unix, **changed}
        return Order(command=command, argument=ARGUMENTS.get(command, {}) if argument is None else argument, **said)

    def send(self, to: str, message: bytes) -> dict[str, Any] | None:
        answer = asyncio.run(self.desk.obey(to, message, "platform"))
        if answer is None:
            return None
        said: dict[str, Any] = json.loads(answer[1])
        assert answer[0] == f"result/{said['id']}"
        return said

    def say(self, operator: str, one: Order) -> dict[str, Any] | None:
        return self.send(topic(operator), sealed(topic(operator), bytes.fromhex(KEYS[operator]), one))


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


@pytest.mark.parametrize("operator", MAY)
def test_each_role_may_do_its_own_and_no_more(room: Room, operator: str) -> None:
    for place, name in enumerate(ARGUMENTS):
        answer = room.say(operator, room.order(name))
        assert answer is not None
        if place < MAY[operator]:
            assert (answer["result"], answer["uplink"]) == ("done", "platform")
        else:
            assert (answer["result"], answer["reason"]) == ("refused", "role")
    assert [name for name, _ in room.did] == list(ARGUMENTS)[: MAY[operator]]
    assert len(events(room.folder, "command")) == MAY[operator]
    assert len(events(room.folder, "command_refused")) == len(ARGUMENTS) - MAY[operator]
    assert set(ARGUMENTS) == set(COMMANDS)


def test_an_event_says_who_did_what_and_no_site_file_with_its_keys(room: Room) -> None:
    room.say("wu", room.order("resend"))
    room.say("wu", room.order("configure", {"site": f'key = "{KEYS["li"]}"'}))
    ((_, first), (_, second)) = events(room.folder, "command")
    assert first == {
        "operator": "wu", "result": "done", "id": "a1", "command": "resend", "argument": '{"ranges":[[1,4],[9,9]]}',
    }  # fmt: skip
    assert second == {"operator": "wu", "result": "done", "id": "a2", "command": "configure"}


def test_the_same_message_again_is_not_obeyed_not_even_after_a_restart(room: Room) -> None:
    message = sealed(topic("wu"), bytes.fromhex(KEYS["wu"]), room.order("restart"))
    assert room.send(topic("wu"), message) is not None
    assert room.send(topic("wu"), message) is None
    room.open()
    assert room.send(topic("wu"), message) is None
    assert len(room.did) == 1 and room.desk.refused["replay"] == 1
    assert room.say("wu", room.order("restart", counter=1)) is None
    assert room.say("li", room.order("status", counter=1)) is not None  # everybody counts for himself


def test_an_order_that_was_held_back_is_too_late_and_its_sender_learns_the_time(room: Room) -> None:
    for late_ms in (-order.WINDOW_MS - 1, order.WINDOW_MS + 1):
        answer = room.say("wu", room.order("restart", unix_ms=START_MS + late_ms))
        assert answer is not None and (answer["reason"], answer["unix_ms"]) == ("time", START_MS)
    assert room.say("wu", room.order("restart", unix_ms=START_MS - order.WINDOW_MS)) is not None
    room.clock.unix = 1000  # a machine without a clock: the counter alone decides
    assert room.say("wu", room.order("restart", unix_ms=START_MS)) is not None
    assert len(room.did) == 2


def test_what_is_not_from_an_operator_gets_no_answer_and_one_event_a_reason(room: Room) -> None:
    good = room.order("status")
    message = sealed(topic("wu"), bytes.fromhex(KEYS["wu"]), good)
    refused = [
        ("operator", topic("nobody"), message),
        ("tag", topic("li"), message),  # another operator's key
        ("tag", topic("wu"), sealed(topic("wu", "other"), bytes.fromhex(KEYS["wu"]), good)),  # for another station
        ("tag", topic("wu"), message[:-1] + b" "),
        ("tag", topic("wu"), b""),
        ("tag", topic("wu"), b"\xff" * 100),
        ("tag", topic("wu"), message.replace(b"\n", b" ", 1)),
        ("size", topic("wu"), message + bytes(order.LARGEST_BYTES)),
    ]
    for _, to, what in refused:
        assert room.send(to, what) is None
    assert room.did == [] and sum(room.desk.refused.values()) == len(refused)
    assert {detail["result"] for _, detail in events(room.folder)} == {"operator", "tag", "size"}
    assert len(events(room.folder)) == 3
    assert room.send(topic("wu"), message) is not None  # and none of them has used up its counter


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b"{}", b'{"id":1}', b"\xff\xfe", b"[" * 60_000, b'{"a":' * 10_000, b"1" * 5000, b"1e999",
        b'{"id":"a/b","counter":1,"unix_ms":1,"command":"status"}',
        b'{"id":"a","counter":99999999999999999999,"unix_ms":1,"command":"status"}',
        b'{"id":"a","counter":1,"unix_ms":1,"command":"status","more":1}',
        b'{"id":"a","counter":1,"unix_ms":1,"command":"status","argument":' + b"[" * 30_000 + b"]" * 30_000 + b"}",
    ],
)  # fmt: skip
def test_rubbish_under_a_good_tag_is_refused_as_well(room: Room, body: bytes) -> None:
    tag = order._tag(topic("wu"), bytes.fromhex(KEYS["wu"]), body)
    assert room.send(topic("wu"), tag + b"\n" + body) is None
    assert room.did == [] and room.desk.refused == {"form": 1}


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300), st.text(max_size=30), st.booleans())
def test_nothing_that_can_be_sent_raises_or_does_anything(room: Room, data: bytes, name: str, is_sealed: bool) -> None:
    to = topic("wu" if is_sealed else name)
    tag = order._tag(to, bytes.fromhex(KEYS["wu"]), data) + b"\n" if is_sealed else b""
    assert room.send(to, tag + data) is None
    assert room.did == []


WRONG = [
    ("resend", {}), ("resend", {"ranges": []}), ("resend", {"ranges": [[0, 4]]}), ("resend", {"ranges": [[1]]}),
    ("resend", {"ranges": [[1, 2]] * 501}), ("resend", {"ranges": "1-4"}), ("emergency", {"node": "water"}),
    ("emergency", {"node": "water", "seconds": -1}), ("emergency", {"node": "water", "seconds": 1.5}),
    ("write", {"sensor": "ph", "name": "offset", "value": "1"}), ("status", {"more": 1}), ("configure", {"site": ""}),
]  # fmt: skip


@pytest.mark.parametrize(("command", "argument"), WRONG)
def test_a_wrong_argument_is_refused_with_its_fault(room: Room, command: str, argument: dict[str, Any]) -> None:
    answer = room.say("wu", room.order(command, argument))
    assert answer is not None and answer["reason"] == "argument" and answer["detail"]
    assert room.did == []


def test_an_unknown_command_and_one_that_this_gateway_can_not_do_are_refused(room: Room) -> None:
    unknown = room.say("wu", room.order("explode"))
    assert unknown is not None and unknown["reason"] == "unknown_command"
    room.desk = Desk(OPERATORS, {}, room.store, room.clock)
    missing = room.say("wu", room.order("write"))
    assert missing is not None and missing["reason"] == "not_available"


def test_an_action_that_fails_is_an_answer_and_no_end(room: Room, caplog: pytest.LogCaptureFixture) -> None:
    async def broken(argument: Any, uplink: str) -> dict[str, object]:
        raise RuntimeError("a mistake with a secret in it")

    async def unable(argument: Any, uplink: str) -> dict[str, object]:
        raise NotNow("no node x")

    room.desk = Desk(OPERATORS, {"status": broken, "wipe": unable}, room.store, room.clock)
    caplog.set_level(100)
    failed = room.say("wu", room.order("status"))
    assert failed is not None and (failed["reason"], failed["detail"]) == ("failed", "RuntimeError")
    not_now = room.say("wu", room.order("wipe"))
    assert not_now is not None and (not_now["reason"], not_now["detail"]) == ("not_now", "no node x")


def test_a_key_does_not_slip_into_a_log() -> None:
    assert KEYS["wu"] not in repr(OPERATORS)
