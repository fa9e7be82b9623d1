"""Recordings are the world's raw material: each has a licence, parses, and shows what the simulator builds on."""

import csv
from collections import defaultdict
from pathlib import Path

import pytest

import hw_sim

FOLDER = Path(hw_sim.__path__[0]) / "recordings"
FILES = sorted(FOLDER.glob("*.csv"))


def source_rows() -> dict[str, list[str]]:
    """The table of SOURCES.md: file -> its cells."""
    rows = {}
    for line in (FOLDER / "SOURCES.md").read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) == 4 and cells[0].endswith(".csv`"):
            rows[cells[0].strip("`")] = cells
    return rows


def table(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_every_recording_has_a_source_and_every_source_a_recording() -> None:
    assert set(source_rows()) == {path.name for path in FILES} and FILES


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_recording_has_a_licence_that_lets_it_be_here(path: Path) -> None:
    _, _, licence, holder = source_rows()[path.name]
    assert licence.startswith(("BSD-3-Clause", "Apache-2.0", "CC BY 4.0"))
    assert holder
    if licence.startswith("BSD-3-Clause"):
        notice = (FOLDER / licence.split("`")[1]).read_text("utf-8")
        assert path.name in notice and "Copyright (c)" in notice and "Redistributions of source code" in notice


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_recording_parses_with_equal_columns_and_the_stated_rows(path: Path) -> None:
    header, *rows = table(path)
    assert len(set(header)) == len(header) and all(header)
    assert {len(row) for row in rows} == {len(header)}
    assert len(rows) == int(source_rows()[path.name][1])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_time_runs_forward_in_a_recording(path: Path) -> None:
    header, *rows = table(path)
    if header[0] == "run":
        tracks = defaultdict(list)
        for row in rows:
            tracks[row[0], row[1]].append(int(row[2]))
        for times in tracks.values():
            assert times == sorted(times)
    else:
        times = [row[0] for row in rows]
        assert times == sorted(set(times))


def test_the_y520_answers_zero_for_its_first_two_seconds_and_then_a_value() -> None:
    header, *rows = table(FOLDER / "modbus_y520_warmup_traces.csv")
    run, t_ms, cond = (header.index(name) for name in ("run", "t_ms", "cond_mscm"))
    traces = defaultdict(list)
    for row in rows:
        traces[row[run]].append((int(row[t_ms]), float(row[cond])))
    assert len(traces) == 3
    for trace in traces.values():
        first_value = next(i for i, (_, value) in enumerate(trace) if value)
        assert trace[0][0] < 300  # it talks long before it measures
        assert 2300 <= trace[first_value][0] <= 2400
        assert trace[first_value - 1][0] >= 2200
        assert first_value > 20


def test_the_y520_starts_with_a_temperature_that_is_too_high() -> None:
    header, *rows = table(FOLDER / "modbus_y520_warmup_traces.csv")
    run, temperature = header.index("run"), header.index("temp_c")
    traces = defaultdict(list)
    for row in rows:
        traces[row[run]].append(float(row[temperature]))
    for trace in traces.values():
        assert 0.4 < trace[0] - trace[2] < 1.0
