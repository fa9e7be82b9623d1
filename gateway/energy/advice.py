"""Knows what would save a node most energy: each change is tried on the plan; knows no battery and no words."""

import math
from collections.abc import Iterator
from typing import NamedTuple

from msgspec.structs import replace

from gateway.energy.budget import DAY_S, day_j, is_always_on, lead_s, total_j
from gateway.energy.consumption import POWERS
from gateway.site.config import Node, NodeSensor, Site

_PERIODS_S = (10, 60, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, DAY_S)
_REPORTS_S = (60, 300, 900, 3600, 7200, 14_400, 21_600)
_LEAST_SHARE = 0.005  # of the whole: less is no advice


class Change(NamedTuple):
    """`kind`: period, rail, rail_and_period (of `sensor`), report, board, gate. `seconds`: the new period."""

    kind: str
    sensor: str
    seconds: int
    saves_j: float  # a day


def best(site: Site, node: Node, count: int = 3) -> list[Change]:
    """The changes that save most, each alone; of one sensor and of one kind only the best."""
    whole_j = total_j(day_j(site, node))
    changes = [
        Change(kind, sensor, seconds, whole_j - joule)
        for kind, sensor, seconds, joule in _tried(site, node)
        if whole_j - joule > _LEAST_SHARE * whole_j
    ]
    found: list[Change] = []
    for change in sorted(changes, key=lambda change: -change.saves_j):
        if not any(change.sensor == other.sensor and (change.sensor or change.kind == other.kind) for other in found):
            found.append(change)
    return found[:count]


def _tried(site: Site, node: Node) -> Iterator[tuple[str, str, int, float]]:
    """(kind, sensor, seconds, J a day after it)."""
    for sensor in node.sensors:
        longer_s = _longer(sensor.period_s, _PERIODS_S)
        if longer_s is not None:
            yield "period", sensor.id, longer_s, _with(site, node, sensor, replace(sensor, period_s=longer_s))
        own = replace(sensor, rail=f"{sensor.id}_only")
        if not is_always_on(site, own) and sensor.rail != own.rail:
            yield "rail", sensor.id, sensor.period_s, _with(site, node, sensor, own)
        elif is_always_on(site, sensor):
            rarer_s = _longer(math.ceil(lead_s(site.profile(sensor))), _PERIODS_S)
            if rarer_s is not None:
                rarer = replace(own, period_s=rarer_s)
                yield "rail_and_period", sensor.id, rarer_s, _with(site, node, sensor, rarer)
    rarer_s = _longer(node.report_s, _REPORTS_S)
    if rarer_s is not None:
        yield "report", "", rarer_s, total_j(day_j(site, replace(node, report_s=rarer_s)))
    if node.board == "rp2":
        yield "board", "", 0, total_j(day_j(site, replace(node, board="esp32")))
    if not any(is_always_on(site, sensor) for sensor in node.sensors):
        yield "gate", "", 0, _gated_j(site, node)


def _longer(than_s: int, ladder: tuple[int, ...]) -> int | None:
    """The next usual period of at least twice that."""
    return next((step_s for step_s in ladder if step_s >= 2 * than_s), None)


def _with(site: Site, node: Node, old: NodeSensor, new: NodeSensor) -> float:
    sensors = tuple(new if sensor is old else sensor for sensor in node.sensors)
    return total_j(day_j(site, replace(node, sensors=sensors)))


def _gated_j(site: Site, node: Node) -> float:
    """With a timer that takes the whole supply away between wakes (TI TPL5110 class: far below a microampere): each
    wake boots, and sleeps through the warm-up."""
    powers = POWERS[node.board]
    parts = day_j(site, node)
    longest_s = max(lead_s(site.profile(sensor)) for sensor in node.sensors)
    wakes = min(DAY_S / node.report_s + _slots_a_day(node), DAY_S / longest_s)
    parts["sleep"] = wakes * longest_s * powers.asleep_w
    parts["processor"] += wakes * powers.boot_j
    for bus in node.buses:
        parts[f"bus {bus.id}"] -= (DAY_S - wakes * longest_s) * powers.bus_idle_w
    return total_j(parts)


def _slots_a_day(node: Node) -> float:
    periods = [sensor.period_s for sensor in node.sensors]
    cycle_s = min(math.lcm(*periods), DAY_S)
    return len({slot for period_s in periods for slot in range(0, cycle_s, period_s)}) * DAY_S / cycle_s
