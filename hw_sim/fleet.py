"""Knows `watertower sim fleet`: many gateways in few processes that measure numbers, and whether an archive has each
row once; knows no radio and no bus.

Of a gateway all is real but what it measures: store, uplink, MQTT client, command desk.
"""

import argparse
import asyncio
import logging
import multiprocessing
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

from gateway import option_values
from gateway.archive import operators
from gateway.control.commands import Resend
from gateway.control.desk import Desk
from gateway.messages import say
from gateway.ports import SystemClock
from gateway.site.config import Channel, MqttUplink, Operator
from gateway.store import Store
from gateway.store.ranges import union
from gateway.uplink.mqtt import MqttForwarder
from gateway.uplink.paho import PahoPublisher
from gateway.uplink.watertower import Watertower

_UPLINK = "archive"
_LOOK_S = 0.5
_NUDGE_S = 5.0  # who lacks rows in the archive measures once more so often: `complete` tells the archive what it lacks
_ROWS_AT_ONCE = 5000
_PART = 100  # gateways in a process: each has 7 open files, and paho's select() takes none beyond 1,023


class Plan(NamedTuple):
    numbers: Sequence[int]  # of its gateways
    seconds: float
    every_s: float
    channels: int
    broker: tuple[str, int]
    operators: dict[str, Operator]
    username: str | None = None
    password_file: str | None = None


class Trusted(SystemClock):
    """This machine's time, whoever sets it."""

    def is_trusted(self) -> bool:
        return True


class Verdict(NamedTuple):
    rows: int
    missing: int
    repeated: int
    altered: int

    def __str__(self) -> str:
        return " ".join(f"{name}={count}" for name, count in self._asdict().items())


