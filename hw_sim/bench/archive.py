"""Knows how fast an archive takes rows, one worker and two beside a plain COPY loop, and how late a row is at half
that rate; knows no gateway.

The workers are held until the broker has all messages of a run, so that they, the broker and the database are measured.
"""

import os
import queue
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import paho.mqtt.client as mqtt
import psycopg
from paho.mqtt.enums import CallbackAPIVersion

from hw_sim.bench import archive_sizes
from hw_sim.bench.gateway_broker import find_mosquitto
from hw_sim.postgres import Postgres
from hw_sim.station import free_ports

_STATIONS, _CHANNELS, _ROWS = 200, 10, 10  # rows a message: a gateway sends 1 to 50
_SPAN_S = 10.0
_PROBE = 12000  # messages of a run
_CONFIG = """listener {port} 127.0.0.1
allow_anonymous true
persistence false
max_queued_messages 0
max_inflight_messages 0
"""

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
        rig = _Rig(folder, postgres.dsn)
        try:
            one = rig.rate(1)
            tell(f"one worker: {one:.0f} rows/s")
            two = rig.rate(2)
            tell(f"two workers: {two:.0f} rows/s")
            delays = rig.delays(one / 2)
            size = rig.bytes_a_row()
        finally:
            rig.close()
        station = archive_sizes.station_bytes(folder)
        tell(f"broker: {station:.0f} bytes/station")
    finally:
        postgres.stop()
        shutil.rmtree(folder)
    against = "psycopg COPY"
    return {
        "COPY loop of psycopg": _figure(plain, "rows/s"),
        "archive, 1 worker": _figure(one, "rows/s", against, one / plain),
        "archive, 2 workers": _figure(two, "rows/s", "1 worker", two / one),
        "delay at half rate, median": _figure(statistics.median(delays), "ms"),
        "delay at half rate, 99 %": _figure(delays[int(0.99 * len(delays))], "ms"),
        "disk with indices": _figure(size, "bytes/row"),
        "payload, one row": _figure(archive_sizes.payload_bytes(1), "bytes"),
        "payload, 50 rows": _figure(archive_sizes.payload_bytes(50) / 50, "bytes/row"),
        "signed day with its topic": _figure(archive_sizes.signature_bytes(), "bytes"),
        "memory of the broker": _figure(station, "bytes/station"),
    }


def _figure(value: float, unit: str, against: str | None = None, ratio: float | None = None) -> dict[str, object]:
    return {
        "value": round(value, 1),
        "unit": unit,
        "against": against,
        "ratio": None if ratio is None else round(ratio, 2),
    }


def _values(seq: int) -> list[float]:
    return [(seq * place * 7919 % 100_000) / 1000 for place in range(1, _CHANNELS + 1)]


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
                    copy.write_row((seq % _STATIONS, seq, now[0], 1, _values(seq), None))
            rows += 4000
        rate = rows / (time.monotonic() - began_s)
        db.execute("DROP TABLE plain")
    return rate


