"""Knows what people do to a station, well meant or not; knows no sensor's inside and no cable."""

import hashlib
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from gateway import updates
from hw_sim.bus.sensor import SimSensor, Trouble
from hw_sim.faults.base import Duration, Fault, Stage
from hw_sim.faults.sensors import InAir, SensorTrouble, Text, label
from hw_sim.streams import Stream

_WHY = "slice"


class ProbesSwapped(Fault, frozen=True, kw_only=True, tag="probes_swapped"):
    """After a service two probes of one line have each other's unit id: each answers for the other. Only what a model
    says of itself could tell."""

    sensor: Text
    other: Text

    def begin(self, stage: Stage) -> None:
        one, other = self._both(stage)
        one.unit_id, other.unit_id = other.home_id, one.home_id
        for device in (one, other):
            device.troubles[self] = trouble = Trouble()
            trouble.since_ms = stage.world.clock.unix_ms()

    def end(self, stage: Stage) -> None:
        for device in self._both(stage):
            label(stage, device, "probes_swapped", device.troubles.pop(self).since_ms)
            device.unit_id = device.home_id

    def _both(self, stage: Stage) -> tuple[SimSensor, SimSensor]:
        """ValueError: they do not share a line."""
        one, other = _serial(stage, self.sensor), _serial(stage, self.other)
        if one.posts is not other.posts:
            raise ValueError(f"{self.sensor} and {self.other} are not on one line")
        return one, other


def _serial(stage: Stage, sensor: str) -> SimSensor:
    """ValueError: it is not on a serial line, so that its address is not its own."""
    device = stage.world.sensors[sensor]
    if any(device in devices for devices in stage.world.tcp.values()):
        raise ValueError(f"{sensor} is not on a serial line")
    return device


class UnitIdWrong(Fault, frozen=True, kw_only=True, tag="unit_id_wrong"):
    """A probe was given a unit id that nobody on its line has, as factories do: it answers, and nobody asks. (For one
    that somebody has: line_doubled_address.)"""

    sensor: Text
    unit_id: Annotated[int, Meta(ge=1, le=247)]

    def begin(self, stage: Stage) -> None:
        _serial(stage, self.sensor).unit_id = self.unit_id

    def end(self, stage: Stage) -> None:
        device = stage.world.sensors[self.sensor]
        device.unit_id = device.home_id


class ProbeCleaned(Fault, frozen=True, kw_only=True, tag="probe_cleaned"):
    """A film is wiped off a probe under water: at the end of this it is gone."""

    sensor: Text
    lasts: Duration | None = "5m"

    def begin(self, stage: Stage) -> None:
        """A wiper is not seen."""

    def end(self, stage: Stage) -> None:
        stage.world.sensors[self.sensor].clean()


class ProbeLifted(SensorTrouble, frozen=True, kw_only=True, tag="probe_lifted"):
    """A probe is lifted out for a service and measures the air, of `air_c`, until it hangs in the water again,
    `cleaned` or not."""

    air_c: Annotated[float, Meta(ge=-60.0, le=60.0, extra={"unit": "degC"})] = 5.0
    cleaned: bool = True
    lasts: Duration | None = "15m"

    def trouble(self, device: SimSensor, stream: Stream) -> Trouble:
        return InAir(self.air_c)

    def end(self, stage: Stage) -> None:
        super().end(stage)
        if self.cleaned:
            stage.world.sensors[self.sensor].clean()


class SliceWrong(Fault, frozen=True, kw_only=True, tag="slice_wrong"):
    """A node starts with a slice that is not its own: of the node `like`, or, without it, its own before its last
    sensor was added. When this ends it starts with its own again. What it measures meanwhile has no channel."""

    node: Text
    like: Text | None = None

    def begin(self, stage: Stage) -> None:
        world = stage.world
        own = world.nodes[self.node].node
        if self.like is not None:
            wrong = world.nodes[self.like].node
        elif len(own.sensors) > 1:
            wrong = msgspec.structs.replace(own, sensors=own.sensors[:-1])
        else:
            sensor = msgspec.structs.replace(own.sensors[0], period_s=2 * own.sensors[0].period_s)
            wrong = msgspec.structs.replace(own, sensors=(sensor,))
        world.nodes[self.node].cut(_WHY)
        world.provision(self.node, wrong, world.unread)
        world.nodes[self.node].boot(_WHY)

    def end(self, stage: Stage) -> None:
        world = stage.world
        world.nodes[self.node].cut(_WHY)
        world.provision(self.node, world.nodes[self.node].node, world.ledger)
        world.nodes[self.node].boot(_WHY)


class UpdateOffered(Fault, frozen=True, kw_only=True, tag="update_offered"):
    """Somebody puts an update of this number for one kind of board beside the gateway's store. In a node that runs in
    this process nobody runs what is in it: it has the size of a real one. It stays."""

    target: Literal["rp2", "esp32"] = "rp2"
    number: Annotated[int, Meta(ge=1, le=0xFFFFFFFF)]

    def begin(self, stage: Stage) -> None:
        folder = Path(stage.world.site.store.path).parent / updates.FOLDER
        folder.mkdir(exist_ok=True)
        archive = updates.pack(_stand_in(self.number), self.target, self.number)
        (folder / f"{self.target}-{self.number}.wtu").write_bytes(archive)

    def end(self, stage: Stage) -> None:
        """It stays."""


def _stand_in(number: int) -> dict[str, bytes]:
    """Files that no compiler made: 32 of them, 56 KiB."""
    names = ["firmware/main.mpy", *(f"protocols/p{index:02}.mpy" for index in range(31))]
    return {name: _bytes_of(f"{number} {name}") for name in names}


def _bytes_of(text: str) -> bytes:
    return b"".join(hashlib.sha256(f"{text} {block}".encode()).digest() for block in range(56))


AnyHand = ProbesSwapped | UnitIdWrong | ProbeCleaned | ProbeLifted | SliceWrong | UpdateOffered
