"""Knows how thousands of seeds of bad weather go between a node and the gateway's own collector and store; knows no
radio's physics. The piece of scripts/bench that is about nodes calls measure()."""

import json
import logging
import sqlite3
import tempfile
from collections.abc import Callable
from pathlib import Path

from gateway.collect.radio import RadioCollector
from gateway.machine.lines import OpenLine
from gateway.site import slice
from gateway.site.config import Site, load
from gateway.store import Store
from hw_sim.bench import Figure, figure
from hw_sim.guest.storm import KEY, NODE, UNIX_MS, Dice, Memory, Story

_SITE = f"""
station = {{ id = "storm", name = "Storm", latitude = 34.0, longitude = 98.0, altitude_m = 4500 }}
radio = {{ port = "radio" }}

[[node]]
id = {NODE}
name = "storm"
key = "{KEY.hex()}"
report_s = 60
bus = [{{ id = "uart1" }}]

[[node.sensor]]
id = "do"
profile = "yosemitech_y504"
bus = "uart1"
unit_id = 1
period_s = 10
quantities = ["temperature", "dissolved_oxygen"]
"""


class _Clock:
    """The gateway's time is what the story says."""

    def __init__(self) -> None:
        self.now_ms = 0
        self.offset_ms = 0

    def monotonic_ms(self) -> int:
        return self.now_ms

    def unix_ms(self) -> int:
        return UNIX_MS + self.now_ms + self.offset_ms

    def is_trusted(self) -> bool:
        return True

    def boot_id(self) -> str:
        return "bench"


class RealGateway(Memory):
    """The far end made of the gateway's own code."""

    def __init__(self, site: Site, path: Path) -> None:
        self._site = site
        self._path = path
        self._clock = _Clock()
        self._store: Store | None = None
        self._refused = 0
        self._commands = 0
        super().__init__()

    def restart(self) -> None:
        self.close()
        self._store = Store(self._path, self._clock)
        self._store.database.db.execute("PRAGMA synchronous = OFF")  # nobody cuts this disk's power
        self._collector = RadioCollector(self._site, _no_line, self._store, self._clock)

    def close(self) -> None:
        if self._store is not None:
            self._refused += sum(self._collector.refused.values())
            self._store.close()

    def hear(self, data: bytes, now_ms: int) -> list[bytes]:
        assert self._store is not None
        self._clock.now_ms, self._clock.offset_ms = now_ms, self.offset_ms
        self._store.database.db.execute(f"PRAGMA query_only = {self.trouble:d}")  # the disk refuses
        try:
            return list(self._collector.answers(data))
        except sqlite3.OperationalError:
            self.restart()  # the supervision's business
            return []
        finally:
            self._store.database.db.execute("PRAGMA query_only = 0")

    def forget(self, dice: Dice) -> None:
        """Rows are lost while the process is down; the oldest stays, as one can't know that there was an older one."""
        assert self._store is not None
        first = 2 + dice.below(self._store.nodes.have(NODE) + 1)
        self._store.database.db.execute("DELETE FROM row WHERE record BETWEEN ? AND ?", (first, first + dice.below(8)))
        self.restart()

    def order(self, kind: int) -> int:
        assert self._store is not None
        return self._store.commands.give(NODE, kind)

    def _query(self, sql: str) -> list[tuple[object, ...]]:
        assert self._store is not None
        return self._store.database.db.execute(sql).fetchall()

    def rows(self) -> list[tuple[int, tuple[int | None, ...]]]:
        return [(int(str(r)), tuple(json.loads(str(c)))) for r, c in self._query("SELECT record, cells FROM row")]

    def gone(self) -> list[int]:
        ranges = self._query("SELECT first, last FROM stretch WHERE state = 'gone'")
        return [number for first, last in ranges for number in range(int(str(first)), int(str(last)) + 1)]

    def done(self) -> list[int]:
        return [int(str(id)) for (id,) in self._query("SELECT id FROM command WHERE done IS NOT NULL")]

    def refusals(self) -> int:
        return self._refused + sum(self._collector.refused.values())


async def _no_line() -> OpenLine:
    raise NotImplementedError("the story hands bytes over by itself")


def measure(progress: Callable[[str], None] = lambda text: None, seeds: int = 3000) -> dict[str, Figure]:
    """SystemExit names the first seed that lost, repeated or made up anything."""
    logging.disable()
    records = refused = 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "site.toml")
        path.write_text(_SITE)
        site = load(path)
        schema = slice.schema_of(site, site.nodes[0])
        for seed in range(seeds):
            if seed % 500 == 0:
                progress(f"seed {seed} of {seeds}")
            far_end = RealGateway(site, Path(folder, f"{seed}.db"))
            story = Story(seed, far_end, schema)
            try:
                story.run()
            except AssertionError as error:
                raise SystemExit(f"seed {seed}: {error}") from error
            records += len(far_end.rows())
            refused += story.refused
            far_end.close()
            for left in Path(folder).glob(f"{seed}.db*"):
                left.unlink()
    return {
        "link_seeds": figure(seeds, "seeds", "each exactly once and complete"),
        "link_records": figure(records, "records", "what their nodes wrote and still had"),
        "link_refused": figure(refused, "frames", "what was damaged, forged, late or came again"),
    }
