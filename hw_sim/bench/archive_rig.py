"""Knows a broker, a client that speaks for 200 stations, archive workers, and what a run of them cost; knows no figure.

The workers are held until the broker has all messages of a run: so they, the broker and the database are measured, not
who sends.
"""

import os
import queue
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import paho.mqtt.client as mqtt
import psycopg
from paho.mqtt.enums import CallbackAPIVersion

from hw_sim.bench.cpu import Account, with_children
from hw_sim.bench.gateway_broker import find_mosquitto
from hw_sim.postgres import Postgres
from hw_sim.station import free_ports

STATIONS, CHANNELS = 200, 10
_SPAN_S = 10.0
_LOOK_S = 0.02
_CONFIG = """listener {port} 127.0.0.1
allow_anonymous true
persistence false
max_queued_messages 0
max_inflight_messages 0
"""


class Run(NamedTuple):
    """`cpu_us`: microseconds of processor a row: of all workers, of the database, of the broker."""

    rows_s: float
    cpu_us: dict[str, float]


def values(seq: int) -> list[float]:
    return [(seq * place * 7919 % 100_000) / 1000 for place in range(1, CHANNELS + 1)]


class Rig:
    def __init__(self, folder: Path, postgres: Postgres) -> None:
        self._folder, self._postgres = folder, postgres
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
        channels = ",".join(f'["bench.value{place}","mg/L",3]' for place in range(CHANNELS))
        for station in range(STATIONS):
            self._client.publish(
                f"watertower/bench-{station}/series/1",
                f'{{"series":1,"source":"sensor bench","channels":[{channels}]}}', qos=1, retain=True,
            )  # fmt: skip
        self._sent = [0] * STATIONS
        self._messages = 0
        self._db = psycopg.connect(postgres.dsn, autocommit=True)

    def close(self) -> None:
        self._db.close()
        self._client.disconnect()
        self._client.loop_stop()
        self._broker.terminate()
        self._broker.wait()

    def _send(self, count: int, rows: int) -> None:
        for _ in range(count):
            station = self._messages % STATIONS
            first = self._sent[station] + 1
            told = ",".join(
                f"[1,{place},[{','.join(f'{value:.3f}' for value in values(first + place))}]]" for place in range(rows)
            )
            self._client.publish(
                f"watertower/bench-{station}/data",
                f'{{"complete":{first - 1},"first":{first},"unix_ms":{time.time_ns() // 1_000_000},"rows":[{told}]}}',
                qos=1,
            )
            self._sent[station] += rows
            self._messages += 1

    @contextmanager
    def _workers(self, count: int, delay_s: float = 0.0) -> Iterator[list["subprocess.Popen[bytes]"]]:
        """They have connected, and met every station. `delay_s`: how far the database is, one way."""
        far, dsn = None, self._postgres.dsn
        if delay_s:
            (port,) = free_ports(1)
            words = [sys.executable, "-m", "hw_sim.bench.far", str(port), self._postgres.socket, str(delay_s)]
            far = subprocess.Popen(words)
            dsn = f"host=127.0.0.1 port={port} dbname=postgres user=postgres sslmode=disable gssencmode=disable"
        words = [sys.executable, "-m", "gateway", "archive", "--dsn", dsn, "--broker", f"127.0.0.1:{self.port}"]
        log = self._folder / "workers.log"
        with log.open("wb") as out:
            workers = [subprocess.Popen(words, stderr=out) for _ in range(count)]
        try:
            while log.read_text().count("connected to the broker") < count:
                time.sleep(0.05)
            for _ in range(count):
                self._send(STATIONS, 1)
            self._until_all()
            yield workers
        finally:
            end(workers)
            end([] if far is None else [far])

    def _until_confirmed(self) -> None:
        while self._confirmed.qsize() < self._messages + STATIONS:  # each has announced its series
            time.sleep(0.01)

    def _until_all(self) -> None:
        wanted, count = sum(self._sent), "SELECT coalesce(sum(upper(has) - 1), 0) FROM station"
        while self._db.execute(count).fetchall()[0][0] < wanted:
            time.sleep(_LOOK_S)

    def run(self, workers: int, messages: int, rows: int, delay_s: float = 0.0) -> Run:
        """So many messages of so many rows, taken by so many workers."""
        with self._workers(workers, delay_s) as running:
            for one in running:
                one.send_signal(signal.SIGSTOP)
            self._send(messages, rows)
            self._until_confirmed()
            account = Account(
                worker=[one.pid for one in running],
                database=with_children(self._postgres.pid),
                broker=[self._broker.pid],
            )
            began_s = time.monotonic()
            for one in running:
                one.send_signal(signal.SIGCONT)
            self._until_all()
            rows_s = messages * rows / (time.monotonic() - began_s)
            return Run(rows_s, {part: 1e6 * used_s / (messages * rows) for part, used_s in account.used_s().items()})

    def delays(self, rows_s: float, rows: int) -> list[float]:
        """Milliseconds from a message's handing over until its rows can be seen, of one that is watched at a time."""
        found = []
        step_s = rows / rows_s
        with self._workers(1):
            began_s, sent = time.monotonic(), 0
            watched: tuple[int, int, float] | None = None
            while (now_s := time.monotonic()) - began_s < _SPAN_S:
                due = int((now_s - began_s) / step_s) - sent
                if due > 0:
                    self._send(due, rows)
                    sent += due
                    if watched is None:
                        station = (self._messages - 1) % STATIONS
                        watched = (station, self._sent[station], time.monotonic())
                if watched is not None:
                    query = "SELECT has @> %s::bigint FROM station WHERE name = %s"
                    if self._db.execute(query, (watched[1], f"bench-{watched[0]}")).fetchall() == [(True,)]:
                        found.append(1000 * (time.monotonic() - watched[2]))
                        watched = None
                time.sleep(0.002)
        return sorted(found)

    def bytes_a_row(self) -> float:
        query = "SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits WHERE inhparent = 'row'::regclass"
        size, rows = (self._db.execute(one.encode()).fetchall()[0][0] for one in (query, "SELECT count(*) FROM row"))
        return float(size) / int(rows)


def end(processes: Sequence["subprocess.Popen[bytes]"]) -> None:
    for one in processes:
        one.terminate()
    for one in processes:
        one.wait()
