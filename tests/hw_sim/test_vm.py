"""The same firmware in this process and in the real MicroPython: the same bytes on the air, to the microsecond."""

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from firmware.journal import Journal
from gateway.site import config
from hw_sim import scenario
from hw_sim.clock import run_virtual, world_clock
from hw_sim.judge.pairing import match
from hw_sim.node import interpreter, vm
from hw_sim.node.interpreter import Interpreter
from hw_sim.node.vm import GuestFailed, Vm, in_vm
from hw_sim.world import SimNode, World
from tests.hw_sim.radio_end import RadioEnd, Recorder

STORY = scenario.load(scenario.FOLDER / "scenarios" / "demo.toml")
SITE = config.load(STORY.site_path)
TRUTH = STORY.signals(SITE, seconds_per_row=1.0)


class Bench:
    """The demonstration's water node alone with a gateway's radio; its boots run in `guest` or in this process."""

    def __init__(self, guest: Interpreter | None, seed: int = 3, loss: float = 0.0) -> None:
        clock = world_clock()
        self.world = World(SITE, TRUTH, clock, seed, {"water": in_vm(guest)} if guest else {})
        self.world.radio.loss = loss
        self.recorder = Recorder(self.world.radio)
        self.end = RadioEnd(SITE, self.world.radio, clock)
        self.node: SimNode = self.world.nodes["water"]

    async def boot(self, seconds: float) -> None:
        """Power for so long, then none."""
        self.node.boot()
        await asyncio.sleep(seconds)
        self.node.check()
        self.node.cut()
        await asyncio.sleep(0)


def air_of(guest: Interpreter | None, seconds: float, loss: float) -> tuple[list[tuple[int, bytes]], int, bytes]:
    async def main() -> tuple[list[tuple[int, bytes]], int, bytes]:
        bench = Bench(guest, loss=loss)
        await bench.boot(seconds)
        assert bench.end.refused == []
        return bench.recorder.heard, bench.world.ledger.total, bytes(bench.node.board.flash.content)

    return run_virtual(main())


def test_ten_minutes_are_the_same_bytes_at_the_same_microseconds_on_both_runtimes() -> None:
    """Lossy, so that tries, back-offs and their random numbers are in it. The flash is the same at the end, too."""
    ours = air_of(None, 600, loss=0.1)
    theirs = air_of(interpreter.find(), 600, loss=0.1)
    for mine, other in zip(ours[0], theirs[0], strict=False):
        assert mine == other
    assert ours == theirs
    assert len(ours[0]) > 300


def test_power_cuts_lose_no_record_and_no_reading_that_a_journal_held() -> None:
    async def main() -> None:
        bench = Bench(interpreter.find())
        for seconds in (17.3, 9.05, 61.7, 0.01, 23.4):
            await bench.boot(seconds)
        kept = Journal(bench.node.board.flash)
        await bench.boot(60.0)
        records = bench.end.records[17]
        assert bench.end.refused == []
        assert kept.state.boot == 6  # five boots, and this look at the journal
        assert kept.next_number > 100
        assert set(range(1, kept.next_number)) <= set(records)
        for channel, arrived in bench.end.readings().items():
            found = match(bench.world.ledger.readings[channel], arrived, 2500)
            assert (found.wrong, found.wrong_times) == ([], 0), channel

    run_virtual(main())


# --- guests that end -------------------------------------------------------------------------------------------------


def with_guest(folder: Path, monkeypatch: pytest.MonkeyPatch, source: str) -> Coroutine[Any, Any, None]:
    """A boot of a board whose firmware is `source`."""
    (folder / "hw_sim" / "guest").mkdir(parents=True)
    (folder / "hw_sim" / "guest" / "node.py").write_text(source, "utf-8")
    monkeypatch.setattr(vm, "ROOT", folder)

    async def main() -> None:
        bench = Bench(None)
        await Vm(interpreter.find(), bench.node.board).run()

    return main()


TALK = """
import json, sys
def ask(*what):
    try:
        from hostlink import call
        return json.loads(call(json.dumps(what)))
    except ImportError:
        print(json.dumps(what))
        return json.loads(sys.stdin.readline())
"""


def test_a_guest_that_raises_ends_with_its_own_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = TALK + "def deep():\n    ask('log', 'so far')\n    return [][7]\ndeep()\n"
    with pytest.raises(GuestFailed) as caught:
        run_virtual(with_guest(tmp_path, monkeypatch, source))
    text = str(caught.value)
    assert "Traceback" in text and "IndexError" in text and "in deep" in text


def test_a_guest_that_ends_without_a_word_says_its_status(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(GuestFailed, match="exit status 3"):
        run_virtual(with_guest(tmp_path, monkeypatch, "import sys\nsys.exit(3)\n"))


def test_a_call_that_no_board_knows_ends_the_guest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(GuestFailed, match="unknown call teleport"):
        run_virtual(with_guest(tmp_path, monkeypatch, TALK + "ask('teleport', 1)\n"))


def test_what_a_guest_prints_is_no_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = TALK + "print('hello')\nassert ask('random', 1)[0] == 0\nprint('bye')\nsys.exit(0)\n"
    with pytest.raises(GuestFailed, match="hello\nbye"):
        run_virtual(with_guest(tmp_path, monkeypatch, source))


def test_in_real_time_others_go_on_while_a_guest_lives() -> None:
    async def main() -> None:
        bench = Bench(interpreter.find())
        await bench.boot(0.7)
        assert bench.recorder.heard  # its first HELLO

    asyncio.run(main())
