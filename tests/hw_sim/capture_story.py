"""A small station that lives through troubles while everything about it is captured; a helper of tests."""

import asyncio
import json
import sqlite3
from pathlib import Path
from typing import Any, NamedTuple

from hw_sim import scenario
from hw_sim.backhaul.session import Session
from hw_sim.clock import run_virtual
from hw_sim.judge.readings import Verdict
from hw_sim.timeline import Player, plan
from hw_sim.virtual import VirtualStation
from tests.gateway import stations
from tests.gateway.stations import station

SITE = (
    station("field", "Field station", 4200, 33.0, 97.0)
    + """
[radio]
port = "radio"

[[bus]]
id = "river"
port = "river"

[[bus]]
id = "roof"
tcp = "127.0.0.1:5020"

[[sensor]]
id = "level"
profile = "keller_acculevel"
bus = "river"
unit_id = 1
period_s = 5

[[sensor]]
id = "do"
profile = "yosemitech_y504"
bus = "river"
unit_id = 4
period_s = 5

[[sensor]]
id = "ec"
profile = "yosemitech_y520"
bus = "river"
unit_id = 20
period_s = 10

[[sensor]]
id = "soil"
profile = "gropoint_gplp8"
bus = "river"
unit_id = 2
period_s = 20
serial = "as_bus"

[[sensor]]
id = "met"
profile = "cwt_weather"
bus = "roof"
unit_id = 1
period_s = 5

[[node]]
id = 17
name = "water"
key = "5b1d7c0a9e3f4862b7d5c1e0f9a8d7c6b5a4e3f2d1c0b9a8f7e6d5c4b3a29180"
report_s = 60

  [[node.bus]]
  id = "uart1"

  [[node.sensor]]
  id = "turb"
  profile = "yosemitech_y511"
  bus = "uart1"
  unit_id = 11
  period_s = 20

[[uplink]]
id = "platform"
type = "mqtt"
host = "127.0.0.1"
"""
)
STORY = """
site = "site.toml"
start = "2026-06-01"
days = 0.02

[truth]
"level.pressure" = { physics = "river.pressure" }
"level.temperature" = { physics = "river.temperature" }
"do.temperature" = { physics = "river.temperature" }
"do.oxygen_saturation" = { physics = "river.oxygen_saturation" }
"do.dissolved_oxygen" = { physics = "river.dissolved_oxygen" }
"ec.temperature" = { physics = "river.temperature" }
"ec.conductivity" = { physics = "river.conductivity", scale = 3 }
"soil.soil_moisture_1" = { physics = "river.temperature" }
"met.temperature" = { physics = "air.temperature" }
"met.humidity" = { physics = "air.humidity" }
"turb.turbidity" = { physics = "river.turbidity" }
"turb.temperature" = { physics = "river.temperature" }

[observer."do.dissolved_oxygen"]
noise = 0.3
[observer."level.pressure"]
noise = 0.02
[observer."soil.soil_moisture_1"]
noise = 3.0
[observer."met.temperature"]
noise = 2.0
[observer."turb.turbidity"]
noise = 3.0
"""
TROUBLES = """
[[fault]]
kind = "line"
line = "river"
at = "2m"
lasts = "3m"
trouble = { kind = "line_noise", bit_error_rate = 0.003 }

[[fault]]
kind = "line"
line = "river"
at = "6m"
lasts = "2m"
trouble = { kind = "line_late_replies", sensor = "do", chance = 0.3 }

[[fault]]
kind = "line"
line = "river"
at = "9m"
lasts = "2m"
trouble = { kind = "line_truncated_replies", sensor = "ec", chance = 0.5 }

[[fault]]
kind = "line"
line = "river"
at = "12m"
lasts = "2m"
trouble = { kind = "line_unbiased", mean_s = 2.0 }

[[fault]]
kind = "sensor_off"
sensor = "level"
at = "15m"
lasts = "4m"

[[fault]]
kind = "sensor_busy"
sensor = "do"
at = "20m"
lasts = "2m"

[[fault]]
kind = "sensor_slow"
sensor = "ec"
at = "22m"
lasts = "3m"

[[fault]]
kind = "sensor_no_value"
sensor = "level"
at = "25m"
lasts = "1m"

[[fault]]
kind = "sensor_off"
sensor = "met"
at = "3m"
lasts = "5m"
"""
Row = tuple[int, list[Any], list[Any]]


class Life(NamedTuple):
    """`rows`: series source -> (Unix ms, cells, qualities) in the store, in order."""

    rows: dict[str, list[Row]]
    station: VirtualStation
    verdict: Verdict
    digest: str
    end_ms: int


def write(folder: Path, story: str) -> Path:
    """Site and story as files; the story's path."""
    folder.mkdir(exist_ok=True)
    stations.write(folder, SITE)
    (folder / "story.toml").write_text(story, "utf-8")
    return folder / "story.toml"


def live(path: Path, store: Path, capture: Path | None = None, log: Path | None = None, seed: int = 1) -> Life:
    """Lives through a scenario's days; `log` becomes what mosquitto_sub would have printed."""
    story = scenario.load(path)
    store.mkdir()
    if capture is not None:
        capture.mkdir()

    async def main() -> Life:
        station = VirtualStation(story, store, seed, capture=capture)
        if log is not None:

            def tee(topic: str, payload: bytes) -> None:
                with log.open("ab") as file:
                    file.write(f"{station.clock.unix_ms() / 1000:.9f} {topic} ".encode() + payload + b"\n")
                station.platform.take(topic, payload)

            station.backhaul.session = Session(tee)
        player = Player(plan(story.faults, station.world.streams, story.days * 86_400), station)
        await asyncio.sleep(story.days * 86_400)
        player.end_all()
        end_ms = station.clock.unix_ms()
        verdict = await station.finish()
        return Life(rows(store), station, verdict, station.platform.digest.hexdigest(), end_ms)

    return run_virtual(main())


def rows(store: Path) -> dict[str, list[Row]]:
    db = sqlite3.connect(store / "store.db")
    found: dict[str, list[Row]] = {}
    query = "SELECT source, unix_ms, cells, quality FROM row JOIN series ON series.id = row.series ORDER BY seq"
    for source, unix_ms, cells, flags in db.execute(query):
        values = json.loads(cells)
        found.setdefault(source, []).append((unix_ms, values, json.loads(flags) if flags else [0] * len(values)))
    db.close()
    return found


def until(rows: list[Row], end_ms: int) -> list[Row]:
    return [row for row in rows if row[0] <= end_ms]


def captured(*tables: str) -> str:
    """A scenario that only replays: a [[capture]] for each text."""
    return 'site = "site.toml"\n' + "".join(f"[[capture]]\n{table}\n" for table in tables)
