"""The line itself: each effect is what its name says, as often as it says, at the bit where it begins."""

import asyncio

import pytest

from hw_sim.bus.byte_wire import ByteWire
from hw_sim.bus.cable_faults import LineDead, LineHalfDead, LineNoise, LineSwapped, LineUnbiased
from hw_sim.bus.uart import Air, Burst, Uart
from hw_sim.bus.wire import Drop, Wire, rs485
from hw_sim.clock import run_virtual, world_clock
from hw_sim.streams import Stream
from protocols import modbus, modbus_server
from tests.hw_sim.faulty_bus import LEVELS, QUESTIONS, Bus, heard_of


def test_noise_turns_over_as_many_bits_as_it_says() -> None:
    for rate in (1e-5, 1e-3, 0.1):
        bits = 2_000_000 if rate < 0.1 else 100_000
        effect = LineNoise(bit_error_rate=rate).effect(rs485_of_a_moment(), Stream(1, "noise"))
        flips = sum(len(effect.flips(100)) for _ in range(bits // 100))
        assert abs(flips - rate * bits) < 4 * (rate * bits) ** 0.5


def test_noise_costs_a_draw_for_each_flip() -> None:
    stream = Stream(1, "noise")
    effect = LineNoise(bit_error_rate=1e-4).effect(rs485_of_a_moment(), stream)
    flips = sum(len(effect.flips(100)) for _ in range(10_000))
    twin = Stream(1, "noise")
    for _ in range(flips + 1):
        twin.random()
    assert flips > 50 and stream.random() == twin.random()


def rs485_of_a_moment() -> Wire:
    async def main() -> Wire:
        return rs485(world_clock(), 9600)

    return run_virtual(main())


@pytest.mark.parametrize("level", LEVELS)
def test_each_effect_is_what_its_name_says(level: type[Wire]) -> None:
    whole = b"0123456789"
    assert heard_of(LineDead(sensor="s1"), level) == heard_of(LineHalfDead(sensor="s1"), level) == []
    assert heard_of(LineHalfDead(sensor="s1", part="receiver"), level) == [whole]
    assert heard_of(LineSwapped(sensor="s1"), level) != [whole]
    floating = heard_of(LineUnbiased(mean_s=1.0, after_frame=0.0), level)
    assert whole in floating and 8 < len(floating) < 40 and all(len(data) == 1 for data in floating if data != whole)


def test_byte_level_cuts_a_transmission_where_the_cable_is_cut() -> None:
    async def main(level: type[Wire]) -> bytes:
        bus = Bus(level, 1)
        asyncio.get_running_loop().call_later(4.5 * bus.wire.char_s, LineDead(sensor="s1").begin, bus.wire)
        drop = next(party for party in bus.wire.parties() if isinstance(party, Drop))
        bus.wire.send(drop, b"0123456789")
        await asyncio.sleep(1)
        return bus.line.pending()

    assert run_virtual(main(ByteWire)) == b"0123"


def test_of_damaged_answers_no_more_pass_than_the_checksum_lets_through() -> None:
    """A checksum of 16 bits lets one in 65,536 of heavily damaged frames pass; few flips never do."""
    request = QUESTIONS[0]
    answer = modbus.rtu(1, modbus_server.reply(request, (0x3F75, 0xC28F)))
    draw = Stream(1, "noise")
    damaged = wrong = 0
    for number in range(20_000):
        burst = Burst("s1", Uart(), 0.0, answer)
        rate = (0.003, 0.02, 0.1)[number % 3]
        burst.flips = [bit for bit in range(len(answer) * 10) if draw.chance(rate)]
        chars, _ = Air([burst], bool).heard(Uart(), False, None)
        got = bytes(value for _, value in chars)
        damaged += got != answer
        pdu = modbus.RtuReply(request).feed(got)
        wrong += pdu is not None and pdu != answer[1:-2]
    assert damaged > 10_000 and wrong <= 1
