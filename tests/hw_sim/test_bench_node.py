"""The figures of a node: what is wasteful or leaks turns them red, what firmware does today is told as it is."""

import asyncio
from collections.abc import Iterator
from copy import copy

import pytest
from msgspec.structs import replace as changed

from gateway.site import config, slice
from hw_sim.bench import node_day, node_heap
from hw_sim.bench.node_day import Day
from hw_sim.bench.node_heap import Compiled
from hw_sim.node import interpreter
from hw_sim.node.board import SimBoard
from hw_sim.node.interpreter import Interpreter
from hw_sim.node.runtime import InProcess, Runtime
from protocols.profile import Profile

SHARE = 0.25  # of a day
SENSORS = ("ec", "acid", "do", "turb", "level")


@pytest.fixture(scope="module")
def today() -> Day:
    return node_day.live(days=SHARE)


def test_nothing_is_above_its_floor(today: Day) -> None:
    assert not today.faults()
    assert today.bus_floor_s / 96 == pytest.approx(0.2918, rel=0.001)  # 10 exchanges by hand


def test_the_floor_of_a_sensor_is_its_power_for_its_three_times(today: Day) -> None:
    assert today.floor_j["sensor turb"] == pytest.approx(96 * (8 + 40 + 4) * 0.243)  # Y511
    assert today.floor_j["sensor acid"] == pytest.approx(96 * (0.5 + 4.5 + 1.8) * 0.243)  # Y532


def test_rails_that_are_powered_five_seconds_early_turn_it_red(today: Day) -> None:
    """The board's slice says of each sensor that it needs five seconds more than it does."""
    site = config.load(node_day.SITE)
    slow = {model: _slower(profile) for model, profile in site.profiles.items()}

    def fit(board: SimBoard) -> Runtime:
        board.provision(slice.cut(changed(site, profiles=slow), site.nodes[0]))
        return InProcess(board)

    day = node_day.live(fit, SHARE)
    more_s = {name: (day.taken_j[name] - today.taken_j[name]) / 96 / 0.243 for name in map("sensor {}".format, SENSORS)}
    assert more_s == pytest.approx(dict.fromkeys(more_s, 5.0), rel=0.02)
    assert {"sensor acid", "sensor level"} <= set(day.faults())


def _slower(profile: Profile) -> Profile:
    slow = copy(profile)
    slow.warm_up_ms += 5000
    return slow


class Restless(SimBoard):
    """Waits with its processor awake while any sensor has power."""

    def rail(self, name: str, on: bool) -> None:
        super().rail(name, on)
        lit = self.__dict__.setdefault("lit", set())
        lit.add(name) if on else lit.discard(name)

    async def sleep_ms(self, duration_ms: int) -> None:
        if self.__dict__.get("lit"):
            await asyncio.sleep(self.clock.true_ms(duration_ms) / 1000)
        else:
            await super().sleep_ms(duration_ms)


class Dawdling(SimBoard):
    """Thinks for 30 ms before each question."""

    def line(self, bus: str, baud: int, parity: str, stop_bits: int):  # type: ignore[no-untyped-def]
        line = super().line(bus, baud, parity, stop_bits)
        write = line.write

        async def late(data: bytes) -> None:
            await asyncio.sleep(0.03)
            await write(data)

        line.write = late  # type: ignore[method-assign]
        return line


def _as(kind: type[SimBoard], board: SimBoard) -> Runtime:
    board.__class__ = kind
    return InProcess(board)


def test_a_processor_awake_through_warm_up_turns_it_red(today: Day) -> None:
    day = node_day.live(lambda board: _as(Restless, board), SHARE)
    assert "processor" in day.faults()
    assert sum(day.taken_j.values()) > sum(today.taken_j.values())


def test_a_node_that_dawdles_between_two_questions_turns_the_bus_red() -> None:
    day = node_day.live(lambda board: _as(Dawdling, board), SHARE)
    assert "bus time" in day.faults()


# --- memory -----------------------------------------------------------------------------------------------------------

LEAK = """
from firmware.journal import Journal
kept = []
append = Journal.append
def leaky(self, payload):
    kept.append(bytes(payload))
    return append(self, payload)
Journal.append = leaky
import hw_sim.guest.watched
"""


@pytest.fixture(scope="module")
def code() -> Iterator[Compiled]:
    with node_heap.compiled() as compiled:
        yield compiled


@pytest.fixture(scope="module")
def guest() -> Interpreter:
    return interpreter.find()


def test_a_hundred_wakes_hold_no_byte_more_and_load_no_module_of_somebody_else(
    code: Compiled, guest: Interpreter
) -> None:
    """Of a node with a battery, that was asked for its voltage more often than it remembers commands."""
    seen = node_heap.look(code, guest, 560, 660)
    assert seen.grown == 0
    ours = [name for name in seen.modules if name.split(".")[0] in ("firmware", "protocols")]
    assert "firmware.power" in ours and "firmware.cycle" in ours and "protocols.registers" in ours
    assert 0 < code.kib(*ours) <= 32
    assert code.kib() <= 80
    assert not [name for name in seen.modules if name.startswith(("gateway", "protocols.profiles"))]


def test_a_firmware_that_remembers_its_records_is_seen_to_grow(code: Compiled, guest: Interpreter) -> None:
    script = code.folder / "leak.py"
    script.write_text(LEAK, "utf-8")
    seen = node_heap.look(code._replace(script=script), guest, 160, 200)
    assert seen.grown >= 40 * 16


def test_a_day_of_wakes_passes_in_half_the_heap_of_a_board(code: Compiled, guest: Interpreter) -> None:
    """84 are the 64 KiB that a node may take, and the 23 of the guest less 2.5 of firmware/board.py, which is in both.
    80 are needed today."""
    assert node_heap.day_passes(code, guest, 84)


def test_the_smallest_heap_is_found_between_one_that_fails_and_one_that_does_not(
    code: Compiled, guest: Interpreter
) -> None:
    assert not node_heap.day_passes(code, guest, 48)
    assert node_heap.smallest(lambda heap_kib: heap_kib >= 77) == 77
    assert node_heap.smallest(lambda heap_kib: False) == node_heap.HEAP_KIB + 1
