"""Knows what a process costs by the kernel's own counters (proc(5)); knows not which program it is."""

import os
import resource
from pathlib import Path
from typing import NamedTuple

_TICKS = os.sysconf("SC_CLK_TCK")
_BLOCK_BYTES = 512  # of ru_oublock: Linux, include/linux/task_io_accounting_ops.h


class Sample(NamedTuple):
    """Since the start of the process, which has its memory now."""

    cpu_s: float
    rss_mb: float
    written_bytes: int


def sample(pid: int) -> Sample:
    """A process with its children. ProcessLookupError: it has ended."""
    cpu_s, rss_kb, written = 0.0, 0, 0
    for one in _family(pid):
        proc = Path("/proc", str(one))
        try:
            # the name may hold blanks: what follows its bracket is fields 3, 4, .. of proc(5)
            fields = (proc / "stat").read_text().rpartition(")")[2].split()
            status = dict(line.split(":", 1) for line in (proc / "status").read_text().splitlines())
            counters = dict(line.split(": ") for line in (proc / "io").read_text().splitlines())
        except FileNotFoundError as error:
            raise ProcessLookupError(one) from error
        cpu_s += (int(fields[11]) + int(fields[12])) / _TICKS
        rss_kb += int(status.get("VmRSS", "0 kB").split()[0])
        written += int(counters["write_bytes"])
    return Sample(cpu_s, rss_kb * 1024 / 1e6, written)


def written_in_life(usage: resource.struct_rusage) -> int:
    """Bytes that a process which has ended wrote to the disk, from what wait4() told of it."""
    return int(usage.ru_oublock) * _BLOCK_BYTES


def is_in_memory(folder: Path) -> bool:
    """Whether what is written there never meets a disk: proc_pid_mountinfo(5)."""
    kinds = {}
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        kinds[before.split()[4]] = after.split()[0]
    place = folder.resolve()
    nearest = max((where for where in kinds if place.is_relative_to(where)), key=len)
    return kinds[nearest] in ("tmpfs", "ramfs")


def _family(pid: int) -> list[int]:
    found = [pid]
    for task in Path("/proc", str(pid), "task").glob("*/children"):
        found += [one for child in task.read_text().split() for one in _family(int(child))]
    return found
