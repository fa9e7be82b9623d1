"""Knows what a minute without the broker costs: refused, frozen, or missing from the start; knows no other trouble."""

from pathlib import Path
from typing import NamedTuple

from hw_sim.bench.gateway_contender import Contender
from hw_sim.bench.gateway_rig import Rig
from hw_sim.bench.gateway_steady import COMMON

_WARM_S = 10.0
_AFTER_S = 20.0  # polled on after the outage
_DRAIN_S = 120.0


class Outage(NamedTuple):
    """Readings: `resent` came again and the receiver's rule dropped them, `duplicates` it did not."""

    buffered: int
    lost: int
    duplicates: int
    resent: int
    never_polled: int
    recovery_s: float


async def outage(folder: Path, contender: Contender, kind: str, outage_s: float) -> Outage:
    """`kind`: "refused" (everybody notices), "frozen" (bytes vanish, connections stay), "start" (refused before the
    gateway starts)."""
    async with Rig(folder, COMMON, contender) as rig:
        if kind == "start":
            rig.proxy.cut()
            rig.start()
        else:
            rig.start()
            await rig.first()
            await rig.sleep(_WARM_S)
        if kind == "refused":
            rig.proxy.cut()
        elif kind == "frozen":
            rig.proxy.silent = True
        await rig.sleep(outage_s)
        count = rig.take()
        rig.proxy.silent = False
        rig.proxy.restore()
        waiting = sum(map(len, await rig.served())) - count
        waited_s = 0.0
        while rig.take() == count and waited_s < _DRAIN_S:
            await rig.sleep(0.5)
            waited_s += 0.5
        await rig.sleep(_AFTER_S)
        await rig.drained(_DRAIN_S)
        outcome = await rig.outcome()
        missed = await rig.never_polled()
        return Outage(waiting, outcome.lost, outcome.duplicates, rig.receiver.resent, missed, waited_s)
