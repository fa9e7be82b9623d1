"""Knows what a scenario says must happen at its site, and whether it did; knows not how anything happens.

An [[expect]] is one of four: an `alarm` that must be heard, a derived `row` with a value, a `report` at a platform, so
many `readings` of a channel.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, NamedTuple

from msgspec import Meta, Struct

from gateway.faults import Fault, Tree, nearest, quoted
from gateway.messages import Phrase, say
from gateway.process.alarm import expression
from gateway.process.alarm.expression import Expression, RuleError
from gateway.site import config
from hw_sim.faults.base import Duration, seconds
from hw_sim.judge.alarms import RuleVerdict, per_month
from hw_sim.judge.flags import FlagVerdict
from hw_sim.platforms.centres import Centres
from hw_sim.platforms.platform import Platform

_Text = Annotated[str, Meta(min_length=1)]
_KINDS = ("alarm", "row", "report", "readings")


class Expect(Struct, frozen=True, kw_only=True):
    """`alarm`, a rule's id: it must be heard `within` so long of the moment when its condition, or `truth` in its
    place, is really so (left out: the rule's delay and its sensors' periods). `row`: one of that source must have in
    its `channel` a value of `at_least`, `at_most`. `report`, an uplink's id: at least `count` values of `code` came in
    its reports `command` (CN of HJ 212, function code of SL 651 in hex). `readings`, a channel: `count`
    of them came by MQTT, as only dense measuring can give."""

    alarm: _Text | None = None
    truth: _Text | None = None
    within: Duration | None = None
    row: _Text | None = None
    channel: _Text | None = None
    at_least: float | None = None
    at_most: float | None = None
    report: _Text | None = None
    command: _Text | None = None
    code: _Text | None = None
    readings: _Text | None = None
    count: Annotated[int, Meta(ge=1, le=1_000_000)] = 1


class Judged(NamedTuple):
    """What a run says of alarms and flags."""

    alarms: tuple[RuleVerdict, ...] = ()
    flags: FlagVerdict | None = None
    span_s: float = 0.0


def truths(expects: Sequence[Expect]) -> dict[str, Expression]:
    """By rule: what is to be held against it instead of its own condition."""
    return {one.alarm: expression.parse(one.truth) for one in expects if one.alarm and one.truth}


def within_s(expects: Sequence[Expect]) -> dict[str, float]:
    return {one.alarm: seconds(one.within) for one in expects if one.alarm and one.within}


def unmet(expects: Sequence[Expect], judged: Judged, platform: Platform, centres: Centres) -> Iterator[str]:
    """What did not happen, a line each."""
    alarms = {one.rule: one for one in judged.alarms}
    for one in expects:
        if one.alarm is not None:
            verdict = alarms[one.alarm]
            if not verdict.crossings:
                yield say("sim.no_crossing", rule=one.alarm)
            elif not (verdict.delays_s or verdict.standing):
                yield say("sim.not_raised", rule=one.alarm)
        elif one.row is not None:
            yield from _row(one, platform)
        elif one.report is not None:
            found = centres.reports(one.report, one.command or "", one.code or "")
            if found < one.count:
                what = f"{one.command} {one.code}"
                yield say("sim.not_reported", uplink=one.report, what=what, found=found, wanted=one.count)
        elif one.readings is not None:
            found = len(platform.delivered.get(one.readings, ()))
            if found < one.count:
                yield say("sim.few_readings", channel=one.readings, found=found, wanted=one.count)
    if centres.complaints:
        yield say("sim.complaints", count=len(centres.complaints), first=centres.complaints[0])


def _row(one: Expect, platform: Platform) -> Iterator[str]:
    low = float("-inf") if one.at_least is None else one.at_least
    high = float("inf") if one.at_most is None else one.at_most
    found = [
        cell.value / 10**cell.decimals
        for (channel, _), cell in platform.derived.get(one.row or "", {}).items()
        if channel == one.channel and cell.value is not None
    ]
    if not any(low <= value <= high for value in found):
        values = ", ".join(f"{value:g}" for value in found[-5:]) or "-"
        yield say("sim.no_row", source=one.row, channel=one.channel, found=values)


def unaccepted(judged: Judged, false_per_month: float, found_share: float, false_flags: float) -> Iterator[str]:
    """Alarms that came late, not at all or without cause, and flags, beyond what a scenario accepts."""
    for one in judged.alarms:
        if one.missed:
            yield say("sim.missed", rule=one.rule, count=len(one.missed), at=_hours(one.missed))
        if one.late:
            yield say("sim.late", rule=one.rule, count=len(one.late), at=_hours(one.late))
    false = [(one.rule, at_s) for one in judged.alarms for at_s in one.false]
    if judged.span_s and per_month(len(false), judged.span_s) > false_per_month:
        rules = ", ".join(sorted({rule for rule, _ in false}))
        yield say("sim.false_alarms", rule=rules, count=len(false), at=_hours([at_s for _, at_s in false]))
    flags = judged.flags
    if flags is not None:
        labels, found = sum(flags.labels.values()), sum(flags.found.values())
        if found < found_share * labels:
            yield say("sim.unflagged", count=labels - found, labels=labels)
        if flags.false_share > false_flags:
            yield say("sim.false_flags", share=f"{100 * flags.false_share:.2f}", channels=", ".join(flags.false))


def _hours(times_s: Sequence[float]) -> str:
    return ", ".join(f"{at_s / 3600:.2f} h" for at_s in times_s[:5])


def expect_faults(tables: Sequence[Tree], site: config.Site) -> Iterator[Fault]:
    """What is wrong with the [[expect]] tables of a scenario."""
    rules, uplinks = [rule.id for rule in site.rules], [uplink.id for uplink in site.uplinks]
    channels = [channel.name for channel in site.channels]
    known: Mapping[str, tuple[list[str], str]] = {
        "alarm": (rules, "fault.no_rule"),
        "report": (uplinks, "fault.unknown_uplink"),
        "readings": (channels, "fault.no_station_channel"),
    }
    for index, table in enumerate(tables):
        place = f"expect[{index}]"
        if sum(table.get(kind) is not None for kind in _KINDS) != 1:
            yield Fault(place, "fault.one_expectation", Phrase("hint.one_expectation"))
        for key, (names, fault) in known.items():
            name = table.get(key)
            if name is not None and name not in names:
                yield Fault(f"{place}.{key}", fault, nearest(name, names), found=quoted(name))
        if table.get("truth"):
            try:
                expression.parse(table["truth"])
            except RuleError as error:
                wanted, found = Phrase(f"rule.{error.wanted}"), quoted(error.found)
                yield Fault(f"{place}.truth", "fault.rule_text", column=error.column, found=found, wanted=wanted)
