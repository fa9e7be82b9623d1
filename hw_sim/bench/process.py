"""Knows how many samples a second go through tests and stages on one core, and what they put on disk."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from gateway.judging import judge
from gateway.pipeline import board, stages
from gateway.site import config
from gateway.site.config import Site
from gateway.store import Store
from hw_sim.bench import Figure, figure, process_classes, process_quality, process_year
from hw_sim.bench.process_site import HandClock

PARTS = ("aggregates", "all", "quality", "classes", "year")
_SAMPLES_PER_S = 20_000.0  # the fewest that may go through all stages together
_SENSORS, _HOURS = 50, 1  # four channels each, every second: 200 samples a second
_START_MS = 1_795_881_600_000  # midnight in China
_SITE = """
aggregate = { minute_s = 600 }
[station]
id = "bench"
name = "Bench"
latitude = 35.0
longitude = 96.0
altitude_m = 4200
[[bus]]
id = "tcp"
tcp = "127.0.0.1:502"
"""
_SENSOR = """
[[sensor]]
id = "s{0}"
profile = "cwt_weather"
bus = "tcp"
unit_id = {0}
period_s = 1
quantities = ["wind_speed", "wind_direction", "humidity", "temperature"]
"""
_RULES = """
[[rule]]
id = "s{0}_cold"
level = "yellow"
when = "s{0}.temperature < -5 and change(s{0}.temperature, 1h) < -3"
delay_s = 60
[[rule]]
id = "s{0}_gale"
level = "orange"
when = "mean(s{0}.wind_speed, 10min) > 17 or s{0}.wind_speed > 28"
delay_s = 60
[[rule]]
id = "s{0}_storm"
level = "red"
when = "alarm(s{0}_gale) and s{0}.humidity > 95"
"""


def measure(progress: Callable[[str], None], parts: tuple[str, ...] = PARTS) -> dict[str, Figure]:
    """Processor seconds with tests and stages less those without, over the same rows into the same kind of store."""
    found: dict[str, Figure] = {}
    with tempfile.TemporaryDirectory(prefix="watertower-bench-") as name:
        if "aggregates" in parts or "all" in parts:
            found |= _stored(progress, Path(name), parts)
    if "quality" in parts:
        progress("tests of a channel and alarms by themselves")
        found |= {name: figure(value, "1/s", "by themselves") for name, value in process_quality.figures().items()}
    if "classes" in parts:
        progress("indices and classes by themselves")
        found |= {name: figure(value, "1/s", "by themselves") for name, value in process_classes.figures().items()}
    if "year" in parts:
        progress("a year of two channels every half hour")
        found |= process_year.figures()
    return found


def _stored(progress: Callable[[str], None], folder: Path, parts: tuple[str, ...]) -> dict[str, Figure]:
    samples = 4 * _SENSORS * 3600 * _HOURS
    progress(f"{_HOURS} hours of {4 * _SENSORS} samples a second, with tests and stages and without")
    plain_s, plain_bytes = _filled(_site(folder, ""), folder / "plain.db", False, False)
    found: dict[str, Figure] = {}
    if "aggregates" in parts:
        with_s, with_bytes = _filled(_site(folder, ""), folder / "aggregates.db", True, False)
        found |= {
            "aggregate_samples_per_s": figure(samples / (with_s - plain_s), "1/s",
                                              f"the fewest through all stages, {_SAMPLES_PER_S:g}", _SAMPLES_PER_S),
            "aggregate_disk_bytes_per_sample": figure((with_bytes - plain_bytes) / samples, "B",
                                                      "the samples themselves", plain_bytes / samples),
        }  # fmt: skip
    if "all" in parts:
        all_s, all_bytes = _filled(_site(folder, _RULES), folder / "all.db", True, True)
        found |= {
            "samples_per_s": figure(samples / (all_s - plain_s), "1/s",
                                    f"tests, aggregates and alarms together, at least {_SAMPLES_PER_S:g}",
                                    _SAMPLES_PER_S),
            "derived_disk_bytes_per_sample": figure((all_bytes - plain_bytes) / samples, "B",
                                                    "the samples themselves", plain_bytes / samples),
        }  # fmt: skip
    return found


def _site(folder: Path, rules: str) -> Site:
    path = folder / "site.toml"
    sensors = "".join((_SENSOR + rules).format(number + 1) for number in range(_SENSORS))
    path.write_text(_SITE + sensors, "utf-8")
    return config.load(path)


def _filled(site: Site, path: Path, derives: bool, judges: bool) -> tuple[float, int]:
    """Processor seconds, and the size of the store."""
    clock = HandClock(_START_MS)
    store = Store(path, clock)
    wanted = stages(site, board(site))
    if judges:
        store.judge(judge(site))
    if derives and wanted is not None:
        store.derive(wanted)
    series = [store.series(f"sensor {sensor.id}", site.channels_of(sensor)) for sensor in site.sensors]
    began_s = time.process_time()
    for second in range(3600 * _HOURS):
        clock.unix = _START_MS + 1000 * second
        for place, one in enumerate(series):
            # slowly, as weather does, with a gust now and then; what jumps each second is a fault and costs more
            gust = 40 if (second + 13 * place) % 600 < 5 else 0
            cells = (
                (40 + (second // 7 + place) % 9 + gust, 0),
                (7 * (second + place) % 360, 0),
                (500 + (second // 60 + place) % 50, 0),
                ((second // 90 + place) % 200 - 100, 0),
            )
            store.add_poll(one, clock.unix, cells)
        if second % 10 == 9:
            store.commit()
    clock.unix += 3_600_000
    store.commit_due()
    spent_s = time.process_time() - began_s
    store.close()
    return spent_s, path.stat().st_size
