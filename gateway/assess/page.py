"""Knows how judgements are drawn as one HTML file that needs no network and no script; judges nothing."""

import base64
import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from gateway.assess import text
from gateway.assess.agreement import Agreement
from gateway.assess.hours import local_day, local_hour
from gateway.assess.verdict import DAY, HOUR, Verdict
from gateway.messages import language, say, unit_text
from gateway.process.air import limits
from gateway.process.air.editions import LEVELS
from gateway.process.water.tables import CLASS_NAMES, CLASS_NAMES_ZH, LIMITS, column
from gateway.site.assessing import Assess

_MOST_CELLS = 1500  # of a strip: more are thinner than a pixel; the worst of some next to each other stands for them
_MOST_POINTS = 1500  # of a curve: the least and greatest of each bucket
_MOST_ROWS = 400  # of a table: a page is to be read
_MOST_PLACES = 12  # that have strips and curves of their own
_WIDE, _HIGH = 1000.0, 100.0


class Part(NamedTuple):
    subject: str
    verdicts: Sequence[Verdict]
    agreement: Agreement | None


def render(title: str, parts: Sequence[Part], assess: Assess) -> str:
    return document(title, "".join(piece for part in parts for piece in _part(part, assess)))


def document(title: str, body: str) -> str:
    """A whole page in our style, which allows nothing from anywhere else."""
    style = Path(__file__).with_name("page.css").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    lang = "zh-CN" if language() == "zh" else "en"
    return (
        f'<!doctype html>\n<html lang="{lang}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{digest}'\">"
        f"<title>{escape(title)}</title><style>{style}</style></head><body><h1>{escape(title)}</h1>{body}</body></html>\n"
    )


def _part(part: Part, assess: Assess) -> Iterator[str]:
    yield f"<h2>{say('assess.air') if part.subject == 'air' else say('assess.water')}</h2>"
    yield '<div class="plate">' + "".join(f"<p>{escape(line)}</p>" for line in text.summary(part.verdicts))
    rules = dict.fromkeys(one.rule for one in part.verdicts)
    yield f'<p class="soft">{escape(", ".join(rules))}</p></div>'
    places = dict.fromkeys(one.place for one in part.verdicts)
    has_series = len(places) <= _MOST_PLACES and len(part.verdicts) > len(places)
    if has_series:
        yield _key(part.subject)
        for place in places:
            yield from _place(part.subject, [one for one in part.verdicts if one.place == place], assess)
    else:
        yield from _counts(part)
    if part.agreement is not None:
        yield from _agreement(part.agreement)
    days = [one for one in part.verdicts if one.period == DAY]
    yield from _table(days or list(part.verdicts), assess.zone_h)


def _names(subject: str) -> tuple[str, ...]:
    is_zh = language() == "zh"
    if subject == "air":
        return tuple(zh if is_zh else name for _, name, zh, _ in LEVELS)
    return (CLASS_NAMES_ZH if is_zh else CLASS_NAMES)[1:]


def _key(subject: str) -> str:
    cells = "".join(
        f'<li><i class="{subject}{number}"></i>{escape(name)}</li>' for number, name in enumerate(_names(subject), 1)
    )
    return f'<ul class="key">{cells}<li><i class="none"></i>{escape(say("assess.not_enough"))}</li></ul>'


def _place(subject: str, verdicts: Sequence[Verdict], assess: Assess) -> Iterator[str]:
    if verdicts[0].label:
        yield f"<h3>{escape(verdicts[0].label)}</h3>"
    for period, heading in ((DAY, say("assess.days")), (HOUR, say("assess.hours"))):
        members = [one for one in verdicts if one.period == period]
        if members:
            yield f"<h3>{escape(heading)}</h3>{_strip(subject, members, assess.zone_h)}"
    hours = [one for one in verdicts if one.period == HOUR]
    for item in dict.fromkeys(name for one in hours for name in one.values):
        points = [(one.start_ms, one.values[item]) for one in hours if item in one.values]
        if len(points) > 1:
            yield curve(item, points, _limit(subject, item, hours[-1], assess), assess.zone_h)


