"""Knows whether a marked row gets through to each platform; knows no protocol: an uplink says what was confirmed."""

from gateway.messages import Phrase
from gateway.states import Status, UplinkState
from gateway.visit.commission.finding import Finding, failed, passed, skipped
from gateway.visit.commission.record import Marked
from gateway.visit.commission.visit import Visit

_WAIT_S = 120.0  # an MQTT client takes a dead connection for dead after up to 40 s (gateway/uplink/paho.py); ours
_PERIOD_S = 900.0  # a platform that wants periods gets the row with the next one: ten minutes, and room; ours


async def findings(visit: Visit, status: Status) -> list[Finding]:
    if not status.uplinks:
        return [skipped("uplink", visit.target, Phrase("commission.no_uplink"), Phrase("commission.no_uplink_advice"))]
    source = None if visit.node is None else f"node {visit.node.id}"
    row = await visit.until(lambda status: visit.record.marked(source, visit.first_seq), _WAIT_S)
    if row is None:
        return [
            failed("uplink", visit.target, Phrase("commission.no_records"), Phrase("commission.no_rows_after_advice"))
        ]
    return [await _one(visit, uplink, row) for uplink in status.uplinks]


async def _one(visit: Visit, uplink: UplinkState, row: Marked) -> Finding:
    name = uplink.uplink
    kinds = {one.id: one.__struct_config__.tag for one in visit.site.uplinks}
    limit_s = _WAIT_S if kinds.get(name) == "mqtt" else _PERIOD_S
    visit.person.tell(Phrase("commission.waiting_uplink", uplink=name, seq=row.seq, minutes=-int(-limit_s // 60)))
    began_ms = visit.time.monotonic_ms()
    last = uplink

    def confirmed(status: Status | None) -> UplinkState | None:
        nonlocal last
        for one in () if status is None else status.uplinks:
            if one.uplink == name:
                last = one
                return one if one.complete >= row.seq else None
        return None

    if await visit.until(confirmed, limit_s) is not None:
        seconds = f"{(visit.time.monotonic_ms() - began_ms) / 1000:.0f}"
        return passed("uplink", name, Phrase("commission.confirmed", seq=row.seq, text=row.text, seconds=seconds))
    if not last.is_connected:
        seen = Phrase("commission.not_connected", trouble=last.trouble or "-")
        return failed("uplink", name, seen, Phrase("commission.not_connected_advice"))
    seen = Phrase("commission.not_confirmed", seq=row.seq, waiting=last.waiting_rows)
    return failed("uplink", name, seen, Phrase("commission.not_confirmed_advice"))
