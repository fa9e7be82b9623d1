"""Knows how much processor time processes have had (Linux, /proc); knows nothing of what they do."""

import os
from collections.abc import Iterable
from pathlib import Path

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def used_s(pid: int) -> float:
    """Of all its threads, in user and kernel mode (proc(5), stat: utime and stime); 0 if it has ended."""
    fields = _fields(pid)
    return (int(fields[11]) + int(fields[12])) * _TICK_S if fields else 0.0


def with_children(parent: int) -> list[int]:
    pids = (int(one.name) for one in Path("/proc").iterdir() if one.name.isdigit())
    return [parent, *(pid for pid in pids if _fields(pid)[1:2] == [str(parent)])]


class Account:
    """Seconds of processor since it was opened. `parts`: by name, the processes of each."""

    def __init__(self, **parts: Iterable[int]) -> None:
        self._parts = {name: {pid: used_s(pid) for pid in pids} for name, pids in parts.items()}

    def used_s(self) -> dict[str, float]:
        return {name: sum(used_s(pid) - had for pid, had in pids.items()) for name, pids in self._parts.items()}


def _fields(pid: int) -> list[str]:
    """From the state on: a program's name may hold anything."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
