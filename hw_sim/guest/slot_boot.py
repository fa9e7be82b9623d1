"""Knows how firmware/boot brings archives to life in a real MicroPython, one boot a line; knows no chip.

usage: slot_boot.py BOOTS CONFIRMED.wtu TRIAL.wtu: the first in slot 0, the other on trial in slot 1. Each boot is a
process of its own on a chip; here the modules are forgotten, and the mount is taken away.
"""

import sys

import vfs

from firmware.boot import start
from firmware.boot.notes import Notes
from hw_sim.guest.update_cuts import Dice, Nor, Power, install
from protocols import update

_SECTOR, _SECTORS = 4096, 24


class Reset(BaseException):
    """The boot ends."""


class Desk(start.Port):
    def __init__(self) -> None:
        power = Power(Dice(1))
        self.slots = (Nor(power, _SECTORS, _SECTOR), Nor(power, _SECTORS, _SECTOR))
        self.notes = Nor(power, 2, 256)
        self._end = start.WOKE

    def last(self) -> int:
        return self._end

    def mark(self, end: int) -> None:
        self._end = end

    def sleep_ms(self, duration_ms: int) -> None:
        print("asleep %d" % duration_ms)

    def reset(self) -> None:
        raise Reset

    def say(self, text: str) -> None:
        print(text)


def main(boots: int, *paths: str) -> None:
    desk = Desk()
    archives = []
    for path in paths:
        with open(path, "rb") as file:
            archives.append(file.read())
    install(desk, 0, archives[0])  # type: ignore[arg-type]  # it has slots and notes
    install(desk, 1, archives[1])  # type: ignore[arg-type]
    assert desk.notes is not None
    tried = Notes(desk.notes).newest(1)
    assert tried is not None
    Notes(desk.notes).add(1, tried.number, tried.fingerprint)  # once more, not confirmed
    own = list(sys.path)
    for _ in range(boots):
        try:
            start.boot(desk)
        except Reset:
            pass
        if sys.path != own:
            sys.path[:] = own
            vfs.umount(start.PLACE)
    print(update.MAGIC.decode(), "end")


main(int(sys.argv[1]), *sys.argv[2:])
