"""Knows a board on a desk that is an emulated RP2040 with a user's own image (docs/pico.md): the prompt that answers is
the real one."""

import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path

from hw_sim.desk.board import DeskBoard
from hw_sim.node.interpreter import Interpreter
from hw_sim.pico import image
from hw_sim.pico.chip import Emulator, PicoFailed, command

_STEP_US = 20_000
_IDLE_S = 0.005


class PicoBoard(DeskBoard):
    """Its flash is kept when it is pulled out. `uf2`: only to learn how long the flash is. NoEmulator."""

    def __init__(self, folder: Path, unique: str, uf2: Path, guest: Interpreter, changed: Callable[[], None]) -> None:
        command()
        flash, _ = image.read_uf2(uf2)
        self._bytes = len(flash)
        self._typed: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._life: threading.Thread | None = None
        self._powered = False
        self._us = 0  # since power-on
        self._moved = threading.Condition()
        super().__init__(folder, "RP2040", unique, guest, changed)

    def plug(self, bootsel: bool = False) -> None:
        super().plug(bootsel)
        if self.port is not None:
            self._powered = True
            self._life = threading.Thread(target=self._live, daemon=True)
            self._life.start()

    def unplug(self) -> None:
        self._powered = False
        life, self._life = self._life, None
        if life is not None and life is not threading.current_thread():
            life.join(30)
        super().unplug()

    def live(self, seconds: float) -> None:
        """Returns when so much of its own time has passed."""
        until_us = self._us + seconds * 1e6
        with self._moved:
            assert self._moved.wait_for(lambda: self._us >= until_us, 120)

    def _hear(self, data: bytes) -> None:
        self._typed.put(data)

    def _live(self) -> None:
        flash = self.flash_path.read_bytes()
        us = 0
        with Emulator(flash[: self._bytes], seed=1) as emulator:
            try:
                while self._powered:
                    typed = self._typed.get_nowait() if not self._typed.empty() else b""
                    report = emulator.run(us + _STEP_US, None, typed.decode("latin-1"))
                    us = report.us
                    with self._moved:
                        self._us = us
                        self._moved.notify_all()
                    if report.raw:
                        self._terminal.say(report.raw)
                    elif not typed:
                        time.sleep(_IDLE_S)
                    if any(event.kind == "halt" for event in report.events):  # the boot ROM's USB loader
                        break
                left = bytes(emulator.off(us).flash)
            except PicoFailed:
                return
        self._put(left + flash[len(left) :])
        if self._powered:
            self._powered = False
            self._come_back(bootsel=True)
