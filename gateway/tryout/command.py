"""Knows the command `watertower try-rules`: has the tests and rules of a site run over a file, prints what came."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from gateway.judging import judge
from gateway.messages import say
from gateway.pipeline import board, stages
from gateway.process.rehearsal import Rehearsal
from gateway.site.config import Aggregate, Site
from gateway.site.profiles import columns
from gateway.tryout import page, recorded
from gateway.tryout.outcome import Outcome
from gateway.tryout.words import event_text, stretch_text, title
from gateway.whole_file import whole_file

_END_MS = 900_000  # so long after the last reading: what it closes and raises is seen; ours
_MOST_LINES = 200  # of flagged stretches


def main(site: Site, data: Path, renamed: Mapping[str, str], zone_h: float | None, plot: Path | None) -> int:
    """0 done, 1 the plot cannot be written, 2 the file is not what it should be."""
    if zone_h is None:
        zone_h = (Aggregate() if site.aggregate is None else site.aggregate).zone_h
    try:
        outcome = rehearsed(site, data, renamed, zone_h)
    except (OSError, UnicodeDecodeError) as error:
        print(say("assess.no_file", path=data, reason=error), file=sys.stderr)
        return 2
    except recorded.Unreadable as error:
        print(say("try.unfit", path=data, found=error), file=sys.stderr)
        return 2
    for line in lines(site, outcome, zone_h):
        print(line)
    if plot is not None:
        try:
            with whole_file(plot) as beside:
                beside.write_text(page.render(site, outcome, zone_h), "utf-8")
        except OSError as error:
            print(say("export.unwritable", path=plot, reason=error), file=sys.stderr)
            return 1
        print(say("assess.plotted", path=plot))
    return 0


def rehearsed(site: Site, data: Path, renamed: Mapping[str, str], zone_h: float) -> Outcome:
    """OSError, UnicodeDecodeError, Unreadable: the file."""
    outcome = Outcome()
    rehearsal = Rehearsal(judge(site), stages(site, board(site)))
    with open(data, encoding="utf-8-sig", newline="") as file:
        outcome.take(rehearsal.play(recorded.rows(file, site, renamed, zone_h)))
    outcome.take(rehearsal.end(_END_MS))
    return outcome


def lines(site: Site, outcome: Outcome, zone_h: float) -> Iterator[str]:
    yield say("try.readings")
    head = [say("try.channel"), say("try.count"), say("try.flagged"), say("try.failed"), ""]
    rows = [
        [one.channel, str(one.size), str(one.flagged), str(one.failed),
         ", ".join(f"{say(f'quality.{word}')} {count}" for word, count in sorted(one.words.items()))]
        for one in outcome.tested()
    ]  # fmt: skip
    yield from columns([head, *rows], "  ")
    found = outcome.stretches()
    yield ""
    yield say("try.stretches", count=len(found))
    yield from columns([stretch_text(one, zone_h) for one in found[:_MOST_LINES]], "  ") if found else ()
    if len(found) > _MOST_LINES:
        yield "  " + say("try.more", count=len(found) - _MOST_LINES)
    yield ""
    yield say("try.alarms", count=sum(one.event == "raised" for one in outcome.events))
    yield from columns([event_text(site, one, zone_h) for one in outcome.events], "  ") if outcome.events else ()
    for rule in site.rules:
        state = outcome.states.get(rule.id, "normal")
        yield "  " + say("try.in_the_end", rule=title(site, rule.id), state=say(f"alarm.{state}"))
