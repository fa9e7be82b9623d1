"""An hour and a half of the bench station with something wrong, and how it ended; a helper of tests."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any, NamedTuple

from hw_sim.bus.observer import ObserverSettings
from hw_sim.clock import START_UNIX_S, run_virtual
from hw_sim.faults.base import Fault
from hw_sim.judge.readings import Verdict
from hw_sim.ledger import Ledger
from hw_sim.scenario import Recording, Scenario, Truth
from hw_sim.timeline import Player, plan
from hw_sim.virtual import VirtualStation

START = START_UNIX_S * 1000
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
RIVER = {"do.temperature": "temp", "do.dissolved_oxygen": "do", "acid.ph": "ph", "turb.turbidity": "turb"}
RIVER |= {f"upstream_{channel}": column for channel, column in RIVER.items() if channel != "acid.ph"}
RIVER |= {"upstream_ph.ph": "ph"}
MEANWHILE: dict[str, Any] = {"at": "20m", "lasts": "40m"}


class Story(NamedTuple):
    """How an hour and a half ended."""

    verdict: Verdict
    ledger: Ledger
    unread: Ledger
    delivered: dict[str, list[tuple[int, int]]]
    failed: dict[str, list[int]]
    kept: list[bytes]
    events: list[tuple[str, str]]
    digest: str

    def by_minute(self) -> dict[tuple[str, int], int]:
        """(channel, minute of the story) -> what the sensor told."""
        return {
            (channel, (reading.unix_ms - START) // 60_000): reading.value
            for channel, readings in self.ledger.readings.items()
            for reading in readings
        }


def live(folder: Path, *faults: Fault, seed: int = 1, observers: dict[str, ObserverSettings] | None = None) -> Story:
    """The bench station, its river an hour for each minute."""
    truth = {channel: Truth(recording="river", column=column) for channel, column in RIVER.items()}
    truth |= {
        f"{ec}.conductivity": Truth(recording="river", column="cond", scale=0.001) for ec in ("ec", "upstream_ec")
    }
    scenario = Scenario(
        site="bench",
        recordings={"river": Recording(file="water_lro_franklinbasin_2014")},
        truth=truth,
        observers=observers or {},
        seconds_per_row=15.0,
    )
    folder.mkdir(exist_ok=True)

    async def story() -> Story:
        station = VirtualStation(scenario, folder, seed)
        player = Player(plan(faults, station.world.streams, 5400), station)
        await asyncio.sleep(5400)
        player.end_all()
        verdict = await station.finish(3600)
        delivered = {
            channel: [(row.unix_ms, row.value) for row in rows] for channel, rows in station.platform.delivered.items()
        }
        db = sqlite3.connect(station.site.store.path)
        kept = [body for (body,) in db.execute("SELECT body FROM unread ORDER BY unix_ms")]
        events = db.execute("SELECT kind, detail FROM event").fetchall()
        db.close()
        world, digest = station.world, station.platform.digest.hexdigest()
        failed = station.witness.failed
        return Story(verdict, world.ledger, world.unread, delivered, failed, kept, events, digest)

    return run_virtual(story())
