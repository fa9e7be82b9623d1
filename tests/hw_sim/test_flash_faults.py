"""Flash with wear, accidents and slowness, and the firmware's journal on it: what append() returned for is there."""

import asyncio
from collections.abc import Callable

import pytest

from firmware.journal import Journal
from hw_sim.clock import run_virtual, world_clock
from hw_sim.node.flash import ERASE_MS, PAGE_MS, PowerCut, SimFlash
from hw_sim.streams import Stream
from tests.hw_sim.test_board import Bench


def fallen() -> None:
    """Nobody is told."""


def test_a_cut_leaves_the_share_that_was_done() -> None:
    for share, expected in (
        (0.0, b"\xff\xff\xff\xff"),
        (0.5, b"\x00\x00\xff\xff"),
        (0.5625, b"\x00\x00\x3f\xff"),  # two bits of the third byte
        (1.0, b"\x00\x00\x00\x00"),
    ):
        flash = SimFlash(1, 16)
        flash.cut_at(1, share, fallen)
        with pytest.raises(PowerCut):
            flash.write(4, bytes(4))
        assert flash.read(4, 4) == expected
        assert flash.read(0, 4) + flash.read(8, 8) == b"\xff" * 12


def test_a_cut_erasure_leaves_neither_old_nor_new() -> None:
    flash = SimFlash(2, 256)
    flash.write(0, bytes(512))
    flash.cut_at(1, 0.25, fallen)
    with pytest.raises(PowerCut):
        flash.erase(0)
    assert flash.read(0, 64) == b"\xff" * 64
    assert set(flash.read(64, 192)) > {0x00} and 0xFF not in flash.read(64, 1)
    assert flash.read(256, 256) == bytes(256)


def test_the_cut_comes_in_the_operation_that_was_said_and_once() -> None:
    told: list[int] = []
    flash = SimFlash(2, 64)
    flash.cut_at(3, 1.0, lambda: told.append(flash.programs))
    flash.write(0, b"\x01")
    flash.erase(1)
    with pytest.raises(PowerCut):
        flash.write(1, b"\x02")
    assert told == [2]
    flash.write(2, b"\x03")
    flash.cut_at(1, 0.0, fallen)
    flash.spare()
    flash.write(3, b"\x04")
    assert flash.read(0, 4) == b"\x01\x02\x03\x04"
    assert (flash.programs, flash.erases) == (4, [0, 1])


def life(flash: SimFlash, safe: list[bytes], prefix: bytes, records: int) -> None:
    """One boot of a node that keeps records until its power goes."""
    journal = Journal(flash)
    for index in range(records):
        payload = prefix + b"%d" % index
        journal.append(payload)
        safe.append(payload)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.7, 0.99, 1.0])
def test_the_journal_survives_a_cut_in_every_operation_twice_in_a_row(share: float) -> None:
    cuts = 0
    for operation in range(1, 60):
        for second in (1, 2, 3):
            flash = SimFlash(8, 256)
            safe: list[bytes] = []
            for number, at in enumerate((operation, second)):
                flash.cut_at(at, share, fallen)
                try:
                    life(flash, safe, b"boot %d record " % number, 40)
                except PowerCut:
                    cuts += 1
            flash.spare()
            life(flash, safe, b"last ", 3)
            found = [entry.payload for entry in Journal(flash).unsent(1000)]
            kept = [payload for payload in found if payload in set(safe)]
            assert kept == safe[len(safe) - len(kept) :]  # the newest, in order, without a hole
            assert len(kept) >= min(len(safe), 30)
    assert cuts > 300


def test_rot_turns_programmed_bits_to_one_and_touches_nothing_else() -> None:
    flash = SimFlash(2, 256)
    assert flash.rot(5, Stream(1, "rot")) == []  # nothing is programmed
    flash.write(100, bytes(50))
    offsets = flash.rot(5, Stream(1, "rot"))
    assert len(offsets) == 5 and all(100 <= offset < 150 for offset in offsets)
    assert sum(byte.bit_count() for byte in flash.content[100:150]) == 5
    assert set(flash.content[:100] + flash.content[150:]) == {0xFF}


def test_slow_flash_keeps_the_processor_and_nobody_else() -> None:
    async def main() -> None:
        clock = world_clock()
        board = Bench(clock).board
        board.flash.page_ms, board.flash.erase_ms = PAGE_MS, ERASE_MS
        board.flash.erase(0)
        board.flash.write(200, bytes(100))  # over the end of a page
        assert board.monotonic_ms() == 46 and clock.monotonic_ms() == 0
        await board.sleep_ms(1000)
        assert board.monotonic_ms() == clock.monotonic_ms() == 1046
        board.flash.erase(0)
        board.power_on()
        assert board.monotonic_ms() == 0

    run_virtual(main())


def test_a_cut_ends_a_task_like_its_cancellation_whatever_it_catches() -> None:
    async def firmware(flash: SimFlash) -> None:
        try:
            flash.write(0, b"x")
        except Exception:  # as broad as firmware may be
            pytest.fail("it caught a power cut")

    async def main() -> None:
        flash = SimFlash(1, 16)
        flash.cut_at(1, 1.0, fallen)
        task = asyncio.create_task(firmware(flash))
        await asyncio.wait([task])
        assert task.cancelled()

    run_virtual(main())


def test_without_faults_flash_calls_nobody() -> None:
    calls: list[float] = []
    note: Callable[[float], None] = calls.append
    flash = SimFlash()
    flash.passes = note
    flash.write(0, bytes(1000))
    flash.erase(0)
    assert calls == []
