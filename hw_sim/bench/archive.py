"""Knows how fast an archive takes rows: workers beside a plain COPY loop, near the database and far from it, what each
part costs, how late a row is at half of one worker's rate; knows no broker."""

import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psycopg

from hw_sim.bench import archive_sizes
from hw_sim.bench.archive_rig import STATIONS, Rig, Run, values
from hw_sim.postgres import Postgres

_ROWS, _MESSAGES = 10, 12_000  # a message, a run; a gateway sends 1 to 50 rows a message
_SINGLE = 24_000  # messages of a run with one row each
_FAR_S = 0.01  # one way: a database in another town
_FAR_WORKERS = (1, 2, 4)
_TIMES = 3  # the median counts: this machine may have other work
_SPAN_S = 10.0

Figures = dict[str, dict[str, object]]


def measure(tell: Callable[[str], None]) -> Figures:
    folder = Path(tempfile.mkdtemp(prefix="watertower-bench-"))
    folder.chmod(0o755)
    (folder / "pg").mkdir()
    postgres = Postgres(folder / "pg")
    postgres.start()
    try:
        plain = _plain_copy(postgres.dsn)
        tell(f"COPY alone: {plain:.0f} rows/s")
        rig = Rig(folder, postgres)
        try:
            tries: dict[str, list[Run]] = {name: [] for name in _RUNS}
            for _ in range(_TIMES):
                for name, words in _RUNS.items():
                    tries[name].append(rig.run(*words))
                    tell(f"{name}: {tries[name][-1].rows_s:.0f} rows/s")
            runs = {name: sorted(some)[_TIMES // 2] for name, some in tries.items()}
            one = runs[_ONE].rows_s
            delays = rig.delays(one / 2, _ROWS)
            size = rig.bytes_a_row()
        finally:
            rig.close()
        station = archive_sizes.station_bytes(folder)
        tell(f"broker: {station:.0f} bytes/station")
    finally:
        postgres.stop()
        shutil.rmtree(folder)
    figures = {"COPY loop of psycopg": _figure(plain, "rows/s")}
    against = {_ONE: ("psycopg COPY", plain), _TWO: (_ONE, one)}
    far = _FAR.format(count=_FAR_WORKERS[0])
    against |= {_FAR.format(count=count): (far, runs[far].rows_s) for count in _FAR_WORKERS[1:]}
    for name, run in runs.items():
        other = against.get(name)
        figures[name] = _figure(run.rows_s, "rows/s", *((other[0], run.rows_s / other[1]) if other else ()))
    for name in (_ONE, _SINGLE_ROWS):
        for part, cpu_us in runs[name].cpu_us.items():
            figures[f"{name}: {part}"] = _figure(cpu_us, "us of processor/row")
    return figures | {
        "delay at half rate, median": _figure(statistics.median(delays), "ms"),
        "delay at half rate, 99 %": _figure(delays[int(0.99 * len(delays))], "ms"),
        "disk with indices": _figure(size, "bytes/row"),
        "payload, one row": _figure(archive_sizes.payload_bytes(1), "bytes"),
        "payload, 50 rows": _figure(archive_sizes.payload_bytes(50) / 50, "bytes/row"),
        "signed day with its topic": _figure(archive_sizes.signature_bytes(), "bytes"),
        "memory of the broker": _figure(station, "bytes/station"),
    }


_ONE, _TWO, _SINGLE_ROWS = "archive, 1 worker", "archive, 2 workers", "archive, 1 worker, one row a message"
_FAR = "database 20 ms away, workers: {count}"
_RUNS: dict[str, tuple[int, int, int, float]] = {
    _ONE: (1, _MESSAGES, _ROWS, 0.0),
    _TWO: (2, _MESSAGES, _ROWS, 0.0),
    _SINGLE_ROWS: (1, _SINGLE, 1, 0.0),
    **{_FAR.format(count=count): (count, _MESSAGES, _ROWS, _FAR_S) for count in _FAR_WORKERS},
}


def _figure(value: float, unit: str, against: str | None = None, ratio: float | None = None) -> dict[str, object]:
    return {
        "value": round(value, 1),
        "unit": unit,
        "against": against,
        "ratio": None if ratio is None else round(ratio, 2),
    }


def _plain_copy(dsn: str) -> float:
    """The same rows into a table of the same form, 4,000 a transaction, by write_row()."""
    with psycopg.connect(dsn, autocommit=True) as db:
        db.execute(
            "CREATE TABLE plain (station integer, seq bigint, time timestamptz, series bigint, value float8[],"
            " quality integer[], PRIMARY KEY (station, seq, time))"
        )
        db.execute("CREATE INDEX ON plain (station, series, time)")
        rows, began_s, now = 0, time.monotonic(), db.execute("SELECT now()").fetchone()
        assert now is not None
        while time.monotonic() - began_s < _SPAN_S:
            with db.transaction(), db.cursor() as cursor, cursor.copy("COPY plain FROM STDIN") as copy:
                for seq in range(rows, rows + 4000):
                    copy.write_row((seq % STATIONS, seq, now[0], 1, values(seq), None))
            rows += 4000
        rate = rows / (time.monotonic() - began_s)
        db.execute("DROP TABLE plain")
    return rate
