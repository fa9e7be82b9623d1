"""Knows how a power cut is proven to cost nothing: what was there before and what is there after; pulls no plug.

A gateway that loses its power takes this command with it, if it runs there. So what was before is written down first,
and whoever starts the command again goes on from it.
"""

from collections.abc import Callable
from typing import NamedTuple

from gateway.messages import Phrase
from gateway.site.config import Node
from gateway.states import Status
from gateway.store import StoreError
from gateway.visit.commission.finding import Finding, failed, passed, skipped
from gateway.visit.commission.link import JUMP
from gateway.visit.commission.record import Rows
from gateway.visit.commission.visit import Visit

_CUT_S = 300.0  # for somebody to walk to the plug; ours
BACK_S = 180.0  # for a Raspberry Pi to be up again; ours
_ROOM_S = 60.0


Note = Callable[["Before"], None]


class Before(NamedTuple):
    """What is to be there again. `starts`: unclean ends so far; `counter`, `have`: of the node."""

    rows: Rows
    starts: int
    running_s: int
    counter: int
    have: int


def before(visit: Visit, status: Status) -> Before:
    node = visit.node
    state = None if node is None else visit.state_of(status, node)
    counter = 0 if node is None else visit.record.node(node.id)[0]
    have = 0 if state is None else state.have
    return Before(visit.record.rows(), visit.record.starts(), status.running_s, counter, have)


async def findings(visit: Visit, status: Status, known: Before | None, note: Note) -> list[Finding]:
    """`known`: from before a cut that ended this command; `note` writes it down where a cut does not reach it."""
    if known is None:
        known = before(visit, status)
        note(known)
        at_station, at_node = Phrase("commission.pull_station"), Phrase("commission.pull_node", target=visit.target)
        visit.person.tell(at_station if visit.node is None else at_node)
    if visit.node is None:
        return [await _of_station(visit, known)]
    return [await _of_node(visit, visit.node, known)]


async def _of_station(visit: Visit, before: Before) -> Finding:
    name = visit.target

    def was_cut(status: Status | None) -> bool | None:
        return True if status is None or _starts(visit) > before.starts else None

    if await visit.until(was_cut, _CUT_S) is None:
        return skipped("power_cut", name, Phrase("commission.no_cut"), Phrase("commission.no_cut_advice"))

    def is_back(status: Status | None) -> bool | None:
        if status is None or not status.store.is_open or _starts(visit) <= before.starts:
            return None
        return True if visit.record.last_seq() > before.rows.last else None

    if await visit.until(is_back, BACK_S) is None:
        if await visit.gateway.status() is not None and _starts(visit) == before.starts:
            return failed("power_cut", name, Phrase("commission.clean_stop"), Phrase("commission.no_cut_advice"))
        return failed("power_cut", name, Phrase("commission.not_back"), Phrase("commission.not_back_advice"))
    after = visit.record.rows(before.rows.first, before.rows.last)
    if after != before.rows:
        seen = Phrase("commission.rows_lost", before=before.rows.held, after=after.held)
        return failed("power_cut", name, seen, Phrase("commission.card_advice"))
    last = visit.record.last_seq()
    return passed("power_cut", name, Phrase("commission.survived", count=after.held, before=after.last, after=last))


async def _of_node(visit: Visit, node: Node, before: Before) -> Finding:
    """A boot leaves frame numbers out; no record may be missing."""
    name = node.name

    def booted(status: Status | None) -> int | None:
        counter, _ = visit.record.node(node.id)
        return counter if counter - before.counter >= JUMP and _jumped(visit, node, before.counter) else None

    if await visit.until(booted, _CUT_S + 2 * node.report_s) is None:
        return skipped("power_cut", name, Phrase("commission.no_cut"), Phrase("commission.no_node_cut_advice"))
    limit_s = 2 * node.report_s + max(sensor.period_s for sensor in node.sensors) + _ROOM_S

    def goes_on(status: Status | None) -> bool | None:
        state = None if status is None else visit.state_of(status, node)
        return True if state is not None and state.have > before.have and not state.lacking else None

    is_whole = await visit.until(goes_on, limit_s)
    _, life = visit.record.node(node.id)
    numbers = visit.record.records(node.id, life)
    lost = [number for number in range(numbers[0], numbers[-1] + 1) if number not in set(numbers)] if numbers else []
    if is_whole is None or lost:
        seen = Phrase("commission.records_lost", count=len(lost), have=numbers[-1] if numbers else 0)
        return failed("power_cut", name, seen, Phrase("commission.records_lost_advice"))
    return passed("power_cut", name, Phrase("commission.node_survived", before=before.have, after=numbers[-1]))


def _jumped(visit: Visit, node: Node, counter: int) -> bool:
    """Whether numbers were left out at once, as a boot does."""
    last = counter
    for heard in visit.record.heard(node.id, visit.since_ms):
        if heard.counter > counter:
            if heard.counter - last >= JUMP:
                return True
            last = heard.counter
    return False


def _starts(visit: Visit) -> int:
    try:
        return visit.record.starts()
    except StoreError:
        return -1  # it is being opened
