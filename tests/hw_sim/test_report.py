"""The report's file: what is packed into it comes out again, it stays small, and no text can break out of its place."""

import base64
import json
import math
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from gateway.messages import catalogue
from hw_sim import report
from hw_sim.report.contents import choose, sort_readings
from hw_sim.report.curves import Mark, decimals_of, group_marks, pack_curve, pack_marks
from hw_sim.report.history import ChannelHistory, FaultSpan, History
from hw_sim.report.page import render
from hw_sim.streams import Stream
from protocols import quality
from tests.hw_sim.report_sample import BEGIN_MS, DAY_MS, month

FOLDER = Path(report.__file__).parent


def numbers(stream: str) -> Iterator[int]:
    """The LEB128 numbers of a stream, by the definition."""
    number = shift = 0
    for byte in base64.b64decode(stream):
        number |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            yield number
            number = shift = 0


def signed(number: int) -> int:
    return -(number + 1) // 2 if number % 2 else number // 2


def unpacked(packed: list[Any]) -> list[tuple[int, float, float, float]]:
    """(ms, lowest, mean, highest) of each point."""
    count, step_ms, step, buckets, decimals, _, stream = packed
    rest = numbers(stream)
    mean, points = 0, []
    for _ in range(count):
        step += next(rest)
        mean += signed(next(rest))
        low, high = (mean - next(rest), mean + next(rest)) if buckets else (mean, mean)
        points.append((step * step_ms, *(round(value / 10**decimals, decimals) for value in (low, mean, high))))
    assert next(rest, None) is None
    return points


