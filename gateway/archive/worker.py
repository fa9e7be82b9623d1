"""Knows how one archive worker takes messages from a broker and confirms them; knows no table.

It keeps nothing of its own: a message is confirmed to the broker when the database has it. A worker that dies leaves
its messages to the others, or to the next question for what is missing.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import paho.mqtt.client as mqtt
import psycopg
from psycopg.errors import CheckViolation

from gateway.archive.database import Archive
from gateway.archive.ear import Arrived, Ear
from gateway.archive.intake import Data, Refused, Series, Signature, Status, parsed
from gateway.archive.operators import ALL
from gateway.archive.refusals import Refusal
from gateway.control.order import Order, sealed
from gateway.site.config import Operator
from gateway.store.ranges import Ranges

log = logging.getLogger(__name__)
_AT_ONCE = 400  # messages a transaction; ours: 20,000 rows of ten values are 4 MB
_HOLD_S = 30.0  # a message waits so long for the announcement of its series; then it is left to be asked for
_HELD = 50  # messages at most
_LOOK_S = 5.0  # between looks for what is missing, and for announcements that did not come
_LONGEST_PAUSE_S = 86_400.0  # between questions for the same
_FIRST_RETRY_S, _LAST_RETRY_S = 0.5, 15.0
_MOST_RANGES, _MOST_ROWS = 500, 50_000  # one question


class Settings(NamedTuple):
    """`operators`: by station or ALL, in whose name it is asked for what is missing.
    `grace_s`: what is missing may be on its way so long; so long is the first pause after a question, too.
    `prepare`: user, password and TLS of a client."""

    dsn: str
    broker: tuple[str, int]
    operators: Mapping[str, Operator] = {}
    grace_s: float = 30.0
    prepare: Callable[[mqtt.Client], None] = lambda client: None


class Worker:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._held: list[Arrived] = []
        self._archive: Archive | None = None
        self._looked_s = 0.0
        self._order = 0
        self.counters: Counter[str] = Counter()
        self._ear = Ear(settings.broker, settings.prepare, self.counters)

    def run(self, is_over: Callable[[], bool]) -> None:
        """Until `is_over` says so; what is in the database by then is confirmed."""
        self._insist(lambda archive: None, is_over)  # nothing is taken before there is a place for it
        self._ear.open()
        try:
            while not is_over():
                self._step(is_over)
        finally:
            self._ear.close()
            if self._archive is not None:
                self._archive.close()

    def _step(self, is_over: Callable[[], bool]) -> None:
        batch = [*self._held, *self._ear.next(_AT_ONCE, 0.5)]
        if batch:
            self._insist(lambda archive: self._take(archive, batch), is_over)
        if time.monotonic() - self._looked_s > _LOOK_S:
            self._looked_s = time.monotonic()
            self._insist(self._ask, is_over)
            for station in {one.station for one in self._held}:
                self._ear.hear_series(station)

    # --- the database -------------------------------------------------------------------------------------------------

    def _insist(self, work: Callable[[Archive], None], is_over: Callable[[], bool]) -> None:
        """Does it until the database has done it: while it is away the broker keeps what comes."""
        retry_s = _FIRST_RETRY_S
        while not is_over():
            try:
                if self._archive is None:
                    self._archive = Archive(self._settings.dsn, self._settings.grace_s)
                return work(self._archive)
            except (psycopg.OperationalError, CheckViolation) as error:  # a deadlock; a month whose table was dropped
                log.warning("database: %s", str(error).strip().partition("\n")[0])
                if self._archive is not None:
                    self._archive.close()
                    self._archive = None
                time.sleep(retry_s)
                retry_s = min(2 * retry_s, _LAST_RETRY_S)

    def _take(self, archive: Archive, batch: Sequence[Arrived]) -> None:
        """All of it; what the database does not like is found and refused alone."""
        try:
            self._held = self._take_all(archive, batch)
        except psycopg.DataError:
            held: list[Arrived] = []
            for one in batch:
                held += self._take_alone(archive, one)
            self._held = held

    def _take_alone(self, archive: Archive, one: Arrived) -> list[Arrived]:
        try:
            return self._take_all(archive, [one])
        except psycopg.DataError as error:
            self._refuse(archive, [(one.station, Refused("database", str(error)))])
            self._ear.confirm(one)
            return []

    def _take_all(self, archive: Archive, batch: Sequence[Arrived]) -> list[Arrived]:
        """What of it waits for its series."""
        online: dict[str, bool] = {}
        series: list[tuple[str, Series]] = []
        signed: list[tuple[str, str, Signature]] = []
        data: list[tuple[str, Data]] = []
        carriers: list[Arrived] = []
        refused: list[Refusal] = []
        now_ms = time.time_ns() // 1_000_000
        for one in batch:
            try:
                station, last_word, message = parsed(one.topic, one.payload, now_ms)
            except Refused as refusal:
                refused.append((one.station if "/" in one.topic else "", refusal))
                continue
            if isinstance(message, Data):
                data.append((station, message))
                carriers.append(one)
            elif isinstance(message, Series):
                series.append((station, message))
            elif isinstance(message, Status):
                online[station] = message.online
            else:
                signed.append((station, last_word, message))
        if online:
            archive.hear(online)
        if series:
            refused += archive.announce(series)
        for station, day, signature in signed:
            if verdict := archive.sign(station, day, signature):
                refused.append((station, verdict))
        stored = archive.store(data)
        held, given_up = self._sort([carriers[place] for place in sorted(stored.postponed)])
        refused += stored.refused + [
            (one.station, Refused("unannounced", f"{len(one.payload)} bytes of a series that nobody has announced"))
            for one in given_up
        ]
        self._refuse(archive, refused)
        for one in batch:
            if one not in held:
                self._ear.confirm(one)
        self.counters.update(messages=len(batch) - len(held), rows=stored.new, again=stored.again, dated=stored.dated)
        return held

    def _sort(self, postponed: Sequence[Arrived]) -> tuple[list[Arrived], list[Arrived]]:
        """(what waits a little longer, what is left to the station's memory)."""
        now_s = time.monotonic()
        patient = [one for one in postponed if now_s - one.at_s < _HOLD_S][:_HELD]
        return patient, [one for one in postponed if one not in patient]

    def _refuse(self, archive: Archive, refused: Sequence[Refusal]) -> None:
        if refused:
            archive.refuse(refused)
        for station, refusal in refused:
            log.warning("%s: refused: %s", station, refusal)
        self.counters["refused"] += len(refused)

    # --- what is missing ----------------------------------------------------------------------------------------------

    def _ask(self, archive: Archive) -> None:
        operators = self._settings.operators
        if not operators or not self._ear.is_connected:
            return
        known = None if ALL in operators else [*operators]
        for station, seqs in archive.to_ask(known, self._settings.grace_s, _LONGEST_PAUSE_S).items():
            operator = operators.get(station) or operators[ALL]
            topic = f"watertower/{station}/command/{operator.name}"
            now_ms = time.time_ns() // 1_000_000
            self._order = max(self._order + 1, now_ms)  # it rises, also when this program starts anew
            order = Order(
                id=f"archive-{self._order}",
                counter=self._order,
                unix_ms=now_ms,
                command="resend",
                argument={"ranges": some(seqs)},
            )
            self._ear.tell(topic, sealed(topic, operator.secret, order))
            self.counters["asked"] += 1
            log.info("%s: asked for what is missing, %d pieces", station, len(seqs))


def some(ranges: Ranges) -> Ranges:
    """The first of them, within what one question may ask for (docs/mqtt.md)."""
    found, left = [], _MOST_ROWS
    for first, last in ranges[:_MOST_RANGES]:
        if left <= 0:
            break
        found.append((first, min(last, first + left - 1)))
        left -= last - first + 1
    return tuple(found)
