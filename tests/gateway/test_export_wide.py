"""The wide form: other people's programs read it without being told anything, and every digit is the stored one."""

import csv
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gateway.__main__ import main
from gateway.export import parquet
from gateway.export.reading import Reading
from gateway.export.sheet import Sheet
from gateway.messages import set_language
from gateway.process.stage import Series
from gateway.site.config import Channel
from gateway.store import Store
from gateway.tryout import recorded
from protocols import quality
from protocols.worth import FAIL, MAINTENANCE, SUSPECT
from tests.gateway.doubles import RIVER, START_MS, HandClock, sensor, site


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    set_language("en")
    yield
    set_language(None)


def channel(name: str, unit: str, decimals: int) -> Channel:
    return Channel(
        name=name, sensor="level", node=None, quantity=name, unit=unit, decimals=decimals, low=None, high=None
    )


class Station:
    """A store with two sensors, of which one is asked 200 ms after the other, and an hour's mean."""

    def __init__(self, folder: Path) -> None:
        self.site = site(folder, RIVER, sensor("level", 1))
        self.file, self.folder = folder / "site.toml", folder
        self.store = Store(folder / "store.db", HandClock())
        self.water = self.store.series("sensor water", [channel("water.t", "degC", 2), channel("water.ph", "pH", 2)])
        self.level = self.store.series("sensor level", [channel("level.level", "mm", 0)])
        self.hour = self.store.series("hour", [channel("level.level", "mm", 1)])
        self.poll(self.water, 0, (-5, 0), (712, SUSPECT))
        self.poll(self.level, 200, (1234, quality.RANGE))
        self.poll(self.water, 120_000, (1210, FAIL), (None, quality.NO_REPLY))  # a node's, that comes late
        self.poll(self.level, 60_200, (1235, MAINTENANCE))
        self.poll(self.water, 60_000, (1200, 0), (None, 0))
        self.poll(self.hour, 0, (12345, 0))

    def poll(self, series: Any, after_ms: int, *cells: tuple[int | None, int]) -> None:
        self.store.add_poll(series, START_MS + after_ms, cells)
        self.store.commit()

    def export(self, name: str, *more: str) -> Path:
        out = self.folder / name
        assert main(["export", str(self.file), *more, "-o", str(out)]) == 0
        return out


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    one = Station(tmp_path)
    yield one
    one.store.close()


def lines_of(path: Path) -> list[list[str]]:
    return list(csv.reader(path.read_text("utf-8").splitlines()))


HEAD = ["time", "water.t", "water.t_qc", "water.ph", "water.ph_qc", "level.level", "level.level_qc"]


def test_a_line_is_a_time_in_its_order_and_each_channel_has_qartods_number_beside_it(station: Station) -> None:
    head, *lines = lines_of(station.export("out.csv", "--wide"))
    assert head == HEAD
    assert lines == [
        ["2026-01-01T00:00:00.000Z", "-0.05", "1", "7.12", "3", "", "9"],
        ["2026-01-01T00:00:00.200Z", "", "9", "", "9", "1234", "4"],
        ["2026-01-01T00:01:00.000Z", "12.00", "1", "", "9", "", "9"],
        ["2026-01-01T00:01:00.200Z", "", "9", "", "9", "1235", "2"],
        ["2026-01-01T00:02:00.000Z", "12.10", "4", "", "9", "", "9"],
    ]


def test_a_step_brings_sensors_into_one_line_and_says_what_gave_way(
    station: Station, capsys: pytest.CaptureFixture[str]
) -> None:
    _, *lines = lines_of(station.export("out.csv", "--wide", "--step", "60"))
    assert [line[0][11:16] + " " + " ".join(line[1::2]) for line in lines] == [
        "00:00 -0.05 7.12 1234", "00:01 12.00  1235", "00:02 12.10  ",
    ]  # fmt: skip
    assert "gave way" not in capsys.readouterr().out
    _, *lines = lines_of(station.export("out.csv", "--wide", "--step", "3600"))
    assert lines == [["2026-01-01T00:00:00.000Z", "12.10", "4", "", "9", "1235", "2"]]
    assert "4 readings gave way to a later one" in capsys.readouterr().out


def test_a_source_is_asked_for_by_its_name_and_has_what_was_found_out_later(station: Station) -> None:
    restated = station.store.series(Series("sensor level", ()).restated.source, [channel("level.level", "mm", 0)])
    station.poll(restated, 200, (1234, FAIL | SUSPECT))
    station.poll(restated, 60_200, (1235, 0))
    _, *lines = lines_of(station.export("level.csv", "--wide", "--source", "sensor level"))
    assert [line[1:] for line in lines] == [["1234", "4"], ["1235", "1"]]
    head, *lines = lines_of(station.export("hour.csv", "--wide", "--source", "hour"))
    assert (head, lines) == (["time", "level.level", "level.level_qc"], [["2026-01-01T00:00:00.000Z", "1234.5", "1"]])


