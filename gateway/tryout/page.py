"""Knows how a rehearsal is drawn as one HTML file that needs no network and no script; judges nothing."""

from collections.abc import Iterator
from html import escape

from gateway.assess import page
from gateway.messages import language, say
from gateway.site.config import Site
from gateway.tryout import words
from gateway.tryout.outcome import Outcome
from protocols import worth

_MOST_MARKS = 400  # stretches of a channel; of more the longest
_WIDE = 1000.0


def render(site: Site, outcome: Outcome, zone_h: float) -> str:
    name = site.station.name_zh if language() == "zh" and site.station.name_zh else site.station.name
    return page.document(f"{name}: {say('try.title')}", "".join(_body(site, outcome, zone_h)))


def _body(site: Site, outcome: Outcome, zone_h: float) -> Iterator[str]:
    every = [at for points in outcome.points.values() for at, _ in (points[0], points[-1])]
    if not every:
        return
    first_ms, last_ms = min(every), max(max(every), min(every) + 1)
    yield f"<h2>{escape(say('try.alarms', count=len(outcome.alarms())))}</h2>"
    for rule in site.rules:
        spans = [(since, until or last_ms) for name, since, until in outcome.alarms() if name == rule.id]
        yield f"<h3>{escape(words.title(site, rule.id))}</h3>"
        yield _strip([(since, until, "limit", "") for since, until in spans], first_ms, last_ms)
    rows = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in words.event_text(site, one, zone_h)) + "</tr>"
        for one in outcome.events
    )
    yield f'<div class="scroll"><table><tbody>{rows}</tbody></table></div>'
    yield f"<h2>{escape(say('try.readings'))}</h2>"
    found = outcome.stretches()
    units = {channel.name: channel.unit for channel in site.channels}
    for channel, points in outcome.points.items():
        own = sorted((one for one in found if one.channel == channel), key=lambda one: one.from_ms - one.to_ms)
        marks = [
            (one.from_ms, one.to_ms, "limit" if one.flags & worth.FAIL else "soft",
             " ".join(words.stretch_text(one, zone_h)))
            for one in own[:_MOST_MARKS]
        ]  # fmt: skip
        if len(points) > 1:
            yield page.curve(channel, points, None, zone_h, units.get(channel, ""))
            yield _strip(marks, first_ms, last_ms)


def _strip(marks: list[tuple[int, int, str, str]], first_ms: int, last_ms: int) -> str:
    """When something was so, as bars on the line of time; no bar is thinner than a line."""

    def x(unix_ms: int) -> float:
        return round((unix_ms - first_ms) / (last_ms - first_ms) * _WIDE, 2)

    bars = "".join(
        f'<rect class="{kind}" x="{x(since)}" width="{max(x(until) - x(since), 1.0):g}" height="1">'
        f"<title>{escape(said)}</title></rect>"
        for since, until, kind, said in marks
    )
    return f'<svg class="strip thin" viewBox="0 0 {_WIDE:g} 1" preserveAspectRatio="none">{bars}</svg>'
