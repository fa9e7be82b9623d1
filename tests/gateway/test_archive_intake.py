"""What an archive believes of a station's messages: the whole of one, or nothing."""

import json

import pytest

from gateway.archive.intake import Data, Refused, Series, Status, parsed

NOW_MS = 1_795_416_166_000
GOOD = {"complete": 38, "first": 39, "unix_ms": NOW_MS, "rows": [[4, 0, [2.76, None]], [4, -2000, [1, 2], [0, 8]]]}


def said(kind: str, form: object, station: str = "one") -> tuple[str, str, object]:
    return parsed(f"watertower/{station}/{kind}", json.dumps(form).encode(), NOW_MS)


def refused(kind: str, form: object, station: str = "one") -> str:
    with pytest.raises(Refused) as refusal:
        said(kind, form, station)
    return refusal.value.reason


def test_a_sound_message_says_what_docs_mqtt_says() -> None:
    station, _, data = said("data", GOOD)
    assert station == "one" and isinstance(data, Data)
    assert [row.values for row in data.rows] == [[2.76, None], [1, 2]]
    assert said("status", {"online": False})[2] == Status(False)
    series = {"series": 3, "source": "hour", "channels": [["a.b", "", 2]]}
    assert said("series/3", series)[1:] == ("3", Series(3, "hour", [("a.b", "", 2)]))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"first": 0}, "form"),
        ({"first": 2**60}, "form"),
        ({"complete": -1}, "form"),
        ({"rows": []}, "form"),
        ({"rows": [[4, 0, [1], [0, 0]]]}, "form"),
        ({"rows": [[4, 0, ["1"]]]}, "form"),
        ({"rows": [[4, 0, [1], [-1]]]}, "form"),
        ({"rows": [[2**60, 0, [1]]]}, "form"),
        ({"rows": [[4, 0, [1]], [4, 0, [1e12]]]}, "value"),
        ({"unix_ms": NOW_MS + 90_000_000}, "time"),
        ({"unix_ms": 0}, "time"),
        ({"unix_ms": 0, "rows": [[4, -1, [1], [16]]]}, "time"),
    ],
)
def test_one_wrong_place_and_nothing_of_a_message_is_believed(change: dict[str, object], reason: str) -> None:
    assert refused("data", {**GOOD, **change}) == reason


def test_a_guess_may_lie_before_this_software_and_a_flag_of_an_aggregate_is_a_flag() -> None:
    said("data", {**GOOD, "unix_ms": 5000, "rows": [[4, 0, [1, None], [16, 0]]]})
    said("data", {**GOOD, "rows": [[4, 0, [1], [1 << 20]]]})


def test_topics_names_and_texts_that_no_station_has_are_refused() -> None:
    assert refused("data", GOOD, station="One") == refused("data", GOOD, station="") == "topic"
    assert refused("result/a1", {}) == "topic"
    assert refused("series/4", {"series": 3, "source": "hour", "channels": []}) == "form"
    assert refused("series/3", {"series": 3, "source": "ho\0ur", "channels": []}) == "form"
    day = {"block": 1, "hash": "0" * 64, "signature": "0" * 128, "public": "0" * 64}
    assert refused("signature/2026-02-30", day) == "form"


@pytest.mark.parametrize("rubbish", [b"", b"\xff", b"{", b"[" * 100_000, b'{"first":NaN}', b"0" * (1 << 21)])
def test_rubbish_is_refused_and_raises_nothing_else(rubbish: bytes) -> None:
    with pytest.raises(Refused):
        parsed("watertower/one/data", rubbish, NOW_MS)
