"""An emulated Pico with a user's MicroPython: the unchanged firmware measures, reports, sleeps and survives power cuts.

Runs when an image is given: WATERTOWER_UF2=FILE (or --uf2 FILE where the option is known). docs/pico.md has the rest.
"""

import asyncio
import contextlib
import json
import os
import struct
import subprocess
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from firmware.journal import Journal
from gateway import config, slice
from hw_sim import pico, pico_image, wire
from hw_sim.board import SimFlash
from hw_sim.clock import run_virtual, world_clock
from hw_sim.ledger import Ledger
from hw_sim.pico import Emulator, NoEmulator, Pico, PicoFailed, PowerCut
from hw_sim.pico_image import BadImage
from hw_sim.radio import Radio
from hw_sim.sensor import SimSensor
from hw_sim.streams import Streams
from hw_sim.wire import Drop
from protocols.checks import crc16
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


@pytest.fixture(scope="session")
def uf2(request: pytest.FixtureRequest, emulator: list[str]) -> Path:
    given = request.config.getoption("--uf2", default=None) or os.environ.get("WATERTOWER_UF2")
    if not given:
        pytest.skip("no MicroPython image for an RP2040: give one with WATERTOWER_UF2=FILE")
    return Path(given)


@pytest.fixture(scope="session")
def emulator() -> list[str]:
    try:
        return pico.command()
    except NoEmulator as refusal:
        pytest.skip(str(refusal))


# --- the chip alone ---------------------------------------------------------------------------------------------------

# Every first half of an instruction from several states of the processor, done both ways: by quick.mjs and by rp2040js.
BOTH_WAYS = """
import { Chip } from "./hw_sim/pico/chip.mjs";
import { Nor, dice } from "./hw_sim/pico/nor.mjs";
const RAM = 0x20000000, HERE = RAM + 0x8000, RAM_BYTES = 264 * 1024;
const random = dice(1);
const flash = 1 << 16;
const nor = new Nor(new Uint8Array(new ArrayBuffer(flash + RAM_BYTES), 0, flash), random);
nor.bytes.forEach((_, i) => { nor.bytes[i] = random() * 256; });
const chip = new Chip(nor, random, { drives: {}, watch: [], console: false, quick: true }, { reset() {}, halt() {} });
const { core } = chip.chip;
const ram = Buffer.from(chip.chip.sram.buffer, flash);
const value = () => {
  const kind = random();
  if (kind < 0.5) return RAM + 0x1000 + Math.floor(random() * 0x1000) * (random() < 0.8 ? 4 : 1);
  if (kind < 0.6) return 0x10000000 + Math.floor(random() * 0x2000) * 4;
  if (kind < 0.8) return Math.floor(random() * 64) - (random() < 0.3 ? 32 : 0);
  return random() * 2 ** 32;
};
const image = () => [[...core.registers], core.N, core.Z, core.C, core.V, core.cycles, core.waiting].join();
let done = 0;
const wrong = [];
for (let op = 0; op < 65536; op++) {
  for (let state = 0; state < 2; state++) {
    ram.fill(Math.floor(random() * 256), 0x900, 0x6000);
    for (let i = 0x1000; i < 0x1100; i++) ram[i] = random() * 256;
    ram.writeUInt16LE(op, 0x8000);
    ram.writeUInt16LE(0xd000 | (random() * 65536), 0x8002);
    const registers = Array.from({ length: 16 }, value);
    registers[13] = RAM + 0x1000 + 4 * Math.floor(random() * 64);
    registers[15] = HERE;
    const flags = [0, 1, 2, 3].map(() => random() < 0.5);
    const start = () => {
      core.registers.set(registers);
      [core.N, core.Z, core.C, core.V] = flags;
      core.cycles = 1000;
      core.interruptsUpdated = core.waiting = core.PM = false;
    };
    const before = Buffer.from(ram.subarray(0, 0x9000));
    start();
    chip.quickly(1001);
    if (core.cycles === 1000) continue;
    done++;
    const quick = image();
    const after = Buffer.from(ram.subarray(0, 0x9000));
    ram.set(before);
    start();
    core.executeInstruction();
    if (image() !== quick || after.compare(ram.subarray(0, 0x9000))) wrong.push(op.toString(16));
  }
}
core.PM = core.waiting = true; // a masked interrupt ends WFI and nothing else
core.IPSR = core.pendingInterrupts = 0;
core.enabledInterrupts = 1;
core.PC = HERE;
chip.chip.setInterrupt(0, true);
console.log(JSON.stringify({ done, wrong: [...new Set(wrong)], woken: !core.waiting, stayed: core.PC === HERE }));
"""


