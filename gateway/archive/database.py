"""Knows a worker's connection to PostgreSQL and what stations say of themselves; knows no broker and no clock."""

from collections.abc import Collection, Mapping, Sequence

import psycopg
from psycopg.types.range import Range as PgRange

from gateway.archive import refusals, tables
from gateway.archive.intake import Data, Refused, Series, Signature
from gateway.archive.known import Known
from gateway.archive.refusals import Refusal
from gateway.archive.rows import LATE, Rows, Stored
from gateway.evidence.notary import day_message, is_signed
from gateway.store.ranges import Range, Ranges


class Archive:
    """One worker's connection. psycopg.OperationalError: the database is away; do the same once more later.
    `grace_s`: so long after a station says that a row was confirmed it may still be on its way."""

    def __init__(self, dsn: str, grace_s: float = 30.0) -> None:
        self._db: tables.Connection = psycopg.connect(dsn, autocommit=True)
        self._grace_s = grace_s
        try:
            tables.make(self._db)
            self._db.execute("SET synchronous_commit = on")
            self._known = Known(self._db)
            self._rows = Rows(self._db, self._known, grace_s)
        except BaseException:
            self._db.close()
            raise

    def close(self) -> None:
        self._db.close()

    def store(self, batch: Sequence[tuple[str, Data]]) -> Stored:
        return self._rows.store(batch)

    def announce(self, said: Sequence[tuple[str, Series]]) -> list[Refusal]:
        return self._known.announce(said)

    def refuse(self, refused: Sequence[Refusal]) -> None:
        refusals.note(self._db, refused)

    def hear(self, online: Mapping[str, bool]) -> None:
        """Who is connected. Every worker hears it; the first one writes it."""
        self._known.meet(online)
        with self._db.transaction():
            self._db.execute(
                "WITH told AS (SELECT * FROM unnest(%s::integer[], %s::boolean[]) AS t (id, online)),"
                " changed AS (SELECT id FROM station WHERE id = ANY(%s) ORDER BY id FOR UPDATE)"
                " UPDATE station SET online = told.online, heard = now() FROM told JOIN changed USING (id)"
                " WHERE station.id = told.id AND station.online IS DISTINCT FROM told.online",
                (ids := [self._known.ids[name] for name in online], list(online.values()), ids),
            )

    def sign(self, station: str, day: str, said: Signature) -> Refused | None:
        """Keeps a signed day with what is to be thought of it. The key of a station's first sound day is its key from
        then on."""
        self._known.meet((station,))
        id = self._known.ids[station]
        signature, digest, public = map(bytes.fromhex, (said.signature, said.hash, said.public))
        with self._db.transaction():
            found = self._db.execute("SELECT public_key FROM station WHERE id = %s FOR UPDATE", (id,)).fetchone()
            key = None if found is None or found[0] is None else bytes(found[0])
            owner = self._db.execute("SELECT name FROM station WHERE public_key = %s", (public,)).fetchone()
            is_own = is_signed(public, signature, day_message(station, day, said.block, digest))
            if owner is not None and owner[0] != station:
                verdict = "another"
            elif is_own and key in (None, public):
                verdict = "sound"
            else:
                verdict = "stranger" if is_own else "forged"
            insert = "INSERT INTO signature VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING"
            line = (id, day, said.block, digest, signature, public, verdict)
            is_new = self._db.execute(insert, line).rowcount == 1
            if is_new and verdict == "sound" and key is None:
                self._db.execute("UPDATE station SET public_key = %s WHERE id = %s", (public, id))
        if verdict == "sound" or not is_new:
            return None
        whose = f", which is {owner[0]}'s" if owner is not None else ""
        return Refused(f"signature_{verdict}", f"{day}: block {said.block}, key {said.public}{whose}")

    def to_ask(
        self, stations: Collection[str] | None, first_pause_s: float, longest_pause_s: float
    ) -> dict[str, Ranges]:
        """What connected stations (None: of all) should be asked for. This worker has taken it upon itself: no other
        asks the same before a pause that doubles each time nothing comes."""
        found = self._db.execute(
            "WITH late AS ("
            f"  SELECT id, int8multirange(int8range(1, {LATE} + 1)) - has AS seqs FROM station"
            "   WHERE online IS NOT FALSE AND (%(stations)s::text[] IS NULL OR name = ANY(%(stations)s))"
            f"  AND NOT has @> int8range(1, {LATE} + 1)"
            "   AND now() > asked"
            "     + least(%(first)s * 2.0 ^ least(asked_times - 1, 20), %(longest)s) * interval '1 second'"
            "   FOR UPDATE SKIP LOCKED)"
            " UPDATE station SET asked = now(), asked_times = asked_times + 1 FROM late WHERE station.id = late.id"
            " RETURNING name, seqs",
            {
                "grace": self._grace_s,
                "stations": None if stations is None else list(stations),
                "first": first_pause_s,
                "longest": longest_pause_s,
            },
        ).fetchall()
        return {name: tuple(map(_pair, seqs)) for name, seqs in found}


def _pair(one: "PgRange[int]") -> Range:
    assert one.lower is not None and one.upper is not None
    return one.lower, one.upper - 1
