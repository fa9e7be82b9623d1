"""Knows what all faults have in common: a time, a duration, a stage to work on; knows no single fault."""

import re
from typing import Annotated, Protocol

from msgspec import Meta, Struct

from gateway.messages import Phrase
from hw_sim.world import World

_UNITS_S = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
PATTERN = r"^\s*(\d+(\.\d+)?\s*[wdhms]\s*)+\Z"

Duration = Annotated[str, Meta(pattern=PATTERN, extra={"allowed": Phrase("allowed.duration")})]  # "2d 3h", "90s"


def seconds(duration: str) -> float:
    """ "2d 3h" -> 183600.0"""
    return sum(float(number) * _UNITS_S[unit] for number, unit in re.findall(r"(\d+(?:\.\d+)?)\s*([wdhms])", duration))


def duration(span_s: float) -> str:
    """The other way round, by the two largest units: 183600.0 -> "2d 3h", 90.04 -> "1m 30s", 2.5 -> "2.5s"."""
    if span_s < 60:
        return f"{round(span_s, 1):g}s"
    left_s, words = round(span_s), list[str]()
    for unit in "dhms":
        count, left_s = divmod(left_s, _UNITS_S[unit])
        if words or count:
            words.append(f"{count}{unit}")
    return " ".join(word for word in words[:2] if word[0] != "0")


class Backhaul(Protocol):
    """What a fault may do to the way to the platform, in virtual time (hw_sim/backhaul/backhaul.py) and in real time
    (hw_sim/backhaul/tcp_proxy.py)."""

    silent: bool
    deaf: bool
    delay_s: float
    bytes_per_s: float | None
    loss_up: float
    loss_down: float

    def cut(self) -> None: ...
    def restore(self) -> None: ...


class Stage(Protocol):
    """What a fault works on: the world, the way to the platform, the gateway."""

    world: World

    @property
    def backhaul(self) -> Backhaul: ...

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

    @property
    def only_virtual(self) -> Phrase | None:
        """Why this can't be played in real time; None: it can."""
        return None

    def begin(self, stage: Stage) -> None:
        raise NotImplementedError

    def end(self, stage: Stage) -> None:
        raise NotImplementedError
