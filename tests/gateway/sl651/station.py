"""A store that somebody fills, a station of SL 651 over it, and the simulated centre at the other end."""

import asyncio
from pathlib import Path
from typing import Any

from gateway.site.config import Channel
from gateway.site.sl651 import Sl651Centre, Sl651Element, Sl651Uplink
from gateway.store import Store
from gateway.uplink.sl651.forwarder import Precedence, Sl651Forwarder
from gateway.uplink.sl651.settings import Settings
from hw_sim.clock import START_UNIX_S, world_clock
from hw_sim.platforms.sl651 import Centre
from hw_sim.platforms.sl651_line import CentreWay

ADDRESS, PASSWORD = "0012345678", "A000"
START_MS = START_UNIX_S * 1000
HOUR_MS = 3_600_000


def channel(name: str, unit: str, decimals: int) -> Channel:
    sensor, _, quantity = name.partition(".")
    return Channel(
        name=name, sensor=sensor, node=None, quantity=quantity, unit=unit, decimals=decimals, low=None, high=None
    )


LEVEL, DO = channel("level.level", "mm", 0), channel("do.dissolved_oxygen", "mg/L", 2)
ELEMENTS = (
    Sl651Element(channel="level.level", element="39", offset=3000.0, five_minute="F5", base_m=3000.0, above=3001.5),
    Sl651Element(channel="do.dissolved_oxygen", element="47"),
)


def uplink(**more: Any) -> Sl651Uplink:
    centre = more.pop("centre", Sl651Centre(address=5, tcp="nowhere:1", backup_tcp="nowhere:2"))
    settled = {"timed_s": 300, "elements": ELEMENTS, **more}
    return Sl651Uplink(id="hydro", station_address=ADDRESS, password=PASSWORD, centres=(centre,), **settled)


class Station:
    """`told`: what centres said the time was."""

    def __init__(self, folder: Path, config: Sl651Uplink | None = None, **way: Any) -> None:
        self.folder = folder
        self.config = config or uplink()
        self.clock = world_clock()
        self.store = Store(folder / "store.db", self.clock)
        self.polled = self.store.series("sensor level", [LEVEL, DO])
        self.hours = self.store.series("hour", [LEVEL, DO])
        self.centre = Centre(5, {ADDRESS: PASSWORD}, self.clock.unix_ms, self.config.mode)
        self.way = CentreWay(self.centre, **way)
        self.backup = CentreWay(self.centre)
        self.told: list[tuple[int, str]] = []
        self.precedence = Precedence()
        self.settings = Settings(self.config, folder / "settings.json")
        self.start()

    def start(self) -> None:
        self.forwarder = Sl651Forwarder(
            self.config, self.config.centres[0], [self.way.open, self.backup.open], self.store, self.clock,
            self.settings, self.precedence, time_told=lambda unix_ms, who: self.told.append((unix_ms, who)),
        )  # fmt: skip
        self.task = asyncio.create_task(self.forwarder.run())

    async def kill(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    def poll(self, level_mm: int, do: int | None = 812, at_ms: int | None = None) -> None:
        at_ms = self.clock.unix_ms() if at_ms is None else at_ms
        self.store.add_poll(self.polled, at_ms, [(level_mm, 0), (do, 0 if do is not None else 2)])
        self.store.commit()

    def hour(self, start_ms: int, level_mm: int) -> None:
        self.store.add_poll(self.hours, start_ms, [(level_mm, 0), (812, 0)])
        self.store.commit()

    async def live(self, minutes: int, step_s: int = 60) -> None:
        """Polls each minute, an hour row behind each hour; levels tell the minute."""
        for _ in range(minutes * 60 // step_s):
            await asyncio.sleep(step_s)
            now_ms = self.clock.unix_ms()
            self.poll((now_ms - START_MS) // 60_000 % 1000)
            if now_ms % HOUR_MS < 1000 * step_s and now_ms - now_ms % HOUR_MS > START_MS:
                start_ms = now_ms - now_ms % HOUR_MS - HOUR_MS
                self.hour(start_ms, (start_ms - START_MS) // HOUR_MS)
            assert not self.task.done()

    @property
    def ledger(self) -> Any:
        return self.centre.ledger
