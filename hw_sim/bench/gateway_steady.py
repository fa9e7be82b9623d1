"""Knows what gateways cost and deliver when nothing is wrong: the common load, the most they carry, serial buses."""

from pathlib import Path
from typing import NamedTuple

from hw_sim.bench.gateway_analysis import Outcome, at
from hw_sim.bench.gateway_contender import Contender
from hw_sim.bench.gateway_load import Load
from hw_sim.bench.gateway_rig import Rig

COMMON = Load(20, 10)
ONE = Load(1, 1)
# 60,000/s, twice what Telegraf carried. Periods are whole seconds, so it is many registers instead of short periods
MOST = Load(100, 600)
BUSES = Load(16, 2, units_per_bus=4)
_DEAD = 15  # the last unit of the last bus
_WARM_S = 12.0  # one group commit has been, and the WAL is as it stays


class Cost(NamedTuple):
    """A window of one run. `readings_per_s`: given by devices in the window and delivered, over the window and what its
    end left waiting beyond a group commit. `disk_bytes_per_reading` has the checkpoint that ends the run in it."""

    cpu_percent: float
    rss_mb: float
    readings_per_s: float
    payload_bytes_per_reading: float
    disk_bytes_per_reading: float
    first_s: float
    outcome: Outcome
    never_polled: int

    @property
    def time_error_ms(self) -> tuple[float, float]:
        return at(self.outcome.error_ms, 0.5), at(self.outcome.error_ms, 1.0)


async def cost(
    folder: Path, contender: Contender, load: Load, window_s: float, drain_s: float = 60.0, core: int | None = None
) -> Cost:
    async with Rig(folder, load, contender, core) as rig:
        rig.start()
        first_s = await rig.first()
        if core is None:  # its files are made once in a life, and shall not be counted as what a minute costs
            await rig.stop()
            rig.start()
        before_bytes = rig.written_bytes
        await rig.sleep(_WARM_S)
        before, taken, paid = rig.sample(), rig.take(), rig.receiver.payload_bytes
        asked = await _asked(rig)
        await rig.sleep(window_s)
        after, came, bytes_ = rig.sample(), rig.take() - taken, rig.receiver.payload_bytes - paid
        asked = await _asked(rig) - asked
        waited_s = await rig.drained(drain_s)
        drained = rig.sample()
        await rig.stop()
        written = after.written_bytes - before.written_bytes + rig.written_bytes - before_bytes - drained.written_bytes
        outcome = await rig.outcome()
        return Cost(
            cpu_percent=100 * (after.cpu_s - before.cpu_s) / window_s,
            rss_mb=after.rss_mb,
            readings_per_s=(asked - outcome.lost) / (window_s + max(waited_s - _WARM_S, 0)),
            payload_bytes_per_reading=bytes_ / max(came, 1),
            disk_bytes_per_reading=written / max(asked, 1),
            first_s=first_s,
            outcome=outcome,
            never_polled=await rig.never_polled(),
        )


async def _asked(rig: Rig) -> int:
    return sum(map(len, await rig.served()))


class Rates(NamedTuple):
    """Readings a second of each healthy bus, the slowest, and of the bus with a dead unit."""

    healthy: float
    with_dead: float


async def buses(folder: Path, contender: Contender, window_s: float) -> Rates:
    """Four buses of four units with two values a second each. The last unit of the last bus never answers."""
    load = BUSES
    async with Rig(folder, load, contender) as rig:
        await rig.tell(f"silence {_DEAD}")
        rig.start()
        await rig.first()
        await rig.sleep(_WARM_S)
        before = [len(times) for times in await rig.served()]
        await rig.sleep(window_s)
        after = [len(times) for times in await rig.served()]
        rates = [0.0] * load.lines
        for device in range(load.devices):
            for value in range(load.values):
                channel = load.channel(device, value)
                rates[load.line(device)] += (after[channel] - before[channel]) / window_s
        return Rates(min(rates[:-1]), rates[-1])
