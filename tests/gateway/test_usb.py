"""A USB serial port is found by what it is, whatever it is called today."""

import asyncio
import os
import tty
from pathlib import Path
from typing import NamedTuple

import pytest

from gateway.capture import Capture
from gateway.machine.lines import LineLost, serial_opener
from gateway.machine.usb import NoSuchPort, find
from gateway.messages import reason_text
from gateway.ports import SystemClock


class Plugged(NamedTuple):
    """A row of pyserial's list_ports."""

    device: str
    vid: int | None = 0x1A86
    pid: int | None = 0x7523
    serial_number: str | None = None
    location: str | None = None


FTDI = Plugged("/dev/ttyUSB1", 0x0403, 0x6001, "A50285BI", "1-1.2")
TWIN = Plugged("/dev/ttyUSB2", 0x0403, 0x6001, "A50285BJ", "1-1.3")
CH340 = Plugged("/dev/ttyUSB0", location="1-1.4")
DUAL = [Plugged(f"/dev/ttyUSB{3 + i}", 0x10C4, 0xEA70, "00F1", f"3-1:1.{i}") for i in (0, 1)]
ONBOARD = Plugged("/dev/ttyAMA0", None, None)
ALL = [CH340, ONBOARD, FTDI, TWIN, *DUAL]


@pytest.mark.parametrize(
    ("name", "device"),
    [
        ("usb:1a86:7523", "/dev/ttyUSB0"),
        ("usb:1A86:7523", "/dev/ttyUSB0"),
        ("usb:0403:6001:A50285BJ", "/dev/ttyUSB2"),
        ("USB:0403:6001:a50285bj", "/dev/ttyUSB2"),
        ("usb-at:1-1.2", "/dev/ttyUSB1"),
        ("usb-at:3-1:1.1", "/dev/ttyUSB4"),
    ],
)
def test_an_identity_is_one_device(name: str, device: str) -> None:
    assert find(name, ALL) == device


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "usb:0403:6001",
            "fits more than one: /dev/ttyUSB1 is usb:0403:6001:A50285BI at usb-at:1-1.2, /dev/ttyUSB2 is",
        ),
        ("usb-at:3-1", "fits more than one: /dev/ttyUSB3 is .* at usb-at:3-1:1.0, /dev/ttyUSB4 is"),
        ("usb:0403:6001:A5", "is not plugged in; there is /dev/ttyUSB0 is"),
        ("usb-at:1-1", "is not plugged in"),
        ("usb:403:6001", "is neither"),
        ("usb:", "is neither"),
    ],
)
def test_what_is_no_one_device_is_refused_with_those_there_are(name: str, said: str) -> None:
    with pytest.raises(NoSuchPort, match=said):
        find(name, ALL)
    with pytest.raises(NoSuchPort):
        find(name, [])


def test_which_port_is_missing_is_said_in_the_readers_language() -> None:
    with pytest.raises(NoSuchPort) as raised:
        find("usb-at:1-1", [FTDI])
    assert raised.value.phrase.text("zh") == (
        "usb-at:1-1 没有插上；现有 /dev/ttyUSB1 是 usb:0403:6001:A50285BI（插口 usb-at:1-1.2）"
    )


def test_what_is_no_serial_port_is_said_to_be_none() -> None:
    async def steps() -> None:
        with pytest.raises(LineLost) as raised:
            await serial_opener("/dev/null", 9600)()
        assert (reason_text(raised.value, "zh"), reason_text(raised.value, "en")) == ("不是串口", "not a serial port")

    asyncio.run(steps())


class Adapter:
    """A pseudo-terminal as a USB adapter: `plug` gives it a new name."""

    def __init__(self) -> None:
        self.ports: list[Plugged] = []
        self._ends: tuple[int, ...] = ()

    def plug(self) -> str:
        far, near = self._ends = os.openpty()
        tty.setraw(near)
        name = os.ttyname(near)
        self.ports = [Plugged(name, serial_number="one"), ONBOARD]
        self.far = far
        return name

    def pull(self) -> None:
        self.ports = [ONBOARD]
        for end in self._ends:
            os.close(end)


def test_a_port_that_comes_back_under_another_name_is_opened_again(tmp_path: Path) -> None:
    async def steps() -> None:
        adapter = Adapter()
        first = adapter.plug()
        opener = serial_opener("usb:1a86:7523:one", 9600, ports=lambda: adapter.ports)
        opener = Capture(tmp_path, SystemClock()).line("river", opener)
        line = await opener()
        await line.write(b"question")
        assert os.read(adapter.far, 100) == b"question"
        adapter.pull()
        with pytest.raises(LineLost):
            await line.read(1000)
        line.close()
        with pytest.raises(LineLost, match="is not plugged in"):
            await opener()
        holes = [os.openpty() for _ in range(3)]  # somebody else has the old name now
        second = adapter.plug()
        line = await opener()
        os.write(adapter.far, b"answer")
        assert await line.read(1000) == b"answer"
        line.close()
        adapter.pull()
        for hole in holes:
            for end in hole:
                os.close(end)
        assert second != first and (tmp_path / "river.jsonl").stat().st_size > 0

    async def limited() -> None:
        async with asyncio.timeout(5):
            await steps()

    asyncio.run(limited())
