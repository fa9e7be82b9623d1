"""What runs before the application, in a real MicroPython: file systems that are damaged, code out of a slot."""

import subprocess
from pathlib import Path

import pytest

from gateway import updates
from hw_sim.node import interpreter

ROOT = Path(__file__).resolve().parent.parent.parent
GUEST = ROOT / "hw_sim" / "guest"


def run(script: str, *arguments: object) -> tuple[str, int]:
    """What a guest printed, and its exit status."""
    argv, environment = interpreter.find().command(GUEST / script, *map(str, arguments), path=(ROOT,))
    done = subprocess.run(
        argv, env=environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120
    )
    return done.stdout, done.returncode


# --- file systems -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("port", ["rp2", "esp32"])
def test_every_boot_comes_to_its_end_and_writes_nothing_whatever_the_file_system_is(port: str) -> None:
    said, status = run("damaged_storage.py", port, ROOT / "firmware" / "boot" / port / "_boot.py", 1500)
    assert (status, said.split(",")[0], said.split()[-1]) == (0, "booted 1502", "10"), said
    mounted, alone = int(said.split()[3].strip(",")), int(said.split()[6].strip(","))
    assert mounted > 300 and alone > 300


FORMATS = """
import rp2, vfs
device = rp2.Flash(start=0, len=1)
try:
    vfs.mount(vfs.VfsLfs2(device, progsize=256), "/")
except OSError:
    vfs.VfsLfs2.mkfs(device, progsize=256)
    print("formatted")
"""
SPINS = """
import rp2, vfs
device = rp2.Flash(start=0, len=1)
while True:
    try:
        vfs.mount(vfs.VfsLfs2(device, progsize=256), "/")
        break
    except OSError:
        print("damaged")
"""


@pytest.mark.parametrize(("code", "word"), [(FORMATS, "writes"), (SPINS, "reads and reads")])
def test_a_boot_that_formats_or_spins_is_found_out(code: str, word: str, tmp_path: Path) -> None:
    path = tmp_path / "_boot.py"
    path.write_text(code)
    said, status = run("damaged_storage.py", "rp2", path, 10)
    assert status != 0 and word in said, said


# --- slots ------------------------------------------------------------------------------------------------------------


def archive(folder: Path, number: int, main: str, target: str = "rp2") -> Path:
    """An application of three files."""
    sources = {"firmware/__init__.py": "", "firmware/main.py": main, "protocols/bits.py": f"NUMBER = {number}\n"}
    for name, text in sources.items():
        path = folder / str(number) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    out = folder / f"{target}-{number}.wtu"
    out.write_bytes(updates.make(folder / str(number), target, number))
    return out


GOOD = """
from protocols import bits
def main(slot, on_trial):
    print("slot", slot, "runs", bits.NUMBER, "on trial" if on_trial else "confirmed")
"""


def test_the_application_really_comes_out_of_its_slot_and_the_trial_first(tmp_path: Path) -> None:
    said, _ = run("slot_boot.py", 1, archive(tmp_path, 1, GOOD), archive(tmp_path, 2, GOOD))
    assert said.splitlines()[0] == "slot 1 runs 2 on trial", said


@pytest.mark.parametrize(
    "bad",
    [
        "def main(slot, on_trial):\n    [][1]\n",
        "raise MemoryError('no room')\n",
        "import nowhere\n",
        "from protocols.absent import x\n",
        "def main(slot, on_trial):\n    import sys\n    sys.exit()\n",
        "def main(slot, on_trial):\n    return\n",
        "def main(slot):\n    return\n",
    ],
)
def test_an_application_that_fails_is_rolled_back_after_two_boots(bad: str, tmp_path: Path) -> None:
    said, status = run("slot_boot.py", 3, archive(tmp_path, 1, GOOD), archive(tmp_path, 2, bad))
    lines = [line for line in said.splitlines() if "failed" not in line]
    assert status == 0 and lines == ["asleep 60000", "asleep 60000", "slot 0 runs 1 confirmed", "WTU1 end"], said


def test_the_whole_firmware_is_imported_out_of_a_slot(tmp_path: Path) -> None:
    whole = tmp_path / "rp2-2.wtu"
    contents = updates.compiled(ROOT, ("protocols/profiles/", "firmware/boards/", "firmware/main.py"))
    probe = tmp_path / "probe" / "firmware" / "main.py"
    probe.parent.mkdir(parents=True)
    probe.write_text(
        "import firmware.cycle, firmware.update, protocols.registers\n"
        "def main(slot, on_trial):\n"
        "    print(firmware.cycle.__file__, firmware.update.__file__, protocols.registers.__file__)\n"
    )
    contents |= updates.compiled(tmp_path / "probe", ())
    whole.write_bytes(updates.pack(contents, "rp2", 2))
    said, _ = run("slot_boot.py", 1, archive(tmp_path, 1, GOOD), whole)
    assert said.splitlines()[0] == "/app/firmware/cycle.mpy /app/firmware/update.mpy /app/protocols/registers.mpy", said


def test_a_part_that_has_rotted_is_no_code(tmp_path: Path) -> None:
    rotten = archive(tmp_path, 2, GOOD)
    data = bytearray(rotten.read_bytes())
    data[-1] ^= 1  # of protocols/bits.mpy
    rotten.write_bytes(data)
    said, _ = run("slot_boot.py", 3, archive(tmp_path, 1, GOOD), rotten)
    assert said.splitlines()[-2] == "slot 0 runs 1 confirmed" and "slot 1" not in said, said
