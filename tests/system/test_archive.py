"""A real mosquitto and a real PostgreSQL: every row is archived once, whatever dies; who lies is refused."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from gateway.archive.database import Archive
from gateway.archive.intake import Data, Row, Series
from gateway.archive.tables import WrongSchema
from gateway.archive.worker import Settings, Worker
from gateway.evidence.notary import day_message
from gateway.store import Store
from hw_sim.postgres import NoPostgres, Postgres
from hw_sim.station import free_ports
from tests.gateway.doubles import RIVER, HandClock, sensor, site
from tests.gateway.test_export import channel

MOSQUITTO = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
KEY = "00112233445566778899aabbccddeeff" * 2
OPERATORS = f'[[operator]]\nname = "archive"\nkey = "{KEY}"\n'
NOW_MS = time.time_ns() // 1_000_000
DAY = "2026-01-31"
SERIES = Series(1, "sensor level", [("level.level", "mm", 0)])


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    folder = Path(tempfile.mkdtemp(prefix="watertower-pg-"))  # a socket's path has at most 107 bytes
    try:
        server = Postgres(folder)
        server.start()
    except NoPostgres as error:
        pytest.fail(str(error), pytrace=False)
    yield server
    server.stop()
    shutil.rmtree(folder)


@pytest.fixture
def dsn(postgres: Postgres) -> str:
    """A database without tables."""
    with psycopg.connect(postgres.dsn, autocommit=True) as db:
        db.execute("DROP SCHEMA public CASCADE")
        db.execute("CREATE SCHEMA public")
    return postgres.dsn


class Broker:
    """mosquitto with nothing but defaults, and rights if they are given."""

    def __init__(self, folder: Path, rights: str = "") -> None:
        if MOSQUITTO is None:
            pytest.fail("there is no mosquitto: apt-get install mosquitto", pytrace=False)
        self.port = free_ports(1)[0]
        self._config = folder / "mosquitto.conf"
        lines = [f"listener {self.port} 127.0.0.1", "allow_anonymous true", f"log_dest file {folder}/log", "user root"]
        if rights:
            (folder / "rights").write_text(rights)
            (folder / "rights").chmod(0o600)
            lines += [f"acl_file {folder}/rights", "log_type all"]  # who was denied is of the type debug
        self._config.write_text("\n".join(lines) + "\n")
        self.start()

    def start(self) -> None:
        assert MOSQUITTO is not None
        self._process = subprocess.Popen([MOSQUITTO, "-c", self._config], stderr=subprocess.DEVNULL)
        until(self._answers)

    def _answers(self) -> bool:
        with socket.socket() as one:
            return one.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    one = Broker(tmp_path)
    yield one
    one.kill()


def until(is_so: Callable[[], Any], limit_s: float = 120.0) -> None:
    end_s = time.monotonic() + limit_s
    while not is_so():
        assert time.monotonic() < end_s, is_so
        time.sleep(0.05)


def watertower(*words: str, log: Path) -> "subprocess.Popen[bytes]":
    with log.open("ab") as out:
        return subprocess.Popen([sys.executable, "-m", "gateway", *words], stdout=out, stderr=out)


def ask(dsn: str, query: str) -> list[Any]:
    with psycopg.connect(dsn) as db:
        return db.execute(query.encode()).fetchall()


def rows_in(dsn: str) -> int:
    try:
        return int(ask(dsn, "SELECT count(*) FROM row")[0][0])
    except psycopg.Error:  # no table yet
        return 0


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
    assert codes == [0, 0, 0]


class Listener:
    """Counts data messages."""

    def __init__(self, port: int) -> None:
        self.count = 0
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self._client.on_message = self._hear
        self._client.connect("127.0.0.1", port)
        self._client.subscribe("watertower/+/data")
        self._client.loop_start()

    def _hear(self, *_: Any) -> None:
        self.count += 1

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


class Client:
    """A client of MQTT 5 that waits for each confirmation."""

    def __init__(self, port: int, user: str) -> None:
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, f"station-{user}", protocol=MQTTProtocolVersion.MQTTv5)
        self._client.username_pw_set(user)
        self._reasons: list[str] = []
        self._client.on_publish = lambda client, user, mid, reason, properties: self._reasons.append(str(reason))
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def tell(self, topic: str, said: object, retain: bool = False) -> str:
        """The broker's answer."""
        count = len(self._reasons)
        self._client.publish(topic, json.dumps(said).encode(), qos=1, retain=retain)
        until(lambda: len(self._reasons) > count)
        return self._reasons[-1]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def message(first: int, value: float, unix_ms: int = NOW_MS) -> dict[str, object]:
    return {"complete": first - 1, "first": first, "unix_ms": unix_ms, "rows": [[1, 0, [value]]]}


