"""Knows how three readings of each sensor are had and judged; knows not what a quantity may be (plausible.py)."""

from collections.abc import Mapping, Sequence

from gateway.messages import Phrase, unit_text
from gateway.site.config import Sensor
from gateway.states import Status
from gateway.visit.commission import plausible
from gateway.visit.commission.bus import Ask
from gateway.visit.commission.finding import Finding, failed, passed
from gateway.visit.commission.plausible import NEEDED, Channel, Reading
from gateway.visit.commission.visit import Visit
from gateway.visit.recognition import reads
from protocols import quality
from protocols.registers import decode

_SHORT_S = 60  # a period within which three readings are awaited; else the sensor is asked; ours
_BETWEEN_S = 2.0  # two questions of one sensor; ours
_ROOM_S = 60.0  # beside periods and reports: a commit, a lost frame; ours


async def findings(visit: Visit, ask: Ask | None, has_rows: bool = True) -> list[Finding]:
    """`ask`: how a sensor is asked at once; None: only rows tell. `has_rows`: a gateway runs and makes some."""
    places = await _places(visit)
    asked = [
        sensor
        for sensor in visit.sensors
        if ask is not None
        and (sensor.rail is None or not has_rows)
        and (sensor.period_s > _SHORT_S or visit.node is not None or not has_rows)
    ]
    waited = [sensor for sensor in visit.sensors if sensor not in asked]
    found: dict[str, Mapping[str, Sequence[Reading]]] = {}
    for sensor in asked:
        assert ask is not None
        found[sensor.id] = await _asked(visit, sensor, ask)
    found |= await _waited(visit, waited)
    return [_finding(visit, sensor, found[sensor.id], places[sensor.id]) for sensor in visit.sensors]


async def _places(visit: Visit) -> dict[str, str]:
    """Where each sensor is now: what belongs into water may still be in the air."""
    places = {}
    for sensor in visit.sensors:
        kind = visit.site.profile(sensor).kind
        if sensor.id in visit.media:
            places[sensor.id] = visit.media[sensor.id]
        elif kind != "water":
            places[sensor.id] = plausible.AIR if kind in ("air", "weather") else plausible.UNKNOWN
        else:
            question = Phrase("commission.where", sensor=sensor.id)
            places[sensor.id] = await visit.person.choose(question, plausible.MEDIA, plausible.WATER)
    return places


async def _asked(visit: Visit, sensor: Sensor, ask: Ask) -> Mapping[str, Sequence[Reading]]:
    profile = visit.site.profile(sensor)
    found: dict[str, list[Reading]] = {register.name: [] for register in visit.site.registers(sensor)}
    for turn in range(NEEDED):
        if turn:
            await visit.sleep(_BETWEEN_S)
        questions = reads(profile)
        words: dict[int, int] = {}
        for (_, address, _), answer in zip(questions, await ask(sensor, questions), strict=True):
            words |= {address + index: word for index, word in enumerate(answer.words or ())}
        for register in visit.site.registers(sensor):
            if all(address in words for address in register.addresses()):
                value, flags = decode(register, profile.order, words)
                shown = None if value is None else value / 10**register.decimals
                found[register.name].append(Reading(shown, flags))
            else:
                found[register.name].append(Reading(None, quality.NO_REPLY))
    return found


async def _waited(visit: Visit, sensors: Sequence[Sensor]) -> dict[str, Mapping[str, Sequence[Reading]]]:
    if not sensors:
        return {}
    node = visit.node
    sources = [f"sensor {sensor.id}" for sensor in sensors] if node is None else [f"node {node.id}"]
    names = [channel.name for sensor in sensors for channel in visit.site.channels_of(sensor, node)]
    period_s = max(sensor.period_s for sensor in sensors)
    if node is not None and node.emergency_period_s is not None:
        period_s = min(period_s, node.emergency_period_s)
    ready_s = max(_ready_ms(visit, sensor) for sensor in sensors) / 1000
    limit_s = NEEDED * period_s + (0 if node is None else 2 * node.report_s) + ready_s + _ROOM_S
    visit.person.tell(Phrase("commission.waiting_readings", count=NEEDED, minutes=-int(-limit_s // 60)))
    since_ms = visit.since_ms if node is not None and visit.is_dated else 0  # a node brings what is older, too
    stored: Mapping[str, Sequence[Reading]] = {}

    def look(status: Status | None) -> bool | None:
        nonlocal stored
        stored = visit.record.readings(sources, visit.first_seq, since_ms)
        settled = {name: [one for one in of if not one.quality & quality.WARM_UP] for name, of in stored.items()}
        return True if all(len(settled.get(name, ())) >= NEEDED for name in names) else None

    await visit.until(look, limit_s)
    return {
        sensor.id: {
            register.name: stored.get(f"{sensor.id}.{register.name}", ())[-NEEDED:]
            for register in visit.site.registers(sensor)
        }
        for sensor in sensors
    }


def _ready_ms(visit: Visit, sensor: Sensor) -> int:
    profile = visit.site.profile(sensor)
    return profile.warm_up_ms + profile.settle_ms


def _finding(visit: Visit, sensor: Sensor, found: Mapping[str, Sequence[Reading]], medium: str) -> Finding:
    if plausible.all_zero(found):
        return failed("readings", sensor.id, Phrase("commission.zeros"), Phrase("commission.zeros_advice"))
    temperatures = [one.value for one in found.get("temperature", ()) if one.value is not None]
    water_c = temperatures[-1] if temperatures else None
    altitude_m = visit.site.station.altitude_m
    shown = []
    for register in visit.site.registers(sensor):
        channel = Channel(register.name, register.unit, register.low, register.high)
        problem = plausible.problem(channel, found[register.name], medium, altitude_m, water_c)
        if problem is not None:
            return failed("readings", sensor.id, problem.seen, problem.advice)
        values = "/".join(f"{reading.value:.{register.decimals}f}" for reading in found[register.name])
        values = f"{values} {unit_text(register.unit)}".rstrip()
        shown.append(Phrase("commission.values", quantity=plausible.Named(register.name), values=values))
    place = Phrase(f"commission.in_{medium}")
    return passed("readings", sensor.id, Phrase("commission.plausible", place=place, values=tuple(shown)))
