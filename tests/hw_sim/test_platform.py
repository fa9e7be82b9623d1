"""The far end keeps every row once by (station, seq), whatever the order in which its messages come."""

import json
from typing import Any

from hw_sim.platforms.platform import Delivered, Platform

T = 1_767_225_600_000


def series(number: int, *channels: tuple[str, str, int]) -> tuple[str, bytes]:
    message = {"series": number, "source": "node 17", "channels": channels}
    return f"watertower/demo/series/{number}", json.dumps(message).encode()


def data(*rows: str, complete: int = 0) -> tuple[str, bytes]:
    """A message with rows "[seq,series,unix_ms,..]" whose numbers follow one another."""
    parts = [row.strip("[]").split(",", 3) for row in rows] or [["1", "3", "0", ""]]
    first, base_ms = int(parts[0][0]), int(parts[0][2])
    assert [int(part[0]) for part in parts] == list(range(first, first + len(parts)))
    cells = [row.split(",", 3)[3] for row in rows]
    said = ",".join(f"[{part[1]},{int(part[2]) - base_ms},{cell}" for part, cell in zip(parts, cells, strict=False))
    text = f'{{"complete":{complete},"first":{first},"unix_ms":{base_ms},"rows":[{said}]}}'
    return "watertower/demo/data", text.encode()


SERIES = series(3, ("do.temperature", "degC", 1), ("do.oxygen", "mg/L", 2))
ROW = f"[42,3,{T},[6.2,8.12]]"


class Seen:
    """A platform and what it told."""

    def __init__(self, *messages: tuple[str, bytes]) -> None:
        self.told: list[Any] = []
        self.platform = Platform(lambda *row: self.told.append(row))
        for topic, payload in messages:
            self.platform.take(topic, payload)

    @property
    def values(self) -> dict[str, list[int]]:
        return {channel: [row.value for row in rows] for channel, rows in self.platform.delivered.items()}


def test_a_row_becomes_fixed_point_numbers_of_its_series_channels() -> None:
    seen = Seen(SERIES, data(ROW, complete=41))
    assert seen.platform.delivered == {
        "do.temperature": [Delivered(T, 62, 0, 42)],
        "do.oxygen": [Delivered(T, 812, 0, 42)],
    }
    assert seen.told == [("do.temperature", "6.2", "degC", 0, T), ("do.oxygen", "8.12", "mg/L", 0, T)]
    assert seen.platform.complete == 41


def test_rows_that_come_before_their_series_message_wait_for_it() -> None:
    seen = Seen(data(ROW), series(4, ("x.y", "", 0)))
    assert seen.values == {} and seen.told == []
    seen.platform.take(*SERIES)
    assert seen.values == {"do.temperature": [62], "do.oxygen": [812]}
    seen.platform.take(*SERIES)
    assert seen.values == {"do.temperature": [62], "do.oxygen": [812]}


def test_the_same_row_again_is_dropped_and_is_no_duplicate() -> None:
    seen = Seen(SERIES, data(ROW), data(ROW), data(ROW), data(ROW))
    assert seen.values == {"do.temperature": [62], "do.oxygen": [812]}
    assert (seen.platform.resent, seen.platform.duplicates) == (3, 0)


def test_the_same_row_twice_before_its_series_is_one_row() -> None:
    seen = Seen(data(ROW), data(ROW), SERIES)
    assert seen.values == {"do.temperature": [62], "do.oxygen": [812]}
    assert (seen.platform.resent, seen.platform.duplicates) == (1, 0)


def test_another_content_under_the_same_number_is_a_duplicate_and_the_first_stays() -> None:
    others = [
        f"[42,3,{T},[6.2,8.13]]",
        f"[42,3,{T + 1},[6.2,8.12]]",
        f"[42,3,{T},[6.2,8.12],[0,4]]",
        f"[42,3,{T},[6.2,null],[0,1]]",
    ]
    seen = Seen(SERIES, data(ROW), *(data(other) for other in others))
    assert (seen.platform.resent, seen.platform.duplicates) == (4, 4)
    assert seen.values == {"do.temperature": [62], "do.oxygen": [812]}


