"""systemd is told the truth: ready, alive while every part moves, and why not."""

import asyncio
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from gateway.app import Gateway
from gateway.machine.lines import Opener, OpenLine
from gateway.machine.service import Movement, keep_fed, look_s, notifier
from gateway.site.config import Bus
from hw_sim.clock import run_virtual
from tests.gateway.doubles import NODE, RIVER, HandClock, HandLine, sensor, site
from tests.gateway.test_app import Room

UNITS = sorted((Path(__file__).parents[2] / "deploy").glob("*.service"))


def test_a_part_that_is_still_for_longer_than_its_limit_is_named_until_it_moves() -> None:
    clock = HandClock()
    movement = Movement(clock)
    movement.expect("bus river", 3000)
    movement.expect("commit", 60_000)
    clock.unix += 3000
    assert movement.stuck() == []
    clock.unix += 1000
    assert movement.stuck() == ["bus river has not moved for 4 s (limit 3 s)"]
    movement.moved("bus river")
    assert movement.stuck() == []


def test_each_step_on_a_line_and_each_try_to_open_it_is_a_move() -> None:
    clock = HandClock()
    movement = Movement(clock)
    movement.expect("bus river", 0)

    def still() -> bool:
        clock.unix += 1
        return bool(movement.stuck())

    async def story() -> None:
        hand = HandLine()
        assert still()
        line = await movement.watched("bus river", hand.open)()
        assert not movement.stuck() and still()
        await line.write(b"?")
        assert not movement.stuck() and still() and hand.written == [b"?"]
        hand.put(b"!")
        assert await line.read(10) == b"!" and not movement.stuck()

    asyncio.run(story())


def test_the_watchdog_is_fed_only_while_nothing_is_stuck_and_the_reason_is_told_once() -> None:
    looks = iter([[], ["commit"], ["commit"], []])
    said: list[str] = []

    class Over(Exception):
        pass

    def stuck() -> list[str]:
        try:
            return next(looks)
        except StopIteration:
            raise Over from None

    async def sleep(seconds: float) -> None:
        said.append(f"sleep {seconds}")

    with pytest.raises(Over):
        asyncio.run(keep_fed(said.append, stuck, 60.0, sleep))
    assert [text for text in said if not text.startswith("sleep")] == [
        "READY=1\nSTATUS=running", "WATCHDOG=1", "STATUS=commit", "WATCHDOG=1\nSTATUS=running",
    ]  # fmt: skip


def test_what_is_told_arrives_at_the_socket_and_a_missing_one_is_no_error(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
        door.bind(str(tmp_path / "notify"))
        notifier({"NOTIFY_SOCKET": str(tmp_path / "notify")})("READY=1")
        assert door.recv(100) == b"READY=1"
    notifier({"NOTIFY_SOCKET": str(tmp_path / "nothing")})("READY=1")
    notifier({})("READY=1")
    assert look_s({"WATCHDOG_USEC": "120000000"}) == 60.0 and look_s({}) == look_s({"WATCHDOG_USEC": "x"}) == 10.0


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_accepts_the_unit(unit: Path, tmp_path: Path) -> None:
    text = unit.read_text("utf-8")
    unit = tmp_path / unit.name
    unit.write_text(text.replace("/opt/watertower/.venv/bin/watertower", "/bin/true"), "utf-8")
    told = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, timeout=30)
    assert (told.returncode, told.stderr) == (0, "")


def test_a_gateway_that_polls_is_never_called_stuck_and_one_whose_bus_hangs_is(tmp_path: Path) -> None:
    class Hanging(Room):
        def bus(self, bus: Bus) -> Opener:
            async def open_bus() -> OpenLine:
                await asyncio.Event().wait()
                raise AssertionError

            return open_bus

    async def lived(room: type[Room], folder: Path, minutes: int) -> list[str]:
        folder.mkdir()
        parts = (NODE.replace('"level"', '"deep"'), RIVER, sensor("level", 1, period_s=60))
        gateway = Gateway(site(folder, *parts), room())
        stop = asyncio.Event()
        task = asyncio.create_task(gateway.run(stop))
        found: list[str] = []
        for _ in range(minutes):
            await asyncio.sleep(60)
            found += gateway.stuck()
        stop.set()
        await task
        return found

    assert run_virtual(lived(Room, tmp_path / "sound", 60)) == []
    hung = run_virtual(lived(Hanging, tmp_path / "hung", 35))
    assert len(hung) == 3 and all(text.startswith("bus river has not moved for ") for text in hung), hung