class _Rig:
    """A broker, and one client that speaks for all stations."""

    def __init__(self, folder: Path, dsn: str) -> None:
        self._dsn = dsn
        self._folder = folder
        self.port = free_ports(1)[0]
        config = folder / "mosquitto.conf"
        config.write_text(_CONFIG.format(port=self.port) + ("user root\n" if os.geteuid() == 0 else ""))
        self._broker = subprocess.Popen([find_mosquitto(), "-c", str(config)], stderr=subprocess.DEVNULL)
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self._client.max_inflight_messages_set(0)
        while True:
            try:
                self._client.connect("127.0.0.1", self.port)
                break
            except OSError:
                time.sleep(0.05)
        self._confirmed: queue.Queue[int] = queue.Queue()
        self._client.on_publish = lambda client, user, mid, reason, properties: self._confirmed.put(mid)
        self._client.loop_start()
        channels = ",".join(f'["bench.value{place}","mg/L",3]' for place in range(_CHANNELS))
        for station in range(_STATIONS):
            self._client.publish(
                f"watertower/bench-{station}/series/1",
                f'{{"series":1,"source":"sensor bench","channels":[{channels}]}}', qos=1, retain=True,
            )  # fmt: skip
        self._sent = [0] * _STATIONS
        self.messages = 0

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        self._broker.terminate()
        self._broker.wait()

    def _send(self, count: int) -> None:
        for _ in range(count):
            station = self.messages % _STATIONS
            first = self._sent[station] + 1
            rows = ",".join(
                f"[1,{place},[{','.join(f'{value:.3f}' for value in _values(first + place))}]]"
                for place in range(_ROWS)
            )
            self._client.publish(
                f"watertower/bench-{station}/data",
                f'{{"complete":{first - 1},"first":{first},"unix_ms":{time.time_ns() // 1_000_000},"rows":[{rows}]}}',
                qos=1,
            )
            self._sent[station] += _ROWS
            self.messages += 1

    def _workers(self, count: int) -> list["subprocess.Popen[bytes]"]:
        words = [sys.executable, "-m", "gateway", "archive", "--dsn", self._dsn, "--broker", f"127.0.0.1:{self.port}"]
        log = self._folder / "workers.log"
        with log.open("wb") as out:
            workers = [subprocess.Popen(words, stderr=out) for _ in range(count)]
        while log.read_text().count("connected to the broker") < count:
            time.sleep(0.05)
        self._send(_STATIONS)
        self._until_all()
        return workers

    def _until_confirmed(self) -> None:
        while self._confirmed.qsize() < self.messages + _STATIONS:  # each has announced its series
            time.sleep(0.01)

    def _rows(self) -> int:
        try:
            with psycopg.connect(self._dsn) as db:
                found = db.execute("SELECT coalesce(sum(upper(has) - 1), 0) FROM station").fetchone()
        except psycopg.errors.UndefinedTable:
            return 0
        return 0 if found is None else int(found[0])

    def _until_all(self) -> None:
        while self._rows() < self.messages * _ROWS:
            time.sleep(0.05)

    def rate(self, count: int) -> float:
        """Rows a second of so many workers together."""
        workers = self._workers(count)
        try:
            for one in workers:
                one.send_signal(signal.SIGSTOP)
            self._send(_PROBE)
            self._until_confirmed()
            began_s = time.monotonic()
            for one in workers:
                one.send_signal(signal.SIGCONT)
            self._until_all()
            return _PROBE * _ROWS / (time.monotonic() - began_s)
        finally:
            _end(workers)

    def delays(self, rows_s: float) -> list[float]:
        """Milliseconds from a message's handing over until its rows can be seen, one message of a hundred."""
        workers = self._workers(1)
        found = []
        step_s = _ROWS / rows_s
        try:
            with psycopg.connect(self._dsn, autocommit=True) as db:
                began_s = time.monotonic()
                sent = 0
                watched: tuple[int, int, float] | None = None
                while (now_s := time.monotonic()) - began_s < _SPAN_S:
                    due = int((now_s - began_s) / step_s) - sent
                    if due > 0:
                        self._send(due)
                        sent += due
                        if watched is None:
                            station = (self.messages - 1) % _STATIONS
                            watched = (station, self._sent[station], time.monotonic())
                    if watched is not None:
                        query = "SELECT has @> %s::bigint FROM station WHERE name = %s"
                        here = db.execute(query, (watched[1], f"bench-{watched[0]}")).fetchone()
                        if here is not None and here[0]:
                            found.append(1000 * (time.monotonic() - watched[2]))
                            watched = None
                    time.sleep(0.002)
        finally:
            _end(workers)
        return sorted(found)

    def bytes_a_row(self) -> float:
        with psycopg.connect(self._dsn) as db:
            query = "SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits WHERE inhparent = 'row'::regclass"
            size = db.execute(query).fetchone()
            rows = db.execute("SELECT count(*) FROM row").fetchone()
        assert size is not None and rows is not None
        return float(size[0]) / int(rows[0])


def _end(workers: Sequence["subprocess.Popen[bytes]"]) -> None:
    for one in workers:
        one.terminate()
    for one in workers:
        one.wait()
