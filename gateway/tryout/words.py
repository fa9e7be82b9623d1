"""Knows how what a rehearsal found is said, cell by cell of a line; knows no terminal and no page."""

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

from gateway.messages import language, say
from gateway.site.config import Site
from gateway.tryout.outcome import Event, Stretch
from protocols import worth


def stretch_text(one: Stretch, zone_h: float) -> Sequence[str]:
    until = "" if one.size == 1 else "– " + moment(one.to_ms, zone_h)
    words = ", ".join(say(f"quality.{word}") for word in worth.names(one.flags))
    return moment(one.from_ms, zone_h), until, one.channel, say("try.times", count=one.size), words


def event_text(site: Site, one: Event, zone_h: float) -> Sequence[str]:
    level = next((rule.level for rule in site.rules if rule.id == one.rule), "")
    value = "" if one.value is None else f"{one.value:g}"
    event = say(f"try_event.{one.event}")
    return moment(one.unix_ms, zone_h), event, say(f"alarm.{level}") if level else "", title(site, one.rule), value


def title(site: Site, rule: str) -> str:
    table = next((one for one in site.rules if one.id == rule), None)
    own = "" if table is None else (table.title_zh or table.title) if language() == "zh" else table.title
    return f"{own} ({rule})" if own else rule


def moment(unix_ms: int, zone_h: float) -> str:
    return f"{datetime.fromtimestamp(unix_ms / 1000, timezone(timedelta(hours=zone_h))):%Y-%m-%d %H:%M:%S}"
