"""Three sensors and a client on a bus that something is wrong with; a helper of tests."""

import asyncio
from typing import NamedTuple

import msgspec

from hw_sim.bus.byte_wire import ByteWire
from hw_sim.bus.cable_faults import LineDead, LineHalfDead, LineNoise, LineSwapped, LineUnbiased
from hw_sim.bus.line_faults import LineFault, LineFaults
from hw_sim.bus.party_faults import (
    LineBabble,
    LineDoubledAddress,
    LineEcho,
    LineLateDriver,
    LineLateReplies,
    LineMismatch,
    LineTruncatedReplies,
)
from hw_sim.bus.sensor import SimSensor
from hw_sim.bus.wire import Drop, Wire, WireLine, rs485
from hw_sim.clock import run_virtual, world_clock
from hw_sim.ledger import Ledger
from hw_sim.signals import constant
from hw_sim.streams import Stream
from protocols import profiles
from protocols.errors import DeviceError, FrameError, NoReply
from protocols.modbus import Request
from protocols.polling_client import PollingClient

LEVELS = [Wire, ByteWire]
PROFILE = profiles.load("keller_acculevel")  # two floats, of the same shape
UNITS = (1, 2, 3)
QUESTIONS = [Request(unit_id, PROFILE.function, r.address, r.words) for unit_id in UNITS for r in PROFILE.registers]


def truth(unit_id: int) -> dict[str, float]:
    """Every register of every unit has a value of its own, so that a value says whose it is."""
    return {"pressure": 0.85 + unit_id / 10, "temperature": 3.7 + 4.2 * unit_id}


class Case(NamedTuple):
    """A fault, the sensors that can be read in spite of it, and how many of their answers at least."""

    fault: LineFault
    read: str = ""
    share: float = 1.0

    @property
    def name(self) -> str:
        return str(msgspec.json.encode(self.fault), "ascii").replace("null", "-").replace('"', "")[6:-1]


CASES = [
    Case(LineNoise(bit_error_rate=1e-5), "s1 s2 s3", 0.8),
    Case(LineNoise(bit_error_rate=3e-3)),
    Case(LineNoise(bit_error_rate=0.5)),
    Case(LineDead()),
    Case(LineDead(sensor="s1"), "s2 s3"),
    Case(LineHalfDead()),
    Case(LineHalfDead(part="receiver")),
    Case(LineHalfDead(sensor="s1"), "s2 s3"),
    Case(LineHalfDead(sensor="s1", part="receiver"), "s2 s3"),
    Case(LineSwapped()),
    Case(LineSwapped(sensor="s1"), "s2 s3"),
    Case(LineUnbiased(), "s1 s2 s3", 0.8),
    Case(LineUnbiased(mean_s=0.05, after_frame=0.9)),
    Case(LineEcho(), "s1 s2 s3"),
    Case(LineLateDriver()),
    Case(LineLateDriver(first=1, last=0)),
    Case(LineLateDriver(sensor="s1"), "s2 s3"),
    Case(LineLateDriver(sensor="s1", first=2, last=0), "s2 s3"),
    Case(LineBabble(sensor="s1")),
    Case(LineBabble(sensor="s1", pause_s=10.0), "s2 s3", 0.5),
    Case(LineDoubledAddress(sensor="s1", like="s2"), "s3"),
    Case(LineLateReplies(sensor="s1"), "s2 s3", 0.5),
    Case(LineTruncatedReplies(sensor="s1"), "s2 s3"),
    Case(LineTruncatedReplies(sensor="s1", chance=1.0, most_lost=1), "s2 s3"),
    Case(LineMismatch(sensor="s1", baud=9200), "s1 s2 s3"),
    Case(LineMismatch(sensor="s1", stop_bits=2), "s1 s2 s3"),
    Case(LineMismatch(sensor="s1", baud=4800), "s2 s3"),
    Case(LineMismatch(sensor="s1", baud=19200), "s2 s3"),
    Case(LineMismatch(sensor="s1", parity="E"), "s2 s3"),
    Case(LineMismatch(baud=4800)),
    Case(LineMismatch(parity="O")),
]


class Bus:
    """Three sensors on a line with faults, and a client."""

    def __init__(self, level: type[Wire], seed: int) -> None:
        self.clock = world_clock()
        self.wire = rs485(self.clock, 9600, level=level)
        LineFaults(self.wire, Stream(seed, "line river"))
        self.sensors = []
        for unit_id in UNITS:
            signals = {name: constant(value) for name, value in truth(unit_id).items()}
            self.sensors.append(SimSensor(f"s{unit_id}", PROFILE, unit_id, signals, Ledger(), self.clock))
            Drop(self.wire, self.sensors[-1])
        self.line = WireLine(self.wire)
        self.client = PollingClient(self.line, self.clock.monotonic_ms, 9600)
        self.right: dict[Request, tuple[int, ...]] = {}

    async def learn(self) -> None:
        await asyncio.sleep(10)
        for question in QUESTIONS:
            self.right[question] = await self.client.ask(question)
        assert len(set(self.right.values())) == len(QUESTIONS)

    async def ask(self, question: Request) -> str:
        """The answer's kind: right, wrong, NoReply, FrameError or DeviceError."""
        try:
            return "right" if await self.client.ask(question) == self.right[question] else "wrong"
        except (NoReply, FrameError, DeviceError) as error:
            return type(error).__name__

    async def ask_all(self, rounds: int) -> list[tuple[int, int, str]]:
        """(monotonic ms, unit, kind) of each question."""
        said = []
        for number in range(rounds * len(QUESTIONS)):
            question = QUESTIONS[number * 5 % len(QUESTIONS)]  # in no order that a late answer could fit
            said.append((self.clock.monotonic_ms(), question.unit_id, await self.ask(question)))
            await asyncio.sleep(0.1)
        return said


def heard_of(fault: LineFault, level: type[Wire], sender: int | None = 1) -> list[bytes]:
    """What a listener gets of one message of a sensor, or of the client."""

    async def main() -> list[bytes]:
        bus = Bus(level, 1)
        heard: list[bytes] = []

        class Ear:
            def hear(self, data: bytes) -> None:
                heard.append(data)

        bus.wire.attach(Ear())
        fault.begin(bus.wire)
        party = bus.line if sender is None else next(p for p in bus.wire.parties() if isinstance(p, Drop))
        bus.wire.send(party, b"0123456789", 0.1)
        await asyncio.sleep(20)
        fault.end(bus.wire)
        return heard

    return run_virtual(main())
