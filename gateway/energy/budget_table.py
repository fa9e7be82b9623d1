"""Knows how a plan of energy reads in a terminal, in both languages, and as JSON; knows no arithmetic of it."""

import math
from collections.abc import Iterator
from typing import Any

from gateway.energy import advice, endurance
from gateway.energy.advice import Change
from gateway.energy.budget import DAY_S, day_j, peak_w, total_j
from gateway.energy.consumption import CONVERTER
from gateway.messages import say
from gateway.site.config import Node, NodeBattery, Site
from gateway.site.profiles import columns

_NOMINAL_V = 12.0  # where no battery is named: a usual sensor's supply (ours)
TEMPERATURES_C = (20, -30)
_BAR = 30
_LONG_DAYS = 3650.0


def text(site: Site, lang: str | None = None) -> str:
    return "\n\n".join("\n".join(_node(site, node, lang)) for node in site.nodes) or say("budget.no_nodes", lang)


def plain(site: Site) -> dict[str, Any]:
    """The same as numbers; null: it does not empty."""
    return {"station": site.station.id, "nodes": [_plain(site, node) for node in site.nodes]}


def _parts_mah(site: Site, node: Node) -> tuple[float, dict[str, float]]:
    """(voltage, mAh a day of each part), with what the battery's converter and supervisor take."""
    parts = day_j(site, node)
    if node.battery is None:
        return _NOMINAL_V, {part: _mah(joule, _NOMINAL_V) for part, joule in parts.items()}
    load_j = total_j(parts)
    parts["converter"] = endurance.drawn_w(load_j / DAY_S) * DAY_S - load_j
    volts = endurance.volts(node.battery)
    return volts, {part: _mah(joule, volts) for part, joule in parts.items()}


def _mah(joule: float, volts: float) -> float:
    return joule / volts / 3.6


def _days(site: Site, node: Node, battery: NodeBattery) -> dict[str, dict[int, float]]:
    """By "dark" and, with a panel, "sun"; then by temperature."""
    load_w = total_j(day_j(site, node)) / DAY_S
    suns = {"dark": 0.0, **({"sun": endurance.SUN_H} if battery.panel_w else {})}
    return {
        name: {degree: endurance.days(battery, load_w, peak_w(site, node), degree, sun_h) for degree in TEMPERATURES_C}
        for name, sun_h in suns.items()
    }


def _change_mah(node: Node, change: Change, volts: float) -> float:
    return _mah(change.saves_j / (CONVERTER if node.battery else 1.0), volts)


# --- for people -------------------------------------------------------------------------------------------------------


def _node(site: Site, node: Node, lang: str | None) -> Iterator[str]:
    volts, parts = _parts_mah(site, node)
    yield f"{node.name}  {node.board}  {_supply(node, volts, lang)}"
    whole, most = sum(parts.values()), max(parts.values())
    rows = [(say("column.part", lang), "mAh/d", "%", "")]
    rows += [
        (_part(part, lang), _number(mah), f"{100 * mah / whole:.1f}", "█" * math.ceil(_BAR * mah / most))
        for part, mah in parts.items()
    ]
    rows.append((say("budget.whole", lang), _number(whole), "", ""))
    yield from columns(_right(rows), "  ")
    if node.battery is not None:
        yield from columns(list(_endurance(site, node, node.battery, lang)), "  ")
    changes = advice.best(site, node)
    if changes:
        yield "  " + say("budget.advice", lang)
        told = [(f"-{_number(_change_mah(node, change, volts))} mAh/d", _advice(change, lang)) for change in changes]
        width = max(len(saved) for saved, _ in told)
        yield from (f"    {saved:>{width}}  {what}" for saved, what in told)


def _supply(node: Node, volts: float, lang: str | None) -> str:
    battery = node.battery
    if battery is None:
        return say("budget.no_battery", lang, volts=f"{volts:g}")
    supply = say(
        f"budget.{battery.chemistry}", lang, cells=battery.cells, ah=f"{battery.capacity_ah:g}", volts=f"{volts:.1f}"
    )
    return supply + (say("budget.panel", lang, watt=f"{battery.panel_w:g}") if battery.panel_w else "")


def _part(part: str, lang: str | None) -> str:
    kind, _, name = part.partition(" ")
    if kind in ("bus", "sensor"):
        return say("budget.part_bus" if kind == "bus" else "budget.part_sensor", lang, name=name)
    return say(f"budget.part_{part.replace(' ', '_')}", lang)


def _endurance(site: Site, node: Node, battery: NodeBattery, lang: str | None) -> Iterator[list[str]]:
    yield [say("budget.lasts", lang), *(f"{degree:+d} °C" for degree in TEMPERATURES_C)]
    for light, by_degree in _days(site, node, battery).items():
        yield [
            say(f"budget.light_{light}", lang),
            *(_lasts(by_degree[degree], peak_w(site, node), lang) for degree in TEMPERATURES_C),
        ]


def _lasts(days: float, peak: float, lang: str | None) -> str:
    if days == 0.0:
        return say("budget.too_weak", lang, watt=f"{peak:.1f}")
    if math.isinf(days):
        return say("budget.never", lang)
    return say("budget.long", lang) if days > _LONG_DAYS else say("budget.days", lang, days=_number(days))


def _advice(change: Change, lang: str | None) -> str:
    period = _period(change.seconds)
    return say(f"budget.do_{change.kind}", lang, sensor=change.sensor, period=period)


def _period(seconds: int) -> str:
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds and seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _number(value: float) -> str:
    """Three digits that count, no exponent."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _right(rows: list[tuple[str, str, str, str]]) -> list[tuple[str, str, str, str]]:
    """The two columns of numbers aligned right; they are plain ASCII."""
    mah, share = (max(len(row[at]) for row in rows) for at in (1, 2))
    return [(name, f"{one:>{mah}}", f"{other:>{share}}", bar) for name, one, other, bar in rows]


# --- for programs -----------------------------------------------------------------------------------------------------


def _plain(site: Site, node: Node) -> dict[str, Any]:
    volts, parts = _parts_mah(site, node)
    found: dict[str, Any] = {
        "node": node.name,
        "board": node.board,
        "volts": round(volts, 2),
        "mah_per_day": {part: round(mah, 4) for part, mah in parts.items()},
        "total_mah_per_day": round(sum(parts.values()), 4),
    }
    if node.battery is not None:
        found["days"] = {
            light: {str(degree): None if math.isinf(days) else round(days, 2) for degree, days in by_degree.items()}
            for light, by_degree in _days(site, node, node.battery).items()
        }
    found["changes"] = [
        {
            "kind": change.kind,
            "sensor": change.sensor or None,
            "seconds": change.seconds or None,
            "saves_mah_per_day": round(_change_mah(node, change, volts), 4),
        }
        for change in advice.best(site, node)
    ]
    return found
