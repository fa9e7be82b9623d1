"""On an emulated Pico firmware/boot chooses a slot: a node fetches an application, runs it, and goes back from a bad
one; its power fails in between. With a stock image firmware/boot lies on the file system, in one of our own it is
frozen."""

import asyncio
from pathlib import Path

import msgspec

from firmware.boot.notes import Notes
from firmware.update import Fetcher
from gateway import updates
from gateway.updates import Updates
from hw_sim.clock import run_virtual
from hw_sim.guest.update_cuts import install
from hw_sim.pico.board import CARRIER, on_pico
from tests.hw_sim.test_update_vm import STORY, Life, made

LEFT = 24  # pieces that the chip fetches itself, in two reports: the more the longer the test


def fetch_most(life: Life, number: int) -> None:
    """What an earlier life of the board had fetched, all but the last pieces."""
    board, node = life.node.board, life.node.node
    key = bytes.fromhex(node.update_key or "")
    gives = Updates(life.folder / updates.FOLDER)
    size = len((life.folder / updates.FOLDER / f"rp2-{number}.wtu").read_bytes())
    fetcher = Fetcher(board, number, key, 235)
    while fetcher._offset < size - LEFT * 227:
        question = fetcher.question()
        if question is None:
            fetcher.begin_report()
        else:
            fetcher.take(gives.answer(node, question))


def put_on_trial(life: Life, slot: int, archive: bytes) -> None:
    """As if it had been fetched."""
    board = life.node.board
    install(board, slot, updates.sealed(archive, bytes.fromhex(life.node.node.update_key or "")))  # type: ignore[arg-type]
    note = Notes(board.notes).newest(slot)
    assert note is not None
    Notes(board.notes).add(slot, note.number, note.fingerprint)


def test_a_pico_runs_its_new_application_out_of_the_slot_and_back_from_a_bad_one(uf2: Path, tmp_path: Path) -> None:
    second = made(tmp_path, 2, "        board.log('the second application')\n")
    third = made(tmp_path, 3, "        board.log('the third')\n        raise MemoryError\n")
    (tmp_path / "store").mkdir()

    async def main() -> None:
        near = msgspec.structs.replace(STORY, radio=None)  # else hours pass until something is heard
        life = Life(tmp_path / "store", on_pico(uf2, CARRIER), near)
        board = life.node.board
        await asyncio.sleep(1000)
        life.node.cut()
        await asyncio.sleep(3)
        life.offer(2, second)
        fetch_most(life, 2)
        life.node.boot()
        for operation in (5, 20):
            cuts = len(board.cuts)
            board.flash.cut_at(operation, 0.4, lambda: life.node.cut("flash"))
            await life.until(lambda cuts=cuts: len(board.cuts) > cuts)  # type: ignore[misc]
            life.node.boot("flash")
        await life.until(lambda: "the second application" in life.said)
        assert board.update == 0  # on trial
        await life.brown_out()
        await life.until(lambda: board.update == 2)
        assert life.said.count("the second application") == 2
        life.node.cut()
        await asyncio.sleep(3)
        put_on_trial(life, 1, third)
        life.node.boot()
        await asyncio.sleep(600)
        assert life.said.count("the third") == 2  # and never again
        assert "the second application" in life.said[-4:] and board.update == 2
        verdict = await life.station.finish(drain_s=3600)
        assert verdict.sound and verdict.complete

    run_virtual(main())
