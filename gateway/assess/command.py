"""Knows the command `watertower assess`: reads a file, prints, draws; what things mean stands in gateway/process/."""

import sys
from pathlib import Path

from gateway.assess import agreement, air, page, text, water
from gateway.assess.hours import Hour, Unreadable, hours
from gateway.assess.mapping import Plan, plan
from gateway.assess.verdict import DAY, HOUR, Verdict
from gateway.messages import say
from gateway.process.air.editions import POLLUTANTS
from gateway.whole_file import whole_file

_JUDGES = {"air": air.verdicts, "water": water.verdicts}


def main(data: Path, site: Path, only: str | None, plot: Path | None) -> int:
    """0 done, 1 failed, 2 the file or the site is not what it should be."""
    asked = plan(site)
    try:
        with open(data, encoding="utf-8-sig", newline="") as file:
            rows = hours(file, asked)
    except (OSError, UnicodeDecodeError) as error:
        print(say("assess.no_file", path=data, reason=error), file=sys.stderr)
        return 2
    except Unreadable as error:
        print(say("assess.unfit", path=data, site=site, found=error), file=sys.stderr)
        return 2
    parts = []
    print(asked.title)
    for subject in subjects(asked, rows):
        verdicts = _JUDGES[subject](rows, asked.assess, asked.altitude_m)
        agreed = agreement.agreement(rows, verdicts, _JUDGES[subject], asked.assess)
        _print(verdicts, agreed, asked.assess.zone_h, only)
        parts.append(page.Part(subject, verdicts, agreed))
    if not parts:
        print(say("assess.nothing", path=data), file=sys.stderr)
        return 2
    if plot is not None:
        try:
            with whole_file(plot) as beside:
                beside.write_text(page.render(asked.title, parts, asked.assess), "utf-8")
        except OSError as error:
            print(say("export.unwritable", path=plot, reason=error), file=sys.stderr)
            return 1
        print(say("assess.plotted", path=plot))
    return 0


def subjects(asked: Plan, rows: list[Hour]) -> list[str]:
    """Air, water or both: what the file has items of."""
    if asked.columns is not None:
        return [asked.columns.subject] if rows else []
    items = {item for row in rows for item in row.values}
    return [name for name, is_there in (
        ("air", not items.isdisjoint(POLLUTANTS)), ("water", not items.isdisjoint(asked.assess.factors)),
    ) if is_there]  # fmt: skip


def _print(verdicts: list[Verdict], agreed: agreement.Agreement | None, zone_h: float, only: str | None) -> None:
    for period, heading in ((HOUR, say("assess.hours")), (DAY, say("assess.days"))):
        members = [one for one in verdicts if one.period == period]
        if members and only in (None, period):
            print(f"\n{heading}")
            for line in text.lines(members, zone_h):
                print(line)
    print()
    for line in text.summary(verdicts):
        print(line)
    if agreed is not None:
        for line in text.agreement_lines(agreed):
            print(line)