def signed(station: str, key: Ed25519PrivateKey) -> dict[str, object]:
    digest = bytes(32)
    signature = key.sign(day_message(station, DAY, 5, digest))
    public = key.public_key().public_bytes_raw()
    return {"block": 5, "hash": digest.hex(), "signature": signature.hex(), "public": public.hex()}


SERIES_MESSAGE = {"series": 1, "source": "sensor level", "channels": [["level.level", "mm", 0]]}


class Scene:
    """A broker with rights, a worker, and two stations with a row each; one of them is a liar."""

    def __init__(self, dsn: str, folder: Path) -> None:
        self.dsn = dsn
        self._broker_log, self._log = folder / "log", folder / "worker.log"
        self._broker = Broker(folder, "user archive\ntopic readwrite #\npattern write watertower/%u/#\n")
        words = ("archive", "--dsn", dsn, "--broker", f"127.0.0.1:{self._broker.port}", "--username", "archive")
        self._worker = watertower(*words, log=self._log)
        self.honest, self.liar = Client(self._broker.port, "honest"), Client(self._broker.port, "liar")
        until(lambda: self._log.exists() and "connected" in self._log.read_text())
        for name, client in (("honest", self.honest), ("liar", self.liar)):
            client.tell(f"watertower/{name}/series/1", SERIES_MESSAGE, retain=True)
            client.tell(f"watertower/{name}/data", message(1, 100))
        until(lambda: rows_in(dsn) == 2)

    def end(self) -> tuple[str, str]:
        """What the worker's log says, and the broker's. A last honest row tells that all before it was judged."""
        self.liar.tell("watertower/liar/data", message(9, 200))
        until(lambda: ("liar", 9, 200) in self.readings())
        self.close()
        return self._log.read_text(), self._broker_log.read_text()

    def close(self) -> None:
        if self._worker.returncode is not None:
            return
        self.honest.close()
        self.liar.close()
        self._worker.send_signal(signal.SIGTERM)
        assert self._worker.wait(20) == 0, self._log.read_text()
        self._broker.kill()

    def readings(self) -> list[tuple[str, int, float]]:
        return ask(self.dsn, "SELECT station, seq, value FROM reading ORDER BY 1, 2")

    def refused(self) -> dict[str, int]:
        return dict(ask(self.dsn, "SELECT station || ' ' || reason, times FROM refusal"))


@pytest.fixture
def scene(dsn: str, tmp_path: Path) -> Iterator[Scene]:
    one = Scene(dsn, tmp_path)
    yield one
    one.close()


SAID = [("honest", 1, 100), ("liar", 1, 100), ("liar", 9, 200)]


def test_who_speaks_in_anothers_name_is_refused_by_the_broker_whose_log_says_who(scene: Scene) -> None:
    assert scene.liar.tell("watertower/honest/data", message(2, 7)) == "Not authorized"
    assert scene.liar.tell("watertower/honest/series/1", SERIES_MESSAGE) == "Not authorized"
    _, broker_log = scene.end()
    assert scene.readings() == SAID
    denied, _ = [line for line in broker_log.splitlines() if "Denied PUBLISH" in line]
    assert "from station-liar (" in denied and "'watertower/honest/data'" in denied
    assert " as station-liar (p5, c1, k60, u'liar')" in broker_log  # a client may choose its name, not its user


def test_what_is_replayed_changes_nothing_and_is_counted(scene: Scene) -> None:
    scene.liar.tell("watertower/liar/data", message(2, 5))
    for _ in range(3):
        scene.liar.tell("watertower/liar/data", message(1, 100))
        scene.liar.tell("watertower/liar/data", message(2, 5))
    log, _ = scene.end()
    assert scene.readings() == [SAID[0], SAID[1], ("liar", 2, 5), SAID[2]]
    assert scene.refused() == {} and "6 again" in log


