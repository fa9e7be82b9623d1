"""A board becomes a node: its real firmware, in a real MicroPython, takes the slice at a raw REPL on a pty."""

import hashlib
import os
from pathlib import Path

import pytest
import serial

from gateway.__main__ import main
from gateway.site import config
from gateway.visit import bundle, prompt, provisioning
from gateway.visit.identity import Identity
from hw_sim.desk.board import DeskBoard
from hw_sim.desk.desk import Desk
from hw_sim.desk.faults import Faults
from hw_sim.desk.pretended import image

SITE = Path(__file__).parents[3] / "hw_sim/sites/demo.toml"


@pytest.fixture
def pico(desk: Desk) -> DeskBoard:
    """Flashed long ago, no node yet, beside a site file."""
    Path("site.toml").write_bytes(SITE.read_bytes())
    board = desk.board("RP2040")
    board.install(image("RP2040"))
    board.plug()
    return board


def asked(board: DeskBoard) -> Identity:
    session = prompt.entered(board.awaited(), 10)
    try:
        return provisioning.look(session)
    finally:
        session.close()


def test_a_blank_board_becomes_a_node_and_proves_it(pico: DeskBoard, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["provision", "water", "--lang", "en"]) == 0
    said = capsys.readouterr().out
    assert "(simulated)" in said and "no node yet" in said
    assert f"chip {pico.unique} is node water" in said
    found = asked(pico)
    assert (found.node, found.name, found.unsent) == (17, "water", 0)
    before = pico.flash_path.read_bytes()
    assert main(["provision", "water", "--lang", "en"]) == 0  # once more is harmless
    assert "Nothing was written" in capsys.readouterr().out
    assert pico.flash_path.read_bytes() == before


def test_what_a_board_was_is_shown_and_nobody_overwrites_it_unasked(
    pico: DeskBoard, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["provision", "water", "--lang", "en"]) == 0
    before = pico.flash_path.read_bytes()
    assert main(["provision", "air", "--lang", "en"]) == 1  # nobody at the terminal
    told = capsys.readouterr()
    assert "It is node water, id 17" in told.out and "with --yes" in told.err
    assert pico.flash_path.read_bytes() == before
    assert main(["provision", "air", "--yes", "--lang", "en"]) == 0
    assert asked(pico).name == "air"


def test_another_nodes_records_do_not_travel_under_the_new_name(pico: DeskBoard) -> None:
    assert main(["provision", "water", "--lang", "en"]) == 0
    session = prompt.entered(pico.awaited(), 10)
    session.run("from firmware.journal import Journal\nj = Journal(board.flash)\nfor i in range(5): j.append(b'old')")
    assert provisioning.look(session).unsent == 5
    session.close()
    assert main(["provision", "air", "--yes", "--lang", "en"]) == 0
    assert asked(pico).unsent == 0


def test_a_changed_configuration_of_the_same_node_keeps_its_records(pico: DeskBoard) -> None:
    assert main(["provision", "water", "--lang", "en"]) == 0
    session = prompt.entered(pico.awaited(), 10)
    session.run("from firmware.journal import Journal\nj = Journal(board.flash)\nfor i in range(5): j.append(b'old')")
    session.close()
    Path("site.toml").write_text(SITE.read_text("utf-8").replace("report_s = 3", "report_s = 9"), "utf-8")
    assert main(["provision", "water", "--yes", "--lang", "en"]) == 0
    assert asked(pico).unsent == 5


def test_the_cable_pulled_at_any_moment_leaves_a_board_that_can_be_provisioned(
    pico: DeskBoard, capsys: pytest.CaptureFixture[str]
) -> None:
    for runs in (2, 5, 7):  # before it began, in the middle of the slice, when it was to be kept
        pico.faults = Faults(lost_at=pico.runs + runs)
        assert main(["provision", "water", "--wait", "1", "--lang", "zh"]) == 1
        assert "处理办法" in capsys.readouterr().err
        pico.plug()
    assert main(["provision", "water", "--lang", "en"]) == 0


def test_keys_come_out_of_the_bundle_with_its_passphrase(pico: DeskBoard, capsys: pytest.CaptureFixture[str]) -> None:
    site = config.load(Path("site.toml"))
    content = bundle.Content(site, Path("site.toml").read_bytes())
    Path("visit.zip").write_bytes(bundle.make(content, "long enough", "2026-11-29T08:00:00Z", log2_n=10))
    Path("site.toml").unlink()
    Path("secret").write_text("long enough\n", "utf-8")
    assert main(["provision", "water", "--lang", "en"]) == 1
    assert "passphrase is needed" in capsys.readouterr().err
    assert main(["provision", "water", "--passphrase-file", "secret", "--lang", "en"]) == 0
    assert asked(pico).slice == hashlib.sha256(bundle.secrets(site, "water")).hexdigest()
    assert main(["provision", "wter", "--passphrase-file", "secret", "--lang", "en"]) == 1
    assert "Its nodes: water" in capsys.readouterr().err


def test_no_board_two_boards_a_port_in_use_and_a_silent_port_are_told_apart(
    pico: DeskBoard, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    told = ["provision", "water", "--wait", "0.1", "--lang", "en"]
    with serial.Serial(pico.awaited(), exclusive=True):
        assert main(told) == 1
    assert "Another program has" in capsys.readouterr().err
    other = desk.board("RP2040")
    other.install(image("RP2040", own=False))
    other.plug()
    assert main(told) == 1
    said = capsys.readouterr().err
    assert "2 boards are plugged in" in said and pico.unique in said and other.unique in said
    pico.unplug()
    assert main(told) == 1
    assert "without watertower's firmware" in capsys.readouterr().err
    other.unplug()
    assert main(told) == 1
    assert "No board is plugged in" in capsys.readouterr().err
    assert main([*told, "--port", "/dev/null"]) == 1
    assert "/dev/null can't be used: not a serial port" in capsys.readouterr().err
    assert main([*told, "--port", "/dev/ttyUSB77"]) == 1
    assert "There is no port /dev/ttyUSB77" in capsys.readouterr().err
    assert main([*told, "--port", "usb:0403:6001"]) == 1
    assert "usb:0403:6001 is not plugged in" in capsys.readouterr().err
    far, near = os.openpty()
    assert main([*told, "--port", os.ttyname(near)]) == 1
    assert "answers as MicroPython" in capsys.readouterr().err
    os.close(far)
    os.close(near)


def test_a_board_of_another_kind_is_refused(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    Path("site.toml").write_bytes(SITE.read_bytes())
    board = desk.board("ESP32-S3")
    board.install(image("ESP32-S3"))
    board.plug()
    assert main(["provision", "water", "--lang", "en"]) == 1
    assert "has a board of kind rp2; this one is esp32" in capsys.readouterr().err
    Path("site.toml").write_text(SITE.read_text("utf-8").replace('board = "rp2"', 'board = "esp32"'), "utf-8")
    assert main(["provision", "water", "--lang", "en"]) == 0
    assert asked(board).name == "water"
