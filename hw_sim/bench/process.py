"""Knows how many samples a second go through the gateway's stages on one core, and what they put on disk."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from gateway.pipeline import board, stages
from gateway.site import config
from gateway.site.config import Site
from gateway.store import Store
from hw_sim.bench import Figure, figure

PARTS = ("aggregates",)
_SAMPLES_PER_S = 20_000.0  # the fewest that may go through all stages together
_SENSORS, _HOURS = 50, 2  # four channels each, every second: 200 samples a second
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


class _Clock:
    unix = _START_MS

    def unix_ms(self) -> int:
        return self.unix

    def monotonic_ms(self) -> int:
        return self.unix - _START_MS

    def is_trusted(self) -> bool:
        return True

    def boot_id(self) -> str:
        return "bench"


def measure(progress: Callable[[str], None], parts: tuple[str, ...] = PARTS) -> dict[str, Figure]:
    """Processor seconds with stages less those without, over the same rows into the same kind of store."""
    progress(f"{_HOURS} hours of {4 * _SENSORS} samples a second, once with and once without aggregates")
    with tempfile.TemporaryDirectory(prefix="watertower-bench-") as folder:
        path = Path(folder) / "site.toml"
        path.write_text(_SITE + "".join(_SENSOR.format(number + 1) for number in range(_SENSORS)), "utf-8")
        site = config.load(path)
        with_s, with_bytes = _filled(site, Path(folder) / "with.db", True)
        plain_s, plain_bytes = _filled(site, Path(folder) / "plain.db", False)
    samples = 4 * _SENSORS * 3600 * _HOURS
    return {
        "aggregate_samples_per_s": figure(samples / (with_s - plain_s), "1/s",
                                          f"the fewest through all stages, {_SAMPLES_PER_S:g}", _SAMPLES_PER_S),
        "aggregate_disk_bytes_per_sample": figure((with_bytes - plain_bytes) / samples, "B",
                                                  "the samples themselves", plain_bytes / samples),
    }  # fmt: skip


def _filled(site: Site, path: Path, derives: bool) -> tuple[float, int]:
    """Processor seconds, and the size of the store."""
    clock = _Clock()
    store = Store(path, clock)
    wanted = stages(site, board(site))
    if derives and wanted is not None:
        store.derive(wanted)
    series = [store.series(f"sensor {sensor.id}", site.channels_of(sensor)) for sensor in site.sensors]
    began_s = time.process_time()
    for second in range(3600 * _HOURS):
        clock.unix = _START_MS + 1000 * second
        for place, one in enumerate(series):
            cells = ((second % 900, 0), (7 * (second + place) % 360, 0), (500 + place, 0), (second % 200 - 100, 0))
            store.add_poll(one, clock.unix, cells)
        if second % 10 == 9:
            store.commit()
    clock.unix += 3_600_000
    store.commit_due()
    spent_s = time.process_time() - began_s
    store.close()
    return spent_s, path.stat().st_size
