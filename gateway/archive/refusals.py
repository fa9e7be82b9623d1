"""Knows how what was not taken is noted in the table `refusal`; knows no reason."""

from collections import Counter
from collections.abc import Sequence

from gateway.archive.intake import Refused
from gateway.archive.tables import Connection

_LONGEST = 100  # of what stood in the place of a station's name: it may be anything

Refusal = tuple[str, Refused]  # of which station


def note(db: Connection, refusals: Sequence[Refusal]) -> None:
    newest = {(station[:_LONGEST], refused.reason): refused.detail for station, refused in refusals}
    times = Counter((station[:_LONGEST], refused.reason) for station, refused in refusals)
    with db.transaction(), db.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO refusal (station, reason, times, detail) VALUES (%s, %s, %s, %s)"
            " ON CONFLICT (station, reason) DO UPDATE"
            " SET times = refusal.times + excluded.times, last = now(), detail = excluded.detail",
            [(*key, times[key], newest[key].replace("\0", "")) for key in sorted(newest)],
        )