def test_every_frequent_instruction_does_the_same_as_the_emulators_own(emulator: list[str]) -> None:
    node, _, module = emulator
    argv = [node, "--input-type=module", "-e", BOTH_WAYS, "--", "both_ways", module]
    told = subprocess.run(argv, cwd=pico_image.ROOT, capture_output=True, text=True, timeout=120, check=True)
    result = json.loads(told.stdout)
    assert result["wrong"] == ["47f0"]  # BLX LR: rp2040js overwrites LR before it reads it (Armv6-M manual, A6.7.20)
    assert result["done"] > 80_000
    assert result["woken"] and result["stayed"]


class Shell:
    """A person at the USB console of a board without our firmware."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.us = 0
        self.events: list[tuple[str, tuple[Any, ...]]] = []
        self.wait(2.0)

    def wait(self, seconds: float, typed: str = "") -> str:
        """What the console says in so much simulated time."""
        until_us = self.us + round(seconds * 1e6)
        said = ""
        while self.us < until_us:
            report = self.emulator.run(until_us, None, typed)
            self.us, typed = report.us, ""
            said += report.said
            self.events += [(event.kind, event.details) for event in report.events]
        return said

    def do(self, lines: str, seconds: float = 1.0) -> str:
        """What is printed by statements that are pasted in."""
        self.wait(0.1, "\x05")
        said = self.wait(seconds, lines.replace("\n", "\r") + "\r\x04")
        return said.rpartition("=== \r\n")[2].removesuffix(">>> ").replace("\r\n", "\n").rstrip("\n")

    def hear(self, uart: int, data: bytes) -> None:
        """Bytes at 9600 baud that begin now."""
        character_us = 10e6 / 9600
        self.emulator.run(self.us, [(uart, self.us + character_us, data, character_us)])


def test_an_image_boots_to_its_prompt_and_computes(uf2: Path) -> None:
    flash, _ = pico_image.read_uf2(uf2)
    with Emulator(flash, seed=1) as emulator:
        shell = Shell(emulator)
        assert "MicroPython" in shell.wait(1.0, "\r")
        assert shell.do("import math\nprint(6 * 7, 2 ** 0.5, math.sin(1), int(-2.5), 1 << 40, 0.1 + 0.2)") == (
            "42 1.414214 0.841471 -2 1099511627776 0.3"
        )
        compare = """bad = 0
for i in range(-30, 30):
  for j in range(-30, 30):
    a, b = i / 7, j / 3.5
    bad += ((a < b) != (i < 2 * j)) + ((a == b) != (i == 2 * j)) + ((a >= b) != (i >= 2 * j))

print(bad, float('nan') == float('nan'), float('inf') > 1e38)"""
        assert shell.do(compare, 3.0) == "0 False True"


WORK = """import hashlib, json, struct, time
t = time.ticks_us()
c = 0xffff
for b in bytes(range(60)):
  c ^= b
  for _ in range(8):
    c = (c >> 1) ^ 0xa001 if c & 1 else c >> 1

