"""Knows one board on a desk: plugged in, in its loader, at its prompt, pulled out; knows no command of a technician.

A pty has no reset lines. In their place: SLIP begins (esptool's sync) and the chip is in its loader; Ctrl-C outside of
SLIP, and it runs what is in its flash.
"""

import shutil
import subprocess
import threading
import time
from binascii import hexlify
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gateway.visit import image as images
from gateway.visit.image import XIP_BASE
from hw_sim.desk import pretended
from hw_sim.desk.esp_rom import CHIPS, EspRom
from hw_sim.desk.faults import NONE, Faults
from hw_sim.desk.raw_repl import RawRepl
from hw_sim.desk.terminal import Terminal
from hw_sim.node import interpreter
from hw_sim.node.interpreter import Interpreter

_ROOT = Path(__file__).resolve().parents[2]
_GUEST = _ROOT / "hw_sim/guest/desk_chip.py"
_FLASH_BYTES = 4 << 20
_USB = {"RP2040": (0x2E8A, 0x0005), "RP2350": (0x2E8A, 0x0005), "ESP32": (0x10C4, 0xEA60)}
_USB_ESP = (0x303A, 0x1001)
_DRIVE_NAMES = {"RP2040": "RPI-RP2", "RP2350": "RP2350"}  # Board-ID: pico-bootrom, and data sheet RP2350, 5.5
_LOOK_S = 0.02
_RETURN_S = 0.3  # until a port is there again; ours


