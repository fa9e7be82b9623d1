"""Knows how everything that passes over the gateway's lines is written down as it passes; knows nothing of what it is.

A text file for each line, one JSON object for each thing that happened: {"t": Unix ms by the gateway's clock, "us": a
count of microseconds that never jumps, "line", "direction", "hex"}. Directions: "open" (the line), "out" (bytes, when
the last had left), "in" (what came while the gateway listened; empty: it gave up waiting), "waited" (bytes that lay
there when it looked before its next question) and "lost" (the line, with "why"). hw_sim/capture/ replays such a file.

Taking notes never harms: a disk that refuses ends them for that line, and a file that is full makes room by dropping
the older half.
"""

import asyncio
import json
import logging
from pathlib import Path

from gateway.machine.lines import LineLost, Opener, OpenLine
from gateway.ports import Clock

log = logging.getLogger(__name__)
RADIO = "radio-link"  # the radio's name among the lines: no bus can have it (gateway/site/fields.py: Name)
MOST_BYTES = 64 << 20  # of each line: two to three days of a question a second, 240 bytes each with its answer


class Capture:
    """Notes of one gateway run in `folder`, which must exist; they are appended to those of earlier runs."""

    def __init__(self, folder: Path, clock: Clock, most_bytes: int = MOST_BYTES) -> None:
        self._folder = folder
        self._clock = clock
        self._most_bytes = most_bytes

    def line(self, name: str, opener: Opener) -> Opener:
        """The same opener, with notes taken of the line it opens."""
        notes = _Notes(self._folder, name, self._clock, self._most_bytes)

        async def open_noted() -> OpenLine:
            try:
                line = await opener()
            except LineLost as error:
                notes.lose(error)
                raise
            notes.take("open")
            return _NotedLine(line, notes)

        return open_noted


class _Notes:
    """The file of one line: <name>.jsonl, and <name>.1.jsonl with what is older."""

    def __init__(self, folder: Path, name: str, clock: Clock, most_bytes: int) -> None:
        self._path = folder / f"{name}.jsonl"
        self._older = folder / f"{name}.1.jsonl"
        self._name = name
        self._clock = clock
        self._half_bytes = most_bytes // 2
        self._is_lost = False
        self._is_over = False  # the disk has refused
        self._bytes = 0
        try:
            if self._path.exists():
                self._bytes = self._path.stat().st_size
                self._end_line()
        except OSError as error:
            self._give_up(error)

    def _end_line(self) -> None:
        """A power cut may have left half a line."""
        with self._path.open("r+b") as file:
            if self._bytes:
                file.seek(-1, 2)
                if file.read() != b"\n":
                    file.write(b"\n")

    def lose(self, error: LineLost) -> None:
        """A port that is missing is tried every few seconds, for weeks: it is noted once."""
        if not self._is_lost:
            self.take("lost", why=str(error))
        self._is_lost = True

    def take(self, direction: str, data: bytes | None = None, why: str | None = None) -> None:
        if self._is_over:
            return
        self._is_lost = False
        note: dict[str, object] = {
            "t": self._clock.unix_ms(),
            "us": round(asyncio.get_running_loop().time() * 1e6),
            "line": self._name,
            "direction": direction,
        }
        if data is not None:
            note["hex"] = data.hex()
        if why is not None:
            note["why"] = why
        text = json.dumps(note, separators=(",", ":"), ensure_ascii=False) + "\n"
        try:
            if self._bytes > self._half_bytes and direction in ("out", "open"):  # a question keeps its answer
                self._path.replace(self._older)
                self._bytes = 0
                log.warning("capture of %s: %s is full, what is older than it is dropped", self._name, self._older)
            with self._path.open("a", encoding="utf-8", newline="\n") as file:
                self._bytes += file.write(text)
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        self._is_over = True
        log.error("capture of %s ends: %s", self._name, error)


class _NotedLine:
    """A line whose bytes are noted as they pass."""

    def __init__(self, line: OpenLine, notes: _Notes) -> None:
        self._line = line
        self._notes = notes

    async def write(self, data: bytes) -> None:
        try:
            await self._line.write(data)
        except LineLost as error:
            self._notes.lose(error)
            raise
        self._notes.take("out", data)

    async def read(self, timeout_ms: int) -> bytes:
        try:
            data = await self._line.read(timeout_ms)
        except LineLost as error:
            self._notes.lose(error)
            raise
        self._notes.take("in", data)
        return data

    def pending(self) -> bytes:
        try:
            data = self._line.pending()
        except LineLost as error:
            self._notes.lose(error)
            raise
        if data:
            self._notes.take("waited", data)
        return data

    def close(self) -> None:
        self._line.close()
