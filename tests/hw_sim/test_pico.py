"""A node on an emulated Pico with a user's MicroPython: it measures, reports, sleeps and survives power cuts."""

import asyncio
import contextlib
import struct
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from firmware.journal import Journal
from gateway.site import config, slice
from hw_sim.bus import wire
from hw_sim.bus.sensor import SimSensor
from hw_sim.bus.wire import Drop
from hw_sim.clock import run_virtual, world_clock
from hw_sim.ledger import Ledger
from hw_sim.node.board import SimBoard, SimFlash
from hw_sim.pico import image
from hw_sim.pico.board import Pico
from hw_sim.pico.chip import PicoFailed, PowerCut
from hw_sim.radio.plain import Radio
from hw_sim.streams import Streams
from tests.hw_sim.radio_end import RadioEnd, Recorder

SITE = """
[station]
id = "emulated"
name = "A node on an emulated chip"
latitude = 35.7
longitude = 94.1
altitude_m = 4500
[store]
path = "store.db"
[radio]
port = "radio"
baud = 9600
[[node]]
id = 17
name = "water"
key = "7a4e0c5d1f8b2a9366e0d7c15b3f48a20c9d6e7f8091a2b3c4d5e6f708192a3b"
report_s = %d
  [[node.bus]]
  id = "uart1"
  [[node.sensor]]
  id = "do"
  profile = "yosemitech_y504"
  bus = "uart1"
  unit_id = 4
  period_s = 30
  rail = "probes"
  quantities = ["temperature", "dissolved_oxygen"]
"""


class Bench:
    """One node on an emulated Pico, one sensor on its bus, a gateway's end of its radio."""

    def __init__(self, uf2: Path, folder: Path, seed: int = 1, report_s: int = 120) -> None:
        (folder / "site.toml").write_text(SITE % report_s, "utf-8")
        site = config.load(folder / "site.toml")
        (node,) = site.nodes
        clock = world_clock()
        streams = Streams(seed)
        self.ledger = Ledger()
        self.radio = Radio(clock, streams["radio"])
        self.bus = wire.rs485(clock, 9600)
        truth = {"temperature": lambda s: 8 + s / 1000, "dissolved_oxygen": lambda s: 9.5 - s / 2000}
        self.sensor = SimSensor("do", site.profile(node.sensors[0]), 4, truth, self.ledger, clock, powered=False)
        Drop(self.bus, self.sensor)
        self.air = Recorder(self.radio)
        self.end = RadioEnd(site, self.radio, clock)
        self.said: list[str] = []
        self.board = SimBoard(
            slice.cut(site, node),
            clock,
            streams["pico"],
            {"uart1": self.bus},
            {"probes": [self.sensor]},
            self.radio,
            self.said.append,
        )
        self.pico = Pico(uf2, self.board)

    async def boot(self, seconds: float) -> None:
        """Power for so long, then none."""
        self.board.power_on()
        task = asyncio.create_task(self.pico.run())
        await asyncio.wait([task], timeout=seconds)
        task.cancel()
        try:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        finally:
            self.board.power_off()

    def kept(self) -> dict[int, bytes]:
        """The records that a reader of the journal finds. A copy is read: opening it begins a new boot."""
        copy = SimFlash(self.board.flash.sectors)
        copy.content[:] = self.board.flash.content
        return {entry.number: entry.payload for entry in Journal(copy).read(1, 10_000, 10_000)}

    def check_readings(self) -> None:
        """What arrived is what the sensor had said, at that time; every message was accepted. A boot that never heard
        the gateway has no date: its times count from power-on."""
        assert self.end.refused == []
        for channel, arrived in self.end.readings().items():
            told = self.ledger.readings[channel]
            for unix_ms, value, *_ in arrived:
                near = [said for at_ms, said in told if unix_ms < 1e9 or abs(at_ms - unix_ms) <= 2500]
                assert value in near, (channel, unix_ms)


def life_of(uf2: Path, folder: Path, seed: int) -> Coroutine[Any, Any, tuple[list[tuple[int, bytes]], bytes]]:
    async def main() -> tuple[list[tuple[int, bytes]], bytes]:
        bench = Bench(uf2, folder, seed)
        bench.radio.loss = 0.7  # so that there are tries, whose back-off is drawn from the chip's noise
        await bench.boot(45)
        return bench.air.heard, bytes(bench.pico.flash)

    return main()


