"""Knows how the real gateway is started, killed and stopped as a process; knows no site and no reason."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_LOOK_S = 0.01  # how often a process is asked whether it has ended
_STOP_S = 30.0  # a clean stop takes less than 5 s


class GatewayProcess:
    """At most one process at a time, with the arguments of `watertower run`; its words go to the file `log`."""

    def __init__(self, arguments: Sequence[str], log: Path) -> None:
        self._command = [sys.executable, "-m", "gateway", "run", *arguments]
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._start: asyncio.Task[None] | None = None

    @property
    def is_wanted(self) -> bool:
        """Started and not killed since."""
        return self._start is not None

    def start(self) -> None:
        """A new one, once the one before is dead."""
        assert self._start is None
        self._start = asyncio.create_task(self._start_after(self._process), name="start of the gateway")

    async def _start_after(self, before: "subprocess.Popen[bytes] | None") -> None:
        while before is not None and before.poll() is None:
            await asyncio.sleep(_LOOK_S)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "WATERTOWER_LANG": "en"},
                process_group=0,  # Ctrl-C is for the simulator, which stops it at its time
            )

    def kill(self) -> None:
        """As a power cut would: no warning, no clean-up."""
        assert self._start is not None
        self._start.cancel()
        self._start = None
        if self._process is not None:
            self._process.kill()

    def ended(self) -> bool:
        """Whether it has ended by itself."""
        return (
            self._start is not None
            and self._start.done()
            and self._process is not None
            and self._process.poll() is not None
        )

    async def stop(self) -> None:
        """Ends it cleanly, and waits until it is dead."""
        if self._start is not None:
            self._start.cancel()
            await asyncio.wait([self._start])
            self._start = None
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        end_s = asyncio.get_running_loop().time() + _STOP_S
        while process.poll() is None:
            if asyncio.get_running_loop().time() > end_s:
                process.kill()
            await asyncio.sleep(_LOOK_S)
