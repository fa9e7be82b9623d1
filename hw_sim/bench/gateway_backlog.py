"""Knows how long weeks of backlog take over a link, and how old live values get meanwhile; knows no outage."""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from gateway.ports import SystemClock
from gateway.site import config
from gateway.store import Store
from hw_sim.bench.gateway_analysis import at, compare
from hw_sim.bench.gateway_load import Load, number_of, reading
from hw_sim.bench.gateway_ours import ALARM_ABOVE, OurPlatform, Ours
from hw_sim.bench.gateway_rig import Rig

LOAD = Load(20, 10)
_COMMIT_DELAY_S = 1.0  # live values can't be younger
_ROWS_A_COMMIT = 5000
_AFTER_S = 5.0
_SAME_S = 0.3  # an alarm tells the time of its reading


class Backlog(NamedTuple):
    """`lost` and `wrong` of the backlog; `live_*_s`: from the answer of a device to the receiver, while it drained;
    `alarm_*_s`: the same of alarms, from the answer that raised them."""

    readings: int
    drain_s: float
    bytes_per_s: float
    lost: int
    wrong: int
    duplicates: int
    live_p50_s: float
    live_max_s: float
    live_lost: int
    alarms: int
    alarm_p50_s: float
    alarm_max_s: float


async def backlog(
    folder: Path, readings: int, bytes_per_s: float | None, most_s: float, progress: Callable[[str], None]
) -> Backlog:
    """`readings` wait in the store, all from before; the devices of the common load go on meanwhile."""
    rounds = readings // (LOAD.devices * LOAD.values)
    count = rounds * LOAD.devices * LOAD.values
    async with Rig(folder, LOAD, Ours(_COMMIT_DELAY_S, warns=True)) as rig:
        begin_ms = time.time_ns() // 1_000_000 - rounds * 1000 - 60_000
        _fill(folder / "gateway" / "site.toml", rounds, begin_ms)
        progress(f"{count} readings of backlog are in the store")
        end_ms = begin_ms + rounds * 1000
        rig.proxy.bytes_per_s = bytes_per_s
        rig.start()
        await rig.first()
        began_s, carried = time.monotonic(), rig.proxy.carried_bytes
        told_s = began_s
        arrivals = _Old(rig, end_ms)
        while (old := arrivals.count()) < count and time.monotonic() - began_s < most_s:
            await rig.sleep(0.5)
            if time.monotonic() - told_s > 20:
                told_s = time.monotonic()
                progress(f"{old} of {count} have arrived")
        drain_s = time.monotonic() - began_s
        rate = (rig.proxy.carried_bytes - carried) / drain_s
        until_s = time.time()
        rig.proxy.bytes_per_s = None
        await rig.sleep(_AFTER_S)
        await rig.drained(60.0, count)
        arrived = rig.receiver.arrived
        live = {channel: [one for one in came if one[1] > end_ms] for channel, came in arrived.items()}
        outcome = compare(LOAD, await rig.served(), live, 5.0)
        assert isinstance(rig.receiver, OurPlatform)
        warned_s = _alarm_delays_s((await rig.served())[0], [one for one in rig.receiver.alarms if one[0] < until_s])
        late_s = sorted(came_s - ms / 1000 for came in live.values() for came_s, ms, _ in came if ms / 1000 < until_s)
        seen = wrong = duplicates = 0
        for channel, came in arrived.items():
            numbers = bytearray(rounds)
            for _, unix_ms, value in came:
                if unix_ms > end_ms:
                    continue
                number = number_of(channel, value)
                if number is None or number >= rounds or unix_ms != begin_ms + number * 1000:
                    wrong += 1
                    continue
                duplicates += numbers[number]
                numbers[number] = 1
            seen += sum(numbers)
        return Backlog(
            count, drain_s, rate, count - seen, wrong + outcome.wrong, duplicates + outcome.duplicates,
            at(late_s, 0.5), at(late_s, 1.0), outcome.lost, len(warned_s), at(warned_s, 0.5), at(warned_s, 1.0),
        )  # fmt: skip


def _alarm_delays_s(served_s: list[float], alarms: list[tuple[float, int]]) -> list[float]:
    """From each answer of the first value that raised an alarm to the alarm at the receiver; one that no answer can
    have raised has waited for ever."""
    high_s = [one for number, one in enumerate(served_s) if reading(0, number) > ALARM_ABOVE]
    found = []
    for came_s, told_ms in alarms:
        nearest_s = min(high_s, key=lambda one: abs(one - told_ms / 1000), default=math.inf)
        found.append(came_s - nearest_s if abs(nearest_s - told_ms / 1000) < _SAME_S else math.inf)
    return sorted(found)


class _Old:
    """Counts the readings of the backlog that have come, looking at each arrival once."""

    def __init__(self, rig: Rig, end_ms: int) -> None:
        self._rig = rig
        self._end_ms = end_ms
        self._looked: dict[int, int] = {}
        self._count = 0

    def count(self) -> int:
        self._rig.take()
        for channel, came in self._rig.receiver.arrived.items():
            self._count += sum(one[1] <= self._end_ms for one in came[self._looked.get(channel, 0) :])
            self._looked[channel] = len(came)
        return self._count


def _fill(site_path: Path, rounds: int, begin_ms: int) -> None:
    """As a gateway would have polled, once a second from `begin_ms`."""
    site = config.load(site_path)
    store = Store(Path(site.store.path), SystemClock())
    series = [store.series(f"sensor {sensor.id}", site.channels_of(sensor)) for sensor in site.sensors]
    for number in range(rounds):
        for device, one in enumerate(series):
            channels = (LOAD.channel(device, value) for value in range(LOAD.values))
            store.add_poll(one, begin_ms + number * 1000, [(reading(channel, number), 0) for channel in channels])
        if store.waiting >= _ROWS_A_COMMIT:
            store.commit()
    store.commit()
    store.close()