d = {str(i): (i * i, -i / 7, 1 << i) for i in range(40)}
s = json.dumps(d) + hashlib.sha256(struct.pack('>hIq', -5, 1 << 31, -1)).digest().hex()
x = sorted([(i * 7919) % 101 for i in range(101)]) + [2 ** 70 // 3, -(2 ** 65) >> 3, -7 // 2, -7 % 5]
print(c, hash(s), x[-4:], sum(x), len(s))
print(time.ticks_diff(time.ticks_us(), t))"""


def test_the_quick_way_and_the_emulators_own_agree_in_results_and_in_time(uf2: Path) -> None:
    flash, _ = pico_image.read_uf2(uf2)
    answers = []
    for quick in (True, False):
        with Emulator(flash, seed=1, quick=quick) as emulator:
            shell = Shell(emulator)
            answers.append((shell.do(WORK, 2.0), bytes(emulator.off(shell.us).flash)))
    assert answers[0] == answers[1]
    expected = [2**70 // 3, -(2**65) >> 3, -7 // 2, -7 % 5]
    assert answers[0][0].startswith(f"{crc16(bytes(range(60)))} ") and str(expected) in answers[0][0]


def test_sleep_is_exact_and_costs_no_computing(uf2: Path) -> None:
    flash, _ = pico_image.read_uf2(uf2)
    with Emulator(flash, seed=1) as emulator:
        shell = Shell(emulator)
        sleep = "import machine, time\nt = time.ticks_us()\n%s\nprint(time.ticks_diff(time.ticks_us(), t))"
        assert 4_000_000 <= int(shell.do(sleep % "machine.lightsleep(4000)", 5)) < 4_001_000
        assert 250_000 <= int(shell.do(sleep % "time.sleep_ms(250)")) < 250_500


def test_resets_are_told_apart_and_keep_the_files(uf2: Path) -> None:
    flash, _ = pico_image.read_uf2(uf2)
    with Emulator(flash, seed=1) as emulator:
        shell = Shell(emulator)
        shell.do("f = open('kept', 'w')\nf.write('text')\nf.close()")
        cause = "import machine\nprint(open('kept').read(), machine.reset_cause())"
        assert shell.do(cause) == "text 1"
        shell.do("machine.reset()", 3)
        assert shell.events.pop() == ("reset", ("the firmware asked for it",))
        assert shell.do(cause) == "text 3"
        shell.do("machine.WDT(timeout=3000)")
        shell.wait(6.0)
        assert shell.events == [("reset", ("watchdog",))]
        assert shell.do(cause) == "text 3"
        assert sum(emulator.off(shell.us).erases.values()) > 0


def test_a_uart_sends_in_the_time_of_its_baud_rate_and_loses_what_its_driver_does_not_carry(uf2: Path) -> None:
    flash, _ = pico_image.read_uf2(uf2)
    send = """from machine import Pin, UART
import time
u = UART(1, 9600, tx=Pin(4), rx=Pin(5))
de = Pin(6, Pin.OUT, value=0)
de(1); t = time.ticks_us()
n = u.write(b'12345678')
%s
de(0); print(time.ticks_diff(time.ticks_us(), t))"""
    with Emulator(flash, seed=1, drives={1: 6}) as emulator:
        shell = Shell(emulator)
        assert 8_333 <= int(shell.do(send % "u.flush()")) < 8_500
        assert shell.events == [("frame", (1, b"12345678".hex()))]
        shell.events.clear()
        assert 5_000 <= int(shell.do(send % "time.sleep_us(5000)")) < 5_300
        assert shell.events == [("frame", (1, b"1234".hex()))]  # released too early
        assert emulator.off(shell.us).lost == 4


def test_a_uart_hears_everything_awake_and_nothing_in_light_sleep(uf2: Path) -> None:
    flash, _ = pico_image.read_uf2(uf2)
    with Emulator(flash, seed=1) as emulator:
        shell = Shell(emulator)
        shell.do("import machine, time\nfrom machine import Pin, UART\nu = UART(1, 9600, tx=Pin(4), rx=Pin(5))")
        shell.hear(1, bytes(range(200)))
        shell.wait(0.5)
        assert shell.do("print(u.read() == bytes(range(200)))") == "True"
        shell.do("time.sleep_ms(100); machine.lightsleep(2000)", 0.5)
        shell.hear(1, bytes(range(200)))
        shell.wait(2.5)
        assert shell.do("print(u.read())") == "None"
        assert emulator.off(shell.us).lost == 200


def test_a_cut_leaves_half_an_erasure_and_whole_neighbours(uf2: Path) -> None:
    flash, storage = pico_image.read_uf2(uf2)
    sector = storage.start + 100 * pico_image.SECTOR
    with Emulator(flash, seed=1) as emulator:
        Shell(emulator).wait(1.0)  # the stock image formats its storage
        flash = emulator.off(3_000_000).flash
    flash[sector - 16 : sector + pico_image.SECTOR + 16] = bytes(pico_image.SECTOR + 32)
    with Emulator(flash, seed=1, cut=(1, 0.5)) as emulator:
        shell = Shell(emulator)
        until_us = shell.us + 1_000_000
        report = emulator.run(until_us, None, "import rp2; rp2.Flash().ioctl(6, 100)\r")
        while not report.events:
            report = emulator.run(until_us)
        assert [event.kind for event in report.events] == ["cut"]
        left = emulator.off(report.us).flash
    torn = left[sector : sector + pico_image.SECTOR]
    ones = sum(byte.bit_count() for byte in torn)
    assert 0.45 < ones / (8 * pico_image.SECTOR) < 0.55
    assert left[sector - 16 : sector] + left[sector + pico_image.SECTOR :][:16] == bytes(32)


# --- a node -----------------------------------------------------------------------------------------------------------


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
        self.pico = Pico(
            uf2,
            slice.cut(site, node),
            clock,
            streams["pico"],
            {"uart1": self.bus},
            {"probes": [self.sensor]},
            self.radio,
            self.said.append,
        )

    async def boot(self, seconds: float) -> None:
        """Power for so long, then none."""
        task = asyncio.create_task(self.pico.run())
        await asyncio.wait([task], timeout=seconds)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    def kept(self) -> dict[int, bytes]:
        """The records that a reader of the journal finds."""
        return {entry.number: entry.payload for entry in Journal(self.pico.journal).unsent(10_000)}

    def check_readings(self) -> None:
        """What arrived is what the sensor had said, at that time; every message was accepted. A boot that never heard
        the gateway has no date: its times count from power-on."""
        assert self.end.refused == []
        for channel, arrived in self.end.readings().items():
            told = self.ledger.readings[channel]
            for unix_ms, value in arrived:
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
        await bench.boot(620)
        bench.check_readings()
        readings = bench.end.readings()
        assert {channel: len(values) for channel, values in readings.items()} == {
            "do.temperature": 20,
            "do.dissolved_oxygen": 20,
        }
        assert len(bench.end.batches) == 5
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
            bench.pico.cut = (operation, share)
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
        full = bench.pico.journal
        records = fill_a_sector(full)
        bench.pico.journal = full
        for operation, share in ((1, 0.5), (2, 0.5), (3, 0.5)):  # the erasure, the header, the first state
            bench.pico.cut = (operation, share)
            with pytest.raises(PowerCut):
                await bench.boot(60)
            assert len(bench.kept()) >= records
        bench.radio.loss = 0.0
        await bench.boot(15)
        assert set(range(1, records + 1)) <= bench.kept().keys()
        assert max(bench.pico.erases.values()) >= 2

    run_virtual(main())


def fill_a_sector(flash: SimFlash) -> int:
    """Records until not even a state fits; how many."""
    journal = Journal(flash)
    number = 0
    while flash.content[pico_image.SECTOR - 18 : pico_image.SECTOR].count(0xFF) == 18:
        number = journal.append(b"\x00\x00\x00\x00\x00\x00")
    return number


def test_firmware_that_ends_is_told_with_its_traceback(uf2: Path, tmp_path: Path) -> None:
    async def main() -> None:
        bench = Bench(uf2, tmp_path)
        bench.pico.journal = SimFlash(32)
        flash = bytes(bench.pico.flash)
        assert flash.count(b'"schema":') == 1
        bench.pico.flash = bytearray(flash.replace(b'"schema":', b'"scheme":'))
        with pytest.raises(PicoFailed, match=r"ConfigError: slice: KeyError"):
            await bench.boot(20)

    run_virtual(main())


# --- without an image -------------------------------------------------------------------------------------------------


def test_what_is_no_image_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.uf2"
    other.write_bytes(b"no image at all".ljust(512))
    with pytest.raises(BadImage, match="no UF2"):
        pico_image.read_uf2(other)
    head = struct.pack("<8I", 0x0A324655, 0x9E5D5157, 0x2000, 0x10000000, 256, 0, 1, 0xE48BFF59)
    other.write_bytes(head.ljust(512))
    with pytest.raises(BadImage, match="another chip"):
        pico_image.read_uf2(other)
    head = head[:-4] + struct.pack("<I", 0xE48BFF56)
    other.write_bytes(head.ljust(512))
    with pytest.raises(BadImage, match="storage"):
        pico_image.read_uf2(other)


def test_a_second_bus_has_no_uart() -> None:
    with pytest.raises(NoEmulator, match="two UARTs"):
        pico.carrier_for(("uart1", "uart2"), (), 1 << 20)
