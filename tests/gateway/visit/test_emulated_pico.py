"""The same commands at the prompt of a real image on an emulated RP2040 (docs/pico.md): optional, with --uf2."""

from pathlib import Path

import pytest

from gateway.__main__ import main
from gateway.visit import image, prompt, provisioning
from hw_sim.desk.desk import Desk

SITE = Path(__file__).parents[3] / "hw_sim/sites/demo.toml"


def test_an_empty_pico_is_flashed_boots_and_tells_what_lies_in_its_flash(
    uf2: Path, emulator: list[str], desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.pico(uf2).plug()
    assert main(["flash", "--image", str(uf2), "--yes", "--lang", "en"]) == 0
    assert "Done and read back" in capsys.readouterr().out


def test_a_node_that_runs_is_entered_and_its_watchdog_is_fed_meanwhile(
    uf2: Path, emulator: list[str], desk: Desk
) -> None:
    if not image.read(uf2.name, uf2.read_bytes()).own:
        pytest.skip("--uf2 is no image of firmware/boot/manifest_rp2.py")
    Path("site.toml").write_bytes(SITE.read_bytes())
    board = desk.pico(uf2)
    board.install(uf2.read_bytes())
    board.plug()
    assert main(["provision", "water", "--lang", "en"]) == 0
    session = prompt.entered(board.awaited(), 10)
    assert provisioning.look(session).name == "water"
    session.restart()
    board.live(12.0)  # the window is over, the application runs, its watchdog of 8 s is armed
    session = prompt.entered(board.awaited(), 30)
    assert session.run("print(machine.mem32[ctrl] >> 30 & 1)").strip() == b"1"
    session.run("import time\nbegan = time.ticks_ms()\ntime.sleep(6)\n")
    session.run("time.sleep(6)")
    assert int(session.run("print(time.ticks_diff(time.ticks_ms(), began))")) >= 12_000
    session.close()


def test_an_application_goes_into_a_slot_over_the_cable_and_is_what_runs_next(
    uf2: Path, emulator: list[str], desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    if not image.read(uf2.name, uf2.read_bytes()).own:
        pytest.skip("--uf2 is no image of firmware/boot/manifest_rp2.py")
    key = 'report_s = 3\nupdate_key = "' + "ab" * 32 + '"'
    Path("site.toml").write_text(SITE.read_text("utf-8").replace("report_s = 3", key), "utf-8")
    board = desk.pico(uf2)
    board.install(uf2.read_bytes())
    board.plug()
    assert main(["provision", "water", "--lang", "en"]) == 0
    assert main(["update", "water", "--lang", "en"]) == 0
    assert "on trial" in capsys.readouterr().out
    board.live(12.0)  # its window is over
    session = prompt.entered(board.awaited(), 30)
    notes = "from firmware.boot.notes import Notes\nn = Notes(board.notes).newest(0)\n"
    assert session.tell(notes + "tell(runs=n.runs, on_trial=n.on_trial, failed=n.failed, vain=n.in_vain > 0)") == {
        "runs": True, "on_trial": True, "failed": 0, "vain": True,
    }  # fmt: skip
    session.close()
