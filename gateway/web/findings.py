"""Knows the newest of what the gateway made of readings (AQI, water class, findings, loads, trends) and says it in a
line of words; reckons nothing, knows no page.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gateway.beside import reading
from gateway.messages import catalogue, say, unit_text
from gateway.process.air.editions import LEVELS, POLLUTANTS
from gateway.process.judgement import AIR, WATER
from gateway.process.periods import DAY, HOUR, MONTH, YEAR
from gateway.process.trend.rows import TREND
from gateway.process.water.tables import CLASS_NAMES, CLASS_NAMES_ZH
from gateway.site.config import Site
from gateway.store import StoreError
from gateway.store.rows import DERIVED
from protocols import quality
from protocols.fixed_point import decimal_text

PERIODS = (HOUR, DAY, MONTH, YEAR, TREND)
_LIGHT = 3  # the AQI's level from which the air is called polluted (HJ 633-2012, table 1)
# Read by their place in time (docs/aggregates.md); of rows that were written again the last one counts.
_NEWEST = (
    f"SELECT unix_ms, cells, quality, max(seq) FROM row WHERE node = {DERIVED} AND series = ? "
    "GROUP BY unix_ms ORDER BY unix_ms DESC LIMIT 1"
)

Values = Mapping[str, tuple[str | None, str, int]]  # by a channel's last part: (value, unit, quality)


class Made(NamedTuple):
    """A row: of `what` (a finding's name, "air", ..), of which period, from when, what is in it."""

    what: str
    period: str
    unix_ms: int
    values: Values


def newest(site: Site) -> list[Made]:
    """Blocking. Without a store there is none."""
    try:
        with reading(Path(site.store.path)) as db:
            found = {(one.what, one.period): one for one in sorted(_rows(db, site), key=lambda one: one.unix_ms)}
    except (StoreError, sqlite3.Error, ValueError):
        return []
    return sorted(found.values(), key=lambda one: (one.period == TREND, one.what, PERIODS.index(one.period)))


def _rows(db: sqlite3.Connection, site: Site) -> Iterator[Made]:
    names = {one.name for one in site.findings}
    names |= set() if site.aggregates is None else {one.name for one in site.aggregates.loads}
    for series, source, text in db.execute("SELECT id, source, channels FROM series").fetchall():
        channels = json.loads(text)
        what, period = _place(source, channels[0][0] if channels else "", names)
        row = db.execute(_NEWEST, (series,)).fetchone() if period in PERIODS else None
        if row is not None:
            unix_ms, cells, worths, _ = row
            flags = json.loads(worths) if worths else [0] * len(channels)
            yield Made(what, period, unix_ms, _values(what, channels, json.loads(cells), flags))


def _place(source: str, first: str, names: set[str]) -> tuple[str, str]:
    """(what, period) of a series; a period that is none: it is nothing that stands here."""
    subject, _, level = source.partition("_")
    if subject in (AIR, WATER):
        return subject, level
    if source == TREND:
        return first.partition(":")[0], TREND
    what = first.partition(":")[0] if first.partition(":")[0] in names else first.rpartition(".")[0]
    return what, source if what in names else ""


def _values(what: str, channels: Sequence[Any], cells: Sequence[int | None], flags: Sequence[int]) -> Values:
    return {
        name.removeprefix(what).lstrip(".:"): (None if cell is None else decimal_text(cell, decimals), unit, flag)
        for (name, unit, decimals), cell, flag in zip(channels, cells, flags, strict=True)
    }


# --- in words ---------------------------------------------------------------------------------------------------------


def told(made: Made, site: Site, lang: str) -> dict[str, Any]:
    """`kind`: as of a state: good, look, bad, dim."""
    teller = _TELLERS.get(made.what if made.period in (HOUR, DAY) else "", _trend if made.period == TREND else _plain)
    kind, words, detail = teller(made.values, site, lang)
    name = say(f"assess.{made.what}", lang) if made.what in (AIR, WATER) else made.what
    return {"what": name, "period": made.period, "unix_ms": made.unix_ms, "kind": kind, "words": words,
            "detail": detail}  # fmt: skip


Words = tuple[str, str, str]


def _number(values: Values, name: str) -> int | None:
    text = values.get(name, (None, "", 0))[0]
    return None if text is None else int(float(text))


def _few(values: Values, first: str, lang: str) -> str:
    return say("assess.not_enough", lang) if values.get(first, (None, "", 0))[2] & quality.FEW else ""


def _names(bits: int | None, order: Sequence[str]) -> str:
    return ", ".join(name for place, name in enumerate(order) if (bits or 0) & 1 << place)


def _air(values: Values, site: Site, lang: str) -> Words:
    aqi, level, few = _number(values, "aqi"), _number(values, "level"), _few(values, "aqi", lang)
    if aqi is None or level is None:
        return "dim", few or "–", ""
    _, name, name_zh, _ = LEVELS[level - 1]
    primary = _names(_number(values, "primary"), POLLUTANTS)
    kind = "bad" if level > _LIGHT else "look" if level == _LIGHT else "good"
    detail = say("web.primary", lang, items=primary) if primary else ""
    return kind, say("assess.aqi", lang, aqi=aqi, level=name_zh if lang == "zh" else name), _joined(detail, few)


def _water(values: Values, site: Site, lang: str) -> Words:
    cls, few = _number(values, "class"), _few(values, "class", lang)
    factors = () if site.assess is None else site.assess.factors
    over = _names(_number(values, "over_target"), factors)
    detail = say("web.over_target", lang, items=over) if over else ""
    if cls is None:
        return "look" if over else "dim", few or "–", detail
    limiting = _names(_number(values, "limiting"), factors)
    if not over and limiting:
        detail = say("web.by_factor", lang, items=limiting)
    words = say("assess.class", lang, cls=(CLASS_NAMES_ZH if lang == "zh" else CLASS_NAMES)[cls])
    return "bad" if over else "good", words, _joined(detail, few)


def _plain(values: Values, _: Site, lang: str) -> Words:
    """Each output with its name; what it means for somebody a rule says, not this."""
    parts = [
        f"{_output(name, lang)} {value} {unit_text('' if unit == '1' else unit)}".strip()
        for name, (value, unit, _) in values.items()
        if value is not None and name not in ("count", "slots")
    ]
    is_few = all(value is None for value, _, _ in values.values())
    return ("dim", say("assess.not_enough", lang), "") if is_few else ("none", " · ".join(parts), "")


def _output(name: str, lang: str) -> str:
    """A load has no name of its own, and a new output none of ours."""
    return say(f"finding_output.{name}", lang) if f"finding_output.{name}" in catalogue() else name


def _trend(values: Values, _: Site, lang: str) -> Words:
    slope, unit, _flags = values.get("slope", (None, "", 0))
    direction = _number(values, "direction")
    if slope is None or direction is None:
        return "dim", say("assess.not_enough", lang), ""
    word = say(("web.falls", "web.steady", "web.rises")[direction + 1], lang)
    shifted = bool(_number(values, "cusum") or _number(values, "ewma"))
    detail = say("web.shifted", lang) if shifted else ""
    return "look" if direction or shifted else "good", f"{word} {slope} {unit_text(unit)}", detail


def _joined(*parts: str) -> str:
    return " · ".join(part for part in parts if part)


_TELLERS: dict[str, Callable[[Values, Site, str], Words]] = {AIR: _air, WATER: _water}
