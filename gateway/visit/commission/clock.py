"""Knows whether the time of a station, and of a node, can be believed; sets none."""

from datetime import UTC, datetime, timedelta

from gateway.messages import Phrase
from gateway.site.config import Node
from gateway.states import Status
from gateway.visit.commission.finding import Finding, failed, passed, skipped
from gateway.visit.commission.visit import NO, YES, Visit
from protocols.quality import CLOCK

_BEIJING = timedelta(hours=8)
_AHEAD_MS = 3000  # a record's time is in whole seconds, and a frame takes its way; ours
_ROOM_S = 60


async def findings(visit: Visit, status: Status) -> list[Finding]:
    if not status.is_clock_trusted:
        seen = Phrase("commission.clock_untrusted", time=_shown(status.unix_ms))
        return [failed("clock", visit.site.station.id, seen, Phrase("commission.clock_advice"))]
    if visit.node is not None:
        return [_of_node(visit, visit.node)]
    now = _shown(status.unix_ms)
    if await visit.person.choose(Phrase("commission.watch", time=now), (YES, NO), YES) == NO:
        seen = Phrase("commission.clock_wrong", time=now)
        return [failed("clock", visit.target, seen, Phrase("commission.clock_advice"))]
    return [passed("clock", visit.target, Phrase("commission.clock", time=now))]


def _of_node(visit: Visit, node: Node) -> Finding:
    """Its records say when they were measured; the gateway knows when they came."""
    stored = visit.record.readings([f"node {node.id}"], visit.first_seq, 0)
    flags = [reading.quality for readings in stored.values() for reading in readings]
    if not flags:
        return skipped("clock", node.name, Phrase("commission.no_records"), Phrase("commission.not_heard_advice"))
    unsure = sum(1 for flag in flags if flag & CLOCK)
    if unsure:
        seen = Phrase("commission.node_clock_unset", count=unsure, of=len(flags))
        return failed("clock", node.name, seen, Phrase("commission.node_clock_advice"))
    ages_ms = visit.record.ages_ms(node.id, visit.first_seq)
    if not ages_ms:
        return skipped("clock", node.name, Phrase("commission.no_records"), Phrase("commission.not_heard_advice"))
    youngest_ms, oldest_ms = min(ages_ms), max(ages_ms)
    longest_s = max(sensor.period_s for sensor in node.sensors) + 2 * node.report_s + _ROOM_S
    if youngest_ms < -_AHEAD_MS or youngest_ms > 1000 * longest_s:
        seen = Phrase("commission.node_clock_off", seconds=f"{-youngest_ms / 1000:+.0f}")
        return failed("clock", node.name, seen, Phrase("commission.node_clock_advice"))
    return passed("clock", node.name, Phrase("commission.node_clock", least=f"{youngest_ms / 1000:.0f}",
                                             most=f"{oldest_ms / 1000:.0f}"))  # fmt: skip


def _shown(unix_ms: int) -> str:
    """As a watch in China shows it."""
    return f"{datetime.fromtimestamp(unix_ms / 1000, UTC) + _BEIJING:%Y-%m-%d %H:%M:%S} (UTC+8)"