class DeskBoard:
    """`folder` holds its flash, its port's name and its drive. Ports are named ttyACM0, ttyACM1 .. anew each time."""

    def __init__(
        self,
        folder: Path,
        chip: str,
        unique: str,
        guest: Interpreter | None = None,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._changed = changed
        self.expected_bytes = 1 << 20  # of the image that an ESP32 is going to get: for the faults' shares
        self.folder = folder
        self.chip = chip
        self.unique = unique
        self.faults: Faults = NONE
        self.flash_path = folder / f"{unique}.flash"
        self.drive_path = folder / f"{unique}.drive"
        self.port: Path | None = None
        self._guest = guest or interpreter.find()
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.RLock()
        self._numbers = 0
        self.runs = 0  # pieces of code, at the prompt
        self._ended = False
        self._return: threading.Timer | None = None
        self._there = threading.Event()
        folder.mkdir(parents=True, exist_ok=True)
        if not self.flash_path.exists():
            self.erase()
        Path(f"{self.flash_path}.id").write_bytes(bytes.fromhex(unique))
        self._terminal = Terminal(self._hear)
        self._repl = RawRepl(self._execute, self._terminal.say, self._stop)
        self._rom: EspRom | None = None
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    # --- from outside -------------------------------------------------------------------------------------------------

    def plug(self, bootsel: bool = False) -> None:
        """Into USB. An RP2 with nothing in its flash, or with BOOTSEL held, shows itself as a drive."""
        with self._lock:
            if self._return is not None:
                self._return.cancel()
            self.unplug()
            if self._ended:
                return
            if self.is_rp2 and (bootsel or not self.is_bootable):
                self.drive_path.mkdir()
                (self.drive_path / "INDEX.HTM").write_text("<html>", "ascii")
                info = f"UF2 Bootloader v3.0\nModel: Raspberry Pi\nBoard-ID: {_DRIVE_NAMES[self.chip]}\n"
                (self.drive_path / "INFO_UF2.TXT").write_text(info, "ascii")
            else:
                self.port = self.folder / f"{self.unique}.ttyACM{self._numbers}"
                self._numbers += 1
                self._terminal.plug(self.port)
                self._there.set()
        self._changed()

    def unplug(self) -> None:
        with self._lock:
            self._stop()
            self._rom = None
            self.port = None
            self._there.clear()
            self._terminal.unplug()
            shutil.rmtree(self.drive_path, ignore_errors=True)
        self._changed()

    def _come_back(self, bootsel: bool = False) -> None:
        """It restarts: gone, and there again."""
        self.unplug()
        self._return = threading.Timer(_RETURN_S, self.plug, (bootsel,))
        self._return.start()

    def end(self) -> None:
        with self._lock:
            self._ended = True
            self.unplug()
        self._watcher.join(5)
        self._terminal.end()

    def awaited(self) -> str:
        """Its port, once it is there again."""
        assert self._there.wait(10)
        return str(self.port)

    @property
    def is_rp2(self) -> bool:
        return self.chip in _DRIVE_NAMES

    @property
    def usb(self) -> tuple[int, int]:
        return _USB.get(self.chip, _USB_ESP)

    @property
    def image(self) -> str | None:
        """Of which kind the image is that is whole in its flash: "own", "stock"; None: it does not start."""
        kept = Path(f"{self.flash_path}.image")
        return kept.read_text("ascii") if kept.exists() else None

    @property
    def is_bootable(self) -> bool:
        return self.image is not None

    def erase(self) -> None:
        """As it left the factory."""
        self._put(b"\xff" * _FLASH_BYTES)
        self._forget_image()

    def install(self, content: bytes) -> None:
        """An image as if it had been flashed long ago."""
        read = images.read("image", content)
        self._keep(read, len(content))

    def listing(self) -> dict[str, Any] | None:
        """The port as list_ports would tell it."""
        if self.port is None:
            return None
        vid, pid = self.usb
        serial = "0001" if self.chip == "ESP32" else self.unique  # a converter has a number of its own
        return {"device": str(self.port), "vid": vid, "pid": pid, "serial": serial, "description": self.chip}

    # --- at the prompt ------------------------------------------------------------------------------------------------

    def _hear(self, data: bytes) -> None:
        with self._lock:
            if self._rom is None and not self.is_rp2 and b"\xc0" in data:
                flash = bytearray(self.flash_path.read_bytes())
                mac = bytes.fromhex(self.unique)
                self._stop()
                self._rom = EspRom(CHIPS[self.chip], flash, mac, self._terminal.say, self._written)
            elif self._rom is not None and b"\x03" in data and b"\xc0" not in data and self._rom.is_idle:
                self._leave_loader()
            if self._rom is not None:
                self._rom.feed(data)
            elif self.is_bootable:
                self._repl.feed(data)

    def _execute(self, code: str) -> tuple[bytes, bytes] | None:
        self.runs += 1
        if self.faults.lost_at is not None and self.runs > self.faults.lost_at:
            self.faults = self.faults._replace(lost_at=None)
            self.unplug()
            return None
        if self._process is None:
            self._start()
        assert self._process is not None and self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(hexlify(code.encode()) + b"\n")
        self._process.stdin.flush()
        said = bytearray()
        while True:
            byte = self._process.stdout.read(1)
            if byte in (b"\x04", b""):
                break
            if byte == b"\x05":
                word = self._process.stdout.readline().decode().strip()
                self._come_back(word == "bootloader")
                return None
            said += byte
        raised = bytearray()
        while (byte := self._process.stdout.read(1)) not in (b"\x04", b""):
            raised += byte
        self._process.stdout.readline()
        return bytes(said), bytes(raised)

    def _start(self) -> None:
        own = "1" if self.image == "own" else "0"
        argv, environment = self._guest.command(_GUEST, self.chip, str(self.flash_path), own, path=(_ROOT,))
        self._process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)

    def _stop(self) -> None:
        """The interpreter ends: a soft reset, a reset, no power."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    # --- in a loader --------------------------------------------------------------------------------------------------

    def _written(self, count: int) -> bool:
        """Of an ESP32: whether it lives on after so many bytes."""
        assert self._rom is not None
        if self.faults.rots:
            self.faults = self.faults._replace(rots=False)
            self._rom.flash[images.ESP_CHIPS[CHIPS[self.chip].id][1] + 100] ^= 1
        share = count / self.expected_bytes
        if self.faults.brown_out_at is not None and share >= self.faults.brown_out_at:
            self.faults = self.faults._replace(brown_out_at=None)
            self._save(self._rom)
            self._rom = None
            self._terminal.say(b"\r\nBrownout detector was triggered\r\n\r\nets Jul 29 2019 12:21:46\r\n\r\n")
            return False
        if self.faults.unplug_at is not None and share >= self.faults.unplug_at:
            self.faults = self.faults._replace(unplug_at=None)
            self._save(self._rom)
            self.unplug()
            return False
        return True

    def _leave_loader(self) -> None:
        assert self._rom is not None
        self._save(self._rom)
        self._rom = None

    def _save(self, rom: EspRom) -> None:
        self._put(rom.flash)
        offset = images.ESP_CHIPS[CHIPS[self.chip].id][1]
        start = bytes(rom.flash[offset:])
        if pretended.starts(rom.flash):
            self._note(images.read("flash", start).own)
        else:
            self._forget_image()

    def _watch(self) -> None:
        """An RP2's drive: a file grows in it, and is taken when it is whole."""
        while not self._ended:
            time.sleep(_LOOK_S)
            for path in self.drive_path.glob("*.uf2"):
                with self._lock:
                    self._look_at(path)

    def _look_at(self, path: Path) -> None:
        try:
            content = path.read_bytes()
        except OSError:
            return
        whole = int.from_bytes(content[24:28], "little") * images.UF2_BLOCK if len(content) >= 28 else 0
        if not whole:
            return
        share = len(content) / whole
        for at, restarts in ((self.faults.unplug_at, False), (self.faults.brown_out_at, True)):
            if at is not None and share >= at:
                self.faults = self.faults._replace(unplug_at=None, brown_out_at=None)
                self._forget_image()
                if restarts:
                    self._come_back()
                else:
                    self.unplug()
                return
        if len(content) >= whole and not self.faults.deaf:
            try:
                read = images.read(path.name, content)
            except Exception:  # no image: the boot ROM passes over it
                return
            if read.chip == self.chip:
                self._keep(read, whole)
                self._come_back()

    def _keep(self, read: images.Image, whole: int) -> None:
        flash = bytearray(self.flash_path.read_bytes())
        for run in read.runs:
            start = run.address - (XIP_BASE if self.is_rp2 else 0)
            flash[start : start + len(run.content)] = run.content
        if self.faults.rots:
            self.faults = self.faults._replace(rots=False)
            flash[read.runs[0].address % XIP_BASE + 100] ^= 1
        self._put(flash)
        self._note(read.own)

    def _put(self, flash: bytes | bytearray) -> None:
        """Whole, for whoever looks at it meanwhile."""
        beside = Path(f"{self.flash_path}.new")
        beside.write_bytes(flash)
        beside.replace(self.flash_path)

    def _note(self, own: bool) -> None:
        Path(f"{self.flash_path}.image").write_text("own" if own else "stock", "ascii")

    def _forget_image(self) -> None:
        Path(f"{self.flash_path}.image").unlink(missing_ok=True)


def unique_id(chip: str, number: int) -> str:
    """Of a simulated board: eight bytes of an RP2, six of an ESP32, which are its MAC (locally administered)."""
    return hexlify(b"\x02WT" + number.to_bytes(5 if chip in _DRIVE_NAMES else 3, "big")).decode()
