"""Knows whether a supply holds when a wiper starts: by what a node does and tells, and by the technician's multimeter;
knows no battery's state by itself.
"""

from gateway.energy.chemistry import CHEMISTRIES
from gateway.messages import Phrase
from gateway.site.config import Node, NodeBattery, Sensor
from gateway.states import Status
from gateway.visit.commission.bus import Ask
from gateway.visit.commission.finding import Finding, failed, passed, skipped
from gateway.visit.commission.link import JUMP
from gateway.visit.commission.visit import Visit
from gateway.visit.recognition import reads
from protocols import command

# The least that the whole battery may show under load: so far above where a supervisor cuts, because it will be colder
# one night; and the most that it may fall. Both ours.
_ABOVE_CUT = 1.05
_MOST_FALL = 0.08
_ROOM_S = 60.0
# Low, falling and in order: as measured, as told once, as told before and after.
_WORDS = (
    ("commission.volts_low", "commission.volts_fall", "commission.volts"),
    ("commission.told_low", "commission.told_fall", "commission.told_once"),
    ("commission.told_low", "commission.told_fall", "commission.told"),
)


async def findings(visit: Visit, ask: Ask) -> list[Finding]:
    node = visit.node
    if node is None:
        return [await _polled(visit, sensor, ask) for sensor in _wipers(visit)] or [_no_wiper(visit)]
    gauge = _Gauge(visit, node)
    await gauge.ask()
    wiped = await _commanded(visit, node, gauge) if _wipers(visit) else _no_wiper(visit)
    told = await gauge.finding()
    return [wiped, await _volts(visit, node) if told is None else told]


def _wipers(visit: Visit) -> list[Sensor]:
    return [sensor for sensor in visit.sensors if visit.site.profile(sensor).wipe is not None]


def _no_wiper(visit: Visit) -> Finding:
    return skipped("supply", visit.target, Phrase("commission.no_wiper"), Phrase("commission.no_wiper_advice"))


async def _polled(visit: Visit, sensor: Sensor, ask: Ask) -> Finding:
    """While it wipes, everybody on its bus must answer as before."""
    mates = [mate for mate in visit.sensors if mate.bus == sensor.bus]
    there = [mate for mate in mates if await _answers(visit, mate, ask)]
    answer = await visit.gateway.command("write", {"sensor": sensor.id, "name": "wipe"})
    outcome = answer.get("outcome", answer.get("reason"))
    if outcome not in ("done", "confirmed"):
        seen = Phrase("commission.wipe_refused", reason=outcome)
        return failed("supply", sensor.id, seen, Phrase("commission.wipe_refused_advice"))
    silent = [mate.id for mate in there if not await _answers(visit, mate, ask)]
    if silent:
        seen = Phrase("commission.silent_while_wiping", sensors=tuple(silent))
        return failed("supply", sensor.id, seen, Phrase("commission.weak_supply_advice"))
    return passed("supply", sensor.id, Phrase("commission.wiped_polled", count=len(there)))


async def _answers(visit: Visit, sensor: Sensor, ask: Ask) -> bool:
    first = reads(visit.site.profile(sensor))[:1]
    return any(one.is_there for one in await ask(sensor, first))


