"""What a Sparkplug edge node says and believes, without a broker and in a time that the test makes."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.control.desk import Desk
from gateway.control.platform import Platform
from gateway.ports import Said
from gateway.site.config import MqttUplink
from gateway.store import Row, Series, Store
from gateway.uplink import sparkplug_payload as payload
from gateway.uplink.birth_count import BirthCount
from gateway.uplink.devices import Device
from gateway.uplink.sparkplug import REBIRTH, Sparkplug
from gateway.uplink.sparkplug_payload import BOOLEAN, INT64, BadPayload, Metric, decoded, encoded
from protocols import quality, worth
from tests.gateway.doubles import START_MS, HandClock

LEVEL = Series(1, "sensor level", (("level.pressure", "bar", 2), ("level.count", "", 0)))
HOUR = Series(2, "hour", (("level.pressure", "bar", 2),))
KNOWN = {"sensor level": Device("level", "sensor level", "Level", 60_000, ("gain",), ("wipe",))}
NCMD, DCMD = "spBv1.0/watertower/NCMD/demo", "spBv1.0/watertower/DCMD/demo/level"
STATE = "spBv1.0/STATE/scada"


class Edge:
    """One edge node; `desk` counts what it refuses."""

    def __init__(self, folder: Path, host: str | None = None, role: str | None = "operator") -> None:
        self.clock = HandClock()
        self.series: list[Series] = []
        self.rows: list[Row] = []
        self.written: list[object] = []

        async def write(argument: Any, uplink: str) -> dict[str, object]:
            self.written.append((argument.sensor, argument.name, argument.value))
            return {"outcome": "done"}

        self.desk = Desk((), {"write": write}, Store(folder / "store.db", self.clock), self.clock)
        uplink = MqttUplink(id="scada", host="nowhere", dialect="sparkplug", primary_host=host)
        platform = Platform(self.desk, "scada", role)
        count = BirthCount(folder / "bdseq")
        self.dialect = Sparkplug("demo", uplink, KNOWN, "Demo", count, self.clock, self, platform)
        self.seqs: list[int | None] = []

    def all_series(self) -> list[Series]:
        return self.series

    def newest(self) -> list[Row]:
        return self.rows

    def begin(self) -> list[tuple[str, list[Metric]]]:
        self.dialect.will()
        return self.read(self.dialect.greeting())

    def read(self, messages: Any) -> list[tuple[str, list[Metric]]]:
        """(kind and device, metrics) of each."""
        found = []
        for said in messages:
            assert isinstance(said, Said) and said.qos == 0 and not said.retain
            _, _, kind, _, *device = said.topic.split("/")
            told = decoded(said.payload)
            assert told.unix_ms is not None
            self.seqs.append(told.seq)
            found.append((" ".join([kind, *device]), list(told.metrics)))
        return found

    def say(self, series: Series, *cells: int | None, flags: tuple[int, ...] | None = None, ago_ms: int = 0) -> Any:
        births = self.read(self.dialect.announce(series))
        row = Row(1, series.id, self.clock.unix_ms() - ago_ms, cells, flags)
        return [*births, *self.read(self.dialect.rows(0, [row]))]

    def command(self, topic: str, *metrics: tuple[Metric, int]) -> Any:
        message = encoded(START_MS, metrics, None)
        return None if self.dialect.hear(topic, message) else asyncio.run(self.dialect.obey(topic, message))


def qualities(metric: Metric) -> dict[str, Any]:
    return {one.key: one.value for one in metric.properties}


def test_seq_counts_to_255_and_begins_anew_and_a_birth_is_always_0(tmp_path: Path) -> None:
    edge = Edge(tmp_path)
    edge.begin()
    for _ in range(600):
        edge.clock.unix += 10
        edge.say(LEVEL, 1, 2)
    assert edge.seqs == [place % 256 for place in range(602)]  # NBIRTH, DBIRTH and each row
    edge.clock.unix += 10_000
    edge.command(NCMD, (Metric(True, START_MS, REBIRTH), BOOLEAN))
    assert [kind for kind, _ in edge.read(edge.dialect.due())] == ["NBIRTH", "DBIRTH level"]
    assert edge.seqs[-2:] == [0, 1]


def test_a_birth_names_what_data_says_by_alias_and_both_mean_the_same_value(tmp_path: Path) -> None:
    edge = Edge(tmp_path)
    edge.begin()
    (birth, described), (data, metrics) = edge.say(LEVEL, -123, -7)
    assert (birth, data) == ("DBIRTH level", "DDATA level")
    told = {one.alias: one for one in metrics}
    assert {one.name: told[one.alias].value for one in described if one.alias} == {
        "level.pressure": -1.23,
        "level.count": (1 << 64) - 7,  # data have no type: a host takes the birth's
    }
    assert [(one.name, one.datatype, one.value) for one in described] == [
        ("level.pressure", payload.DOUBLE, -1.23),
        ("level.count", INT64, -7),
        ("Device Control/gain", payload.DOUBLE, None),
        ("Device Control/wipe", BOOLEAN, False),
    ]
    assert qualities(described[0]) == {"Quality": payload.GOOD, "engUnit": "bar"}
    assert all(one.name is one.datatype is None and one.unix_ms == START_MS for one in metrics)


QUALITIES = (
    (100, 0, None, None),
    (100, quality.RANGE, payload.BAD, quality.RANGE),
    (100, quality.WARM_UP, payload.BAD, quality.WARM_UP),
    (100, quality.CLOCK, payload.GOOD, quality.CLOCK),
    (100, worth.SPIKE | worth.SUSPECT, payload.GOOD, worth.SPIKE | worth.SUSPECT),
    (100, worth.SPIKE | worth.FAIL, payload.BAD, worth.SPIKE | worth.FAIL),
    (100, worth.GAP, payload.GOOD, worth.GAP),
    (None, quality.NO_REPLY, payload.STALE, quality.NO_REPLY),
    (None, quality.INVALID, payload.BAD, quality.INVALID),
)


@pytest.mark.parametrize("value,flags,worth,told", QUALITIES)
def test_quality_is_a_property_and_no_value_is_null(
    tmp_path: Path, value: int | None, flags: int, worth: int | None, told: int | None
) -> None:
    edge = Edge(tmp_path)
    edge.begin()
    edge.say(LEVEL, 1, 2)
    edge.clock.unix += 1000
    edge.say(LEVEL, 1, 2)
    ((_, (metric, _)),) = edge.say(LEVEL, value, 3, flags=(flags, 0))
    assert metric.value == (None if value is None else 1.0)
    assert qualities(metric) == {k: v for k, v in (("Quality", worth), ("Flags", told)) if v is not None}
    ((_, (metric, _)),) = edge.say(LEVEL, 1, 2)
    assert qualities(metric) == ({"Quality": payload.GOOD} if worth not in (None, payload.GOOD) else {})  # it is over


def test_a_channel_that_was_not_due_is_left_out(tmp_path: Path) -> None:
    edge = Edge(tmp_path)
    edge.begin()
    edge.say(LEVEL, 1, 2)
    ((_, metrics),) = edge.say(LEVEL, None, 5)
    assert [one.value for one in metrics] == [5]


def test_what_is_older_than_what_the_host_has_is_history(tmp_path: Path) -> None:
    edge = Edge(tmp_path)
    edge.series, edge.rows = [LEVEL], [Row(9, 1, START_MS, (900, 9), None)]
    births = edge.begin()
    assert [kind for kind, _ in births] == ["NBIRTH", "DBIRTH level"]
    assert births[1][1][0].value == 9.0 and qualities(births[1][1][0])["Quality"] == payload.GOOD
    histories = [[one.is_historical for one in edge.say(LEVEL, 1, 1, ago_ms=ago_ms)[0][1]] for ago_ms in (5000, 1, 0)]
    assert histories == [[True, True], [True, True], [False, False]]


def test_what_is_found_out_of_a_reading_later_is_said_of_that_reading(tmp_path: Path) -> None:
    edge = Edge(tmp_path)
    edge.begin()
    edge.say(LEVEL, 100, 2)
    edge.clock.unix += 1000
    edge.say(LEVEL, 300, 2)
    ((kind, (metric,)),) = edge.say(LEVEL._replace(id=7, source="quality sensor level"), 100, None,
                                    flags=(worth.SPIKE | worth.FAIL, 0), ago_ms=1000)  # fmt: skip
    assert (kind, metric.alias, metric.value, metric.unix_ms) == ("DDATA level", 1, 1.0, START_MS)
    assert metric.is_historical and qualities(metric)["Quality"] == payload.BAD


def test_what_is_made_of_readings_is_the_nodes_own_and_a_new_kind_of_it_is_a_new_birth(tmp_path: Path) -> None:
    edge = Edge(tmp_path)
    edge.begin()
    edge.say(LEVEL, 1, 2)
    told = edge.say(HOUR, 300)
    assert [kind for kind, _ in told] == ["NBIRTH", "DBIRTH level", "NDATA"]
    assert "hour/level.pressure" in [one.name for one in told[0][1]] and told[2][1][0].value == 3.0
    assert edge.say(HOUR, 300)[0][0] == "NDATA"


def test_a_silent_device_dies_once_and_what_is_left_of_it_is_still_told(tmp_path: Path) -> None:
    edge = Edge(tmp_path)
    edge.begin()
    edge.say(LEVEL, 1, 2)
    edge.clock.unix += 59_000
    assert edge.read(edge.dialect.due()) == [] and edge.dialect.wait_s() == 1.0
    edge.clock.unix += 1000
    assert [kind for kind, _ in edge.read(edge.dialect.due())] == ["DDEATH level"]
    assert edge.say(LEVEL, None, None, flags=(1, 1)) == []
    old = edge.say(LEVEL, 5, 6, ago_ms=120_000)
    assert [kind for kind, _ in old] == ["DBIRTH level", "DDATA level"] and old[1][1][0].is_historical
    assert qualities(old[0][1][0])["Quality"] == payload.STALE and edge.read(edge.dialect.due()) == []
    edge.clock.unix += 10_000
    assert [kind for kind, _ in edge.read(edge.dialect.due())] == ["DDEATH level"]


def test_the_will_has_the_number_of_the_birth_and_it_rises_over_restarts(tmp_path: Path) -> None:
    found = []
    for _ in range(258):
        count = BirthCount(tmp_path / "bdseq")
        found.append(count.next())
    assert found == [*range(256), 0, 1]
    edge = Edge(tmp_path)
    will = edge.dialect.will()
    assert (will.topic, will.qos, will.retain) == ("spBv1.0/watertower/NDEATH/demo", 1, False)
    ((name, number),) = [(one.name, one.value) for one in decoded(will.payload).metrics]
    assert (name, number) == ("bdSeq", 2) and decoded(will.payload).seq is None
    assert {one.name: one.value for one in edge.read(edge.dialect.greeting())[0][1]}["bdSeq"] == 2


@pytest.mark.parametrize("written", [b"", b"x", b"256", b"-1", b"\xff", b"1" * 10_000])
def test_a_damaged_number_of_sessions_is_begun_anew(tmp_path: Path, written: bytes) -> None:
    (tmp_path / "bdseq").write_bytes(written)
    assert BirthCount(tmp_path / "bdseq").next() == 0
    assert BirthCount(tmp_path / "nowhere" / "bdseq").next() == 0  # and nobody is stopped by a disk


def state(online: object, timestamp: object) -> bytes:
    return json.dumps({"online": online, "timestamp": timestamp}).encode()


def test_the_host_is_there_by_its_newest_word_and_each_connection_asks_anew(tmp_path: Path) -> None:
    edge = Edge(tmp_path, host="scada")
    edge.dialect.will()
    assert STATE in edge.dialect.topics and edge.dialect.absent
    for said, is_there in (
        (state(True, 100), True),
        (state(False, 99), True),  # older
        (b"OFFLINE", True),  # Sparkplug 2.2
        (state("yes", 200), True),
        (state(False, 100), False),
        (state(True, 101), True),
    ):
        assert edge.dialect.hear(STATE, said)
        assert (edge.dialect.absent == "") is is_there, said
    assert edge.desk.refused == {"form": 2}
    edge.dialect.will()
    assert edge.dialect.absent


def test_a_storm_of_calls_for_a_rebirth_is_answered_each_5_s(tmp_path: Path) -> None:
    edge = Edge(tmp_path)
    edge.begin()
    births = 0
    for _ in range(200):
        edge.clock.unix += 100
        edge.command(NCMD, (Metric(True, START_MS, REBIRTH), BOOLEAN))
        births += len(edge.read(edge.dialect.due()))
    assert births == 4 and edge.desk.refused == {}


REBOOT = (Metric(True, START_MS, "Node Control/Reboot"), BOOLEAN)
HOSTILE = (
    (NCMD, [REBOOT], {"unknown_command": 1}),
    (NCMD, [(Metric(False, START_MS, REBIRTH), BOOLEAN)], {"unknown_command": 1}),
    (NCMD, [(Metric(1, START_MS, REBIRTH), INT64)], {"unknown_command": 1}),
    (NCMD, [], {"form": 1}),
    (NCMD, [REBOOT] * 9, {"form": 1}),
    (DCMD, [REBOOT] * 200, {"form": 1}),
    (DCMD, [(Metric(9.0, START_MS, "Device Control/address"), payload.DOUBLE)], {"unknown_command": 1}),
    (DCMD, [(Metric(9.0, START_MS, "gain"), payload.DOUBLE)], {"unknown_command": 1}),
    (DCMD, [(Metric(9.0, START_MS, None, 1), payload.DOUBLE)], {"unknown_command": 1}),
    (DCMD, [(Metric("9", START_MS, "Device Control/gain"), payload.STRING)], {"argument": 1}),
    (DCMD, [(Metric(True, START_MS, "Device Control/gain"), BOOLEAN)], {"argument": 1}),
    (DCMD, [(Metric(False, START_MS, "Device Control/wipe"), BOOLEAN)], {"argument": 1}),
    (DCMD, [(Metric(1.0, START_MS, "Device Control/wipe"), payload.DOUBLE)], {"argument": 1}),
    (DCMD, [(Metric(float("nan"), START_MS, "Device Control/gain"), payload.DOUBLE)], {"form": 1}),
    (DCMD + "/more", [(Metric(1.0, START_MS, "Device Control/gain"), payload.DOUBLE)], {"unknown_command": 1}),
    ("spBv1.0/watertower/DCMD/other/level", [(Metric(1.0, START_MS, "Device Control/gain"), payload.DOUBLE)],
     {"unknown_command": 1}),
)  # fmt: skip


@pytest.mark.parametrize("topic,metrics,refused", HOSTILE)
def test_what_is_hostile_is_refused_and_counted_and_nothing_is_done(
    tmp_path: Path, topic: str, metrics: list[tuple[Metric, int]], refused: dict[str, int]
) -> None:
    edge = Edge(tmp_path)
    edge.begin()
    edge.say(LEVEL, 1, 2)
    edge.clock.unix += 10_000
    assert edge.command(topic, *metrics) is None
    assert edge.desk.refused == refused and edge.written == [] and edge.dialect.due() == []


def test_a_write_is_for_a_role_alone(tmp_path: Path) -> None:
    wish = (Metric(2.5, START_MS, "Device Control/gain"), payload.DOUBLE)
    for role, written in (("operator", [("level", "gain", 2.5)]), ("viewer", []), (None, [])):
        folder = tmp_path / str(role)
        folder.mkdir()
        edge = Edge(folder, role=role)
        edge.begin()
        ((_, described), _) = edge.say(LEVEL, 1, 2)
        assert ("Device Control/gain" in [one.name for one in described]) is (role == "operator")
        answer = edge.command(DCMD, wish)
        if written:
            assert edge.command(DCMD, (Metric(True, START_MS, "Device Control/wipe"), BOOLEAN)) is None
            assert edge.written.pop() == ("level", "wipe", None)
        assert edge.written == written and edge.desk.refused == ({} if written else {"role": 1})
        assert (answer is not None) is bool(written)


@given(st.binary(max_size=300))
def test_whatever_comes_is_a_payload_or_a_bad_one(data: bytes) -> None:
    try:
        decoded(data)
    except BadPayload:
        return
    assert len(decoded(data).metrics) <= 100


def test_a_payload_with_a_text_that_is_none_is_a_bad_one() -> None:
    with pytest.raises(BadPayload):
        decoded(b"\x12\x03\x0a\x01\xff")
    with pytest.raises(BadPayload):
        decoded(bytes(70_000))
