"""Knows what all faults have in common: a time, a duration, a stage to work on; knows no single fault."""

import re
from typing import Annotated, Protocol

from msgspec import Meta, Struct

from gateway.messages import Phrase
from hw_sim.backhaul import Backhaul
from hw_sim.world import World

_UNITS_S = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
PATTERN = r"^\s*(\d+(\.\d+)?\s*[wdhms]\s*)+\Z"

Duration = Annotated[str, Meta(pattern=PATTERN, extra={"allowed": Phrase("allowed.duration")})]  # "2d 3h", "90s"


def seconds(duration: str) -> float:
    """ "2d 3h" -> 183600.0"""
    return sum(float(number) * _UNITS_S[unit] for number, unit in re.findall(r"(\d+(?:\.\d+)?)\s*([wdhms])", duration))


class Stage(Protocol):
    """What a fault works on: the world, the way to the platform, the gateway."""

    world: World
    backhaul: Backhaul

    def kill_gateway(self, why: str = "switch") -> None:
        """Nothing of its memory survives; it stays off until start_gateway() for the same reason."""

    def start_gateway(self, why: str = "switch") -> None: ...


class Fault(Struct, frozen=True, kw_only=True, tag_field="kind"):
    """One kind of trouble with its parameters. What begin() does, end() undoes. Fields called `node`, `sensor` and
    `line` name something of the site, which is checked when a scenario is read.

    It happens once, `at` so long after the world began, or again and again, `every` so long on average. It `lasts` so
    long, or, with `upto`, anything between the two; without `lasts`, to the end of the world.
    """

    at: Duration | None = None
    every: Duration | None = None
    lasts: Duration | None = None
    upto: Duration | None = None

    def begin(self, stage: Stage) -> None:
        raise NotImplementedError

    def end(self, stage: Stage) -> None:
        raise NotImplementedError
