"""Knows whether what tests, aggregates and alarms remember of a channel grows over a year; knows no processor."""

import gc
import tempfile
import tracemalloc
from pathlib import Path

from gateway.judging import judge
from gateway.pipeline import board, stages
from gateway.site import config
from gateway.store import Store
from hw_sim.bench import Figure, figure
from hw_sim.bench.process_site import HandClock

_START_MS = 1_767_196_800_000  # 2026-01-01 in China
_STEP_S = 1800
_MONTH = 30 * 86_400 // _STEP_S
_SITE = """
[aggregate]
[station]
id = "bench"
name = "Bench"
latitude = 35.0
longitude = 96.0
altitude_m = 4200
[[bus]]
id = "tcp"
tcp = "127.0.0.1:502"
[[sensor]]
id = "s"
profile = "cwt_weather"
bus = "tcp"
unit_id = 1
period_s = 1800
quantities = ["temperature", "humidity"]
[[rule]]
id = "cold"
level = "yellow"
when = "mean(s.temperature, 1d) < -20 or change(s.temperature, 1h) < -8"
"""


def figures() -> dict[str, Figure]:
    """What Python holds for two channels after the first month and after the twelfth, with the store's own caches."""
    with tempfile.TemporaryDirectory(prefix="watertower-bench-") as name:
        path = Path(name) / "site.toml"
        path.write_text(_SITE, "utf-8")
        site = config.load(path)
        clock = HandClock(_START_MS)
        store = Store(Path(name) / "store.db", clock)
        store.judge(judge(site))
        wanted = stages(site, board(site))
        assert wanted is not None
        store.derive(wanted)
        series = store.series("sensor s", site.channels_of(site.sensors[0]))
        tracemalloc.start()
        held = []
        for step in range(12 * _MONTH):
            clock.unix = _START_MS + 1000 * _STEP_S * step
            season = abs(step % (12 * _MONTH) - 6 * _MONTH) // 48
            cells = ((200 - 2 * season + step % 48, 0), (500 + step * 7 % 31, 0))
            store.add_poll(series, clock.unix, cells)
            if step % 48 == 47:  # once a day: what is measured is memory
                store.commit()
            if (step + 1) % _MONTH == 0:
                gc.collect()
                held.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
        store.close()
    return {
        "year_kb_a_channel": figure(held[-1] / 2000, "kB", "after the first month", held[0] / 2000),
        "year_growth_kb_a_channel": figure((held[-1] - held[1]) / 2000, "kB",
                                           "from the second to the twelfth month, constant", 4.0),
    }  # fmt: skip
