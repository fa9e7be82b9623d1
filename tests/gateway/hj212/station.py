"""A store that somebody fills, a station of HJ 212 over it, and the simulated platform at the other end."""

import asyncio
from pathlib import Path
from typing import Any

from gateway.site.config import Channel
from gateway.site.hj212 import Hj212Factor, Hj212Order, Hj212Uplink
from gateway.store import Store
from gateway.uplink.hj212.forwarder import Hj212Forwarder
from gateway.uplink.hj212.settings import Settings
from gateway.uplink.hj212.sm4 import cipher, decipher
from hw_sim.clock import START_UNIX_S, world_clock
from hw_sim.platforms import hj212
from hw_sim.platforms.hj212 import Platform
from hw_sim.platforms.sl651_line import CentreWay
from protocols.hj212.packet import VERSIONS, Items
from protocols.quality import FEW

MN, OLD_MN, PASSWORD, KEY = "010000A8900016F000169DC0", "88888880000001", "123456", "k3yOfThatStation"
START_MS = START_UNIX_S * 1000
MINUTE_MS, HOUR_MS, DAY_MS = 600_000, 3_600_000, 86_400_000


def channel(name: str, unit: str, decimals: int) -> Channel:
    sensor, _, quantity = name.partition(".")
    return Channel(
        name=name, sensor=sensor, node=None, quantity=quantity, unit=unit, decimals=decimals, low=None, high=None
    )


COD, LEAD, PM = channel("cod.cod", "mg/L", 2), channel("metal.lead", "mg/L", 4), channel("dust.pm2_5", "ug/m3", 1)
FACTORS = (
    Hj212Factor(channel="cod.cod", code="w01018"),
    Hj212Factor(channel="metal.lead", code="w20120"),
    Hj212Factor(channel="dust.pm2_5", code="a34004", unit="ug/m3", decimals=3),
)


def statistics(of: Channel, more: int) -> list[Channel]:
    return [
        channel(of.name, of.unit, of.decimals + more),
        channel(f"{of.name}:min", of.unit, of.decimals),
        channel(f"{of.name}:max", of.unit, of.decimals),
        channel(f"{of.name}:count", "1", 0),
    ]


def uplink(folder: Path, **more: Any) -> Hj212Uplink:
    (folder / "password").write_text(PASSWORD + "\n")
    settled = {"id": "epb", "mn": MN, "factors": FACTORS, "password_file": str(folder / "password"), **more}
    return Hj212Uplink(host="nowhere", port=1, **settled)


class Station:
    """`told`: what platforms said the time was; `emergencies`: for how long nodes were to measure densely."""

    def __init__(self, folder: Path, greets: tuple[tuple[str, Items], ...] = (), **more: Any) -> None:
        self.folder = folder
        if more.get("version") == "2025":
            (folder / "key").write_text(KEY)
            more.setdefault("key_file", str(folder / "key"))
        self.config = uplink(folder, **more)
        self.clock = world_clock()
        self.store = Store(folder / "store.db", self.clock)
        self.polled = self.store.series("sensor cod", [COD, LEAD, PM])
        self.periods = {
            source: self.store.series(source, [*statistics(COD, extra), *statistics(LEAD, extra)])
            for source, extra in (("minute", 3), ("hour", 4), ("day", 4))
        }
        ciphers = (decipher(KEY.encode()), cipher(KEY.encode())) if self.config.key_file else None
        version = VERSIONS[self.config.version]
        self.platform = Platform(
            {self.config.mn: hj212.Station(PASSWORD, self.config.st, version, ciphers)},
            self.clock.unix_ms,
            greets,
        )
        self.way = CentreWay(self.platform)
        self.lived_ms = START_MS - 20_000
        self.told: list[tuple[int, str]] = []
        self.emergencies: list[int] = []
        self.tended: list[tuple[str, float]] = []  # what was done to instruments
        self.trouble: Exception | None = None
        self.start()

    def start(self) -> None:
        async def emergency(seconds: int) -> None:
            self.emergencies.append(seconds)

        def told(unix_ms: int, who: str) -> bool:
            self.told.append((unix_ms, who))
            return self.store.clock.told(unix_ms)

        async def tend(order: Hj212Order, value: float) -> None:
            if self.trouble is not None:
                raise self.trouble
            self.tended.append((order.cn, value))

        settings = Settings(self.config, self.folder / "settings.json")
        self.forwarder = Hj212Forwarder(
            self.config, self.way.open, self.store, self.store.clock, settings, time_told=told, emergency=emergency,
            tend=tend,
        )  # fmt: skip
        self.task = asyncio.create_task(self.forwarder.run())

    async def kill(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    def poll(self, cod: int | None, quality: int = 0, at_ms: int | None = None) -> None:
        at_ms = self.clock.unix_ms() if at_ms is None else at_ms
        self.store.add_poll(self.polled, at_ms, [(cod, quality), (123, 0), (355, 0)])
        self.store.commit()

    def period(self, source: str, start_ms: int, cod: int, quality: int = 0) -> None:
        """COD in mg/L by tenths; lead of 0.0123 mg/L."""
        extra = 3 if source == "minute" else 4
        cells = [(cod * 10 ** (1 + extra), quality), (cod * 10 - 50, 0), (cod * 10 + 50, 0), (100, quality & ~FEW)]
        lead = [(123 * 10**extra, 0), (120, 0), (130, 0), (100, 0)]
        self.store.add_poll(self.periods[source], start_ms, [*cells, *lead])
        self.store.commit()

    async def live(self, minutes: int, step_s: int = 60) -> None:
        """Polls, and the rows of each period 20 s behind its end; COD tells the period's number within its day."""
        for _ in range(minutes * 60 // step_s):
            before_ms = self.lived_ms
            await asyncio.sleep(step_s)
            self.lived_ms = now_ms = self.clock.unix_ms() - 20_000
            self.poll(1234)
            for source, length_ms in (("minute", MINUTE_MS), ("hour", HOUR_MS), ("day", DAY_MS)):
                shift_ms = 8 * HOUR_MS if source == "day" else 0
                for number in range((before_ms + shift_ms) // length_ms, (now_ms + shift_ms) // length_ms):
                    start_ms = number * length_ms - shift_ms
                    if start_ms >= START_MS:
                        self.period(source, start_ms, (start_ms - START_MS) // length_ms % 900 + 100)
            assert not self.task.done()
        await asyncio.sleep(0.5)

    @property
    def ledger(self) -> hj212.Ledger:
        return self.platform.ledger
