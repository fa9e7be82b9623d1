"""Knows how a node in a real MicroPython boots as on a chip: firmware/boot chooses, and the application runs out of its
slot, if there is one; knows no application.

hw_sim/guest/node.py is imported after that, so that its `firmware` is the slot's.
"""

import sys
from binascii import hexlify, unhexlify

from firmware.boot import start
from firmware.boot.slot import SlotFiles
from hw_sim.guest.talk import ask


class Region:
    """One of the board's flash regions, by its name: a Flash in all but its class, which is the application's."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.sectors, self.sector_bytes = ask("flash_size", name)

    def read(self, offset: int, count: int) -> bytes:
        return unhexlify(ask("flash_read", self._name, offset, count))

    def write(self, offset: int, data: bytes) -> None:
        ask("flash_write", self._name, offset, hexlify(data).decode())


class GuestPort(start.Port):
    gated = True  # no window: a simulated technician has no Ctrl-C

    def __init__(self) -> None:
        self.slots = (Region("slot_a"), Region("slot_b"))  # type: ignore[assignment]
        self.notes = Region("notes")  # type: ignore[assignment]

    def last(self) -> int:
        return int(ask("last_end"))

    def mark(self, end: int) -> None:
        ask("mark_end", end)

    def sleep_ms(self, duration_ms: int) -> None:
        ask("sleep", duration_ms)

    def reset(self) -> None:
        ask("restart", False)

    def say(self, text: str) -> None:
        ask("log", text)

    def launch(self, files: "SlotFiles | None", slot: "int | None", on_trial: bool) -> None:
        if files is None:  # the simulator's own firmware; what it ends with is the simulator's to know
            from hw_sim.guest import node as own

            own.main(own.GuestBoard(slot, on_trial))
            return
        import vfs

        vfs.mount(files, start.PLACE, readonly=True)
        sys.path.insert(0, start.PLACE)
        start.forget()
        node = __import__("hw_sim.guest.node", None, None, ("main",))
        node.main(node.GuestBoard(slot, on_trial))


start.boot(GuestPort())