def test_a_row_whose_time_was_a_guess_is_replaced_by_the_dated_one_and_not_the_other_way_round() -> None:
    guess, dated = f"[42,3,{T - 10**12},[6.2,8.12],[16,20]]", f"[42,3,{T},[6.2,8.12],[0,4]]"
    for order in ([guess, dated], [guess, guess, dated, guess]):
        seen = Seen(SERIES, *(data(row) for row in order), data(ROW.replace("42", "43")))
        assert seen.platform.delivered["do.oxygen"] == [Delivered(T, 812, 4, 42), Delivered(T, 812, 0, 43)]
        assert seen.platform.duplicates == 0 and seen.platform.dated
    other = Seen(SERIES, data(guess), data(dated.replace("8.12", "8.13")))
    assert other.platform.duplicates == 1 and other.values["do.oxygen"] == [812]


def test_the_same_content_under_another_number_is_another_row() -> None:
    seen = Seen(SERIES, data(ROW), data(ROW.replace("42", "43")))
    assert seen.values == {"do.temperature": [62, 62], "do.oxygen": [812, 812]}
    assert seen.platform.resent == 0


def test_a_missing_value_is_told_with_its_reason_and_not_delivered() -> None:
    seen = Seen(SERIES, data(f"[42,3,{T},[null,8.12],[1,0]]", f"[43,3,{T},[null,8.13]]"))
    assert seen.values == {"do.oxygen": [812, 813]}
    assert seen.told[0] == ("do.temperature", "null", "degC", 1, T)
    # a null without a reason was not due: nothing is told of it
    assert [row[0] for row in seen.told] == ["do.temperature", "do.oxygen", "do.oxygen"]


def test_a_value_keeps_its_quality() -> None:
    seen = Seen(SERIES, data(f"[42,3,{T},[6.2,21.5],[0,4]]"))
    assert seen.platform.delivered["do.oxygen"] == [Delivered(T, 2150, 4, 42)]


def test_decimals_are_exact_whatever_floats_would_make_of_them() -> None:
    cells = [0.07, 1.15, -0.29, 4.35, 1.1e3, -1e-2, 90071992547409.93]
    texts = ["0.07", "1.15", "-0.29", "4.35", "1.1e3", "-1e-2", "90071992547409.93"]
    rows = [f"[{i},5,{T},[{text}]]" for i, text in enumerate(texts)]
    seen = Seen(series(5, ("a.b", "", 2)), data(*rows))
    assert seen.values == {"a.b": [7, 115, -29, 435, 110_000, -1, 9_007_199_254_740_993]}
    assert [int(cell * 100) for cell in cells] != seen.values["a.b"]  # what a float would have made of it


def test_whole_numbers_and_channels_without_decimals_are_exact_too() -> None:
    seen = Seen(series(5, ("a.b", "", 0), ("a.c", "", 3)), data(f"[1,5,{T},[140737488355328,7]]"))
    assert seen.values == {"a.b": [1 << 47], "a.c": [7000]}


def test_what_is_missing_is_what_the_station_took_for_delivered() -> None:
    rows = [ROW.replace("42", str(seq)) for seq in range(40, 46)]
    seen = Seen(SERIES, data(*rows[:2], complete=37), data(*rows[4:], complete=39))
    assert seen.platform.received == ((40, 41), (44, 45)) and seen.platform.missing == ((1, 39),)
    seen.platform.take(*data(*rows[4:], complete=43))
    assert seen.platform.missing == ((1, 39), (42, 43))
    seen.platform.take(*data(*rows[2:4], complete=0))  # sent once more: what is on its way is waited for
    assert seen.platform.missing == ()


def test_rows_without_their_series_are_known_to_lack_it() -> None:
    seen = Seen(data(ROW))
    assert seen.platform.lacks_series and seen.platform.received == ((42, 42),)
    seen.platform.take(*SERIES)
    assert not seen.platform.lacks_series


def test_complete_and_status_are_the_last_word() -> None:
    seen = Seen(SERIES, data(ROW, complete=41), data(ROW, complete=7))
    assert seen.platform.complete == 7 and seen.platform.online is None
    for online in (True, False):
        seen.platform.take("watertower/demo/status", json.dumps({"online": online}).encode())
        assert seen.platform.online is online