class Fleet:
    """The gateways of a plan, in `folder`."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self._plan = plan
        self._gateways = [_Gateway(plan, number, folder) for number in plan.numbers]

    @property
    def stores(self) -> dict[str, Store]:
        return {gateway.station: gateway.store for gateway in self._gateways}

    @property
    def rows(self) -> int:
        return sum(gateway.store.last_seq for gateway in self._gateways)

    @property
    def waiting(self) -> int:
        """Rows that the broker has not confirmed."""
        return sum(gateway.forwarder.waiting_rows for gateway in self._gateways)

    async def live(self) -> None:
        """Measures for as long as the plan says; the gateways take turns within a period."""
        loop = asyncio.get_running_loop()
        began_s, turn = loop.time(), 0
        step_s = self._plan.every_s / len(self._gateways)
        turns = round(self._plan.seconds / step_s)
        while turn < turns:
            due = min(int((loop.time() - began_s) / step_s), turns)
            while turn < due:
                self._gateways[turn % len(self._gateways)].measure()
                turn += 1
                if turn % 20 == 0:
                    await asyncio.sleep(0)  # a commit takes the loop some milliseconds
            await asyncio.sleep(step_s)

    def nudge(self, stations: set[str]) -> None:
        """One more row of these."""
        for gateway in self._gateways:
            if gateway.station in stations:
                gateway.measure()

    def start(self) -> list["asyncio.Task[None]"]:
        return [asyncio.create_task(gateway.forwarder.run()) for gateway in self._gateways]

    def close(self) -> None:
        for gateway in self._gateways:
            gateway.store.close()


class _Gateway:
    def __init__(self, plan: Plan, number: int, folder: Path) -> None:
        self.station = f"fleet-{number:05d}"
        home = folder / self.station
        home.mkdir(parents=True, exist_ok=True)
        clock = Trusted()
        self.store = Store(home / "store.db", clock)
        names = ["number", *(f"value{place}" for place in range(1, plan.channels))]
        self._series = self.store.series("sensor fleet", [_channel(name) for name in names])
        self._number, self._channels = number, plan.channels
        host, port = plan.broker
        uplink = MqttUplink(id=_UPLINK, host=host, port=port, username=plan.username, password_file=plan.password_file)
        publisher = PahoPublisher(uplink, f"watertower-{self.station}-{_UPLINK}")
        operator = plan.operators.get(self.station) or plan.operators.get(operators.ALL)
        self._known = () if operator is None else (operator,)
        desk = Desk(self._known, {"resend": self._resend}, self.store, self.store.clock)
        dialect = Watertower(self.station, self.store.clock, _UPLINK, desk.obey if self._known else None)
        self.forwarder = MqttForwarder(uplink, dialect, publisher, self.store, self.store.clock)

    def measure(self) -> None:
        """A row that says its number, and what follows from it."""
        seq = self.store.last_seq + 1
        cells = [(seq, 0), *(((seq * place * 7919 + self._number) % 100_000, 0) for place in range(1, self._channels))]
        self.store.add_poll(self._series, self.store.clock.unix_ms(), cells)
        self.store.commit()

    async def _resend(self, argument: Resend, uplink: str) -> dict[str, object]:
        return {"again": self.forwarder.resend(union(argument.ranges))}


def _channel(name: str) -> Channel:
    return Channel(
        name=f"fleet.{name}", sensor="fleet", node=None, quantity=name, unit="mg/L" if name != "number" else "",
        decimals=3 if name != "number" else 0, low=None, high=None,
    )  # fmt: skip


# --- what the archive has ---------------------------------------------------------------------------------------------


def compared(dsn: str, stores: dict[str, Store]) -> Verdict:
    """Every row of every store against the archive's."""
    import psycopg

    rows = missing = repeated = altered = 0
    with psycopg.connect(dsn) as db:
        for station, store in stores.items():
            decimals = {series.id: [places for _, _, places in series.channels] for series in store.all_series()}
            found: dict[int, list[tuple[object, ...]]] = {}
            query = (
                "SELECT seq, (extract(epoch from time) * 1000)::bigint, series, value, quality FROM row"
                " WHERE station = (SELECT id FROM station WHERE name = %s)"
            )
            for seq, *rest in db.execute(query, (station,)):
                found.setdefault(seq, []).append(tuple(rest))
            for first in range(1, store.last_seq + 1, _ROWS_AT_ONCE):
                for row in store.rows_within(first, first + _ROWS_AT_ONCE - 1):
                    values = [
                        None if cell is None else cell / 10**places
                        for cell, places in zip(row.cells, decimals[row.series], strict=True)
                    ]
                    quality = None if row.quality is None else list(row.quality)
                    lines = found.pop(row.seq, [])
                    rows += 1
                    missing += not lines
                    repeated += max(0, len(lines) - 1)
                    altered += any(line != (row.unix_ms, row.series, values, quality) for line in lines)
            altered += len(found)  # rows that no gateway has measured
    return Verdict(rows, missing, repeated, altered)


def lacking(dsn: str, stores: dict[str, Store]) -> dict[str, int]:
    """How many rows of each station the archive has not."""
    import psycopg

    with psycopg.connect(dsn) as db:
        query = "SELECT name, (SELECT sum(upper(one) - lower(one)) FROM unnest(has) AS one)::bigint FROM station"
        here = {name: count or 0 for name, count in db.execute(query)}
    return {name: store.last_seq - here.get(name, 0) for name, store in stores.items()}


