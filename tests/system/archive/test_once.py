"""A real mosquitto and a real PostgreSQL: every row is archived once, whatever dies."""

import signal
import subprocess
import threading
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt

from gateway.archive.worker import Settings, Worker
from hw_sim.postgres import Postgres
from tests.system.archive.rig import SERIES_MESSAGE, Broker, Client, Listener, ask, message, rows_in, until, watertower

KEY = "00112233445566778899aabbccddeeff" * 2
OPERATORS = f'[[operator]]\nname = "archive"\nkey = "{KEY}"\n'


def test_every_row_is_archived_once_whatever_dies(dsn: str, postgres: Postgres, broker: Broker, tmp_path: Path) -> None:
    operators = tmp_path / "operators.toml"
    operators.write_text(OPERATORS)
    place = f"127.0.0.1:{broker.port}"
    common = ("--dsn", dsn, "--broker", place, "--operators", str(operators))
    log = tmp_path / "workers.log"

    def start() -> "subprocess.Popen[bytes]":
        return watertower("archive", *common, "--grace", "2", log=log)

    workers = [start() for _ in range(3)]
    verdict = tmp_path / "fleet.log"
    sim = ("sim", "fleet", "--gateways", "200", "--for", "16", "--channels", "4", "--patience", "60")
    fleet = watertower(*sim, *common, log=verdict)
    try:
        until(lambda: rows_in(dsn) > 500)
        workers[0].kill()
        workers[0].wait()
        workers[0] = start()
        until(lambda: rows_in(dsn) > 1000)
        for one in workers:  # the broker confirms what nobody takes: only the stations still have it
            one.kill()
            one.wait()
        listener = Listener(broker.port)
        until(lambda: listener.count > 300)
        listener.close()
        workers = [start() for _ in range(3)]
        before = rows_in(dsn)
        until(lambda: rows_in(dsn) > before + 200)
        broker.kill()
        broker.start()
        before = rows_in(dsn)
        until(lambda: rows_in(dsn) > before + 200)
        postgres.stop()
        until(lambda: log.read_text().count("database: ") >= 6)  # each of the three has met it twice
        postgres.start()
        assert fleet.wait(90) == 0, (verdict.read_text(), log.read_text())
    finally:
        fleet.kill()
        for one in workers:
            one.send_signal(signal.SIGTERM)
        codes = [one.wait(20) for one in workers]
        print(log.read_text()[-3000:])
    assert verdict.read_text().splitlines()[-1].endswith("missing=0 repeated=0 altered=0")
    assert rows_in(dsn) >= 3200
    assert "asked for what is missing" in log.read_text()
    assert ask(dsn, "SELECT * FROM refusal") == []  # what comes again because somebody died is nobody's lie
    assert codes == [0, 0, 0]


def test_a_message_is_confirmed_to_the_broker_when_the_database_has_it(dsn: str, broker: Broker) -> None:
    had: list[int] = []

    def watch(client: mqtt.Client) -> None:
        confirm = client.ack

        def ack(mid: int, qos: int) -> Any:
            had.append(rows_in(dsn))
            return confirm(mid, qos)

        client.ack = ack  # type: ignore[method-assign]

    worker = Worker(Settings(dsn, ("127.0.0.1", broker.port), prepare=watch))
    station = Client(broker.port, "one")
    station.tell("watertower/one/series/1", SERIES_MESSAGE, retain=True)
    over = threading.Event()
    thread = threading.Thread(target=worker.run, args=(over.is_set,))
    thread.start()
    try:
        until(lambda: had and worker.counters["connections"])  # what the broker retains: it is there
        station.tell("watertower/one/data", message(1, 100))
        until(lambda: len(had) == 2)
    finally:
        over.set()
        thread.join()
        station.close()
    assert had == [0, 1]
