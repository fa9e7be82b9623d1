"""Knows how troubles live on a field bus, on both levels of the wire; knows no single one, no scenario and no frame.

A fault is data. begin() puts its effect on a wire and end() takes it off again, in any order and several at once. Each
effect draws from a stream of its own, so that one more fault changes nothing in what another one does. On a wire
without faults nothing here is ever called. cable_faults.py has those of the line itself, party_faults.py those of
who is on it.

`sensor` names a party by its sensor's id; None is the client's end (a gateway's adapter, a node's transceiver).
"""

import asyncio
from collections.abc import Callable
from typing import Annotated

from msgspec import Meta, Struct

from hw_sim.bus.uart import Uart
from hw_sim.bus.wire import Drop, Party, Wire, whole_us
from hw_sim.streams import Stream

Id = Annotated[str, Meta(min_length=1)]
Chance = Annotated[float, Meta(ge=0.0, le=1.0)]


class Effect:
    """What a begun fault does on one wire; this one does nothing. hw_sim.bus.wire.Impairments says when it is asked."""

    def launch(self, sender: Party, data: bytes, delay_s: float) -> tuple[bytes, float]:
        return data, delay_s

    def carries(self, sender: Party) -> bool:
        return True

    def flips(self, bits: int) -> list[int]:
        return []

    def uart(self, party: Party, uart: Uart) -> Uart:
        return uart

    def is_swapped(self, party: Party) -> bool:
        return False

    def hears(self, party: Party) -> bool:
        return True

    def echoes(self, party: Party) -> bool:
        return False

    def unit_id(self, sensor: str) -> int | None:
        """The id that a sensor has now instead of its own."""
        return None

    def stop(self) -> None:
        """Nothing of it happens any more."""


class LineFaults:
    """What is wrong with one wire. Made once for each wire, from its own stream: `streams[f"line {id}"]`."""

    def __init__(self, wire: Wire, stream: Stream) -> None:
        if wire.uart is None:
            raise ValueError("not a field bus")
        self._wire = wire
        self._stream = stream
        self._tosses = own_stream(stream)
        self._effects: list[tuple[LineFault, Effect]] = []
        self._unit_ids: dict[str, int] = {}  # of those who answer to another
        wire.faults = self

    def begin(self, fault: "LineFault") -> None:
        """ValueError: the wire has no such sensor."""
        effect = fault.effect(self._wire, own_stream(self._stream))
        self._effects.append((fault, effect))
        self._changed()

    def end(self, fault: "LineFault") -> None:
        """ValueError: it has not begun."""
        index = [begun for begun, _ in self._effects].index(fault)
        _, effect = self._effects.pop(index)
        effect.stop()
        self._changed()

    def _changed(self) -> None:
        self._wire.refresh()
        for drop in drops_of(self._wire):
            own = self._unit_ids.setdefault(drop.sensor.id, drop.sensor.unit_id)
            told = [unit_id for _, effect in self._effects if (unit_id := effect.unit_id(drop.sensor.id)) is not None]
            drop.sensor.unit_id = told[-1] if told else own
            if not told:
                del self._unit_ids[drop.sensor.id]

    # --- hw_sim.bus.wire.Impairments ----------------------------------------------------------------------------------

    @property
    def is_active(self) -> bool:
        return bool(self._effects)

    def launch(self, sender: Party, data: bytes, delay_s: float) -> tuple[bytes, float]:
        for _, effect in self._effects:
            data, delay_s = effect.launch(sender, data, delay_s)
        return data, delay_s

    def carries(self, sender: Party) -> bool:
        return all(effect.carries(sender) for _, effect in self._effects)

    def flips(self, bits: int) -> list[int]:
        return [flip for _, effect in self._effects for flip in effect.flips(bits)]

    def uart(self, party: Party, uart: Uart) -> Uart:
        for _, effect in self._effects:
            uart = effect.uart(party, uart)
        return uart

    def is_swapped(self, party: Party) -> bool:
        return sum(effect.is_swapped(party) for _, effect in self._effects) % 2 == 1

    def is_weak(self, party: Party) -> bool:
        return isinstance(party, IdleLine)

    def hears(self, party: Party) -> bool:
        return all(effect.hears(party) for _, effect in self._effects)

    def echoes(self, party: Party) -> bool:
        return any(effect.echoes(party) for _, effect in self._effects)

    def toss(self) -> bool:
        return self._tosses.chance(0.5)


def own_stream(stream: Stream) -> Stream:
    """One that goes on however much is drawn from `stream` afterwards."""
    return Stream(int(stream.random() * 2**53), "line fault")


def after(delay_s: float, action: Callable[[], None]) -> asyncio.TimerHandle:
    """Calls `action` in `delay_s` from now, at a whole microsecond."""
    loop = asyncio.get_running_loop()
    return loop.call_at(whole_us(loop.time() + delay_s), action)


class IdleLine:
    """Nobody: a line that floats and looks like a driver."""

    def hear(self, data: bytes) -> None:
        """It does not."""


def drops_of(wire: Wire) -> list[Drop]:
    """The sensors' ends."""
    return [party for party in wire.parties() if isinstance(party, Drop)]


def drop_of(wire: Wire, sensor: str) -> Drop:
    """ValueError: it is not on this line."""
    for drop in drops_of(wire):
        if drop.sensor.id == sensor:
            return drop
    raise ValueError(f"no sensor {sensor} on this line")


def is_meant(party: Party, sensor: str | None) -> bool:
    """Whether a fault's `sensor` means this party."""
    if isinstance(party, Drop):
        return party.sensor.id == sensor
    return sensor is None and not isinstance(party, IdleLine)


def checked(wire: Wire, sensor: str | None) -> str | None:
    """The same, if the wire has such a party. ValueError."""
    if sensor is not None:
        drop_of(wire, sensor)
    return sensor


class LineFault(Struct, frozen=True, kw_only=True, tag_field="kind", forbid_unknown_fields=True):
    """One kind of trouble with its parameters. The wire must have its LineFaults."""

    def begin(self, wire: Wire) -> None:
        _faults_of(wire).begin(self)

    def end(self, wire: Wire) -> None:
        _faults_of(wire).end(self)

    def effect(self, wire: Wire, stream: Stream) -> Effect:
        raise NotImplementedError


def _faults_of(wire: Wire) -> LineFaults:
    if not isinstance(wire.faults, LineFaults):
        raise ValueError("this wire was made without LineFaults")
    return wire.faults
