"""Knows how judgements are printed for a terminal; judges nothing."""

import unicodedata
from collections.abc import Iterator, Sequence

from gateway.assess.agreement import Agreement, Difference, shown
from gateway.assess.hours import local_day, local_hour
from gateway.assess.verdict import DAY, Verdict
from gateway.messages import language, say
from gateway.process.air import attainment
from gateway.process.air.editions import LEVELS
from gateway.process.enough import NOT_ENOUGH, PARTIAL
from gateway.process.water.tables import CLASS_NAMES, CLASS_NAMES_ZH

_MOST_DIFFERENCES = 100


def lines(verdicts: Sequence[Verdict], zone_h: float) -> Iterator[str]:
    """A table of one kind of period."""
    many = len({one.place for one in verdicts}) > 1
    rows = [row(one, zone_h, many) for one in verdicts]
    widths = [max(map(width, column)) for column in zip(*rows, strict=True)] if rows else []
    for cells in rows:
        yield "  ".join(cell + " " * (wide - width(cell)) for cell, wide in zip(cells, widths, strict=True)).rstrip()


def row(one: Verdict, zone_h: float, many: bool) -> tuple[str, ...]:
    time = local_day(one.start_ms, zone_h) if one.period == DAY else local_hour(one.start_ms, zone_h)
    place = (f"{one.place} {one.label}" if one.label != one.place else one.place,) if many else ()
    return (time, *place, result_text(one), ", ".join(one.limiting) or "-", f"{one.have}/{one.want}", notes_text(one))


def result_text(one: Verdict) -> str:
    if one.result is None:
        return say("assess.not_enough")
    if one.subject == "air":
        return say("assess.aqi", aqi=one.result, level=level_text(one))
    return say("assess.class", cls=level_text(one))


def level_text(one: Verdict) -> str:
    if one.level is None:
        return "-"
    is_zh = language() == "zh"
    if one.subject == "air":
        _, name, zh, _ = LEVELS[one.level - 1]
        return zh if is_zh else name
    return (CLASS_NAMES_ZH if is_zh else CLASS_NAMES)[one.level]


def notes_text(one: Verdict) -> str:
    said = []
    if one.missing and one.state in (NOT_ENOUGH, PARTIAL):
        said.append(say("assess.missing", items=", ".join(one.missing)))
    by_key: dict[str, list[str]] = {}
    for key, about in one.notes:
        by_key.setdefault(key, []).append(about)
    said += [say(f"assess_note.{key}", about=", ".join(about)) for key, about in by_key.items()]
    return "; ".join(said)


def summary(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """How many hours and days have a result, and of air the share of good days."""
    for period in dict.fromkeys(one.period for one in verdicts):
        members = [one for one in verdicts if one.period == period]
        known = sum(one.result is not None for one in members)
        yield say("assess.known_days" if period == DAY else "assess.known_hours", known=known, of=len(members))
    days = [one.result for one in verdicts if one.period == DAY and one.subject == "air"]
    if days:
        good = attainment.good_days(days)
        percent = say("assess.not_enough") if good.percent is None else f"{good.percent:.1f} %"
        yield say("assess.good_days", percent=percent, good=good.good, valid=good.valid)


def agreement_lines(found: Agreement, with_differences: bool = True) -> Iterator[str]:
    rate = 100 * found.agree / found.compared if found.compared else 0.0
    yield say("assess.agree", agree=found.agree, compared=found.compared, percent=f"{rate:.2f}")
    by_kind = sum(one.why == "other_kind" for one in found.differences)
    if by_kind:
        yield "  " + say("assess.agree_by_kind", agree=found.agree + by_kind, compared=found.compared)
    for name, same, of in found.parts:
        yield "  " + say("assess.part", part=say(f"assess_part.{name}"), same=same, of=of)
    if found.unpublished:
        yield say("assess.unpublished", count=found.unpublished)
    if found.differences and with_differences:
        count = len(found.differences)
        yield say("assess.differences", count=count, explained=found.explained)
    for one in found.differences[: _MOST_DIFFERENCES if with_differences else 0]:
        yield "  " + difference_text(one)


def difference_text(one: Difference) -> str:
    verdict = one.verdict
    assert verdict.published is not None
    theirs = " ".join((verdict.published.result, *verdict.published.primary))
    ours = " ".join((shown(verdict) or "-", *(verdict.limiting if verdict.subject == "air" else ())))
    return say(
        "assess.difference",
        place=verdict.place,
        theirs=theirs,
        ours=ours,
        why=say(f"assess_why.{one.why}", about=one.about),
    )


def width(text: str) -> int:
    """Columns on a terminal: a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)