def test_what_was_altered_is_refused_and_the_first_stays(scene: Scene) -> None:
    scene.liar.tell("watertower/liar/data", message(1, 50))
    scene.liar.tell("watertower/liar/data", message(1, 100, NOW_MS - 1000))  # the value at another time
    scene.liar.tell("watertower/liar/series/1", {**SERIES_MESSAGE, "channels": [["level.level", "m", 0]]}, retain=True)
    until(lambda: len(scene.refused()) == 2)
    log, _ = scene.end()
    assert scene.readings() == SAID
    assert scene.refused() == {"liar altered": 2, "liar series": 1}
    assert log.count("liar: refused: altered: row 1") == 2 and log.count("liar: refused: series: ") == 1


def test_what_is_impossible_is_refused(scene: Scene) -> None:
    scene.liar.tell("watertower/liar/data", message(2, 1e300))
    scene.liar.tell("watertower/liar/data", message(2, 1, NOW_MS + 10**9))
    scene.liar.tell("watertower/liar/data", {"first": "'; DROP TABLE row; --"})
    scene.liar.tell("watertower/liar/data", {**message(2, 1), "rows": [[1, 0, [1, 2]]]})
    log, _ = scene.end()
    assert scene.readings() == SAID
    reasons = ("value", "time", "form", "width")
    assert scene.refused() == {f"liar {reason}": 1 for reason in reasons}
    assert [log.count(f"liar: refused: {reason}: ") for reason in reasons] == [1, 1, 1, 1]


def test_a_signature_of_anothers_day_or_by_another_key_is_refused(scene: Scene) -> None:
    keys = [Ed25519PrivateKey.generate() for _ in range(2)]
    scene.honest.tell(f"watertower/honest/signature/{DAY}", signed("honest", keys[0]), retain=True)
    scene.liar.tell(f"watertower/liar/signature/{DAY}", signed("honest", keys[0]))  # another's, replayed
    scene.liar.tell(f"watertower/liar/signature/{DAY}", signed("liar", keys[1]))
    scene.liar.tell(f"watertower/liar/signature/{DAY}", signed("liar", keys[0]))  # of another key
    verdicts = "SELECT name, verdict FROM signature JOIN station ON id = station ORDER BY 1, 2"
    found = [("honest", "sound"), ("liar", "another"), ("liar", "another"), ("liar", "sound")]
    until(lambda: ask(scene.dsn, verdicts) == found)
    log, _ = scene.end()
    assert scene.refused() == {"liar signature_forged": 1, "liar signature_stranger": 1}
    assert log.count("liar: refused: signature_") == 2


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


# --- without a broker -------------------------------------------------------------------------------------------------


def data(
    first: int, *values: float, quality: list[int] | None = None, complete: int = 0, unix_ms: int = NOW_MS
) -> Data:
    return Data(complete, first, unix_ms, [Row(1, place, [value], quality) for place, value in enumerate(values)])


@pytest.fixture
def archive(dsn: str) -> Iterator[Archive]:
    one = Archive(dsn, grace_s=0)
    one.announce([("one", SERIES)])
    yield one
    one.close()