def test_a_time_that_is_a_guess_has_no_place_on_a_time_line() -> None:
    known = Reading(2, 1000, "a", 5, 0, "mm", 0, "sensor level")
    with closing(Sheet()) as sheet:
        sheet.put([known._replace(seq=1, unix_ms=0, worth=quality.CLOCK), known], has_source=False)
        assert list(sheet.lines()) == [(1000, [(5, 0, 0)])] and sheet.guessed == 1


def test_of_a_long_sheet_it_is_told_how_far_it_is() -> None:
    told: list[tuple[int, int]] = []
    with closing(Sheet(progress=lambda done, of: told.append((done, of)))) as sheet:
        sheet.put((Reading(seq, seq, "a", 1, 0, "mm", 0, "sensor a") for seq in range(2500)), has_source=False)
        assert len(list(sheet.lines())) == 2500
    assert told == [(1000, 2500), (2000, 2500)]


def test_what_can_not_be_in_the_wide_form_is_said(station: Station, capsys: pytest.CaptureFixture[str]) -> None:
    def said(name: str, *more: str) -> str:
        assert main(["export", str(station.file), "-o", str(station.folder / name), *more]) == 2
        assert not (station.folder / name).exists()
        return capsys.readouterr().err

    assert "must end in one of .csv, .parquet" in said("out.jsonl", "--wide")
    assert "--step is for --wide" in said("out.csv", "--step", "60")
    assert "--step is for --wide" in said("out.csv", "--wide", "--step", "0")
    assert "nothing from node 3 in the store, only from hour, sensor level, sensor water" in said(
        "out.csv", "--source", "node 3"
    )
    metres = station.store.series("sensor level", [channel("level.level", "m", 3)])
    station.poll(metres, 180_000, (1234, 0))
    assert "level.level changed its unit from mm to m" in said("out.csv", "--wide")
    assert (
        main(["export", str(station.file), "--to", "2026-01-01T00:03", "--wide", "-o", str(station.folder / "a.csv")])
        == 0
    )


def test_parquet_says_types_zone_units_and_the_stored_digits(station: Station) -> None:
    wide = pq.read_table(station.export("wide.parquet", "--wide"))
    assert wide.schema.names == HEAD
    assert wide.schema.field("time").type == pa.timestamp("ms", "UTC")
    assert [wide.schema.field(name).type for name in HEAD[1:]] == [pa.float64(), pa.int8()] * 3
    assert wide.schema.field("water.t").metadata == {b"unit": b"degC", b"decimals": b"2"}
    _, *lines = lines_of(station.export("wide.csv", "--wide"))
    places = {"water.t": 2, "water.ph": 2, "level.level": 0}
    for name, decimals in places.items():
        column = [line[HEAD.index(name)] for line in lines]
        assert ["" if one is None else f"{one:.{decimals}f}" for one in wide[name].to_pylist()] == column
        assert [str(one) for one in wide[f"{name}_qc"].to_pylist()] == [line[HEAD.index(name) + 1] for line in lines]


def test_parquet_in_the_long_form_says_what_the_csv_says(station: Station) -> None:
    table = pq.read_table(station.export("out.parquet"))
    assert table.schema.field("time").type == pa.timestamp("ms", "UTC")
    rows = list(csv.DictReader(station.export("out.csv").read_text("utf-8").splitlines()))
    assert table.num_rows == len(rows) == 8
    for line, row in zip(table.to_pylist(), rows, strict=True):
        decimals = line.pop("decimals")
        line["value"] = "" if line["value"] is None else f"{line['value']:.{decimals}f}"
        line["time"] = f"{line['time']:%Y-%m-%dT%H:%M:%S.%f}"[:23] + "Z"
        assert {**line, "seq": str(line["seq"])} == row


def test_every_cell_of_fifteen_digits_is_the_same_after_it_was_a_double() -> None:
    for cell in (0, -1, 999_999_999_999_999, -123_456_789_012_345, 100_000_000_000_001):
        for decimals in range(13):
            one = Reading(1, 0, "a", cell, decimals, "", 0, "")
            assert one.value is not None
            assert round(float(repr(one.value)) * 10**decimals) == cell
            assert f"{one.value:.{decimals}f}".replace(".", "").lstrip("-0") == str(abs(cell)).lstrip("0")


