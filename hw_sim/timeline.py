"""Knows when the faults of a scenario happen, for one seed, and makes them happen; knows no single fault."""

import asyncio
import math
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from hw_sim.faults.base import Fault, Stage, seconds
from hw_sim.streams import Streams


class Happening(NamedTuple):
    """One fault at one time. `number` is its place in the whole plan of scenario, seed and days."""

    number: int
    at_s: float
    lasts_s: float | None
    fault: Fault

    @property
    def kind(self) -> str:
        """As the scenario file calls it."""
        return str(self.fault.__struct_config__.tag)

    @property
    def detail(self) -> str:
        """Its own parameters, for people: "node=water"."""
        own = [name for name in self.fault.__struct_fields__ if name not in Fault.__struct_fields__]
        return ", ".join(f"{name}={getattr(self.fault, name)}" for name in own)


def plan(faults: Sequence[Fault], streams: Streams, span_s: float) -> list[Happening]:
    """Everything that happens within `span_s`, in order. Each fault of the file has a random stream of its own."""
    found: list[tuple[float, float | None, Fault]] = []
    for index, fault in enumerate(faults):
        stream = streams[f"fault {index}"]
        at_s = seconds(fault.at) if fault.at is not None else 0.0
        while True:
            if fault.every is not None:
                at_s += stream.exponential(seconds(fault.every))
            lasts_s = None if fault.lasts is None else seconds(fault.lasts)
            if lasts_s is not None and fault.upto is not None:
                # short ones are more frequent than long ones: even on a logarithmic scale
                lasts_s *= math.exp(stream.random() * math.log(max(seconds(fault.upto) / lasts_s, 1.0)))
            if at_s >= span_s:
                break
            found.append((at_s, lasts_s, fault))
            if fault.every is None:
                break
            at_s += lasts_s or 0.0
    found.sort(key=lambda happening: happening[0])
    return [Happening(number, *happening) for number, happening in enumerate(found)]


def chosen(happenings: Sequence[Happening], only: Collection[int] | None) -> list[Happening]:
    """The part of a plan that a replay asks for; None: all of it."""
    return [happening for happening in happenings if only is None or happening.number in only]


class Player:
    """Begins and ends what a plan says; end_all() ends what would go on to the end of the world."""

    def __init__(self, happenings: Sequence[Happening], stage: Stage) -> None:
        self._stage = stage
        self._active: dict[int, Happening] = {}
        self._failure: Exception | None = None
        loop = asyncio.get_running_loop()
        for happening in happenings:
            loop.call_later(happening.at_s, self._try, self._begin, happening)
            if happening.lasts_s is not None:
                loop.call_later(happening.at_s + happening.lasts_s, self._try, self._end, happening)

    def check(self) -> None:
        """Raises what kept a fault from happening: an event loop would only log it."""
        if self._failure is not None:
            raise self._failure

    def _try(self, step: Callable[[Happening], None], happening: Happening) -> None:
        try:
            step(happening)
        except Exception as error:
            self._failure = error

    def _begin(self, happening: Happening) -> None:
        if not self._others(happening):
            happening.fault.begin(self._stage)
        self._active[happening.number] = happening

    def _end(self, happening: Happening) -> None:
        """Where spans of one fault overlap, the last end counts."""
        if self._active.pop(happening.number, None) is not None and not self._others(happening):
            happening.fault.end(self._stage)

    def _others(self, happening: Happening) -> bool:
        return any(other.fault == happening.fault for other in self._active.values())

    def end_all(self) -> None:
        for happening in list(self._active.values()):
            self._end(happening)