async def _commanded(visit: Visit, node: Node, gauge: "_Gauge") -> Finding:
    answer = await visit.gateway.command("wipe", {"node": node.name})
    if answer.get("result") != "done":
        reason = answer.get("detail") or answer.get("reason")
        seen = Phrase("commission.wipe_refused", reason=reason)
        return skipped("supply", node.name, seen, Phrase("commission.no_gateway_advice"))
    id = int(str(answer["left"]))
    before, _ = visit.record.node(node.id)
    visit.person.tell(Phrase("commission.waiting_wipe", minutes=-int(-(2 * node.report_s + _ROOM_S) // 60)))

    def ended(status: Status | None) -> int | None:
        return visit.record.command(id)[2]

    result = await visit.until(ended, 2 * node.report_s + _ROOM_S)
    sent, _, _ = visit.record.command(id)
    if result == command.REFUSED:
        return failed(
            "supply", node.name, Phrase("commission.node_refused_wipe"), Phrase("commission.battery_low_advice")
        )
    if result is None and sent is None:
        return failed("supply", node.name, Phrase("commission.never_asked"), Phrase("commission.never_asked_advice"))
    if result != command.DONE:
        seen = Phrase("commission.silent_since_wipe")
        return failed("supply", node.name, seen, Phrase("commission.weak_supply_advice"))
    longest_ms = max(visit.site.profile(sensor).wipe_ms for sensor in _wipers(visit))
    await visit.sleep(longest_ms / 1000)
    await gauge.ask()
    counted, _ = visit.record.node(node.id)
    heard = await visit.until(lambda status: _heard_after(visit, node, counted), 2 * node.report_s + _ROOM_S)
    if heard is None:
        seen = Phrase("commission.silent_since_wipe")
        return failed("supply", node.name, seen, Phrase("commission.weak_supply_advice"))
    if heard - counted >= JUMP:
        return failed(
            "supply", node.name, Phrase("commission.restarted_by_wipe"), Phrase("commission.weak_supply_advice")
        )
    return passed("supply", node.name, Phrase("commission.wiped", frames=heard - before))


def _heard_after(visit: Visit, node: Node, counter: int) -> int | None:
    now, _ = visit.record.node(node.id)
    return now if now > counter else None


class _Gauge:
    """What a node tells of its battery: asked before the wiper turns, and right after it. It does not tell the lowest
    while it turns."""

    def __init__(self, visit: Visit, node: Node) -> None:
        self._visit = visit
        self._node = node
        self._asked: list[int] = []

    async def ask(self) -> None:
        """Leaves the question; not where the technician has measured."""
        if self._node.battery is None or self._visit.volts is not None:
            return
        answer = await self._visit.gateway.command("battery", {"node": self._node.name})
        if answer.get("result") == "done":
            self._asked.append(int(str(answer["left"])))

    async def finding(self) -> Finding | None:
        """None: the node does not tell it."""
        told = [mv / 1000 for mv in [await self._told_mv(id) for id in self._asked] if mv is not None]
        if not told or self._node.battery is None:
            return None
        return judged(f"{self._node.name}.battery", self._node.battery, told[0], told[-1], len(told))

    async def _told_mv(self, id: int) -> int | None:
        record = self._visit.record
        await self._visit.until(lambda status: record.command(id)[2], 2 * self._node.report_s + _ROOM_S)
        return record.told_mv(id)


async def _volts(visit: Visit, node: Node) -> Finding:
    """At rest and while a wiper turns, by a multimeter at the battery."""
    measured = visit.volts
    if measured is None:
        rest = _number(await visit.person.write(Phrase("commission.ask_rest")))
        load = None if rest is None else _number(await visit.person.write(Phrase("commission.ask_load")))
        measured = None if rest is None or load is None else (rest, load)
    if measured is None or node.battery is None:
        seen = Phrase("commission.no_volts" if node.battery is not None else "commission.no_battery")
        return skipped("supply", f"{node.name}.battery", seen, Phrase("commission.no_volts_advice"))
    return judged(f"{node.name}.battery", node.battery, *measured)


def judged(name: str, battery: NodeBattery, rest_v: float, load_v: float, told: int = 0) -> Finding:
    """What a battery's voltages at rest and under load say of it; or those before and after, of which the node has
    `told` so many."""
    least_v = _ABOVE_CUT * battery.cells * CHEMISTRIES[battery.chemistry].cut_v
    values = {"rest": f"{rest_v:g}", "load": f"{load_v:g}", "least": f"{least_v:.1f}"}
    low, falls, holds = _WORDS[told]
    if load_v < least_v:
        return failed("supply", name, Phrase(low, **values), Phrase("commission.battery_low_advice"))
    if load_v < (1 - _MOST_FALL) * rest_v:
        return failed("supply", name, Phrase(falls, **values), Phrase("commission.weak_supply_advice"))
    return passed("supply", name, Phrase(holds, **values))


def _number(text: str) -> float | None:
    try:
        return float(text.strip().lower().rstrip("v").strip().replace(",", "."))
    except ValueError:
        return None
