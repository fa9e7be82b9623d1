"""A simulated node's hardware: flash that only clears bits, rails that switch sensors, boots that forget all else."""

import asyncio

import pytest

from firmware.config import ConfigError
from firmware.journal import Journal
from hw_sim.bus.sensor import SimSensor
from hw_sim.bus.wire import Drop, Wire, WireLine, rs485
from hw_sim.clock import WorldClock, run_virtual, world_clock
from hw_sim.ledger import Ledger
from hw_sim.node.board import SimBoard, SimFlash
from hw_sim.signals import constant
from hw_sim.streams import Stream
from protocols import profiles
from protocols.errors import NoReply
from protocols.modbus import Request
from protocols.modbus_client import RtuClient


def test_erased_flash_is_all_ones_and_writing_only_clears_bits() -> None:
    flash = SimFlash(sectors=2, sector_bytes=16)
    assert flash.read(0, 32) == b"\xff" * 32
    flash.write(14, b"\x0f\xf0\x55")
    flash.write(14, b"\xfc\xfc\xff")
    assert flash.read(13, 5) == b"\xff\x0c\xf0\x55\xff"
    flash.erase(1)
    assert flash.read(13, 5) == b"\xff\x0c\xf0\xff\xff"


def test_a_write_past_the_end_of_flash_is_refused() -> None:
    flash = SimFlash(sectors=1, sector_bytes=16)
    with pytest.raises(ValueError):
        flash.write(14, b"\x00\x00\x00")
    assert len(flash.content) == 16


class Bench:
    """A board with one sensor on a switched supply."""

    def __init__(self, clock: WorldClock) -> None:
        profile = profiles.load("yosemitech_y504")
        truth = {"temperature": constant(6.2)}
        self.wire = rs485(clock, 9600)
        self.sensor = SimSensor("do", profile, 4, truth, Ledger(), clock, powered=False)
        Drop(self.wire, self.sensor)
        self.radio = Wire(clock, byte_us=1000)
        self.said: list[str] = []
        self.board = SimBoard(
            b"slice", clock, Stream(1, "node"), {"uart1": self.wire}, {"probes": [self.sensor]}, self.radio,
            self.said.append,
        )  # fmt: skip

    async def answers(self) -> bool:
        line = self.board.line("uart1", 9600, "N", 1)
        try:
            await RtuClient(line, self.board.monotonic_ms, 9600).ask(Request(4, 3, 0x2600, 2))
        except NoReply:
            return False
        return True


def test_a_rail_switches_its_sensors_and_a_boot_switches_it_off() -> None:
    async def main() -> None:
        bench = Bench(world_clock())
        assert not await bench.answers()
        bench.board.rail("probes", True)
        assert not await bench.answers()  # it warms up
        await bench.board.sleep_ms(400)
        assert await bench.answers()
        bench.board.power_on()
        assert not await bench.answers()
        with pytest.raises(ConfigError):
            bench.board.rail("unknown", True)
        with pytest.raises(ConfigError):
            bench.board.line("uart9", 9600, "N", 1)

    run_virtual(main())


def test_time_since_power_on_begins_again_with_each_boot() -> None:
    async def main() -> None:
        board = Bench(world_clock()).board
        await board.sleep_ms(1234)
        assert board.monotonic_ms() == 1234
        board.power_on()
        assert board.monotonic_ms() == 0
        await board.sleep_ms(5)
        assert board.monotonic_ms() == 5

    run_virtual(main())


def test_a_boot_empties_lines_and_keeps_flash() -> None:
    async def main() -> None:
        bench = Bench(world_clock())
        gateway = WireLine(bench.radio)
        number = Journal(bench.board.flash).append(b"a record")
        old_radio = bench.board.radio
        await gateway.write(b"for the old boot")
        bench.board.power_on()
        assert bench.board.radio is not old_radio and bench.board.radio.pending() == b""
        await gateway.write(b"for the new one")
        assert bench.board.radio.pending() == b"for the new one"
        assert old_radio.pending() == b"for the old boot"  # and nothing after its boot
        assert [entry.payload for entry in Journal(bench.board.flash).unsent(9)] == [b"a record"] and number == 1

    run_virtual(main())


def test_a_board_says_its_slice_its_dice_and_its_words() -> None:
    async def main() -> None:
        bench = Bench(world_clock())
        assert bench.board.config() == b"slice"
        expected = Stream(1, "node")
        assert [bench.board.random(50) for _ in range(20)] == [expected.below(50) for _ in range(20)]
        bench.board.log("hello")
        assert bench.said == ["hello"]
        await asyncio.sleep(0)

    run_virtual(main())


def test_a_modem_at_rest_hears_nothing_takes_nothing_and_needs_a_moment_to_wake() -> None:
    async def main() -> None:
        bench = Bench(world_clock())
        gateway, board = WireLine(bench.radio), bench.board
        await board.radio.rest()
        await gateway.write(b"asleep")
        rested_j = board.energy.parts()["radio"]
        await asyncio.sleep(1000)
        assert board.energy.parts()["radio"] - rested_j == pytest.approx(1000 * 2e-6 * 3.3)
        before_ms = board.monotonic_ms()
        await board.radio.wake()
        assert 0 < board.monotonic_ms() - before_ms < 20 and board.radio.pending() == b""
        await gateway.write(b"awake")
        assert board.radio.pending() == b"awake"

    run_virtual(main())


def test_a_board_that_ends_its_boot_tells_for_how_long_and_its_clock_goes_on() -> None:
    async def main() -> None:
        bench = Bench(world_clock())
        board = SimBoard(b"slice", bench.board.true_clock, Stream(1, "node"), {}, {}, bench.radio, gated=True)
        ends: list[int] = []
        board.on_end = ends.append
        kept_ms = board.clock_ms()
        for end in (board.power_down(7000), board.restart()):
            task = asyncio.create_task(end)
            await asyncio.sleep(1)
            assert not task.done()
            task.cancel()
        assert ends == [7000, 0] and kept_ms is not None and board.clock_ms() == kept_ms + 2000
        board.set_clock(5_000)
        assert board.clock_ms() == 5_000 and bench.board.clock_ms() is None

    run_virtual(main())
