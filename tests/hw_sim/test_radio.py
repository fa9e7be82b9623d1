"""The radio channel: air time, and a loss that is the same for the same seed."""

import asyncio
import math

import pytest

from hw_sim.clock import run_virtual, world_clock
from hw_sim.radio.plain import Radio
from hw_sim.streams import Stream


class Ear:
    def __init__(self, radio: Radio) -> None:
        self.heard: list[tuple[int, bytes]] = []
        radio.attach(self)

    def hear(self, data: bytes) -> None:
        self.heard.append((round(asyncio.get_running_loop().time() * 1000), data))


def heard(seed: int, loss: float, count: int, ears: int = 1) -> list[list[int]]:
    """Which of `count` packets each ear gets."""

    async def main() -> list[list[int]]:
        radio = Radio(world_clock(), Stream(seed, "radio"), loss=loss)
        sender = Ear(radio)
        far = [Ear(radio) for _ in range(ears)]
        for number in range(count):
            radio.send(sender, number.to_bytes(2, "big"))
            await asyncio.sleep(0.1)
        assert sender.heard == [] and radio.transmissions == count
        return [[int.from_bytes(data, "big") for _, data in ear.heard] for ear in far]

    return run_virtual(main())


def test_a_packet_takes_its_air_time() -> None:
    async def main() -> list[tuple[int, bytes]]:
        radio = Radio(world_clock(), Stream(1, "radio"), bits_per_s=1200)
        sender, ear = Ear(radio), Ear(radio)
        radio.send(sender, bytes(150))
        await asyncio.sleep(10)
        return ear.heard

    assert run_virtual(main()) == [(20 + 150 * 8 * 1000 // 1200, bytes(150))]


def test_without_loss_everything_is_heard_and_with_all_of_it_nothing() -> None:
    assert heard(1, 0.0, 200) == [list(range(200))]
    assert heard(1, 1.0, 200) == [[]]


@pytest.mark.parametrize("loss", [0.05, 0.3])
def test_as_much_is_lost_as_was_said(loss: float) -> None:
    count = 5000
    (packets,) = heard(1, loss, count)
    assert abs(count - len(packets) - loss * count) < 3.3 * math.sqrt(loss * (1 - loss) * count)


def test_the_same_seed_loses_the_same_packets_and_another_seed_others() -> None:
    assert heard(1, 0.3, 300) == heard(1, 0.3, 300)
    assert heard(1, 0.3, 300) != heard(2, 0.3, 300)


def test_each_hearer_loses_for_itself() -> None:
    one, other = heard(1, 0.3, 300, ears=2)
    assert one != other and set(one) | set(other) > set(one)
