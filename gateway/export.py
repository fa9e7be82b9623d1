"""Knows how readings leave a store as CSV or JSON lines, one line a sample; knows no way to change them.

Whatever a value was on disk it is here digit for digit; what is a sample is what the view `sample` of store.sql says.
"""

import csv
import json
import sqlite3
import sys
from argparse import ArgumentTypeError
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from gateway.beside import ends, reading, rows
from gateway.messages import say
from gateway.site.config import Site
from gateway.store import StoreError
from gateway.store.rows import Row, sound
from gateway.whole_file import whole_file
from protocols import quality
from protocols.worth import names

_PART = 2000  # rows read at once: some 100 kB, and a few milliseconds during which the WAL can't be emptied; ours
_EVER_MS = 2**62


class Sample(NamedTuple):
    """One reading. `value` has its decimals, "" is no value."""

    seq: int
    time: str
    channel: str
    value: str
    unit: str
    quality: str
    source: str


class Wish(NamedTuple):
    """What shall leave: measured from `from_ms` on and before `to_ms`; no channels: all."""

    from_ms: int = -_EVER_MS
    to_ms: int = _EVER_MS
    channels: Collection[str] = ()


def main(site: Site, wish: Wish, to: Path) -> int:
    """`watertower export`: 0 done, 1 failed, 2 no such channel or format."""
    store = Path(site.store.path)
    write = _FORMATS.get(to.suffix)
    if write is None:
        return _fail(2, say("export.format", path=to, known=", ".join(_FORMATS)))
    with reading(store) as db:
        known = {name for _, channels in _series(db).values() for name, _, _ in channels}
        unknown = sorted(set(wish.channels) - known)
        if unknown:
            return _fail(2, say("export.no_channel", channel=unknown[0], known=", ".join(sorted(known))))
        try:
            with whole_file(to) as beside, open(beside, "w", encoding="utf-8", newline="") as file:
                written = write(file, samples(db, wish, _progress))
        except OSError as error:
            return _fail(1, say("export.unwritable", path=to, reason=error))
        except ValueError as error:  # cells that are no cells
            raise StoreError(say("verify.unreadable", path=store, reason=error)) from error
    print(say("export.done", samples=written, path=to))
    return 0


def _fail(status: int, words: str) -> int:
    print(words, file=sys.stderr)
    return status


def _progress(done: int, of: int) -> None:
    if sys.stderr.isatty():
        print(say("export.progress", percent=100 * done // max(of, 1)), end="\r", file=sys.stderr, flush=True)


def moment_ms(text: str) -> int:
    """Unix ms of "2026-01-31" or "2026-01-31T08:00" (UTC, unless it says another zone)."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(say("export.no_time", found=text)) from None
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


# --- reading ----------------------------------------------------------------------------------------------------------


def samples(
    db: sqlite3.Connection,
    wish: Wish,
    progress: Callable[[int, int], None] = lambda done, of: None,
    part: int = _PART,
) -> Iterator[Sample]:
    """What is in the store at the first step, in the order of seq; `progress` is told how many rows of how many are
    done. Each part is a read of its own: what is deleted meanwhile is left out."""
    first, last = ends(db)
    series = _series(db)
    corrections = dict(db.execute("SELECT id, correction_ms FROM boot"))
    for start in range(first, last + 1, part):
        end = min(start + part - 1, last)
        for row in sound(rows(db, start, end), corrections):
            if wish.from_ms <= row.unix_ms < wish.to_ms:
                yield from _samples(row, *series[row.series], wish.channels)
        progress(end - first + 1, last - first + 1)


def _series(db: sqlite3.Connection) -> dict[int, tuple[str, list[tuple[str, str, int]]]]:
    """(source, channels) of each."""
    found = db.execute("SELECT id, source, channels FROM series")
    return {id: (source, json.loads(channels)) for id, source, channels in found}


def _samples(row: Row, source: str, channels: list[tuple[str, str, int]], wanted: Collection[str]) -> Iterator[Sample]:
    time = _iso(row.unix_ms)
    worths = row.quality or (quality.GOOD,) * len(row.cells)
    for (name, unit, decimals), cell, worth in zip(channels, row.cells, worths, strict=True):
        if (cell is not None or worth != quality.GOOD) and (not wanted or name in wanted):
            yield Sample(row.seq, time, name, _decimal(cell, decimals), unit, words(worth), source)


def _iso(unix_ms: int) -> str:
    seconds, ms = divmod(unix_ms, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{ms:03d}Z"


def _decimal(cell: int | None, decimals: int) -> str:
    """The digits as they are, with a point: no float has come near them."""
    if cell is None:
        return ""
    digits = f"{abs(cell):0{decimals + 1}d}"
    whole = f"{digits[:-decimals]}.{digits[-decimals:]}" if decimals else digits
    return "-" + whole if cell < 0 else whole


@cache
def words(worth: int) -> str:
    """The flags as the words of protocols/worth.py, the same in every language: "good", "range warm_up"."""
    bits = [1 << place for place in range(worth.bit_length()) if worth >> place & 1]
    return " ".join((names(bit) or [f"flag_{bit}"])[0] for bit in bits) or "good"


# --- writing ----------------------------------------------------------------------------------------------------------


def _write_csv(file: TextIO, lines: Iterable[Sample]) -> int:
    """RFC 4180, but for its line ends."""
    written = 0
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(Sample._fields)
    for written, sample in enumerate(lines, 1):  # noqa: B007
        writer.writerow(sample)
    return written


def _write_json(file: TextIO, lines: Iterable[Sample]) -> int:
    written = 0
    for written, sample in enumerate(lines, 1):  # noqa: B007
        plain: dict[str, Any] = sample._asdict()
        plain["value"] = json.loads(sample.value) if sample.value else None
        file.write(json.dumps(plain, separators=(",", ":"), ensure_ascii=False) + "\n")
    return written


_FORMATS: dict[str, Callable[[TextIO, Iterable[Sample]], int]] = {".csv": _write_csv, ".jsonl": _write_json}
