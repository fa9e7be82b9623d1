"""Boards are written by esptool and as drives, whatever goes wrong on the way: what happened is said in both languages,
the exit status is not zero, and the next run brings the board to its end."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import serial

from gateway.__main__ import main
from gateway.messages import say
from gateway.visit import prompt, provisioning
from hw_sim.desk.board import DeskBoard
from hw_sim.desk.desk import Desk
from hw_sim.desk.faults import Faults
from hw_sim.desk.pretended import image

SITE = Path(__file__).parents[3] / "hw_sim/sites/demo.toml"
CHIPS = ("RP2040", "ESP32", "ESP32-S3")
SUFFIX = {"RP2040": "uf2", "RP2350": "uf2"}


def lay(chip: str, name: str = "image", **more: object) -> Path:
    """An image into the folder of the visit."""
    path = Path(f"{name}-{chip}.{SUFFIX.get(chip, 'bin')}")
    path.write_bytes(image(chip, **more))  # type: ignore[arg-type]
    return path


def plugged(desk: Desk, chip: str, flashed: bool = False) -> DeskBoard:
    board = desk.board(chip)
    board.expected_bytes = len(image(chip))
    if flashed:
        board.install(image(chip, seed=7))
    board.plug()
    return board


def flashes(*more: str) -> int:
    return main(["flash", "--wait", "2", *more])


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Iterator[object]:
    yield capsys.readouterr


@pytest.mark.parametrize("chip", [*CHIPS, "RP2350", "ESP32-C3"])
def test_an_empty_board_is_flashed_and_read_back(chip: str, desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    for other in (*CHIPS, "RP2350", "ESP32-C3"):  # the one that fits is taken
        lay(other)
    board = plugged(desk, chip)
    assert flashes("--lang", "en") == 0
    out = capsys.readouterr().out
    assert f"chip {board.unique} runs this image" in out and "no node yet" in out
    assert board.image == "own"


@pytest.mark.parametrize("chip", CHIPS)
def test_a_board_that_runs_is_shown_before_it_is_overwritten_and_keeps_what_it_was(
    chip: str, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    lay(chip)
    text = SITE.read_text("utf-8")
    Path("site.toml").write_text(text if chip == "RP2040" else text.replace('"rp2"', '"esp32"'), "utf-8")
    board = plugged(desk, chip, flashed=True)
    assert main(["provision", "water", "--lang", "en"]) == 0
    before = board.flash_path.read_bytes()
    assert flashes("--lang", "en") == 1  # nobody says yes
    told = capsys.readouterr()
    assert "It is node water, id 17" in told.out and "--yes" in told.err
    board.awaited()
    assert board.flash_path.read_bytes() == before and board.is_bootable
    assert flashes("--yes", "--lang", "en") == 0
    assert capsys.readouterr().out.count("It is node water, id 17") == 2
    assert board.flash_path.read_bytes() != before


# A drive goes the same way whatever took it; when all was handed over, only that nobody comes back.
SAID = {
    ("RP2040", "unplug_at"): ("时板子断开", "没有重新出现"),
    ("RP2040", "brown_out_at"): ("时板子断开", "没有重新出现"),
    ("ESP32", "unplug_at"): ("时板子断开",),
    ("ESP32", "brown_out_at"): ("时芯片停止应答：可能是供电不足",),
}


@pytest.mark.parametrize("chip", CHIPS[:2])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.99])
@pytest.mark.parametrize("fault", ["unplug_at", "brown_out_at"])
def test_whatever_breaks_it_off_the_next_run_ends_it(
    chip: str, share: float, fault: str, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    lay(chip)
    board = plugged(desk, chip)
    board.faults = Faults(**{fault: share})
    assert flashes("--lang", "zh") == 1
    err = capsys.readouterr().err
    assert "处理办法" in err and any(said in err for said in SAID[chip, fault]), (
        "what happened, not only that it failed"
    )
    assert share > 0.9 or not board.is_bootable
    board.plug()  # the technician does as he was told
    assert flashes("--lang", "en") == 0
    assert board.image == "own"


def test_an_esp32_goes_on_where_it_ended(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    lay("ESP32")
    board = plugged(desk, "ESP32")
    board.faults = Faults(unplug_at=0.7)
    assert flashes("--lang", "en") == 1
    board.plug()
    capsys.readouterr()
    assert flashes("--lang", "en") == 0
    written = int(capsys.readouterr().out.split("Written: ")[1].split(" of")[0])
    assert 0 < written < 0.5 * len(image("ESP32")) / 1024


@pytest.mark.parametrize("chip", CHIPS)
def test_a_flash_that_does_not_keep_its_bytes_is_found(
    chip: str, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    lay(chip)
    board = plugged(desk, chip)
    board.faults = Faults(rots=True)
    assert flashes("--lang", "en") == 1
    assert "does not hold what was written" in capsys.readouterr().err
    board.plug(bootsel=True)
    assert flashes("--lang", "en") == 0


@pytest.mark.parametrize("chip", CHIPS)
def test_an_image_for_another_chip_is_never_written(chip: str, desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    other = lay("ESP32-C3" if chip != "ESP32-C3" else "ESP32")
    board = plugged(desk, chip)
    before = board.flash_path.read_bytes()
    assert flashes("--lang", "en") == 1
    assert f"no image for {chip}" in capsys.readouterr().err
    assert flashes("--image", str(other), "--lang", "zh") == 1
    assert f"没有用于 {chip} 的固件" in capsys.readouterr().err
    assert board.flash_path.read_bytes() == before
    lay(chip)
    assert flashes("--lang", "en") == 0, "the right one is taken afterwards"


def test_a_board_that_passes_over_its_image_is_noticed(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    lay("RP2040")
    board = plugged(desk, "RP2040")
    board.faults = Faults(deaf=True)
    assert flashes("--lang", "en") == 1
    assert "did not take the image" in capsys.readouterr().err
    board.faults = Faults()
    board.plug()
    assert flashes("--lang", "en") == 0


def test_nobody_guesses_between_two_boards_nor_two_images(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    lay("RP2040")
    plugged(desk, "RP2040")
    second = plugged(desk, "ESP32-S3", flashed=True)
    assert flashes("--lang", "en") == 1
    err = capsys.readouterr().err
    assert "2 boards are plugged in" in err and second.unique in err and "RP2040" in err
    second.unplug()
    lay("RP2040", "other", seed=2)
    assert flashes("--lang", "en") == 1
    assert "several images for RP2040: image-RP2040.uf2, other-RP2040.uf2" in capsys.readouterr().err
    assert flashes("--image", "other-RP2040.uf2", "--lang", "en") == 0
    assert flashes("--port", "/dev/ttyUSB77", "--lang", "zh") == 1
    assert "没有串口 /dev/ttyUSB77" in capsys.readouterr().err


def test_a_stock_image_is_warned_of_and_written_only_after_a_yes(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    lay("RP2040", own=False)
    board = plugged(desk, "RP2040")
    assert flashes("--lang", "en") == 1
    assert "formats a file system" in capsys.readouterr().out and not board.is_bootable
    assert flashes("--yes", "--lang", "en") == 0
    assert "no watertower firmware" in capsys.readouterr().out


def test_a_port_that_is_no_board_is_told_from_one_in_use(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    lay("ESP32")
    outside, inside = os.openpty()  # an RS-485 adapter with nobody behind it
    assert flashes("--port", os.ttyname(inside), "--lang", "en") == 1
    assert "not an RS-485 adapter" in capsys.readouterr().err
    os.close(inside)
    os.close(outside)
    board = plugged(desk, "ESP32")
    with serial.Serial(board.awaited(), exclusive=True):
        assert flashes("--lang", "zh") == 1
    assert "正被其他程序占用" in capsys.readouterr().err
    assert flashes("--lang", "en") == 0


def test_a_board_for_a_node_must_be_of_its_kind(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    lay("RP2040")
    lay("ESP32-S3")
    Path("site.toml").write_bytes(SITE.read_bytes())
    plugged(desk, "ESP32-S3", flashed=True)
    assert flashes("water", "--lang", "en") == 1
    assert "has a board of kind rp2; this one is esp32" in capsys.readouterr().err


def test_the_port_may_have_another_name_after_each_restart(desk: Desk) -> None:
    lay("RP2040")
    board = plugged(desk, "RP2040", flashed=True)
    names = {board.awaited()}
    assert flashes("--yes", "--lang", "en") == 0
    names.add(board.awaited())
    session = prompt.entered(board.awaited(), 5)
    assert provisioning.look(session).chip == "RP2040"
    session.close()
    assert len(names) == 2 and say("flash.done", "zh", unique="1") != say("flash.done", "en", unique="1")
