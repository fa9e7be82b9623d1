"""Knows whether what was measured stays where it is kept: on the gateway's disk, in a node's journal; cuts no power."""

from gateway.messages import Phrase
from gateway.site.config import Node
from gateway.states import Status
from gateway.store import StoreError
from gateway.visit.commission.finding import Finding, failed, passed, skipped
from gateway.visit.commission.visit import Visit

_LEAST_FREE = 100 << 20  # bytes; a day of 20 devices each second takes 45 MB; ours
_AGAIN_S = 60.0  # for a gateway to start again


async def findings(visit: Visit, status: Status) -> list[Finding]:
    if visit.node is not None:
        return [await _of_node(visit, visit.node)]
    return [await _of_station(visit, status)]


async def _of_station(visit: Visit, status: Status) -> Finding:
    """Every row of before is there after the gateway has started again."""
    name, store = visit.target, status.store
    if not store.is_open or store.is_full:
        return failed("buffer", name, Phrase("commission.store_full"), Phrase("commission.store_full_advice"))
    if store.free_bytes is not None and store.free_bytes < _LEAST_FREE:
        seen = Phrase("commission.little_room", mib=store.free_bytes >> 20)
        return failed("buffer", name, seen, Phrase("commission.store_full_advice"))
    before = visit.record.rows()
    answer = await visit.gateway.command("restart", {})
    if answer.get("result") != "done":
        seen = Phrase("commission.no_restart", reason=answer.get("reason", "-"))
        return skipped("buffer", name, seen, Phrase("commission.as_root_advice"))
    visit.person.tell(Phrase("commission.restarting"))
    running_s = status.running_s

    def again(status: Status | None) -> bool | None:
        is_new = status is not None and status.running_s < running_s and status.store.is_open
        return True if is_new and visit.record.last_seq() > before.last else None

    await visit.sleep(2.0)  # it answers before it ends
    is_back = await visit.until(again, _AGAIN_S + visit.site.store.commit_delay_s + _longest_period_s(visit))
    try:
        trouble, after = visit.record.is_sound(), visit.record.rows(before.first, before.last)
    except StoreError as error:
        trouble, after = str(error), None
    if trouble is not None or after is None or after != before:
        seen = Phrase("commission.rows_changed", reason=trouble or "-")
        return failed("buffer", name, seen, Phrase("commission.card_advice"))
    if is_back is None:
        return failed("buffer", name, Phrase("commission.no_rows_after"), Phrase("commission.no_rows_after_advice"))
    return passed("buffer", name, Phrase("commission.rows_kept", count=before.held))


def _longest_period_s(visit: Visit) -> float:
    return min((sensor.period_s for sensor in visit.site.sensors), default=0.0)


async def _of_node(visit: Visit, node: Node) -> Finding:
    """No record is missing between those that came, and what is missing is asked for."""
    _, life = visit.record.node(node.id)
    limit_s = 2 * node.report_s + _AGAIN_S

    def whole(status: Status | None) -> bool | None:
        state = None if status is None else visit.state_of(status, node)
        return True if state is not None and not state.lacking and visit.record.records(node.id, life) else None

    is_whole = await visit.until(whole, limit_s)
    numbers = visit.record.records(node.id, life)
    if not numbers:
        return failed("buffer", node.name, Phrase("commission.no_records"), Phrase("commission.not_heard_advice"))
    if is_whole is None:
        missing = numbers[-1] - numbers[0] + 1 - len(numbers)
        seen = Phrase("commission.records_missing", count=missing)
        return failed("buffer", node.name, seen, Phrase("commission.records_missing_advice"))
    return passed("buffer", node.name, Phrase("commission.records_kept", first=numbers[0], last=numbers[-1]))
