"""Recordings as truth: holes are held, the logger's sentinels are holes, and the end is followed by the beginning."""

from pathlib import Path

import pytest

from hw_sim import signals

TABLE = """time,level,text,empty,late
00:00,1.5,N,,
00:15,,S,,4
00:30,-9999,E,,7999
00:45,-9999.0,W,,5
01:00,2.5,N,,
"""


@pytest.fixture
def recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(signals, "RECORDINGS", tmp_path)
    name = tmp_path.name  # signals remembers columns by name
    (tmp_path / f"{name}.csv").write_text(TABLE, "utf-8")
    return name


def values(signal: signals.Signal, count: int = 5, step_s: float = 1.0) -> list[float]:
    return [signal(i * step_s) for i in range(count)]


def test_holes_are_held_and_sentinels_are_holes(recording: str) -> None:
    assert signals.column(recording, "level") == (1.5, None, None, None, 2.5)
    assert values(signals.replay(recording, "level", 1.0)) == [1.5, 1.5, 1.5, 1.5, 2.5]


def test_a_hole_at_the_beginning_shows_the_first_value(recording: str) -> None:
    assert values(signals.replay(recording, "late", 1.0)) == [4, 4, 4, 5, 5]


def test_after_the_last_row_comes_the_first(recording: str) -> None:
    assert values(signals.replay(recording, "level", 1.0), 7)[5:] == [1.5, 1.5]
    assert signals.replay(recording, "level", 1.0)(5_000_004.0) == 2.5


def test_a_row_lasts_its_seconds(recording: str) -> None:
    signal = signals.replay(recording, "level", 900.0)
    assert [signal(time_s) for time_s in (0, 3599.999, 3600, 4499.9, 4500)] == [1.5, 1.5, 2.5, 2.5, 1.5]


def test_the_world_may_begin_at_any_row_and_a_hole_there_holds_what_was_first(recording: str) -> None:
    assert values(signals.replay(recording, "level", 1.0, first_row=4)) == [2.5, 1.5, 1.5, 1.5, 1.5]
    assert values(signals.replay(recording, "late", 1.0, first_row=3)) == [5, 5, 5, 4, 4]


def test_scale_comes_before_offset(recording: str) -> None:
    assert values(signals.replay(recording, "level", 1.0, scale=10.0, offset=-3.0)) == [12, 12, 12, 12, 22]


def test_a_constant_stays(recording: str) -> None:
    assert values(signals.constant(3.25), 3, 1e6) == [3.25] * 3


def test_what_is_not_there_says_so(recording: str) -> None:
    assert signals.names() == [recording]
    assert signals.columns(recording) == ("time", "level", "text", "empty", "late")
    with pytest.raises(KeyError, match="colour"):
        signals.column(recording, "colour")
    with pytest.raises(FileNotFoundError):
        signals.column("nothing", "level")


@pytest.mark.parametrize("name", ["text", "empty"])
def test_a_column_without_numbers_is_refused(recording: str, name: str) -> None:
    with pytest.raises(ValueError):
        signals.replay(recording, name, 1.0)


def test_a_real_recording_shows_its_rows() -> None:
    signal = signals.replay("water_lro_franklinbasin_2014", "turb", 1.0)
    assert [signal(row) for row in (0, 1)] == [1.61, 1.72]
