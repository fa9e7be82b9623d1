"""What the page says of what the gateway has made of readings, from a store as a gateway leaves it."""

from pathlib import Path

import pytest

from gateway.messages import catalogue
from gateway.process.finding.kinds import KINDS
from gateway.process.finding.spans import SPANS
from gateway.process.indices import SHARE
from gateway.web import findings
from gateway.web.findings import Made
from gateway.web.station import plan
from protocols import quality
from tests.gateway import doubles
from tests.gateway.derived import HOUR_MS, MIDNIGHT_MS, Ground

SITE = """
[aggregate]
minute_s = 0
grace_s = 0

[assess]
factors = ["pH", "DO"]
target = 2
air_grade = 2

[[finding]]
name = "river"
by = "dose"
channels = { dose_rate = "gauge.pressure" }
numbers = { mean = 1.0, deviation = 0.5 }
"""


def test_the_newest_of_each_is_read_from_the_store_of_a_gateway(tmp_path: Path) -> None:
    ground = Ground(
        tmp_path, doubles.RIVER, doubles.sensor("gauge", 1, 60), doubles.sensor("probe", 4, 60, "yosemitech_y504"), SITE
    )
    gauge = [one for one in ground.site.channels if one.sensor == "gauge"]
    probe = [one.quantity for one in ground.site.channels if one.sensor == "probe"]
    for minute in range(121):
        unix_ms = MIDNIGHT_MS + 60_000 * minute
        ground.clock.unix = unix_ms
        found = [(int((1 if minute < 60 else 3) * 10**one.decimals), 0) for one in gauge]
        ground.poll("gauge", unix_ms, *found)
        oxygen = {"dissolved_oxygen": 700, "temperature": 62, "oxygen_saturation": 980}
        ground.poll("probe", unix_ms, *((oxygen.get(name, 0), 0) for name in probe))
        ground.store.commit()
    ground.at(MIDNIGHT_MS + 2 * HOUR_MS + 1000)
    (before,) = [one for one in findings.newest(ground.site) if (one.what, one.period) == ("river", "hour")]
    assert before.values["sigmas"][0] == "4.00"
    late = [(9 * 10**one.decimals, 0) for one in gauge]  # of the same hour: its row is written again
    for second in range(1, 31):
        ground.poll("gauge", MIDNIGHT_MS + HOUR_MS + 1000 * second, *late)
    ground.store.commit()
    ground.at(MIDNIGHT_MS + 2 * HOUR_MS + 2000)
    ground.store.close()
    made = {(one.what, one.period): one for one in findings.newest(ground.site)}
    river = made["river", "hour"]
    assert river.unix_ms == MIDNIGHT_MS + HOUR_MS
    told = findings.told(river, ground.site, "zh")
    assert (told["what"], told["kind"]) == ("river", "none")
    assert told["words"].endswith("超本底（σ） 8.00")
    water = findings.told(made["water", "hour"], ground.site, "en")
    assert (water["what"], water["words"]) == ("Water", "not enough data")  # there is no pH


def test_without_a_store_or_without_anything_made_there_is_none(tmp_path: Path) -> None:
    site = doubles.site(tmp_path, doubles.RIVER, doubles.sensor("gauge", 1))
    assert findings.newest(site) == []
    Path(site.store.path).write_bytes(b"no store" * 1000)
    assert findings.newest(site) == []


FEW = quality.FEW


@pytest.mark.parametrize(
    ("made", "lang", "kind", "words", "detail"),
    [
        (Made("air", "hour", 0, {"aqi": ("57", "1", 0), "level": ("2", "1", 0), "primary": ("48", "1", 0)}),
         "en", "good", "AQI 57 moderate", "primary pollutant PM10, PM2.5"),
        (Made("air", "day", 0, {"aqi": ("164", "1", FEW), "level": ("4", "1", FEW), "primary": ("8", "1", FEW)}),
         "zh", "bad", "AQI 164 中度污染", "首要污染物 O3 · 数据不足"),
        (Made("air", "hour", 0, {"aqi": (None, "1", FEW), "level": (None, "1", FEW)}),
         "en", "dim", "not enough data", ""),
        (Made("water", "hour", 0, {"class": ("2", "1", 0), "limiting": ("2", "1", 0), "over_target": ("0", "1", 0)}),
         "zh", "good", "Ⅱ类", "定类因子 DO"),
        (Made("water", "day", 0, {"class": ("6", "1", 0), "limiting": ("2", "1", 0), "over_target": ("3", "1", 0)}),
         "zh", "bad", "劣Ⅴ类", "未达目标类别：pH, DO"),
        (Made("water", "hour", 0, {"class": (None, "1", FEW), "over_target": ("1", "1", FEW)}),
         "en", "look", "not enough data", "worse than the target: pH"),
        (Made("do.oxygen", "trend", 0,
              {"slope": ("-0.31", "mg/L/a", 0), "direction": ("-1", "1", 0), "cusum": ("0", "1", 0)}),
         "en", "look", "falls -0.31 mg/L/a", ""),
        (Made("do.oxygen", "trend", 0, {"slope": (None, "mg/L/a", FEW), "direction": (None, "1", FEW)}),
         "en", "dim", "not enough data", ""),
        (Made("air", "month", 0,
              {"good_percent": ("90.0", "%", 0), "good_days": ("9", "", 0), "valid_days": ("10", "", 0)}),
         "en", "none", "good days 90.0 % · good 9 · valid 10", ""),
        (Made("cod_load", "day", 0, {"": ("12.5", "kg", 0), "count": ("24", "", 0)}), "en", "none", "12.5 kg", ""),
        (Made("unheard", "day", 0, {"of": ("1", "1", 0)}), "en", "none", "of 1", ""),
    ],
)  # fmt: skip
def test_each_is_a_line_of_words(tmp_path: Path, made: Made, lang: str, kind: str, words: str, detail: str) -> None:
    site = doubles.site(tmp_path, doubles.RIVER, doubles.sensor("gauge", 1), SITE)
    told = findings.told(made, site, lang)
    assert (told["kind"], told["words"], told["detail"]) == (kind, words, detail)


def test_every_output_of_a_finding_has_a_word_and_every_word_is_of_one() -> None:
    outputs = {name for kind in (*KINDS.values(), *SPANS.values()) for name, _, _ in kind.outputs}
    outputs |= {name.removeprefix("air.") for name, _, _ in SHARE}
    assert {f"finding_output.{name}" for name in outputs} == {
        key for key in catalogue() if key.startswith("finding_output.")
    }


def test_a_site_without_any_has_no_such_part(tmp_path: Path) -> None:
    assert plan(doubles.site(tmp_path, doubles.RIVER, doubles.sensor("gauge", 1)), "en")["has_findings"] is False
    assert plan(doubles.site(tmp_path, doubles.RIVER, doubles.sensor("gauge", 1), SITE), "en")["has_findings"] is True
