"""Knows how a machine is looked at: its files below a root, its programs' words, its processes; judges nothing."""

import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from serial.tools import list_ports

from gateway.machine import usb

_PROGRAM_S = 10.0


class Process(NamedTuple):
    """Somebody who has a file open."""

    pid: int
    name: str
    command: str

    @property
    def is_gateway(self) -> bool:
        words = self.command.split()
        return "run" in words and any("watertower" in word or word == "gateway" for word in words[: words.index("run")])


class Eyes:
    """Of this machine. Tests look at a tree of their own."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root

    def at(self, path: str) -> Path:
        return self._root / path.lstrip("/")

    def text(self, path: str) -> str | None:
        """None: not there, or not to be read."""
        try:
            return self.at(path).read_text("utf-8", "replace").strip("\0\n ")
        except OSError:
            return None

    def number(self, path: str) -> int | None:
        try:
            return int(self.text(path) or "", 0)
        except ValueError:
            return None

    def said(self, command: Sequence[str]) -> str | None:
        """What a program says; None: there is no such program, or it says nothing in time."""
        if shutil.which(command[0]) is None:
            return None
        try:
            run = subprocess.run(command, capture_output=True, text=True, timeout=_PROGRAM_S, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return None
        return run.stdout.strip()

    def ports(self) -> Iterable[usb.Port]:
        """Serial ports that are plugged in."""
        found: Iterable[usb.Port] = list_ports.comports()
        return found

    def holders(self, device: Path) -> list[Process]:
        """Who has it open; of other users' programs only root sees that."""
        wanted = os.path.realpath(device)
        return [process for process, targets in self._processes() if wanted in targets]

    def runs(self, name: str) -> bool:
        """Whether a program of that name runs."""
        return any(path.read_text("utf-8").strip() == name for path in self._readable("comm"))

    def _readable(self, what: str) -> Iterator[Path]:
        for path in self.at("/proc").glob(f"[0-9]*/{what}"):
            try:
                path.read_bytes()
            except OSError:
                continue
            yield path

    def _processes(self) -> Iterator[tuple[Process, set[str]]]:
        for folder in self.at("/proc").glob("[0-9]*"):
            targets = set()
            try:
                for link in (folder / "fd").iterdir():
                    try:
                        targets.add(os.readlink(link))
                    except OSError:
                        continue
                name = (folder / "comm").read_text("utf-8").strip()
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()
            except OSError:
                continue
            yield Process(int(folder.name), name, command), targets
