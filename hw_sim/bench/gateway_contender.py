"""Knows what the bench asks of every gateway that it measures; knows none of them."""

from collections import defaultdict
from pathlib import Path
from typing import NamedTuple, Protocol

from hw_sim.bench.gateway_analysis import Arrival
from hw_sim.bench.gateway_load import Load

Message = tuple[float, str, bytes]  # (when it came, topic, payload)


class Command(NamedTuple):
    """How a gateway is started; `folder` is where it works (None: wherever the bench does)."""

    arguments: list[str]
    environment: dict[str, str]
    folder: Path | None = None


class Receiver:
    """What a platform makes of a gateway's messages: `arrived` by channel, `payload_bytes` of all of them, and how
    many readings came `resent` that the receiver's rule, where there is one, has dropped."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.arrived: dict[int, list[Arrival]] = defaultdict(list)
        self.readings = 0
        self.payload_bytes = 0
        self.resent = 0
        self.contradictions = 0  # the same place in the sequence with other content

    def take(self, message: Message) -> None:
        raise NotImplementedError

    def keep(self, device: int, value: int, arrival: Arrival) -> None:
        self.arrived[self.load.channel(device, value)].append(arrival)
        self.readings += 1


class Contender(Protocol):
    """One gateway program."""

    name: str

    def prepare(self, folder: Path, load: Load, places: list[int | str], broker_port: int) -> Command:
        """Writes its configuration; `places` are TCP ports or serial ports, by line of the load."""

    def receiver(self, load: Load) -> Receiver: ...

    def answer(self, topic: str, payload: bytes) -> tuple[str, bytes] | None:
        """What its platform would say to a message (None: nothing)."""


class Absent(Exception):
    """This contender can't be had here; the text says why."""
