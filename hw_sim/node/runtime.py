"""Knows where a node's firmware can run, as one interface, and the nearest such place; knows no other."""

from collections.abc import Callable
from typing import Protocol

from firmware import main as firmware
from hw_sim.node.board import SimBoard


class Runtime(Protocol):
    """Where the firmware of one board runs: in this process, in a real MicroPython (vm.py), on an emulated chip
    (hw_sim/pico/board.py)."""

    async def run(self) -> None:
        """One boot of the board, which has just been given power; until cancelled, which is a power cut. Raises what
        the firmware ended with, which never ends by itself."""


Fit = Callable[[SimBoard], Runtime]  # puts a board's firmware somewhere


class InProcess:
    """The firmware in the simulator's own CPython."""

    def __init__(self, board: SimBoard) -> None:
        self._board = board

    async def run(self) -> None:
        self._board.choose()
        await firmware.live(self._board)
