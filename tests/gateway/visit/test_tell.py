"""`watertower tell`: what it makes of its words, and how it says what came of it."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.__main__ import main
from tests.gateway.stations import UPPER, write

SITE = (
    UPPER
    + """
[radio]
port = "/dev/ttyAMA0"
[[bus]]
id = "river"
port = "/dev/ttyUSB0"
[[sensor]]
id = "acid"
profile = "yosemitech_y532"
bus = "river"
unit_id = 32
period_s = 60
[[node]]
id = 17
name = "water"
key = "7a4e0c5d1f8b2a9366e0d7c15b3f48a20c9d6e7f8091a2b3c4d5e6f708192a3b"
report_s = 60
  [[node.bus]]
  id = "uart1"
  [[node.sensor]]
  id = "turb"
  profile = "yosemitech_y511"
  bus = "uart1"
  unit_id = 11
  period_s = 60
"""
)


@contextmanager
def door(folder: Path, answer: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
    """A gateway that answers everything so; what it was asked."""
    asked: list[dict[str, Any]] = []
    ready, over = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked.append(json.loads(await reader.readline()))
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
            writer.close()

        async with await asyncio.start_unix_server(one, folder / "watertower.sock"):
            ready.set()
            await over.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    ready.wait(10)
    yield asked
    loop.call_soon_threadsafe(over.set)
    thread.join()
    loop.close()


def tell(folder: Path, *words: str) -> int:
    return main(["tell", *words, "--site", str(write(folder, SITE)), "--lang", "en"])


def test_a_sensor_is_told_what_its_profile_knows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with door(tmp_path, {"result": "done", "outcome": "confirmed", "told": 6.86, "code": None}) as asked:
        assert tell(tmp_path, "acid", "calibrate_ph", "6.86", "--yes") == 0
    assert asked == [{"command": "write", "argument": {"sensor": "acid", "name": "calibrate_ph", "value": 6.86}}]
    assert "read back: 6.86" in capsys.readouterr().out


def test_a_node_is_left_a_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with door(tmp_path, {"result": "done", "left": 7}) as asked:
        assert tell(tmp_path, "water", "wipe", "--yes") == tell(tmp_path, "water", "report", "30", "--yes") == 0
    assert [one["argument"] for one in asked] == [{"node": "water"}, {"node": "water", "seconds": 30}]
    assert "next report" in capsys.readouterr().out


def test_who_works_at_a_sensor_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with door(tmp_path, {"result": "done"}) as asked:
        assert tell(tmp_path, "turb", "calibration", "60", "--yes") == tell(tmp_path, "turb", "end", "--yes") == 0
    assert [one["argument"] for one in asked] == [
        {"sensor": "turb", "state": "calibration", "minutes": 60}, {"sensor": "turb", "state": "end"},
    ]  # fmt: skip
    assert capsys.readouterr().out == "Done.\n" * 2


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"result": "done", "outcome": "differs", "told": 5.0}, "another value"),
        ({"result": "done", "outcome": "no_reply"}, "may have done it"),
        ({"result": "done", "outcome": "refused", "code": 3}, "Refused: 3"),
        ({"result": "done", "outcome": "no_bus"}, "Nothing was sent"),
        ({"result": "refused", "reason": "role"}, "Refused: role"),
    ],
)
def test_what_is_not_certain_is_no_success(
    answer: dict[str, Any], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with door(tmp_path, answer):
        assert tell(tmp_path, "acid", "calibrate_ph", "7", "--yes") == 1
    told = capsys.readouterr()
    assert said in told.out + told.err


def test_nothing_is_told_to_nobody_or_without_a_yes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with door(tmp_path, {"result": "done"}) as asked:
        assert tell(tmp_path, "nobody", "wipe", "--yes") == 1 and "acid, water" in capsys.readouterr().err
        assert tell(tmp_path, "acid", "wipe", "--yes") == 1 and "calibrate_ph" in capsys.readouterr().err
        assert tell(tmp_path, "water", "restart", "--yes") == 1
        assert tell(tmp_path, "acid", "calibrate_ph", "7") == 1
    assert asked == []
    assert tell(tmp_path, "water", "wipe", "--yes") == 1, "no gateway"
