"""Knows a serial port that is plugged in, pulled out and plugged in under another name; knows nothing of what is said.

In a thread of its own: a technician's commands block, and a port is pulled out of their hands.
"""

import os
import select
import threading
import tty
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


class Terminal:
    """`hear` gets what the outside sends; what it raises ends nothing."""

    def __init__(self, hear: Callable[[bytes], None]) -> None:
        self._hear = hear
        self._lock = threading.RLock()
        self._outside = self._inside = -1
        self._link: Path | None = None
        self._bell, self._ring = os.pipe()
        self._ended = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def plug(self, link: Path) -> None:
        with self._lock:
            self.unplug()
            self._outside, self._inside = os.openpty()
            tty.setraw(self._inside)
            link.unlink(missing_ok=True)
            link.symlink_to(os.ttyname(self._inside))
            self._link = link
        os.write(self._ring, b"!")

    def unplug(self) -> None:
        """Whoever has the port open finds it dead."""
        with self._lock:
            if self._link is None:
                return
            self._link.unlink(missing_ok=True)
            self._link = None
            os.close(self._outside)
            os.close(self._inside)
        os.write(self._ring, b"!")

    def say(self, data: bytes) -> None:
        with self._lock:
            if self._link is not None:
                with suppress(OSError):
                    os.write(self._outside, data)

    def end(self) -> None:
        self.unplug()
        self._ended = True
        os.write(self._ring, b"!")
        if threading.current_thread() is not self._thread:
            self._thread.join(5)
            os.close(self._bell)
            os.close(self._ring)

    def _run(self) -> None:
        while not self._ended:
            with self._lock:
                watched = [self._bell] if self._link is None else [self._bell, self._outside]
            with suppress(OSError, ValueError):
                ready, _, _ = select.select(watched, [], [])
                if self._bell in ready:
                    os.read(self._bell, 64)
                    continue
                with self._lock:
                    if self._link is None or self._outside != watched[1]:
                        continue
                    data = os.read(self._outside, 4096)
                self._hear(data)