def test_workers_with_the_same_rows_at_once_write_each_once_even_if_times_differ(archive: Archive, dsn: str) -> None:
    others = [Archive(dsn) for _ in range(3)]
    stored: list[int] = []

    def work(place: int) -> None:  # the primary key, which has the time in it, stops nobody
        for first in range(1, 400, 4):
            stored.append(others[place].store([("one", data(first, 1, 2, 3, 4, unix_ms=NOW_MS + place))]).new)

    threads = [threading.Thread(target=work, args=(place,)) for place in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one in others:
        one.close()
    assert sum(stored) == rows_in(dsn) == 400
    assert ask(dsn, "SELECT has::text FROM station") == [("{[1,401)}",)]


def test_a_guessed_time_gives_way_to_a_known_one_and_never_the_other_way_round(archive: Archive, dsn: str) -> None:
    guess, dated = data(1, 5, quality=[16], unix_ms=1000), data(1, 5)
    assert archive.store([("one", guess)]).new == 1
    assert archive.store([("one", dated)]).dated == 1
    assert archive.store([("one", guess), ("one", dated)])[:4] == (0, 2, 0, [])
    assert ask(dsn, "SELECT extract(epoch from time) * 1000, quality FROM row") == [(NOW_MS, None)]
    other = archive.store([("one", data(1, 6))])
    assert [refused.reason for _, refused in other.refused] == ["altered"]


def test_rows_wait_for_the_announcement_of_their_series(archive: Archive) -> None:
    assert archive.store([("two", data(1, 5)), ("one", data(1, 5))])[0:5:4] == (1, frozenset({0}))
    archive.announce([("two", SERIES)])
    assert archive.store([("two", data(1, 5))]).new == 1


def test_what_is_missing_below_complete_is_asked_for_once_in_a_pause(archive: Archive) -> None:
    archive.store([("one", data(1, 5, 5)), ("one", data(6, 5, 5, complete=5))])
    assert archive.to_ask(None, 60, 60) == {"one": ((3, 5),)}
    assert archive.to_ask(None, 60, 60) == {}
    assert archive.to_ask(None, 0, 0) == {"one": ((3, 5),)}
    assert archive.to_ask(["two"], 0, 0) == {}
    archive.store([("one", data(3, 5, 5, 5))])
    assert archive.to_ask(None, 0, 0) == {}


def test_rows_that_may_be_on_their_way_are_not_asked_for(archive: Archive, dsn: str) -> None:
    patient = Archive(dsn, grace_s=1000)
    patient.store([("one", data(6, 5, complete=5))])
    assert patient.to_ask(None, 0, 0) == {}
    patient.close()


def test_each_month_has_its_partition_and_guesses_of_machines_without_a_clock_have_theirs(
    archive: Archive, dsn: str
) -> None:
    archive.store([("one", data(1, 5, unix_ms=1_769_900_399_000)), ("one", data(2, 5, quality=[16], unix_ms=0))])
    where = "SELECT seq, tableoid::regclass::text FROM row ORDER BY 1"
    assert ask(dsn, where) == [(1, "row_2026_01"), (2, "row_undated")]


def test_of_a_derived_row_the_newest_counts_and_of_a_reading_each(archive: Archive, dsn: str) -> None:
    archive.announce([("one", Series(2, "hour", [("level.level", "mm", 0)]))])
    for series in (1, 2):
        rows = [Row(series, 0, [value]) for value in (1.0, 2.0)]
        archive.store([("one", Data(0, 10 * series, NOW_MS, rows))])
    assert ask(dsn, "SELECT source, value FROM reading ORDER BY seq") == [
        ("sensor level", 1), ("sensor level", 2), ("hour", 2),
    ]  # fmt: skip


def test_an_archive_of_a_newer_version_is_left_alone(archive: Archive, dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as db:
        db.execute("UPDATE watertower_archive SET version = version + 1")
    with pytest.raises(WrongSchema, match="version 2"):
        Archive(dsn)


# What we ask of TimescaleDB, without it: a function of its name that notes how it was called.
TIMESCALE = """
CREATE TABLE asked (relation text, kind "char", column_name name, chunk interval, indexes boolean);
CREATE FUNCTION create_hypertable(relation regclass, time_column_name name, chunk_time_interval interval,
                                  create_default_indexes boolean) RETURNS void LANGUAGE sql AS $$
    INSERT INTO asked SELECT $1::text, (SELECT relkind FROM pg_class WHERE oid = $1), $2, $3, $4
$$;
"""


def test_where_timescale_is_a_hypertable_is_asked_for_and_no_partition_is_made(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as db:
        db.execute(TIMESCALE)
    for times in (1, 1):  # the second worker finds it made
        archive = Archive(dsn)
        archive.announce([("one", SERIES)])
        archive.store([("one", data(times, 5, unix_ms=1_769_900_399_000)), ("one", data(2, 6))])
        archive.close()
    assert ask(dsn, "SELECT relation, kind::text, column_name, chunk = '1 month', indexes FROM asked") == [
        ('"row"', "r", "time", True, False)  # a plain table, as that function wants it
    ]
    assert ask(dsn, "SELECT seq FROM row ORDER BY 1") == [(1,), (2,)]
    assert ask(dsn, "SELECT FROM pg_class WHERE relname LIKE 'row\\_2%'") == []


def test_timescale_that_came_after_the_tables_changes_nothing(archive: Archive, dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as db:
        db.execute(TIMESCALE)
    late = Archive(dsn)
    assert late.store([("one", data(1, 5, unix_ms=1_769_900_399_000))]).new == 1
    late.close()
    assert ask(dsn, "SELECT tableoid::regclass::text FROM row") == [("row_2026_01",)]


def run(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-m", "gateway", *words], capture_output=True, text=True)


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