def _strip(subject: str, verdicts: Sequence[Verdict], zone_h: float) -> str:
    step = -(-len(verdicts) // _MOST_CELLS)
    cells = []
    for place in range(0, len(verdicts), step):
        worst = max(verdicts[place : place + step], key=lambda one: one.level or 0)
        kind = f"{subject}{worst.level}" if worst.level else "none"
        said = f"{_time(worst, zone_h)} {text.result_text(worst)} {', '.join(worst.limiting)}"
        cells.append(f'<rect class="{kind}" x="{place}" width="{step}" height="1"><title>{escape(said)}</title></rect>')
    ends = f"<span>{_time(verdicts[0], zone_h)}</span><span>{_time(verdicts[-1], zone_h)}</span>"
    return (
        f'<svg class="strip" viewBox="0 0 {len(verdicts)} 1" preserveAspectRatio="none" shape-rendering="crispEdges">'
        f'{"".join(cells)}</svg><div class="ends">{ends}</div>'
    )


def _time(one: Verdict, zone_h: float) -> str:
    return local_day(one.start_ms, zone_h) if one.period == DAY else local_hour(one.start_ms, zone_h)


def _limit(subject: str, item: str, last: Verdict, assess: Assess) -> float | None:
    """What a curve is held against: of air the limit of an hour (of particles: day), of water that of the target."""
    if subject == "air":
        day = date.fromisoformat(local_day(last.start_ms, assess.zone_h))
        return limits.limit(item, assess.air_grade, day) or limits.limit(
            item.replace("_1h", "_24h"), assess.air_grade, day
        )
    kind = "lake" if last.rule.endswith("lake") else "river"
    row = LIMITS.get(column(item, kind))
    return None if row is None else row[assess.target - 1]


def curve(
    item: str, points: Sequence[tuple[int, float]], limit: float | None, zone_h: float, unit: str | None = None
) -> str:
    """`unit`: where it is not that of an item of a standard."""
    first, last = points[0][0], points[-1][0]
    low, high = min(value for _, value in points), max(value for _, value in points)
    top = max(high, limit or high)
    bottom = min(0.0, low) if item != "pH" else min(low, 6.0)
    span = (top - bottom) * 1.06 or 1.0

    def y(value: float) -> float:
        return round(_HIGH - (value - bottom) / span * _HIGH, 1)

    gap = 3 * min((b[0] - a[0] for a, b in pairwise(points)), default=1)
    path, before = [], None
    for start_ms, value in _thinned(points):
        x = round((start_ms - first) / max(last - first, 1) * _WIDE, 1)
        is_next = before is not None and start_ms - before <= max(gap, (last - first) / _MOST_POINTS * 4)
        path.append(f"{'L' if is_next else 'M'}{x} {y(value)}")
        before = start_ms
    line = "" if limit is None else f'<line x1="0" x2="{_WIDE:g}" y1="{y(limit)}" y2="{y(limit)}"/>'
    said = f"{low:g} … {high:g}" + ("" if limit is None else "; " + say("assess.limit_line", limit=f"{limit:g}"))
    return (
        f"<h3>{escape(item)} <small>{unit_text(_unit(item) if unit is None else unit)}</small></h3>"
        f'<svg class="curve" viewBox="0 0 {_WIDE:g} {_HIGH:g}" preserveAspectRatio="none"><path d="{"".join(path)}"/>'
        f'{line}</svg><div class="ends"><span>{local_day(first, zone_h)}</span>'
        f"<span>{escape(said)}</span><span>{local_day(last, zone_h)}</span></div>"
    )


def _unit(item: str) -> str:
    if item == "pH":
        return ""
    return "mg/m3" if item.startswith("CO_") else "ug/m3" if item.endswith("_1h") else "mg/L"


def _thinned(points: Sequence[tuple[int, float]]) -> Iterator[tuple[int, float]]:
    step = -(-2 * len(points) // _MOST_POINTS)
    if step <= 2:
        yield from points
        return
    for place in range(0, len(points), step):
        bucket = points[place : place + step]
        yield from sorted({min(bucket, key=lambda point: point[1]), max(bucket, key=lambda point: point[1])})


def _counts(part: Part) -> Iterator[str]:
    found = Counter(one.level or 0 for one in part.verdicts if one.period == HOUR)
    most = max(found.values(), default=1)
    rows = [*enumerate(_names(part.subject), 1), (0, say("assess.not_enough"))]
    for number, name in rows:
        kind = f"{part.subject}{number}" if number else "none"
        share = 100 * found[number] / most
        yield (
            f'<div class="bar"><span>{escape(name)}</span><svg viewBox="0 0 100 1" preserveAspectRatio="none">'
            f'<rect class="{kind}" width="{share:.2f}" height="1"/></svg><span>{found[number]}</span></div>'
        )


def _agreement(found: Agreement) -> Iterator[str]:
    first, *others = text.agreement_lines(found, with_differences=False)
    yield f'<div class="plate"><p><b>{escape(first)}</b></p>'
    yield "".join(f"<p>{escape(line)}</p>" for line in others) + "</div>"
    if found.differences:
        heading = say("assess.differences", count=len(found.differences), explained=found.explained)
        yield f"<h3>{escape(heading)}</h3><ul>"
        yield "".join(f"<li>{escape(text.difference_text(one))}</li>" for one in found.differences[:_MOST_ROWS])
        yield "</ul>"


def _table(verdicts: Sequence[Verdict], zone_h: float) -> Iterator[str]:
    many = len({one.place for one in verdicts}) > 1
    shown = verdicts[-_MOST_ROWS:]
    if len(shown) < len(verdicts):
        yield f'<p class="soft">{escape(say("assess.last_rows", count=len(shown), of=len(verdicts)))}</p>'
    heads = [say("assess.time"), *([say("assess.place")] if many else []), say("assess.result"), say("assess.limiting")]
    heads += [say("assess.coverage"), ""]
    yield '<div class="scroll"><table><thead><tr>' + "".join(f"<th>{escape(head)}</th>" for head in heads)
    yield "</tr></thead><tbody>"
    for one in shown:
        cells = "".join(f'<td{" class=n" if place == 0 else ""}>{escape(cell)}</td>' for place, cell in
                        enumerate(text.row(one, zone_h, many)))  # fmt: skip
        yield f"<tr>{cells}</tr>"
    yield "</tbody></table></div>"
