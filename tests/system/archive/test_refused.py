"""Who lies is refused: by the broker's rights on topics, by the archive, whose log and whose table tell it."""

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.evidence.notary import day_message
from gateway.ports import SystemClock
from gateway.site.config import MqttUplink
from gateway.store import Store
from gateway.uplink.mqtt import MqttForwarder
from gateway.uplink.paho import PahoPublisher
from gateway.uplink.watertower import Watertower
from tests.gateway.test_export import channel
from tests.system.archive.rig import NOW_MS, SERIES_MESSAGE, Broker, Client, ask, message, rows_in, until, watertower

DAY = "2026-01-31"


def signed(station: str, key: Ed25519PrivateKey) -> dict[str, object]:
    digest = bytes(32)
    signature = key.sign(day_message(station, DAY, 5, digest))
    public = key.public_key().public_bytes_raw()
    return {"block": 5, "hash": digest.hex(), "signature": signature.hex(), "public": public.hex()}


class Scene:
    """A broker with rights, a worker, and two stations with a row each; one of them is a liar."""

    def __init__(self, dsn: str, folder: Path) -> None:
        self.dsn = dsn
        self._broker_log, self._log = folder / "log", folder / "worker.log"
        self._broker = Broker(folder, "user archive\ntopic readwrite #\npattern write watertower/%u/#\n")
        words = ("archive", "--dsn", dsn, "--broker", f"127.0.0.1:{self._broker.port}", "--username", "archive",
                 "--grace", "0")  # fmt: skip
        self._worker = watertower(*words, log=self._log)
        self.honest, self.liar = Client(self._broker.port, "honest"), Client(self._broker.port, "liar")
        until(lambda: self._log.exists() and "connected" in self._log.read_text())
        for name, client in (("honest", self.honest), ("liar", self.liar)):
            client.tell(f"watertower/{name}/series/1", SERIES_MESSAGE, retain=True)
            client.tell(f"watertower/{name}/data", message(1, 100))
        until(lambda: rows_in(dsn) == 2)

    @property
    def port(self) -> int:
        return self._broker.port

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


def test_what_comes_twice_is_passed_over_and_what_is_replayed_later_is_refused(scene: Scene) -> None:
    scene.liar.tell("watertower/liar/data", message(2, 5))  # which says that the broker has confirmed row 1
    until(lambda: rows_in(scene.dsn) == 3)
    for _ in range(3):  # a broker may bring it twice, or a station that did not hear the confirmation
        scene.liar.tell("watertower/liar/data", message(2, 5))
    scene.liar.tell("watertower/liar/data", message(1, 100))
    log, _ = scene.end()
    assert scene.readings() == [SAID[0], SAID[1], ("liar", 2, 5), SAID[2]]
    assert scene.refused() == {"liar replayed": 1}
    assert log.count("liar: refused: replayed: row 1") == 1 and "3 again" in log


def test_what_was_asked_for_is_not_replayed(scene: Scene) -> None:
    scene.liar.tell("watertower/liar/data", message(2, 5))
    until(lambda: rows_in(scene.dsn) == 3)
    with psycopg.connect(scene.dsn) as db:
        db.execute("UPDATE station SET asked = now()")
    scene.liar.tell("watertower/liar/data", message(1, 100))
    scene.end()
    assert scene.refused() == {}


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


def test_a_month_that_the_owner_dropped_is_made_again_for_a_row_that_comes_late(scene: Scene) -> None:
    january_ms = 1_736_000_000_000  # 2025-01-04
    scene.honest.tell("watertower/honest/data", message(50, 7, january_ms))
    until(lambda: ("honest", 50, 7.0) in scene.readings())
    with psycopg.connect(scene.dsn) as db:
        db.execute("DROP TABLE row_2025_01")
    scene.honest.tell("watertower/honest/data", message(51, 8, january_ms + 1000))
    until(lambda: ("honest", 51, 8.0) in scene.readings())
    scene.end()


def test_a_signature_by_anothers_key_or_a_new_one_or_none_is_refused(scene: Scene) -> None:
    keys = [Ed25519PrivateKey.generate() for _ in range(3)]
    scene.honest.tell(f"watertower/honest/signature/{DAY}", signed("honest", keys[0]), retain=True)
    until(lambda: ask(scene.dsn, "SELECT verdict FROM signature") == [("sound",)])
    lies = {
        "another": [signed("honest", keys[0]), signed("liar", keys[0])],  # replayed under this name; said in this name
        "stranger": [signed("liar", keys[2])],
        "forged": [signed("nobody", keys[1])],
    }
    own = signed("liar", keys[1])  # only after it tried another's: whoever has none yet gets none by that
    for said in (*lies["another"], own, *lies["stranger"], *lies["forged"]):
        scene.liar.tell(f"watertower/liar/signature/{DAY}", said)
    count = "SELECT verdict, count(*) FROM signature GROUP BY 1 ORDER BY 1"
    until(lambda: ask(scene.dsn, count) == [("another", 2), ("forged", 1), ("sound", 2), ("stranger", 1)])
    log, _ = scene.end()
    assert scene.refused() == {f"liar signature_{reason}": len(said) for reason, said in lies.items()}
    assert [log.count(f"liar: refused: signature_{reason}") for reason in lies] == [2, 1, 1]
    assert log.count(", which is honest's") == 2


async def _denied(folder: Path, port: int, version: Literal["3.1.1", "5"]) -> tuple[str, list[str], int]:
    """A gateway whose user is another's: its trouble, what it notes, the last row that it takes for given."""
    clock = SystemClock()
    store = Store(folder / f"{version}.db", clock)
    store.add_poll(store.series("sensor level", [channel("level.level", "mm", 0)]), NOW_MS, [(1, 0)])
    store.commit()
    uplink = MqttUplink(id="a", host="127.0.0.1", port=port, username="liar", version=version)
    dialect = Watertower("honest", store.clock)
    forwarder = MqttForwarder(uplink, dialect, PahoPublisher(uplink, "gateway"), store, store.clock)
    running = asyncio.create_task(forwarder.run())
    async with asyncio.timeout(30):
        while forwarder.counters.failed_connections < 2 and store.position("a") < store.last_seq:
            await asyncio.sleep(0.05)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    events = [detail for _, kind, detail in store.last_events(10) if kind == "uplink_refused"]
    trouble, confirmed = forwarder.state.trouble, store.position("a")
    store.close()
    return trouble, events, confirmed


def test_a_gateway_that_may_not_speak_in_its_name_notes_it_where_the_broker_can_say_it(
    scene: Scene, tmp_path: Path
) -> None:
    trouble, events, confirmed = asyncio.run(_denied(tmp_path, scene.port, "5"))
    assert "Not authorized" in trouble and len(events) == 1 and confirmed == 0
    assert asyncio.run(_denied(tmp_path, scene.port, "3.1.1")) == ("", [], 1)  # docs/archive.md: let stations speak 5
