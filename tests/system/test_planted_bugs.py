"""The judge can fail: each mistake that a gateway or node might make is seen by some seed."""

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.system.planting import ROOT, planted


class Bug(NamedTuple):
    """A line of the project, what it is spoilt to, the scenario in which it shows, and what the judge says."""

    file: str
    good: str
    bad: str
    scenario: str
    seen: str


BUGS = {
    "a record is dropped after its acknowledgement": Bug(
        "gateway/store/nodes.py",
        "            for row in rows:\n",
        "            for row in rows[1:]:\n",
        "outage",
        "lost",
    ),
    "a poll is published twice under two numbers": Bug(
        "gateway/store/waiting.py",
        "        self.rows.append(row)\n",
        "        self.rows.appendleft(self.rows[0]) if self.rows else None\n        self.rows.append(row)\n",
        "outage",
        "wrong",
    ),
    "a value is clipped to the measuring range": Bug(
        "protocols/registers.py",
        "    return value, range_quality(register, value)",
        "    low = register.low\n"
        "    value = value if low is None else max(value, round(low * 10**register.decimals))\n"
        "    return value, range_quality(register, value)",
        "spring-flood",
        "wrong values",
    ),
    "what a platform asks for is not sent again": Bug(
        "gateway/uplink/owed.py", "        self.confirmed = without(self.confirmed, again)\n", "", "outage", "lost"
    ),
    "quality is lost on the way": Bug(
        "gateway/uplink/payload.py",
        '    quality = f",[{\',\'.join(map(str, row.quality))}]" if row.quality else ""',
        '    quality = ""',
        "spring-flood",
        "wrong quality",
    ),
    "times are an hour late": Bug(
        "gateway/store/incoming.py",
        "unix_ms, number = record.time_s * 1000,",
        "unix_ms, number = record.time_s * 1000 + 3_600_000,",
        "outage",
        "wrong",
    ),
    "late readings do not open their hour again": Bug(
        "gateway/process/aggregate.py",
        "        if period is None:\n",
        "        if period is None and self._past.at(unit.series[unit.base], start_ms) is not None:\n"
        "            return\n"
        "        if period is None:\n",
        "late-hours",
        "hours and days",
    ),
    "hours begin an hour late": Bug(
        "gateway/process/aggregate.py",
        "self._written(Row(series, period.start_ms, tuple(cells)))",
        "self._written(Row(series, period.start_ms + HOUR_MS, tuple(cells)))",
        "late-hours",
        "hours and days",
    ),
    "a reading counts twice": Bug(
        "gateway/process/tally.py",
        "            self.count += 1\n",
        "            self.count += 2\n",
        "late-hours",
        "hours and days",
    ),
    "a minute that is written again does not reach its hour": Bug(
        "gateway/process/longer.py",
        "            for start_ms in self._calendar.starts(self._level, row.unix_ms):\n",
        "            if self._past.at(unit.series[self._level], self._calendar.start(self._level, row.unix_ms)):\n"
        "                return ()\n"
        "            for start_ms in self._calendar.starts(self._level, row.unix_ms):\n",
        "late-hours",
        "hours and days",
    ),
    "a start forgets the period that is open": Bug(
        "gateway/derive.py",
        "            self._recall(self._seen(collected))\n",
        "            pass\n",
        "late-hours",
        "hours and days",
    ),
    "an alarm waits for an hour": Bug(
        "gateway/process/alarm/alarms.py",
        "        if held_ms >= (rule.delay_ms if found",
        "        if held_ms >= (rule.delay_ms + 3_600_000 if found",
        "stack",
        "never heard",
    ),
    "an alarm is ten minutes late": Bug(
        "gateway/process/alarm/alarms.py",
        "        if held_ms >= (rule.delay_ms if found",
        "        if held_ms >= (rule.delay_ms + 600_000 if found",
        "stack",
        "too late",
    ),
    "an alarm is never raised": Bug(
        "gateway/process/alarm/alarms.py",
        'self._go(alarm, "raise" if found else "clear", unix_ms, told)',
        'self._go(alarm, "clear", unix_ms, told)',
        "stack",
        "missed",
    ),
    "each hour there is an alarm without cause": Bug(
        "gateway/process/alarm/alarms.py",
        "        found = self._condition(alarm, unix_ms)\n",
        "        found = self._condition(alarm, unix_ms) or unix_ms % 3_600_000 < 300_000\n",
        "greenhouse-gas",
        "false alarms",
    ),
    "every other poll is left out, so that no hour has enough": Bug(
        "gateway/collect/schedule.py",
        "        return slot_ms + period_ms\n",
        "        return slot_ms + 2 * period_ms\n",
        "stack",
        "sulfur_hour: expected",
    ),
    "an alarm that should be silent is raised": Bug(
        "gateway/process/alarm/states.py",
        '"suppress": SUPPRESSED, ',
        "",
        "radiation",
        "false alarms",
    ),
    "a change begins anew at a start": Bug(
        "gateway/process/alarm/rows.py",
        "            self._alarms.remember(self._measured_ms(row), self._readings(row))\n",
        "            pass\n",
        "tailings",
        "too late",
    ),
    "a probe that hangs is not flagged": Bug(
        "gateway/process/quality/judge.py",
        "        flags |= found\n",
        "",
        "surface-water",
        "not flagged",
    ),
    "a late reply is taken for the next answer": Bug(
        "protocols/modbus_client.py",
        "        if owed and any(modbus.same_shape(request, question) for _, question in owed):",
        "        if False:",
        "late-replies",
        "wrong values",
    ),
}


def swarm(root: Path, scenario: str, seeds: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gateway", "sim", "swarm", scenario, "--seeds", str(seeds), "--days", "0.3"],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.parametrize("name", BUGS)
def test_the_judge_sees_that(name: str, tmp_path: Path) -> None:
    bug = BUGS[name]
    run = swarm(planted(tmp_path, bug.file, bug.good, bug.bad), bug.scenario, 3)
    assert run.returncode == 1, run.stdout + run.stderr
    assert bug.seen in run.stdout
    assert f"watertower sim replay {bug.scenario} --seed " in run.stdout


@pytest.mark.parametrize("scenario", sorted({bug.scenario for bug in BUGS.values()}))
def test_the_same_seeds_are_accepted_without_the_mistake(scenario: str) -> None:
    run = swarm(ROOT, scenario, 3)
    assert run.returncode == 0, run.stdout + run.stderr
