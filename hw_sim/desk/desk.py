"""Knows which boards lie on a desk, and lists what is plugged in, for the technician's commands; knows no command."""

import json
import os
import threading
from pathlib import Path

from gateway.visit.plugged import LISTING
from hw_sim.desk.board import DeskBoard, unique_id
from hw_sim.desk.pico_board import PicoBoard
from hw_sim.node import interpreter


class Desk:
    """`folder` is the folder of a visit: the listing lies in it, the boards in one below. A context manager."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder = folder.absolute()
        self._guest = interpreter.find()
        self._lock = threading.Lock()
        self.boards: list[DeskBoard] = []
        folder.mkdir(parents=True, exist_ok=True)
        self.list()

    def board(self, chip: str) -> DeskBoard:
        """A new one, not plugged in, nothing in its flash."""
        unique = unique_id(chip, len(self.boards) + 1)
        board = DeskBoard(self._folder / "boards", chip, unique, self._guest, self.list)
        self.boards.append(board)
        return board

    def pico(self, uf2: Path) -> PicoBoard:
        """A new one that is an emulated RP2040, for this image or another. NoEmulator."""
        unique = unique_id("RP2040", len(self.boards) + 1)
        board = PicoBoard(self._folder / "boards", unique, uf2, self._guest, self.list)
        self.boards.append(board)
        return board

    def list(self) -> None:
        """Tells what is plugged in now."""
        with self._lock:
            ports = [row for board in self.boards if (row := board.listing()) is not None]
            drives = [str(board.drive_path) for board in self.boards if board.is_rp2]
            beside = self._folder / f".{LISTING}"
            beside.write_text(json.dumps({"pid": os.getpid(), "ports": ports, "drives": drives}), "utf-8")
            beside.replace(self._folder / LISTING)

    def __enter__(self) -> "Desk":
        return self

    def __exit__(self, *ended: object) -> None:
        for board in self.boards:
            board.end()
        (self._folder / LISTING).unlink(missing_ok=True)
