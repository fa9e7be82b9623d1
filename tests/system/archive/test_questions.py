"""`watertower query` over a real PostgreSQL: what leaves it, and what people are told."""

import subprocess
import sys
from pathlib import Path

import pytest

from gateway.archive.database import Archive
from gateway.archive.intake import Data, Row, Series
from gateway.store import Store
from tests.gateway.doubles import RIVER, HandClock, sensor, site
from tests.gateway.test_export import channel
from tests.system.archive.rig import NOW_MS, data, run


def test_what_leaves_the_archive_is_what_leaves_the_station_byte_for_byte(
    archive: Archive, dsn: str, tmp_path: Path
) -> None:
    site(tmp_path, RIVER, sensor("level", 1))
    store = Store(tmp_path / "store.db", HandClock())
    names = [("level.level", "mm", 0), ("level.t", "degC", 2)]
    series = store.series("sensor level", [channel(*one) for one in names])
    # 0.29 * 100 is 28.999999999999996
    for seq, cells in enumerate([((1, 0), (-5, 4)), ((None, 1), (123456, 0)), ((3, 0), (29, 0))], 1):
        store.add_poll(series, NOW_MS - 60_000 * seq, cells)
    store.commit()
    archive.announce([("demo", Series(1, "sensor level", names))])
    for row in store.rows_within(1, 3):
        values = [
            None if cell is None else cell / 10**places for cell, (_, _, places) in zip(row.cells, names, strict=True)
        ]
        worths = None if row.quality is None else list(row.quality)
        archive.store([("demo", Data(0, row.seq, row.unix_ms, [Row(1, 0, values, worths)]))])
    store.close()
    for name in ("long.csv", "long.jsonl", "wide.csv", "wide.parquet"):
        form = ("--wide",) if name.startswith("wide") else ()
        for kind, words in (("station", ("export", str(tmp_path / "site.toml"))),
                            ("archive", ("query", "export", "--dsn", dsn, "--station", "demo"))):  # fmt: skip
            done = run(*words, *form, "-o", str(tmp_path / f"{kind}-{name}"))
            assert done.returncode == 0, done.stderr
        assert (tmp_path / f"station-{name}").read_bytes() == (tmp_path / f"archive-{name}").read_bytes()
    assert "-0.05,4" in (tmp_path / "archive-wide.csv").read_text()
    bounded = run("query", "export", "--dsn", dsn, "--station", "demo", "--channel", "level.t", "--to", "2026-01-01",
                  "-o", str(tmp_path / "none.csv"))  # fmt: skip
    assert bounded.stdout.startswith("0 readings")


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_what_can_not_be_asked_is_said_in_both_languages(archive: Archive, dsn: str, tmp_path: Path, lang: str) -> None:
    archive.store([("one", data(1, 5))])

    def said(status: int, *words: str, of: str = dsn) -> str:
        done = run("query", *words, "--dsn", of, "--lang", lang)
        assert (done.returncode, done.stdout) == (status, ""), done
        assert "Traceback" not in done.stderr
        return done.stderr

    no_station = {"en": "no station two in the archive; there is for instance: one", "zh": "没有站点 two"}[lang]
    assert no_station in said(2, "last", "--station", "two")
    assert no_station in said(2, "export", "--station", "two", "-o", str(tmp_path / "out.csv"))
    assert "level.level" in said(2, "exceedances", "--channel", "level.levle", "--above", "1")
    assert "--above" in said(2, "exceedances", "--channel", "level.level")
    assert "--above" in said(2, "exceedances", "--channel", "level.level", "--above", "1", "--below", "2")
    assert "yesterday" in said(2, "exceedances", "--channel", "level.level", "--above", "1", "--from", "yesterday")
    assert "level.x" in said(2, "export", "--station", "one", "--channel", "level.x", "-o", str(tmp_path / "out.csv"))
    assert ".parquet" in said(2, "export", "--station", "one", "-o", str(tmp_path / "out.xls"))
    assert str(tmp_path / "no") in said(1, "export", "--station", "one", "-o", str(tmp_path / "no" / "out.csv"))
    assert {"en": "can't be asked", "zh": "无法查询"}[lang] in said(
        1, "last", of=dsn.replace("dbname=postgres", "dbname=no")
    )
    assert {"en": "holds no archive", "zh": "没有归档表"}[lang] in said(
        1, "last", of=dsn.replace("=postgres", "=template1", 1)
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_questions_are_answered_in_both_languages(archive: Archive, dsn: str, lang: str) -> None:
    archive.store([("one", data(1, 5, 6, 7, complete=4)), ("one", data(8, 9, quality=[4], unix_ms=NOW_MS + 10))])

    def query(*words: str) -> list[list[str]]:
        words = ("query", *words, "--dsn", dsn, "--lang", lang)
        out = subprocess.run([sys.executable, "-m", "gateway", *words], capture_output=True, text=True, check=True)
        return [line.split() for line in out.stdout.splitlines()]

    last = query("last")
    assert last[0][0] == {"en": "station", "zh": "站点"}[lang]
    assert last[1][:4] == ["one", "sensor", "level", "level.level"] and last[1][6:8] == ["9", "mm"]
    coverage = query("coverage", "--station", "one")
    assert coverage[1][4:8] == ["4", "1", "80.000", "%"]
    beyond = query("exceedances", "--channel", "level.level", "--above", "5.5")
    assert beyond[1][3] == "3"  # out of its range is a value all the same
    assert beyond[1][-2:] == ["9.0", "mm"]
    lie = archive.store([("one", data(1, 6))]).refused
    archive.refuse(lie)
    archive.refuse(lie)
    refusals = query("refusals", "--station", "one")
    assert refusals[0][0] == {"en": "station", "zh": "站点"}[lang]
    assert refusals[1][:3] == ["one", "altered", "2"] and refusals[1][7:9] == ["row", "1:"]
