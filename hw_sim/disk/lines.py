"""Knows how a file that is only added to and emptied lies on a simulated disk; knows no line.

SQLite's files are asked for by hw_sim/disk/vfs.py; this is for the one beside them.
"""

import errno
import os
from pathlib import Path

from gateway.store.tail import LineFile
from hw_sim.disk.card import Disk, Full, Op, Refused


class DiskLines(LineFile):
    """On `disk`, below its folder."""

    def __init__(self, path: Path, disk: Disk) -> None:
        super().__init__(path)
        self._disk = disk

    def add(self, data: bytes) -> None:
        size = self.path.stat().st_size if self.path.exists() else 0
        self._ask(Op("write", self.path.name, size, data), len(data))
        with self.path.open("ab") as file:
            file.write(data)
            self._ask(Op("sync", self.path.name))
            if self._disk.is_synced_for_real:
                file.flush()
                os.fsync(file.fileno())

    def empty(self) -> None:
        self._ask(Op("truncate", self.path.name, 0))
        super().empty()

    def _ask(self, op: Op, grows: int = 0) -> None:
        try:
            if not self._disk.is_idle:
                self._disk.ask(op, grows)
        except Full as error:
            raise OSError(errno.ENOSPC, "no space left on the simulated disk") from error
        except Refused as error:
            raise OSError(errno.EIO, "the simulated disk refuses") from error
