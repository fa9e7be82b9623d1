"""A node without power between its wakes: slots go on as if nothing had happened."""

import asyncio
from itertools import pairwise
from pathlib import Path

from hw_sim.clock import run_virtual
from hw_sim.judge.readings import Verdict
from hw_sim.node import interpreter
from hw_sim.node.device_clock import DeviceClock
from hw_sim.node.vm import in_vm
from hw_sim.scenario import Scenario
from hw_sim.virtual import VirtualStation

NAME = "upstream"


def lived(folder: Path, hours: float, in_micropython: bool = False) -> tuple[Verdict, list[int], int, float]:
    """(verdict, slots of the node's readings in quarters of an hour, boots, J of its board)."""
    folder.mkdir()

    async def main() -> tuple[Verdict, list[int], int, float]:
        runtimes = {NAME: in_vm(interpreter.find())} if in_micropython else None
        station = VirtualStation(Scenario(site="bench"), folder, 1, runtimes=runtimes)
        node = station.world.nodes[NAME]
        node.board.gated = True
        node.board.rtc = DeviceClock(station.clock)
        await asyncio.sleep(hours * 3600)
        boots = node.board.boots
        parts = node.board.energy.parts()
        verdict = await station.finish()
        times = [reading.unix_ms for reading in station.world.ledger.readings[f"{NAME}_turb.turbidity"]]
        # the sensor that needs power first
        assert max(time_ms % 900_000 for time_ms in times) < 1500
        return verdict, [time_ms // 900_000 for time_ms in times], boots, parts["sleep"] + parts["processor"]

    return run_virtual(main())


def test_a_gated_node_delivers_every_slot(tmp_path: Path) -> None:
    verdict, slots, boots, joule = lived(tmp_path / "gated", 24)
    assert verdict.sound and verdict.complete and verdict.cut_in_wake == 0
    assert {b - a for a, b in pairwise(slots)} == {1} and len(slots) >= 95
    assert 96 <= boots <= 2 * 96 + 2  # one for the slot, and one where its turn to report comes later
    assert joule < 24 * 3600 * 0.005 / 4  # a board asleep all day takes that


def test_a_gated_node_in_micropython_does_the_same(tmp_path: Path) -> None:
    assert lived(tmp_path / "vm", 1.1, in_micropython=True) == lived(tmp_path / "here", 1.1)
