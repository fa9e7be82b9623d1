"""A node in a real MicroPython fetches an application over a lossy radio, runs it out of its slot, and goes back when
it is bad; its power fails in between."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

from firmware.boot.notes import Notes
from gateway import updates
from hw_sim import scenario
from hw_sim.clock import run_virtual
from hw_sim.node import interpreter
from hw_sim.node.runtime import Fit
from hw_sim.node.vm import in_vm
from hw_sim.scenario import Scenario
from hw_sim.virtual import VirtualStation

ROOT = Path(__file__).resolve().parent.parent.parent
STORY = scenario.load(scenario.find("update-in-bad-weather"))
NODE = "upstream"


def sources(folder: Path, name: str, old: str, new: str) -> Path:
    """The firmware with one line of one file changed."""
    for room in ("firmware", "protocols"):
        shutil.copytree(ROOT / room, folder / room, ignore=shutil.ignore_patterns("__pycache__"))
    path = folder / name
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))
    return folder


CYCLE = ("firmware/cycle.py", "        self.board = board\n")


class Life:
    """The scenario's station without its faults, with one node in a runtime of its own."""

    def __init__(self, folder: Path, fit: Fit, story: Scenario = STORY) -> None:
        self.folder = folder
        self.station = VirtualStation(story, folder, 4, runtimes={NODE: fit}, days=1.0)
        self.node = self.station.world.nodes[NODE]
        self.said: list[str] = []
        self.node.board._log = self.said.append

    def offer(self, number: int, archive: bytes) -> None:
        (self.folder / updates.FOLDER).mkdir(exist_ok=True)
        (self.folder / updates.FOLDER / f"rp2-{number}.wtu").write_bytes(archive)

    async def until(self, holds: Callable[[], bool], most_s: float = 43_200) -> None:
        for _ in range(int(most_s // 60)):
            if holds():
                return
            await asyncio.sleep(60)
            self.station.check()
        raise AssertionError(f"not within {most_s} s: {self.said[-5:]}")

    async def brown_out(self) -> None:
        self.node.cut()
        await asyncio.sleep(3)
        self.node.boot()


def made(folder: Path, number: int, change: str) -> bytes:
    name, line = CYCLE
    return updates.make(sources(folder / str(number), name, line, line + change), "rp2", number)


def test_a_node_runs_its_new_application_out_of_the_slot_and_back_from_a_bad_one(tmp_path: Path) -> None:
    second = made(tmp_path, 2, "        board.log('the second application')\n")
    third = made(tmp_path, 3, "        board.log('the third')\n        raise MemoryError\n")
    (tmp_path / "store").mkdir()

    async def main() -> None:
        life = Life(tmp_path / "store", in_vm(interpreter.find()))
        board = life.node.board
        await asyncio.sleep(4000)
        life.offer(2, second)
        await life.until(lambda: sum(board.slots[0].erases) > 4)
        board.slots[0].cut_at(5, 0.4, lambda: life.node.cut("flash"))
        await life.until(lambda: len(board.cuts) == 1)
        life.node.boot("flash")
        await life.until(lambda: bool(Notes(board.notes).notes))
        await life.until(lambda: "the second application" in life.said)
        assert board.update == 0  # on trial
        await life.brown_out()
        await life.until(lambda: board.update == 2)
        assert life.said.count("the second application") == 2
        await life.brown_out()
        life.offer(3, third)
        await life.until(lambda: life.said.count("the third") == 2)
        await life.until(lambda: life.said[-1] == "the second application")
        await asyncio.sleep(8000)
        assert life.said[-1] == "the second application" and board.update == 2  # and never again
        verdict = await life.station.finish(drain_s=21_600)
        assert verdict.sound and verdict.complete and verdict.measured > 5000

    run_virtual(main())
