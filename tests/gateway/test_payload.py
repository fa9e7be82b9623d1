"""What leaves by MQTT: its size, its decimals, and that it is what docs/mqtt.schema.json says."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from gateway.control.order import Order, sealed
from gateway.site.config import Operator
from gateway.store import Row, Series
from gateway.uplink import payload
from tests.gateway.doubles import START_MS
from tests.gateway.test_mqtt_forwarder import Uplink, story
from tests.gateway.test_orders import KEYS, Room, topic

SCHEMA: dict[str, Any] = json.loads((Path(__file__).parents[2] / "docs" / "mqtt.schema.json").read_text("utf-8"))


def validate(kind: str, message: Any) -> None:
    jsonschema.validate(message, {"$ref": f"#/$defs/{kind}", "$defs": SCHEMA["$defs"]})


def rows(count: int, first: int, channels: int) -> list[Row]:
    """Of 20 devices that are polled each second, five digits a value."""
    return [
        Row(seq, 1 + seq % 20, START_MS + seq // 20 * 1000 + seq % 20 * 37,
            tuple(10_000 + (seq * 7919 + place * 104_729) % 90_000 for place in range(channels)), None)
        for seq in range(first, first + count)
    ]  # fmt: skip


def bytes_per_reading(first: int, channels: int) -> float:
    decimals = dict.fromkeys(range(1, 21), (2,) * channels)
    return len(payload.data_message(first - 1, rows(50, first, channels), decimals)) / (50 * channels)


@pytest.mark.parametrize(("channels", "most"), [(10, 8.5), (3, 11.5), (1, 21.0)])
def test_a_reading_of_five_digits_costs_few_bytes_also_after_years(channels: int, most: float) -> None:
    assert bytes_per_reading(1_000, channels) < most
    assert bytes_per_reading(1_900_000_000, channels) < most  # three years of 20 rows a second


def test_values_have_exactly_their_decimals_and_qualities_only_when_needed() -> None:
    made = [Row(7, 3, 5000, (-5, None, 812), None), Row(8, 3, 4000, (0, 1, None), (0, 4, 1))]
    assert payload.data_message(6, made, {3: (3, 0, 2)}) == (
        b'{"complete":6,"first":7,"unix_ms":5000,"rows":[[3,0,[-0.005,null,8.12]],[3,-1000,[0.000,1,null],[0,4,1]]]}'
    )


def test_a_message_ends_where_a_row_is_missing() -> None:
    made = [row for row in rows(6, 10, 1) if row.seq != 13]
    assert [row.seq for row in payload.consecutive(made)] == [10, 11, 12]
    assert payload.consecutive(made[3:]) == made[3:] and payload.consecutive([]) == []


def test_real_messages_fit_the_schema(tmp_path: Path) -> None:
    async def steps() -> None:
        up = Uplink(tmp_path)
        up.fill(120)
        up.start()
        await up.watch(5)
        kinds = set()
        for said_topic, message in up.publisher.connections[0]:
            kinds.add(kind := said_topic.split("/")[2])
            validate(kind, message)
        assert kinds == {"status", "series", "data"}
        validate("status", {"online": False})

    story(steps())


def test_commands_and_their_answers_fit_it_too(tmp_path: Path) -> None:
    room = Room(tmp_path)
    order: Order = room.order("resend")
    message = sealed(topic("wu"), Operator(name="wu", role="admin", key=KEYS["wu"]).secret, order)
    validate("command", json.loads(message.partition(b"\n")[2]))
    validate("result", room.send(topic("wu"), message))
    validate("result", room.say("li", room.order("restart")))


@pytest.mark.parametrize(
    "wrong",
    [
        {"complete": 1, "rows": [[1, 0, [1]]]},
        {"complete": 1, "first": 2, "unix_ms": 5, "rows": []},
        {"complete": 1, "first": 2, "unix_ms": 5, "rows": [[1, 0]]},
        {"complete": 1, "first": 2, "unix_ms": 5, "rows": [[1, 0, ["8.1"]]]},
        {"complete": 1, "first": 2, "unix_ms": 5, "rows": [[1, 0, [8.1], [0], 1]]},
        {"complete": -1, "first": 2, "unix_ms": 5, "rows": [[1, 0, [8.1]]]},
    ],
)
def test_the_schema_can_say_no(wrong: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        validate("data", wrong)


def test_a_series_message_names_its_channels() -> None:
    made = json.loads(payload.series_message(Series(3, "sensor do", (("do.temperature", "degC", 2),))))
    assert made == {"series": 3, "source": "sensor do", "channels": [["do.temperature", "degC", 2]]}
    validate("series", made)