def test_who_does_not_want_parquet_does_not_load_it(station: Station) -> None:
    script = (
        "import sys; from gateway.__main__ import main;"
        f"main(['export', {str(station.file)!r}, '--wide', '-o', {str(station.folder / 'out.csv')!r}]);"
        "sys.exit('pyarrow' in sys.modules or 'numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0


def test_where_parquet_is_not_installed_it_says_what_to_install(station: Station) -> None:
    out = station.folder / "out.parquet"
    script = (
        "import sys; sys.modules['pyarrow'] = None; from gateway.__main__ import main;"
        f"sys.exit(main(['export', {str(station.file)!r}, '--lang', 'zh', '-o', {str(out)!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 2 and "scripts/setup parquet" in done.stderr and not out.exists()


def test_a_long_export_is_written_in_groups(tmp_path: Path) -> None:
    readings = (
        Reading(seq, seq * 1000, f"c{place}", seq, 1, "mm", 0, "sensor a")
        for seq in range(40_000)
        for place in range(3)
    )
    with closing(Sheet()) as sheet:
        sheet.put(readings, has_source=False)
        parquet.write_sheet(tmp_path / "long.parquet", sheet)
    with pq.ParquetFile(tmp_path / "long.parquet") as file:
        assert file.metadata.num_rows == 40_000 and file.num_row_groups == 3


def test_our_own_try_rules_reads_it(station: Station) -> None:
    whole = station.store.series("sensor level", station.site.channels)
    for minute in (3, 4):
        station.poll(whole, minute * 60_000, (minute, 0), (-minute, 0))
    with station.export("out.csv", "--wide").open("r", encoding="utf-8", newline="") as file:
        found = [row for row in recorded.rows(file, station.site, {}, 0.0) if row.series.source == "sensor level"]
    values = [(row.unix_ms - START_MS, [value for value, _ in row.cells if value is not None]) for row in found]
    assert [one for one in values if one[1]] == [(180_000, [3, -3]), (240_000, [4, -4])]


# --- other people's programs: the extra `referee` ---------------------------------------------------------------------


def test_pandas_needs_to_be_told_nothing_but_which_column_is_a_time(station: Station) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.read_csv(station.export("out.csv", "--wide"), parse_dates=["time"])
    time, *others = map(str, frame.dtypes)
    assert time.startswith("datetime64[") and time.endswith(", UTC]") and others == ["float64", "int64"] * 3
    assert frame["time"].is_monotonic_increasing
    assert frame["water.t"].tolist()[::2] == [-0.05, 12.0, 12.1] and frame["level.level_qc"].tolist() == [9, 4, 9, 2, 9]
    table = pandas.read_parquet(station.export("out.parquet", "--wide"))
    pandas.testing.assert_frame_equal(frame, table, check_dtype=False)


def test_ioos_qc_runs_over_it_unchanged_and_finds_the_spike(station: Station) -> None:
    pandas = pytest.importorskip("pandas")
    streams, config = pytest.importorskip("ioos_qc.streams"), pytest.importorskip("ioos_qc.config")
    results = pytest.importorskip("ioos_qc.results")
    for minute in range(3, 20):
        station.poll(station.water, minute * 60_000, (9000 if minute == 10 else 1200 + minute, 0), (700, 0))
        station.poll(station.level, minute * 60_000 + 200, (1235, 0))
    path = station.export("out.csv", "--wide", "--step", "60")
    stream = streams.PandasStream(pandas.read_csv(path, parse_dates=["time"]))
    tests = {
        "gross_range_test": {"suspect_span": [-5, 50], "fail_span": [-10, 80]},
        "spike_test": {"suspect_threshold": 5, "fail_threshold": 20},
        "rate_of_change_test": {"threshold": 0.1},
    }
    flat = {"flat_line_test": {"tolerance": 1, "suspect_threshold": 300, "fail_threshold": 900}}
    wanted = config.Config({"streams": {"water.t": {"qartod": tests}, "level.level": {"qartod": flat}}})
    found = {
        (one.stream_id, one.test): list(map(int, one.results))
        for one in results.collect_results(stream.run(wanted), how="list")
    }
    assert found["water.t", "gross_range_test"][10] == 4
    assert found["water.t", "spike_test"][10] == 4
    assert found["water.t", "rate_of_change_test"][10] == 3
    assert found["level.level", "flat_line_test"][-1] == 4
    # why there is --step: between two lines of the other sensor that library says "not evaluated" of every reading
    apart = streams.PandasStream(pandas.read_csv(station.export("apart.csv", "--wide"), parse_dates=["time"]))
    spikes = [one for one in results.collect_results(apart.run(wanted), how="list") if one.test == "spike_test"]
    assert set(map(int, spikes[0].results)) == {2, 9}