def test_a_node_measures_reports_and_sleeps(uf2: Path, tmp_path: Path) -> None:
    async def main() -> None:
        bench = Bench(uf2, tmp_path)
        await bench.boot(660)
        bench.check_readings()
        # node 17 has its turn 54 s into each 120 s: the sixth is at 654 s, after the slots of 30, 60 .. 630 s
        assert [len(batch.records) for _, batch in bench.end.batches] == [1, 4, 4, 4, 4, 4]
        slots_s = [round(unix_ms / 1000) % 3600 for unix_ms, *_ in bench.end.readings()["do.temperature"]]
        assert slots_s == list(range(30, 660, 30))
        assert len(bench.end.readings()["do.dissolved_oxygen"]) == len(slots_s)
        assert [line for line in bench.said if line.startswith("reset")] == []  # the watchdog was fed
        assert bench.pico.lost == 0
        assert bench.sensor.answer(struct.pack(">BHH", 3, 0x2600, 2)) is None  # without power its rail is off

    run_virtual(main())


def test_the_same_seed_gives_the_same_bytes_at_the_same_microseconds(uf2: Path, tmp_path: Path) -> None:
    first = run_virtual(life_of(uf2, tmp_path, seed=1))
    again = run_virtual(life_of(uf2, tmp_path, seed=1))
    assert first == again
    assert len(first[0]) >= 2


def test_records_outlive_power_cuts_in_the_middle_of_a_flash_write(uf2: Path, tmp_path: Path) -> None:
    """Nobody hears the node while its power is cut again and again; then somebody does."""

    async def main() -> None:
        bench = Bench(uf2, tmp_path, report_s=1200)
        bench.radio.loss = 1.0
        held: dict[int, bytes] = {}
        for operation, share in ((8, 0.5), (5, 0.1), (6, 0.9), (1, 0.5)):
            bench.board.flash.cut_at(operation, share, lambda: None)
            with pytest.raises(PowerCut):
                await bench.boot(600)
            kept = bench.kept()
            assert held.items() <= kept.items()
            held = kept
        await bench.boot(45.0)  # and one that falls where it falls
        held = bench.kept()
        assert len(held) >= 4
        bench.radio.loss = 0.0
        await bench.boot(20)
        assert held.keys() <= bench.end.records[17].keys()
        bench.check_readings()

    run_virtual(main())


def test_a_cut_while_the_ring_takes_a_new_sector_loses_nothing_older(uf2: Path, tmp_path: Path) -> None:
    async def main() -> None:
        bench = Bench(uf2, tmp_path, report_s=1200)
        bench.radio.loss = 1.0
        records = fill_a_sector(bench.board.flash)
        for operation, share in ((1, 0.5), (2, 0.5), (3, 0.5)):  # the erasure, the head, the first entry
            bench.board.flash.cut_at(operation, share, lambda: None)
            with pytest.raises(PowerCut):
                await bench.boot(60)
            assert len(bench.kept()) >= records
        bench.radio.loss = 0.0
        await bench.boot(15)
        assert set(range(1, records + 1)) <= bench.kept().keys()
        assert max(bench.board.flash.erases) >= 2

    run_virtual(main())


def fill_a_sector(flash: SimFlash) -> int:
    """Records until not even a state fits; how many."""
    journal = Journal(flash)
    number = 0
    while flash.content[image.SECTOR - 24 : image.SECTOR].count(0xFF) == 24:
        number = journal.append(b"\x00\x00\x00\x00\x00\x00")
    return number


def test_firmware_that_ends_is_told_with_its_traceback(uf2: Path, tmp_path: Path) -> None:
    async def main() -> None:
        bench = Bench(uf2, tmp_path)
        flash = bytes(bench.pico.flash)
        assert flash.count(b'"schema":') == 1
        bench.pico.flash = bytearray(flash.replace(b'"schema":', b'"scheme":'))
        with pytest.raises(PicoFailed, match=r"ConfigError: slice: KeyError"):
            await bench.boot(20)

    run_virtual(main())
