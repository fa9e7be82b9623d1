"""Knows what one reading is on its way out, and how its time, digits and flags are written; knows no file and no store.

Digits are those that were stored: no float comes near them before a format has nothing else.
"""

from argparse import ArgumentTypeError
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import NamedTuple

from gateway.messages import say
from gateway.process.stage import Series
from protocols import quality
from protocols.worth import names

EVER_MS = 2**62

Channels = Sequence[tuple[str, str, int]]  # (name, unit, decimals)
Progress = Callable[[int, int], None]  # done, of how many


class Reading(NamedTuple):
    """One cell of one row."""

    seq: int
    unix_ms: int
    channel: str
    cell: int | None  # the value * 10^decimals; None: no value, and `worth` says why
    decimals: int
    unit: str
    worth: int
    source: str

    @property
    def is_guess(self) -> bool:
        """Whether its time is none that anybody could trust."""
        return bool(self.worth & quality.CLOCK)

    @property
    def value(self) -> float | None:
        """The nearest float: rounded to `decimals` it has the digits again, up to 15 of them."""
        return None if self.cell is None else self.cell / 10**self.decimals


class Sample(NamedTuple):
    """A reading as people read it. `value` has its decimals, "" is no value."""

    seq: int
    time: str
    channel: str
    value: str
    unit: str
    quality: str
    source: str


class Wish(NamedTuple):
    """What shall leave: measured from `from_ms` on and before `to_ms`; no channels: all; no source: all."""

    from_ms: int = -EVER_MS
    to_ms: int = EVER_MS
    channels: Collection[str] = ()
    source: str | None = None

    def has(self, unix_ms: int, source: str) -> bool:
        """Rows in which a source's readings stand once more, with other flags, are that source's."""
        return self.from_ms <= unix_ms < self.to_ms and self.source in (None, plain(source))


def readings_of(
    seq: int,
    unix_ms: int,
    source: str,
    channels: Channels,
    cells: Sequence[int | None],
    worths: Sequence[int] | None,
    wanted: Collection[str] = (),
) -> Iterator[Reading]:
    """Of one row. A cell without value and flag was not due: it is no reading."""
    for (name, unit, decimals), cell, worth in zip(
        channels, cells, worths or (quality.GOOD,) * len(cells), strict=True
    ):
        if (cell is not None or worth != quality.GOOD) and (not wanted or name in wanted):
            yield Reading(seq, unix_ms, name, cell, decimals, unit, worth, source)


def plain(source: str) -> str:
    """The source without the word that says that its flags are newer."""
    original = Series(source, ()).original
    return source if original is None else original.source


def is_measured(source: str) -> bool:
    return Series(plain(source), ()).is_collected


def sample(reading: Reading) -> Sample:
    seq, unix_ms, channel, cell, decimals, unit, worth, source = reading
    return Sample(seq, iso(unix_ms), channel, digits(cell, decimals), unit, words(worth), source)


@lru_cache(64)  # the readings of a row follow each other
def iso(unix_ms: int) -> str:
    seconds, ms = divmod(unix_ms, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{ms:03d}Z"


def digits(cell: int | None, decimals: int) -> str:
    """The digits as they are, with a point."""
    if cell is None:
        return ""
    text = f"{abs(cell):0{decimals + 1}d}"
    whole = f"{text[:-decimals]}.{text[-decimals:]}" if decimals else text
    return "-" + whole if cell < 0 else whole


@cache
def words(worth: int) -> str:
    """The flags as the words of protocols/worth.py, the same in every language: "good", "range warm_up"."""
    bits = [1 << place for place in range(worth.bit_length()) if worth >> place & 1]
    return " ".join((names(bit) or [f"flag_{bit}"])[0] for bit in bits) or "good"


def moment_ms(text: str) -> int:
    """Unix ms of "2026-01-31" or "2026-01-31T08:00" (UTC, unless it says another zone)."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(say("export.no_time", found=text)) from None
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
