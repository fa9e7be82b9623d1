"""Knows how a real MicroPython process runs the firmware against a simulated board; knows no firmware."""

import asyncio
import contextlib
import json
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from firmware.board import Radio
from firmware.boot import start
from firmware.boot.notes import Notes
from firmware.config import ConfigError
from hw_sim.node.board import SimBoard
from hw_sim.node.flash import SimFlash
from hw_sim.node.interpreter import Interpreter
from hw_sim.node.runtime import Fit

ROOT = Path(__file__).parents[2]


class GuestFailed(Exception):
    """The firmware ended by itself: its last words."""


class Vm:
    """A Runtime: one MicroPython process for each boot of one node. In virtual time nothing happens while the guest
    computes. `code` is the folder that firmware and guest are imported from, if not this project's, `script` what is
    started with `args`."""

    def __init__(
        self,
        interpreter: Interpreter,
        board: SimBoard,
        heap_kib: int | None = None,
        code: Path | None = None,
        script: Path | None = None,
        args: Sequence[str] = (),
    ) -> None:
        self._interpreter = interpreter
        self._board = board
        self._heap_kib = heap_kib
        self._code = code or ROOT
        self._script = script or ROOT / "hw_sim" / "guest" / "node.py"
        self._args = args
        self._lines: list[Radio] = []

    async def run(self) -> None:
        """Serves the guest's calls until cancelled, which ends it like a power cut. GuestFailed: it ended itself."""
        self._lines = [self._board.radio]
        script = self._script
        if Notes(self._board.notes).notes and script == ROOT / "hw_sim" / "guest" / "node.py":
            script = script.with_name("booted.py")
        argv, env = self._interpreter.command(script, *self._args, path=(self._code,), heap_kib=self._heap_kib)
        process = subprocess.Popen(
            argv, env=env, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            process_group=0,  # Ctrl-C is for the simulator
        )  # fmt: skip
        assert process.stdin is not None and process.stdout is not None
        words: list[str] = []
        try:
            async with self._reader(process.stdout) as next_line:
                while line := await next_line():
                    if not line.startswith(b'["'):
                        words.append(line.decode(errors="replace"))
                        continue
                    name, *arguments = json.loads(line)
                    try:
                        result = await self._serve(name, arguments)
                    except ConfigError as error:
                        result = {"refused": str(error)}
                    answer = json.dumps([result, self._board.monotonic_ms()]).encode() + b"\n"
                    with contextlib.suppress(BrokenPipeError):
                        process.stdin.write(answer)
                        process.stdin.flush()
            raise GuestFailed("".join(words[-20:]) or f"exit status {process.wait()}")
        finally:
            process.kill()
            process.wait()
            process.stdin.close()
            process.stdout.close()

    @contextlib.asynccontextmanager
    async def _reader(self, pipe: Any) -> AsyncIterator[Callable[[], Awaitable[bytes]]]:
        """Virtual time waits for the guest; real time lets others run meanwhile."""
        if self._board.true_clock.is_virtual:

            async def blocking() -> bytes:
                return bytes(pipe.readline())

            yield blocking
            return
        stream = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stream), pipe)
        try:
            yield stream.readline
        finally:
            transport.close()

    async def _serve(self, name: str, arguments: list[Any]) -> Any:
        board = self._board
        match name, arguments:
            case "sleep", [duration_ms]:
                await board.sleep_ms(duration_ms)
            case "write", [number, data]:
                await self._lines[number].write(bytes.fromhex(data))
            case "read", [number, timeout_ms]:
                return (await self._lines[number].read(timeout_ms)).hex()
            case "pending", [number]:
                return self._lines[number].pending().hex()
            case "line", [bus, baud, parity, stop_bits]:
                line = board.line(bus, baud, parity, stop_bits)
                assert isinstance(line, Radio)
                self._lines.append(line)
                return len(self._lines) - 1
            case "flash_size", [region]:
                flash = self._region(region)
                return flash.sectors, flash.sector_bytes
            case "flash_read", [region, offset, count]:
                return self._region(region).read(offset, count).hex()
            case "flash_write", [region, offset, data]:
                self._region(region).write(offset, bytes.fromhex(data))
            case "flash_erase", [region, sector]:
                self._region(region).erase(sector)
            case "target", []:
                return board.target
            case "last_end", []:
                return board.last_end
            case "mark_end", [end]:
                board.last_end = end
            case "restart", [wanted]:
                if wanted:
                    board.last_end = start.WOKE
                await board.restart()
            case "random", [below]:
                return board.random(below)
            case "wake", [number]:
                await self._lines[number].wake()
            case "rest", [number]:
                await self._lines[number].rest()
            case "is_busy", [number]:
                return self._lines[number].is_busy()
            case "gated", []:
                return board.gated
            case "power_down", [duration_ms]:
                await board.power_down(duration_ms)
            case "clock", []:
                return board.clock_ms()
            case "set_clock", [unix_ms]:
                board.set_clock(unix_ms)
            case "battery", []:
                return board.battery_mv()
            case "temperature", []:
                return board.temperature_dc()
            case "charge", [allowed]:
                board.charge(allowed)
            case "rail", [rail, on]:
                board.rail(rail, on)
            case "config", []:
                return board.config().hex()
            case "config_size", []:
                return len(board.config())
            case "config", [at, count]:
                return board.config()[at : at + count].hex()
            case "log", [text]:
                board.log(text)
            case _:
                raise GuestFailed(f"unknown call {name}{arguments}")
        return None

    def _region(self, name: str) -> SimFlash:
        board = self._board
        return {"journal": board.flash, "notes": board.notes, "slot_a": board.slots[0], "slot_b": board.slots[1]}[name]


def in_vm(interpreter: Interpreter) -> Fit:
    """A node's firmware in this MicroPython."""
    return lambda board: Vm(interpreter, board)
