"""A pseudo-terminal on a wire: pyserial on one side, the simulated wire on the other."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import serial

from hw_sim.bus.pty_line import PtyParty
from hw_sim.bus.wire import Wire
from hw_sim.clock import world_clock


class Ear:
    def __init__(self, wire: Wire) -> None:
        self.heard: list[bytes] = []
        wire.attach(self)

    def hear(self, data: bytes) -> None:
        self.heard.append(data)


Talk = Callable[[Wire, Ear, PtyParty, Path], Awaitable[None]]


def on_a_pty(folder: Path, talk: Talk) -> None:
    async def main() -> None:
        wire = Wire(world_clock(), byte_us=10)
        ear = Ear(wire)
        link = folder / "river"
        party = PtyParty(wire, link)
        try:
            await talk(wire, ear, party, link)
        finally:
            party.close()

    asyncio.run(main())


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.001)


def test_bytes_go_both_ways_through_a_real_serial_port(tmp_path: Path) -> None:
    every = bytes(range(256))  # nothing in them is a control character to a raw terminal

    async def talk(wire: Wire, ear: Ear, party: PtyParty, link: Path) -> None:
        with serial.Serial(str(link), 9600, timeout=0, exclusive=True) as port:
            port.write(every)
            await until(lambda: ear.heard != [])
            assert ear.heard == [every]
            wire.send(ear, every[::-1])
            await until(lambda: port.in_waiting >= 256)
            assert port.read(999) == every[::-1]

    on_a_pty(tmp_path, talk)


def test_what_is_written_in_pieces_is_one_transmission(tmp_path: Path) -> None:
    async def talk(wire: Wire, ear: Ear, party: PtyParty, link: Path) -> None:
        with serial.Serial(str(link), 9600, timeout=0) as port:
            for piece in (b"one", b", two", b" and three"):
                port.write(piece)
            await until(lambda: ear.heard != [])
            await asyncio.sleep(0.05)
            assert ear.heard == [b"one, two and three"]
            port.write(b"later")
            await until(lambda: len(ear.heard) == 2)
            assert ear.heard[1] == b"later"

    on_a_pty(tmp_path, talk)


def test_nobody_reading_never_blocks_the_world_and_the_first_bytes_stay(tmp_path: Path) -> None:
    async def talk(wire: Wire, ear: Ear, party: PtyParty, link: Path) -> None:
        with serial.Serial(str(link), 9600, timeout=0) as port:
            began_s = time.monotonic()
            for number in range(2000):
                party.hear(number.to_bytes(2, "big") * 500)
            assert time.monotonic() - began_s < 1
            await until(lambda: port.in_waiting > 0)
            assert port.read(4) == b"\x00\x00\x00\x00"
            while port.read(100_000):
                await asyncio.sleep(0.001)
            party.hear(b"and it works again")
            await until(lambda: port.in_waiting >= 18)
            assert port.read(99) == b"and it works again"

    on_a_pty(tmp_path, talk)


def test_what_comes_before_anybody_has_opened_the_port_is_not_echoed_onto_the_wire(tmp_path: Path) -> None:
    async def talk(wire: Wire, ear: Ear, party: PtyParty, link: Path) -> None:
        party.hear(b"hello\r\n")
        await asyncio.sleep(0.05)
        assert ear.heard == [] and wire.transmissions == 0

    on_a_pty(tmp_path, talk)


def test_a_process_may_close_its_port_and_open_it_again(tmp_path: Path) -> None:
    async def talk(wire: Wire, ear: Ear, party: PtyParty, link: Path) -> None:
        for count in (1, 2, 3):
            with serial.Serial(str(link), 9600, timeout=0, exclusive=True) as port:
                port.write(b"x")
                await until(lambda count=count: len(ear.heard) == count)  # type: ignore[misc]

    on_a_pty(tmp_path, talk)


def test_a_link_of_an_earlier_run_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "river").symlink_to("/dev/pts/no-longer-there")

    async def talk(wire: Wire, ear: Ear, party: PtyParty, link: Path) -> None:
        assert os.path.realpath(link).startswith("/dev/pts/") and link.exists()
        with serial.Serial(str(link), 9600, timeout=0) as port:
            port.write(b"x")
            await until(lambda: ear.heard == [b"x"])

    on_a_pty(tmp_path, talk)


def test_a_closed_party_is_off_the_wire_and_says_nothing_more(tmp_path: Path) -> None:
    async def main() -> None:
        wire = Wire(world_clock(), byte_us=10)
        ear = Ear(wire)
        party = PtyParty(wire, tmp_path / "river")
        port = serial.Serial(str(tmp_path / "river"), 9600, timeout=0)
        port.write(b"on its way")
        await asyncio.sleep(0)
        await asyncio.sleep(0)  # it has been read, and waits for more
        party.close()
        wire.send(ear, b"to nobody")
        await asyncio.sleep(0.05)
        assert ear.heard == [] and wire.transmissions == 1
        with pytest.raises(serial.SerialException):
            port.read(1)
            port.in_waiting  # noqa: B018
        port.close()

    asyncio.run(main())
