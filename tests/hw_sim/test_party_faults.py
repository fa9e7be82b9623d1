"""Who is on the line: no late answer is taken for another, and each effect is what its name says."""

import asyncio
from collections import Counter

import pytest

from hw_sim.bus.party_faults import (
    LineBabble,
    LineDoubledAddress,
    LineEcho,
    LineLateDriver,
    LineLateReplies,
    LineMismatch,
    LineTruncatedReplies,
)
from hw_sim.bus.wire import Wire
from hw_sim.clock import run_virtual
from hw_sim.signals import constant
from hw_sim.streams import Stream
from protocols import modbus
from protocols.modbus import Request
from protocols.modbus_client import RtuClient
from tests.hw_sim.faulty_bus import LEVELS, PROFILE, QUESTIONS, UNITS, Bus, heard_of

# --- late answers ---------------------------------------------------------------------------------------------------


class BelievingClient(RtuClient):
    """Takes the first frame that fits, as clients in use do (pymodbus: PR #2636)."""

    async def ask(self, request: Request) -> tuple[int, ...]:
        self._owed.clear()
        return await self._exchange(request)


async def late_answers(seed: int, client: type[RtuClient]) -> Counter[str]:
    """All three units are late, each by its own law, and two registers of a unit look alike."""
    bus = Bus(Wire, seed)
    draw = Stream(seed, "story")
    await bus.learn()
    bus.client = client(bus.line, bus.clock.monotonic_ms, 9600)
    for unit_id in UNITS:
        low_ms = draw.uniform(0, 500)
        LineLateReplies(
            sensor=f"s{unit_id}", chance=draw.uniform(0.01, 0.6), low_ms=low_ms, high_ms=low_ms + draw.uniform(0, 2500)
        ).begin(bus.wire)
    kinds: Counter[str] = Counter()
    for _ in range(24):
        kinds[await bus.ask(QUESTIONS[draw.below(len(QUESTIONS))])] += 1
        await asyncio.sleep(draw.exponential(0.3))
    return kinds


def test_in_two_thousand_seeds_no_late_answer_is_taken_for_another() -> None:
    total: Counter[str] = Counter()
    for seed in range(2000):
        kinds = run_virtual(late_answers(seed, RtuClient))
        assert not kinds["wrong"], f"seed {seed}"
        total += kinds
    assert total["right"] > 10_000 and total["NoReply"] > 5000


def test_these_seeds_do_catch_a_client_that_believes_what_comes() -> None:
    caught = [seed for seed in range(100) if run_virtual(late_answers(seed, BelievingClient))["wrong"]]
    assert len(caught) > 50


def test_a_unit_answers_in_the_order_it_was_asked_however_late() -> None:
    async def main() -> list[int]:
        bus = Bus(Wire, 5)
        await bus.learn()
        LineLateReplies(sensor="s1", chance=0.5, low_ms=200, high_ms=3000).begin(bus.wire)
        answers: list[int] = []

        class Ear:
            def hear(self, data: bytes) -> None:
                if len(data) != 8:
                    answers.append(data[2] // 2)

        bus.wire.attach(Ear())
        for _ in range(50):
            for count in (1, 2):
                request = Request(1, PROFILE.function, PROFILE.registers[0].address, count)
                bus.wire.send(bus.line, modbus.rtu(1, request.pdu()))
                await asyncio.sleep(0.1)
            await asyncio.sleep(10)
        return answers

    assert run_virtual(main()) == [1, 2] * 50


# --- physics that no checksum can help -------------------------------------------------------------------------------


@pytest.mark.parametrize(("own", "other", "most"), [(1.05, 0.95, 0.001), (1.37, 1.0, 0.005), (1.25, 1.0, 0.1)])
def test_two_answers_at_once_are_a_mixture_that_hardly_ever_fits_its_checksum(
    own: float, other: float, most: float
) -> None:
    """Where two drivers disagree a bit is either one's. Values that differ in many bits never pass; where they differ
    by one shift of the CRC's polynomial (x16 + x15 + x2 + 1: only four bits), one toss in a few gives one of the two.
    Nobody on the bus can see that: it is for commissioning to find."""

    async def main() -> Counter[str]:
        bus = Bus(Wire, 3)
        await asyncio.sleep(10)
        request = QUESTIONS[2]
        for unit, value in ((0, other), (1, own)):
            bus.sensors[unit]._signals = {"pressure": constant(value)}  # type: ignore[assignment]
        bus.right[request] = await bus.client.ask(request)
        LineDoubledAddress(sensor="s1", like="s2").begin(bus.wire)
        kinds: Counter[str] = Counter()
        for _ in range(2000):
            bus.client = RtuClient(bus.line, bus.clock.monotonic_ms, 9600)  # that owes and fears nothing
            kinds[await bus.ask(request)] += 1
        return kinds

    kinds = run_virtual(main())
    assert kinds["FrameError"] > 1500 and kinds["wrong"] <= most * 2000


# --- single effects ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", LEVELS)
def test_each_effect_is_what_its_name_says(level: type[Wire]) -> None:
    whole = b"0123456789"
    assert heard_of(LineLateDriver(sensor="s1", first=2, last=3), level) == [whole[2:-3]]
    assert heard_of(LineLateDriver(sensor="s1", first=9, last=9), level) == []
    assert heard_of(LineLateDriver(sensor="s2"), level) == [whole]
    assert heard_of(LineLateDriver(first=1), level, None) == [whole[1:-1]]
    (cut,) = heard_of(LineTruncatedReplies(sensor="s1", chance=1.0, most_lost=9), level)
    assert whole.startswith(cut) and 0 < len(cut) < len(whole)
    assert heard_of(LineEcho(), level, None) == [whole]
    assert heard_of(LineMismatch(sensor="s1", baud=19200), level) != [whole]
    assert heard_of(LineMismatch(sensor="s1", baud=9500), level) == [whole]
    babble = heard_of(LineBabble(sensor="s1", burst_bytes=20), level)
    assert len(babble) > 500 and all(1 <= len(data) <= 30 for data in babble)


def test_who_echoes_hears_itself() -> None:
    async def main() -> bytes:
        bus = Bus(Wire, 1)
        LineEcho().begin(bus.wire)
        bus.wire.send(bus.line, b"hello?")
        await asyncio.sleep(1)
        return bus.line.pending()

    assert run_virtual(main()) == b"hello?"