def data(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    content: dict[str, Any] = json.loads(found[1])
    return content


def small(**changes: Any) -> History:
    channel = ChannelHistory("do.dissolved_oxygen", "mg/L", [(BEGIN_MS, 8.0)], [(BEGIN_MS, 8.01, 0)], [], [])
    history = History(
        scenario="small",
        seed=7,
        begin_ms=BEGIN_MS,
        end_ms=BEGIN_MS + DAY_MS,
        digest="abc123",
        judge=["ok"],
        counts={"measured": 1},
        channels=[channel],
        faults=[],
        battery_v={},
        backlog_rows={},
        link_frames={},
    )
    return history._replace(**changes)


@pytest.fixture(scope="module")
def sample() -> History:
    return month()


# ------------------------------------------------------------------------------------------------------------- packing
def test_a_curve_with_few_points_keeps_every_one() -> None:
    points = [(BEGIN_MS + 900_000 * i, round(7 + math.sin(i), 2) * (-1) ** i) for i in range(2880)]
    packed = pack_curve(points, 300_000, 1000, 30 * DAY_MS, 2)
    assert [(ms, mean) for ms, _, mean, _ in unpacked(packed)] == points
    assert packed[5] == 900_000


def test_a_bucket_tells_the_lowest_the_mean_and_the_highest_of_its_points() -> None:
    stream = Stream(1, "curve")
    points = [(BEGIN_MS + 1000 * i, round(stream.normal(0, 50), 3)) for i in range(20_000)]
    packed = pack_curve(points, 60_000, 1000, 20_000_000, 3)
    rows = unpacked(packed)
    assert len(rows) == 334
    for ms, low, mean, high in rows:
        part = [value for unix_ms, value in points if ms <= unix_ms < ms + 60_000]
        assert (low, high) == (min(part), max(part))
        assert mean == pytest.approx(math.fsum(part) / len(part), abs=0.0006)


def test_a_bucket_without_points_is_left_out_and_late_arrivals_are_put_in_their_place() -> None:
    points = [(BEGIN_MS + 1000 * i, float(i)) for i in range(9000) if not 3000 <= i < 6000]
    late = points[4000:] + points[:4000]
    packed = pack_curve(late, 60_000, 1000, 400_000, 0)
    assert packed == pack_curve(points, 60_000, 1000, 400_000, 0)
    assert [ms for ms, *_ in unpacked(packed)] == [BEGIN_MS + 60_000 * i for i in range(150) if not 50 <= i < 100]


def test_what_is_no_number_is_in_no_curve() -> None:
    points = [(BEGIN_MS, math.nan), (BEGIN_MS + 1, 1.5), (BEGIN_MS + 2, math.inf)]
    assert unpacked(pack_curve(points, 1000, 1, 1000, 1)) == [(BEGIN_MS + 1, 1.5, 1.5, 1.5)]
    assert pack_curve([], 1000, 1, 1000, 1)[0] == 0


@pytest.mark.parametrize(
    ("values", "decimals"), [([], 0), ([3.0, -7.0], 0), ([0.1, 2.0], 1), ([8.12, 0.3], 2), ([1 / 3], 6)]
)
def test_decimals_are_those_that_the_values_have(values: list[float], decimals: int) -> None:
    assert decimals_of(values) == decimals


def test_many_marks_are_grouped_by_bucket_and_flags_and_none_is_lost_count_of() -> None:
    readings = [(BEGIN_MS + 60_000 * i, float(i % 7) if i % 3 else None, i % 2 * quality.RANGE) for i in range(5000)]
    assert len(group_marks(readings, 300_000, 5000)) == 5000
    grouped = group_marks(readings, 300_000, 1500)
    assert len(grouped) < 4100
    assert sum(mark.readings for mark in grouped) == 5000
    for flags in (0, quality.RANGE):
        of_these = [mark for mark in grouped if mark.flags == flags]
        assert sum(mark.readings for mark in of_these) == 2500
        assert all(mark.last_ms - mark.first_ms < 300_000 for mark in of_these)


def test_marks_come_out_as_they_went_in() -> None:
    marks = [
        Mark(BEGIN_MS, BEGIN_MS, 1, 0, None, None),
        Mark(BEGIN_MS + 5, BEGIN_MS + 70_000, 12, quality.RANGE | 256, -1.5, 1250.25),
        Mark(BEGIN_MS + 90_000, BEGIN_MS + 90_000, 1, quality.WARM_UP, 2.0, 2.0),
    ]
    count, time_ms, decimals, stream = pack_marks(marks, 2)
    rest = numbers(str(stream))
    found, low = [], 0
    for _ in range(int(count)):
        time_ms = int(time_ms) + next(rest)
        lasts, readings, head = next(rest), next(rest), next(rest)
        values: tuple[float | None, float | None] = (None, None)
        if head % 2:
            low += signed(next(rest))
            values = (low / 100, (low + next(rest)) / 100)
        found.append(Mark(time_ms, time_ms + lasts, readings, head // 2, *values))
    assert decimals == 2
    assert found == marks


def test_a_reading_is_either_good_or_flagged_or_wrong() -> None:
    delivered = [(1, 5.0, 0), (2, 6.0, quality.RANGE), (3, 99.0, quality.CLOCK), (4, 98.0, 0), (5, math.nan, 0)]
    readings = sort_readings(ChannelHistory("a.b", "", [], delivered, [9], [(3, 99.0), (4, 98.0)]))
    assert readings.good == [(1, 5.0)]
    assert [ms for ms, *_ in readings.flagged] == [2, 5]
    assert [ms for ms, *_ in readings.wrong] == [3, 4]
    assert [ms for ms, *_ in readings.lost] == [9]


def test_the_channels_shown_at_first_are_of_many_quantities_and_have_the_worst_marks() -> None:
    names = [f"s{i}.{'temperature' if i < 9 else f'other_{i}'}" for i in range(14)]
    sick = ChannelHistory("", "", [], [], [1, 2], [])
    well = ChannelHistory("", "", [], [], [], [])
    shown = choose(names, [sort_readings(sick if i in (3, 12) else well) for i in range(14)])
    assert [name for name, is_shown in zip(names, shown, strict=True) if is_shown] == [
        "s0.temperature", "s1.temperature", "s3.temperature", *names[9:],
    ]  # fmt: skip


# ------------------------------------------------------------------------------------------------------------ the file
def test_a_month_of_35_channels_fits_in_3_mb_and_has_every_mark(sample: History) -> None:
    page = render(sample, "en")
    assert len(page.encode()) < 3_000_000
    charts = data(page)
    assert charts["bucket"] == 300_000
    assert "mean of 5 min" in page
    for channel, chart in zip(sample.channels, charts["channels"], strict=True):
        assert chart["lost"][0] == len(channel.lost)
        assert chart["flagged"][0] == sum(flags != 0 for _, _, flags in channel.delivered)
        rows = unpacked(chart["delivered"])
        good = [value for _, value, flags in channel.delivered if flags == 0]
        assert (min(row[1] for row in rows), max(row[3] for row in rows)) == (min(good), max(good))


def test_a_month_in_which_nothing_arrives_or_everything_is_flagged_still_fits(sample: History) -> None:
    def spoiled(index: int, channel: ChannelHistory) -> ChannelHistory:
        if index % 2:
            return channel._replace(delivered=[], lost=[unix_ms for unix_ms, _, _ in channel.delivered])
        return channel._replace(delivered=[(unix_ms, value, 16) for unix_ms, value, _ in channel.delivered])

    spoilt = sample._replace(channels=[spoiled(*one) for one in enumerate(sample.channels)])
    page = render(spoilt, "zh")
    assert len(page.encode()) < 3_000_000
    assert "43,200" in page


def test_the_same_history_gives_the_same_bytes_and_another_seed_others() -> None:
    assert render(month(3, 1.0), "en") == render(month(3, 1.0), "en")
    assert render(month(3, 1.0), "en") != render(month(4, 1.0), "en")


def test_nothing_in_the_file_points_outside_it() -> None:
    page = render(small(), "zh")
    assert re.findall(r"""(?:src|href|url|action)\s*[=(]\s*["']?([^"')>\s]*)""", page) == ["data:,"]
    assert "://" not in page
    assert "default-src 'none'" in page


def test_a_run_that_was_accepted_one_that_was_not_and_one_that_nobody_judged_look_different() -> None:
    accepted, refused, unjudged = (
        render(small(judge=judge), "en") for judge in (["ok"], ["2 values are <wrong>", "1 lost"], [])
    )
    assert '<div class="verdict accepted">' in accepted and "small: accepted" in accepted
    assert (
        '<div class="verdict refused">' in refused and "<li>2 values are &lt;wrong&gt;</li><li>1 lost</li>" in refused
    )
    assert '<div class="verdict unjudged">' in unjudged and "small: not judged" in unjudged
    assert all("abc123" in page for page in (accepted, refused, unjudged))


def test_both_languages_say_the_verdict_and_name_the_quantity() -> None:
    counts = dict.fromkeys(("measured", "delivered", "lost", "wrong_values", "wrong_times", "duplicates"), 1234)
    chinese, english = (render(small(counts=counts), lang) for lang in ("zh", "en"))
    assert (
        "small: 通过" in chinese
        and "送达 1,234 个" in chinese
        and "溶解氧" in chinese
        and '<html lang="zh-CN">' in chinese
    )
    assert "small: accepted" in english and "1,234 delivered" in english and "dissolved oxygen" in english


def test_a_fault_is_listed_by_a_name_that_people_read() -> None:
    faults = [
        FaultSpan("backhaul_slow", "200 B/s", BEGIN_MS, BEGIN_MS + 93_600_000),
        FaultSpan("a_new_kind", "", BEGIN_MS + 1000, None),
    ]
    page = render(small(faults=faults), "zh")
    assert "回传缓慢" in page and "1 天 2 小时" in page and "a new kind" in page and "瞬时" in page
    assert [fault[3] for fault in data(page)["faults"]] == [BEGIN_MS + 93_600_000, None]


HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&\u2028{{digest}}"


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(tag)


def test_no_text_of_a_history_becomes_part_of_the_page() -> None:
    def tags(text: str) -> list[str]:
        channel = ChannelHistory(f"{text}.{text}", text, [], [(BEGIN_MS, 1.0, 0)], [], [])
        parser = Tags()
        parser.feed(
            render(
                small(
                    scenario=text,
                    digest=text,
                    judge=[text],
                    counts={text: 1},
                    channels=[channel],
                    faults=[FaultSpan(text, text, BEGIN_MS, None)],
                    battery_v={text: [(BEGIN_MS, 3.3)]},
                    backlog_rows={text: []},
                    link_frames={text: []},
                ),
                "en",
            )
        )
        return parser.found

    assert tags(HOSTILE) == tags("harmless")
    assert data(render(small(scenario=HOSTILE, faults=[FaultSpan(HOSTILE, "", 0, None)]), "en"))["faults"][0][0] == (
        HOSTILE.replace("_", " ")
    )


def test_a_history_with_nothing_in_it_is_a_page_too() -> None:
    page = render(small(channels=[], counts={}, end_ms=BEGIN_MS), "en")
    assert data(page)["end"] > data(page)["begin"]


def test_every_text_of_the_report_is_used_by_it_and_every_used_one_is_there() -> None:
    sources = {path.name: path.read_text("utf-8") for path in FOLDER.iterdir() if path.is_file()}
    used = {key for text in sources.values() for key in re.findall(r'say\("(?:report\.)?([a-z_]+)"', text)}
    used |= set(re.findall(r"\{\{say\.([a-z_]+)\}\}", sources["page.html"]))
    computed = {"accepted", "refused", "unjudged", "days", "hours", "minutes", "seconds"}
    known = {key.removeprefix("report.") for key in catalogue() if key.startswith("report.")}
    assert used | computed == known