# --- the command ------------------------------------------------------------------------------------------------------


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", shared: argparse.ArgumentParser) -> None:
    parser = commands.add_parser("fleet", parents=[shared], help=say("help.sim_fleet"))
    parser.add_argument("--gateways", type=int, default=200, metavar="N", help=say("help.fleet_gateways"))
    parser.add_argument(
        "--for", dest="seconds", type=option_values.span_s, default=60.0, metavar="SECONDS", help=say("help.for")
    )
    parser.add_argument("--every", type=float, default=1.0, metavar="SECONDS", help=say("help.fleet_every"))
    parser.add_argument("--channels", type=int, default=10, metavar="N", help=say("help.fleet_channels"))
    parser.add_argument("--broker", required=True, metavar="HOST:PORT", help=say("help.fleet_broker"))
    parser.add_argument("--username", help=say("help.archive_username"))
    parser.add_argument("--password-file", metavar="FILE", help=say("help.archive_password_file"))
    parser.add_argument("--dsn", help=say("help.fleet_dsn"))
    parser.add_argument("--operators", type=Path, metavar="FILE.toml", help=say("help.fleet_operators"))
    parser.add_argument("--patience", type=float, default=300.0, metavar="SECONDS", help=say("help.fleet_patience"))
    parser.add_argument("--folder", type=Path, help=say("help.folder"))
    parser.set_defaults(sim=run)


def run(args: argparse.Namespace) -> int:
    host, _, port = args.broker.rpartition(":")
    plan = Plan(
        range(1, args.gateways + 1), args.seconds, args.every, args.channels, (host or "localhost", int(port)),
        {} if args.operators is None else operators.load(args.operators), args.username, args.password_file,
    )  # fmt: skip
    folder = args.folder or Path(tempfile.mkdtemp(prefix="watertower-fleet-"))
    parts = [plan._replace(numbers=plan.numbers[first : first + _PART]) for first in range(0, args.gateways, _PART)]
    try:
        with ProcessPoolExecutor(len(parts), multiprocessing.get_context("spawn")) as processes:
            lived = [processes.submit(_lived, part, folder, args.dsn, args.patience) for part in parts]
            verdicts = [one.result() for one in lived]
    finally:
        if args.folder is None:
            shutil.rmtree(folder, ignore_errors=True)
    verdict = Verdict(*map(sum, zip(*verdicts, strict=True)))
    if args.dsn is None:
        print(say("fleet.sent", rows=verdict.rows, waiting=verdict.missing), flush=True)
    else:
        print(verdict, flush=True)
    return 1 if any(verdict[1:]) else 0


def _lived(plan: Plan, folder: Path, dsn: str | None, patience_s: float) -> Verdict:
    logging.disable()  # a simulated gateway's log is not this command's
    return asyncio.run(_live(plan, folder, dsn, patience_s))


async def _live(plan: Plan, folder: Path, dsn: str | None, patience_s: float) -> Verdict:
    """Without an archive "missing" is what the broker has not confirmed."""
    fleet = Fleet(plan, folder)
    running = fleet.start()
    try:
        await fleet.live()
        if dsn is None:
            await _until(lambda: fleet.waiting == 0, patience_s)
            return Verdict(fleet.rows, fleet.waiting, 0, 0)
        await _archived(fleet, dsn, patience_s)
        return compared(dsn, fleet.stores)
    finally:
        for one in running:
            one.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        fleet.close()


async def _archived(fleet: Fleet, dsn: str, patience_s: float) -> None:
    """Returns when the archive has everything, or patience has ended."""
    loop = asyncio.get_running_loop()
    end_s, nudged_s = loop.time() + patience_s, loop.time()
    told = ""
    while loop.time() < end_s:
        try:
            lacks = {
                name: count for name, count in (await asyncio.to_thread(lacking, dsn, fleet.stores)).items() if count
            }
        except Exception as error:  # the database may be away: it is waited for
            if told != (told := str(error)):
                print(error, file=sys.stderr)
            lacks = {}
        else:
            if not lacks:
                return
        if loop.time() - nudged_s > _NUDGE_S:
            nudged_s = loop.time()
            fleet.nudge(set(lacks))
        await asyncio.sleep(_LOOK_S)


async def _until(is_so: Callable[[], bool], patience_s: float) -> None:
    end_s = time.monotonic() + patience_s
    while not is_so() and time.monotonic() < end_s:
        await asyncio.sleep(_LOOK_S)
