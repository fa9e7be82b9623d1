"""Notes of everything that passes over a line: whole, bounded, and never in the gateway's way."""

import asyncio
import json
import logging
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from gateway import messages
from gateway.__main__ import main
from gateway.capture import Capture
from gateway.machine.lines import LineLost, OpenLine
from hw_sim.clock import run_virtual, world_clock
from tests.gateway.doubles import START_MS, HandLine


def notes(folder: Path, name: str = "river") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / f"{name}.jsonl").read_text("utf-8").splitlines()]


def story(steps: Coroutine[Any, Any, None]) -> None:
    run_virtual(steps)


def opener(line: OpenLine) -> Any:
    async def open_line() -> OpenLine:
        return line

    return open_line


def test_a_question_and_its_answer_are_noted_with_both_clocks(tmp_path: Path) -> None:
    async def steps() -> None:
        line = HandLine()
        noted = await Capture(tmp_path, world_clock()).line("river", opener(line))()
        await asyncio.sleep(1.0)
        await noted.write(b"\x01\x03")
        asyncio.get_running_loop().call_later(0.0123, line.put, b"\x01\x83\x02")
        assert await noted.read(300) == b"\x01\x83\x02"
        assert await noted.read(300) == b""
        line.put(b"\xff")
        assert noted.pending() == b"\xff" and noted.pending() == b""

    story(steps())
    shared = {"line": "river"}
    assert notes(tmp_path) == [
        {"t": START_MS, "us": 0, **shared, "direction": "open"},
        {"t": START_MS + 1000, "us": 1_000_000, **shared, "direction": "out", "hex": "0103"},
        {"t": START_MS + 1012, "us": 1_012_300, **shared, "direction": "in", "hex": "018302"},
        {"t": START_MS + 1312, "us": 1_312_300, **shared, "direction": "in", "hex": ""},
        {"t": START_MS + 1312, "us": 1_312_300, **shared, "direction": "waited", "hex": "ff"},
    ]


class Unplugged(HandLine):
    """A line that is gone, whatever is asked of it."""

    async def write(self, data: bytes) -> None:
        raise LineLost("pulled out")

    async def read(self, timeout_ms: int) -> bytes:
        raise LineLost("pulled out")

    def pending(self) -> bytes:
        raise LineLost("pulled out")


def test_a_line_that_is_lost_and_tried_again_and_again_is_noted_once_and_still_raises(tmp_path: Path) -> None:
    async def absent() -> OpenLine:
        raise LineLost("no such port")

    async def steps() -> None:
        capture = Capture(tmp_path, world_clock())
        open_absent = capture.line("river", absent)
        for _ in range(5):
            with pytest.raises(LineLost):
                await open_absent()
        line = await capture.line("roof", opener(Unplugged()))()
        with pytest.raises(LineLost):
            await line.write(b"1")
        with pytest.raises(LineLost):
            await line.read(10)
        with pytest.raises(LineLost):
            line.pending()

    story(steps())
    assert [(note["direction"], note.get("why")) for note in notes(tmp_path)] == [("lost", "no such port")]
    assert [note["direction"] for note in notes(tmp_path, "roof")] == ["open", "lost"]


def test_a_line_never_takes_more_room_than_it_may_and_says_when_it_drops_something(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def steps() -> None:
        line = HandLine(lambda data: line.put(data * 2))
        noted = await Capture(tmp_path, world_clock(), 10_000).line("river", opener(line))()
        for number in range(500):
            await noted.write(number.to_bytes(2, "big"))
            await noted.read(10)

    caplog.set_level(logging.WARNING)
    story(steps())
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == ["river.1.jsonl", "river.jsonl"]
    assert sum(file.stat().st_size for file in files) < 10_500  # a question keeps its answer
    kept = notes(tmp_path, "river.1") + notes(tmp_path)
    assert [note["hex"] for note in kept if note["direction"] == "out"][-1] == "01f3"
    assert kept[0]["direction"] == "out" and [note["direction"] for note in kept[::2]] == ["out"] * (len(kept) // 2)
    numbers = [int(note["hex"], 16) for note in kept[::2]]
    assert numbers == list(range(numbers[0], 500))
    assert "river.1.jsonl is full" in caplog.text


def test_a_new_run_goes_on_behind_the_line_that_a_power_cut_left_half(tmp_path: Path) -> None:
    (tmp_path / "river.jsonl").write_bytes(b'{"t":1,"us":0,"line":"river","direction":"open"}\n{"t":2,"us')

    async def steps() -> None:
        await Capture(tmp_path, world_clock()).line("river", opener(HandLine()))()

    story(steps())
    first, torn, last = (tmp_path / "river.jsonl").read_bytes().splitlines()
    assert torn == b'{"t":2,"us' and json.loads(first)["t"] == 1 and json.loads(last)["direction"] == "open"


def test_a_disk_that_refuses_ends_the_notes_and_nothing_else(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def steps() -> None:
        line = HandLine(lambda data: line.put(data))
        noted = await Capture(tmp_path / "not there", world_clock()).line("river", opener(line))()
        for _ in range(3):
            await noted.write(b"1")
            assert await noted.read(10) == b"1"

    caplog.set_level(logging.ERROR)
    story(steps())
    assert caplog.text.count("capture of river ends") == 1


def test_a_folder_that_can_not_be_made_is_told_before_the_gateway_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.gateway.test_cli import SOUND

    monkeypatch.setenv("WATERTOWER_LANG", "en")
    (tmp_path / "site.toml").write_text(SOUND, "utf-8")
    (tmp_path / "file").write_text("")
    assert main(["run", str(tmp_path / "site.toml"), "--capture", str(tmp_path / "file" / "notes")]) == 1
    messages.set_language(None)
    assert "notes: not a folder" in capsys.readouterr().err
    assert not (tmp_path / "store.db").exists()
