"""Knows how a radio link is judged, both ways, by what came: levels, missing numbers, repeated records; knows no modem.

Upwards: every try of a node takes a new number, so those that are missing were lost; but a greeting and a result of a
command take one, too, and are not kept. A second try is no brief frame. Downwards: a node that got no answer sends the
same records again. The way down has no level of its own: a node's
modem does not tell it, and the path is the same.
"""

from collections.abc import Sequence
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from gateway.messages import Phrase
from gateway.site.airtime import sensitivity_dbm
from gateway.site.config import Node, Radio
from gateway.states import NodeState, Status
from gateway.visit.commission.finding import Finding, failed, passed, skipped
from gateway.visit.commission.record import Heard
from gateway.visit.commission.visit import Visit

JUMP = 8  # numbers that go at once: more than a few lost tries; a boot leaves up to 64 out (firmware/journal.py); ours
NEEDED = 5  # frames by which losses are judged; ours
MARGIN_DB = 10.0  # over the modem's sensitivity: wet snow takes 6 dB (hw_sim/scenarios/far-nodes.toml), ice more; ours
MOST_LOST = 0.2  # of the frames, either way; three tries lose one in a hundred then; ours
_UNKEPT = 2  # a greeting and a result before a first try
_ROOM_S = 30.0


class Losses(NamedTuple):
    """Of `frames` that came: numbers that are missing between them, and answers that did not get there."""

    frames: int
    missing: int
    repeated: int

    @property
    def up(self) -> float:
        return self.missing / (self.frames + self.missing) if self.frames else 1.0

    @property
    def down(self) -> float:
        return self.repeated / self.frames if self.frames else 1.0


def losses(heard: Sequence[Heard]) -> Losses:
    missing = repeated = 0
    for before, after in pairwise(heard):
        gap = after.counter - before.counter - 1
        if 0 < gap < JUMP:
            missing += max(gap - _UNKEPT, 0) if after.is_brief else gap
        if after.first is not None and before.last is not None and after.first <= before.last:
            repeated += 1
    return Losses(len(heard), missing, repeated)


async def findings(visit: Visit, status: Status) -> list[Finding]:
    if visit.node is None:
        return [_met(visit, node, status) for node in visit.site.nodes]
    node = visit.node
    limit_s = NEEDED * node.report_s + _ROOM_S
    visit.person.tell(Phrase("commission.waiting_frames", count=NEEDED, minutes=-int(-limit_s // 60)))

    def enough(status: Status | None) -> bool | None:
        return True if len(visit.record.heard(node.id, visit.since_ms)) >= NEEDED else None

    await visit.until(enough, limit_s)
    later = await visit.gateway.status()
    state = None if later is None else visit.state_of(later, node)
    if state is not None and state.is_foreign:
        return [failed("radio", node.name, Phrase("commission.foreign"), Phrase("commission.foreign_advice"))]
    found = losses(visit.record.heard(node.id, visit.since_ms))
    return [judged(node.name, found, visit.levels_dbm, visit.site.radio)]


def judged(name: str, found: Losses, levels_dbm: Sequence[int], radio: Radio | None) -> Finding:
    if not found.frames:
        return failed("radio", name, Phrase("commission.not_heard"), Phrase("commission.not_heard_advice"))
    if found.frames < NEEDED:
        seen = Phrase("commission.few_frames", count=found.frames, needed=NEEDED)
        return skipped("radio", name, seen, Phrase("commission.few_frames_advice"))
    shares = {"frames": found.frames, "up": f"{100 * found.up:.0f}", "down": f"{100 * found.down:.0f}"}
    for share, key in ((found.up, "lost_up"), (found.down, "lost_down")):
        if share > MOST_LOST:
            return failed("radio", name, Phrase(f"commission.{key}", **shares), Phrase("commission.antenna_advice"))
    if not levels_dbm or radio is None or radio.spreading_factor is None:
        return passed("radio", name, Phrase("commission.heard_no_level", **shares))
    level_dbm = median(levels_dbm)
    margin_db = level_dbm - sensitivity_dbm(radio.spreading_factor, radio.bandwidth_khz)
    values = {"level": f"{level_dbm:.0f}", "margin": f"{margin_db:.0f}", "needed": f"{MARGIN_DB:.0f}", **shares}
    if margin_db < MARGIN_DB:
        return failed("radio", name, Phrase("commission.faint", **values), Phrase("commission.antenna_advice"))
    return passed("radio", name, Phrase("commission.heard", **values))


def _met(visit: Visit, node: Node, status: Status) -> Finding:
    """A node as the station sees it; its own commissioning says more."""
    state: NodeState | None = visit.state_of(status, node)
    if state is None or state.heard_unix_ms is None:
        return failed("radio", node.name, Phrase("commission.not_heard"), Phrase("commission.not_heard_advice"))
    if state.is_foreign:
        return failed("radio", node.name, Phrase("commission.foreign"), Phrase("commission.foreign_advice"))
    age_s = (status.unix_ms - state.heard_unix_ms) // 1000
    if age_s > 3 * node.report_s + _ROOM_S:
        seen = Phrase("commission.heard_long_ago", minutes=age_s // 60)
        return failed("radio", node.name, seen, Phrase("commission.not_heard_advice"))
    return passed("radio", node.name, Phrase("commission.heard_lately", seconds=age_s, lacking=state.lacking))
