"""Knows how a gateway that is killed again and again, on a bad link, is held to its word; knows no cut of power.

Its word: what is on disk is delivered once, with the right value and time. A polled reading is on disk after one
commit delay, so a kill may take those of the last one; the gap is then an event of the store, and covers them.
"""

import asyncio
import json
import sqlite3
import time
from bisect import bisect_left
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from hw_sim.bench.gateway_analysis import Span, at
from hw_sim.bench.gateway_load import Load
from hw_sim.bench.gateway_ours import Ours
from hw_sim.bench.gateway_rig import Life, Rig
from hw_sim.streams import Stream

LOAD = Load(10, 10)
_COMMIT_DELAY_S = 0.5
_SLACK_S = 1.0  # a busy machine commits late; what a kill took must be covered by a gap event all the same
_TOLERANCE_S = 0.5  # of a time stamp, on a busy machine
_BEFORE_S, _AFTER_S = 4.0, 2.0  # at most, of a life, before and after its link changes: kills in the start as well
_DRAIN_S = 100.0
_CALM_S = 3.0  # at the end: lives on undisturbed before the devices fall silent, and after everything has come
_LINKS = ("up", "refused", "half-open", "half-open", "deaf", "lossy")
_MENDED = 0.7  # the chance that the next life begins on a sound link


class Kills(NamedTuple):
    """`unannounced`: cut readings that no gap event covers. `restart_s`: from the start of a process to
    its first reading, half of them were quicker."""

    kills: int = 0
    served: int = 0
    lost: int = 0
    duplicates: int = 0
    wrong: int = 0
    never_polled: int = 0
    cut: int = 0
    unannounced: int = 0
    resent: int = 0
    restart_s: float = 0.0

    def __str__(self) -> str:
        return (
            f"kills={self.kills} lost={self.lost} duplicates={self.duplicates} wrong={self.wrong} "
            f"never_polled={self.never_polled} (of {self.served} readings; cut {self.cut}, unannounced "
            f"{self.unannounced}, resent {self.resent}, polls {self.restart_s:.2f} s after a start)"
        )

    def plus(self, other: "Kills") -> "Kills":
        """Of both; the slower restart."""
        counts = [a + b for a, b in zip(self[:-1], other[:-1], strict=True)]
        return Kills._make([*counts, max(self.restart_s, other.restart_s)])


async def kills(folder: Path, count: int, stations: int, progress: Callable[[str], None]) -> Kills:
    """`count` kills, spread over stations that live side by side."""
    shares = [count // stations + (index < count % stations) for index in range(stations)]
    done = [0]

    def killed() -> None:
        done[0] += 1
        if done[0] % 20 == 0:
            progress(f"{done[0]} of {count} kills")

    runs = [_station(folder / f"station-{index}", share, index, killed) for index, share in enumerate(shares)]
    total = Kills()
    for one in await asyncio.gather(*runs):
        total = total.plus(one)
    return total


async def _station(folder: Path, count: int, seed: int, killed: Callable[[], None]) -> Kills:
    stream = Stream(seed, "kills")
    kills_s: list[float] = []
    async with Rig(folder, LOAD, Ours(_COMMIT_DELAY_S)) as rig:
        rig.start()
        await rig.first()
        for _ in range(count):
            await rig.sleep(stream.uniform(0.0, _BEFORE_S))
            _set_link(rig, _LINKS[stream.below(len(_LINKS))])
            await rig.sleep(stream.uniform(0.1, _AFTER_S))
            kills_s.append(time.time())
            rig.kill()
            if stream.chance(_MENDED):
                _set_link(rig, "up")
            rig.start()
            killed()
        _set_link(rig, "refused")  # and back: a connection with a hole ends
        await rig.sleep(0.1)
        _set_link(rig, "up")
        await rig.sleep(_CALM_S)
        await rig.freeze()
        cuts = [(kill_s - _COMMIT_DELAY_S - _SLACK_S, kill_s + _SLACK_S) for kill_s in kills_s]
        end_s = time.monotonic() + _DRAIN_S
        while (await rig.outcome(_TOLERANCE_S, cuts)).lost and time.monotonic() < end_s:
            await rig.sleep(1.0)
        await rig.sleep(_CALM_S)
        await rig.stop()
        outcome = await rig.outcome(_TOLERANCE_S, cuts)
        gaps = _gaps(folder / "gateway" / "store.db")
        given_s = sorted(time_s for times in await rig.served() for time_s in times)
        waits_s = sorted(_first(given_s, life) - life.began_s for life in rig.lives if _first(given_s, life))
        return Kills(
            kills=count,
            served=outcome.served,
            lost=outcome.lost,
            duplicates=outcome.duplicates,
            wrong=outcome.wrong + rig.receiver.contradictions,
            never_polled=await rig.never_polled(),
            cut=len(outcome.cut),
            unannounced=sum(not any(begin <= time_s <= end for begin, end in gaps) for time_s in outcome.cut),
            resent=rig.receiver.resent,
            restart_s=at(waits_s, 0.5),
        )


def _set_link(rig: Rig, state: str) -> None:
    proxy = rig.proxy
    proxy.silent, proxy.deaf = state == "half-open", state == "deaf"
    proxy.loss_up = proxy.loss_down = 0.1 if state == "lossy" else 0.0
    if state == "refused":
        proxy.cut()
    else:
        proxy.restore()


def _first(given_s: list[float], life: Life) -> float:
    """When the first reading of a life was given; 0.0: none was, it was too short."""
    at = bisect_left(given_s, life.began_s)
    return given_s[at] if at < len(given_s) and given_s[at] < life.ended_s else 0.0


def _gaps(store: Path) -> list[Span]:
    """What the store says may be missing, Unix seconds; from_ms is null when nothing had been polled before."""
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as db:
        details = [json.loads(text) for (text,) in db.execute("SELECT detail FROM event WHERE kind = 'gap'")]
    return [((detail["from_ms"] or 0) / 1000, detail["to_ms"] / 1000) for detail in details]
