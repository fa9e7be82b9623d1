"""Knows what a node's site file asks of its energy, part by part; knows no battery, no words and no simulated world.

Joules at the node's supply, before any converter. The parts are named as in the simulator's ledger
(hw_sim/node/energy.py), the radio in three: a run is held against this plan (hw_sim/judge/limits.py).
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from gateway.energy.chemistry import ASK_S
from gateway.energy.consumption import POWERS, Powers, sensor_w
from gateway.site import airtime
from gateway.site.config import Node, NodeBus, NodeSensor, Site
from protocols import link, modbus
from protocols.modbus import Request
from protocols.profile import Profile
from protocols.registers import Register, plan_reads

DAY_S = 86_400
LATENCY_S = 0.012  # of a sensor between question and answer: a usual microcontroller (ours)
# Of a batch (docs/link.md), on the wire: frame, head of the body, stuffing; and what a reading adds.
_BATCH_BYTES = link.OVERHEAD + 7 + 3
_READING_BYTES = 1.1
_ACK_BYTES = link.OVERHEAD + 4
# What asking for the battery's voltage adds: the question in an answer, the frame that tells it, and its whole answer.
_QUESTION_BYTES = 7
_TOLD_BYTES = link.OVERHEAD + 3 + 3
_WHOLE_ACK_BYTES = link.OVERHEAD + 10 + 3
# A modem that the site file says nothing of; what the nodes of a valley use (ours).
_SPREADING_FACTOR, _BANDWIDTH_KHZ = 9, 125

AirTime = Callable[[int], float]  # bytes on the wire -> seconds on the air


class Habits(NamedTuple):
    """What firmware does beyond what sensors and frames need."""

    start_s: float  # a rail is on so much earlier than warm-up and settling ask for
    radio_rests: bool  # between reports


FIRMWARE = Habits(start_s=0.04, radio_rests=True)  # firmware/acquire.py, firmware/cycle.py


def lora_air_s(count: int) -> float:
    return airtime.air_s(count, _SPREADING_FACTOR, _BANDWIDTH_KHZ)


def day_j(
    site: Site,
    node: Node,
    powers: Powers | None = None,
    air_s: AirTime = lora_air_s,
    habits: Habits = FIRMWARE,
) -> dict[str, float]:
    """J a day of each part of `node`, with the powers of its own board unless told otherwise, were nothing ever to go
    wrong."""
    powers = powers or POWERS[node.board]
    talks = [_Talk(site.profile(sensor), site.registers(sensor), _bus_of(node, sensor)) for sensor in node.sensors]
    reads_a_day = [DAY_S / sensor.period_s for sensor in node.sensors]
    starts_a_day = [
        0.0 if is_always_on(site, sensor, habits) else count
        for sensor, count in zip(node.sensors, reads_a_day, strict=True)
    ]
    parts: dict[str, float] = {}
    bus_s = 0.0
    for bus in node.buses:
        asks_s = 0.0
        for sensor, talk, reads, starts in zip(node.sensors, talks, reads_a_day, starts_a_day, strict=True):
            if sensor.bus == bus.id:
                asks_s += reads * talk.read_asks_s + starts * talk.start_asks_s
                bus_s += reads * talk.read_s + starts * talk.start_s
        parts[f"bus {bus.id}"] = DAY_S * powers.bus_idle_w + asks_s * (powers.bus_drives_w - powers.bus_idle_w)
    readings_a_day = sum(
        len(site.registers(sensor)) * reads for sensor, reads in zip(node.sensors, reads_a_day, strict=True)
    )
    reports_a_day = DAY_S / node.report_s
    sends_s, hears_s = _reports(reports_a_day, readings_a_day, air_s)
    if node.battery is not None:
        questions = min(DAY_S / ASK_S, reports_a_day)
        sends_s += questions * air_s(_TOLD_BYTES)
        hears_s += questions * (air_s(_ACK_BYTES + _QUESTION_BYTES) - air_s(_ACK_BYTES) + air_s(_WHOLE_ACK_BYTES))
    awake_s = min(bus_s + sends_s + hears_s, DAY_S)
    listens_s = hears_s if habits.radio_rests else DAY_S - sends_s
    shares = _on_shares(site, node, [talk.read_s for talk in talks], habits)
    return {
        "sleep": (DAY_S - awake_s) * powers.asleep_w,
        "processor": awake_s * powers.awake_w,
        "radio sends": sends_s * powers.radio_sends_w,
        "radio listens": listens_s * powers.radio_listens_w,
        "radio rests": (DAY_S - sends_s - listens_s) * powers.radio_rests_w,
        **parts,
        **{
            f"sensor {sensor.id}": DAY_S * share * sensor_w(site.profile(sensor))
            for sensor, share in zip(node.sensors, shares, strict=True)
        },
    }


def peak_w(site: Site, node: Node) -> float:
    """The most that the parts of `node` take at once: every sensor on, and a frame on its way."""
    powers = POWERS[node.board]
    sensors_w = sum(sensor_w(site.profile(sensor)) for sensor in node.sensors)
    return powers.awake_w + powers.radio_sends_w + len(node.buses) * powers.bus_drives_w + sensors_w


def lead_s(profile: Profile, habits: Habits = FIRMWARE) -> float:
    """How long before its reading a sensor needs power."""
    return (profile.warm_up_ms + profile.settle_ms + profile.measure_ms) / 1000 + habits.start_s


def is_always_on(site: Site, sensor: NodeSensor, habits: Habits = FIRMWARE) -> bool:
    """Switching it off pays only when it is off for a while: firmware/acquire.py."""
    return sensor.rail is None or sensor.period_s <= 2 * lead_s(site.profile(sensor), habits)


# --- the bus ----------------------------------------------------------------------------------------------------------


class _Talk:
    """What one sensor's questions and answers take: `start_s` to tell it to measure, `read_s` to read it, and of these
    the time in which the node drives the bus."""

    def __init__(self, profile: Profile, registers: tuple[Register, ...], bus: NodeBus) -> None:
        reads = [
            Request(1, profile.function, address, count)
            for address, count in plan_reads(registers, profile.max_words, profile.max_gap)
        ]
        self.read_asks_s = sum(question_s(request, bus) for request in reads)
        self.read_s = sum(exchange_s(request, bus) for request in reads)
        if profile.busy_retry_ms:  # it refuses once, measures, and is asked again
            self.read_asks_s *= 2
            self.read_s += sum(question_s(request, bus) + answer_s(5, bus) for request in reads)
        self.start_asks_s = self.start_s = 0.0
        if profile.start is not None:
            function, address, quantity = profile.start
            is_one = function == modbus.WRITE_ONE
            request = Request(1, function, address, 1 if is_one else quantity, (quantity,) if is_one else ())
            self.start_asks_s, self.start_s = question_s(request, bus), exchange_s(request, bus)


def _bus_of(node: Node, sensor: NodeSensor) -> NodeBus:
    return next(bus for bus in node.buses if bus.id == sensor.bus)


def question_s(request: Request, bus: NodeBus) -> float:
    """On the bus: unit id, PDU, CRC, silence."""
    return _frame_s(len(request.pdu()) + 3, bus)


def answer_s(count: int, bus: NodeBus) -> float:
    """Until an answer of so many characters is believed."""
    return LATENCY_S + _frame_s(count, bus)


def exchange_s(request: Request, bus: NodeBus) -> float:
    """(8 + 5 + 2N) characters, two silences, and the device's own time."""
    return question_s(request, bus) + answer_s(request.reply_length() + 3, bus)


def _frame_s(characters: int, bus: NodeBus) -> float:
    """Characters and the silence of 3.5 that ends a frame, above 19200 Bd a fixed time (Serial Line V1.02, 2.5.1.1)."""
    character_s = (9 + (bus.parity != "N") + bus.stop_bits) / bus.baud
    return characters * character_s + (0.00175 if bus.baud > 19200 else 3.5 * character_s)


# --- the radio --------------------------------------------------------------------------------------------------------


def _reports(count: float, readings: float, air_s: AirTime) -> tuple[float, float]:
    """Seconds a day in which `count` reports with together so many readings are sent, and their answers heard."""
    room = (link.MAX_BODY - 7) / _READING_BYTES
    frames = max(math.ceil(readings / count / room), 1)
    frame_bytes = _BATCH_BYTES + round(readings / count / frames * _READING_BYTES)
    return count * frames * air_s(frame_bytes), count * frames * air_s(_ACK_BYTES)


# --- the supplies -----------------------------------------------------------------------------------------------------


def _on_shares(site: Site, node: Node, read_s: Sequence[float], habits: Habits) -> list[float]:
    """How much of the time each sensor has power: while anybody on its rail needs it."""
    whole = {sensor.rail for sensor in node.sensors if is_always_on(site, sensor, habits)} | {None}
    spans: dict[str | None, list[tuple[float, float]]] = defaultdict(list)
    switched = [sensor for sensor in node.sensors if sensor.rail not in whole]
    cycle_s = min(math.lcm(*(sensor.period_s for sensor in switched)), DAY_S)
    for slot_s in sorted({slot for sensor in switched for slot in range(0, cycle_s, sensor.period_s)}):
        done_s = float(slot_s)
        for sensor, takes_s in zip(node.sensors, read_s, strict=True):
            if slot_s % sensor.period_s == 0:
                done_s += takes_s
                if sensor.rail not in whole:
                    spans[sensor.rail].append((slot_s - lead_s(site.profile(sensor), habits), done_s))
    on = {rail: sum(end - start for start, end in _joined(of)) / cycle_s for rail, of in spans.items()}
    return [min(on.get(sensor.rail, 1.0), 1.0) for sensor in node.sensors]


def _joined(spans: Sequence[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """Overlapping spans as one."""
    start_s, end_s = -math.inf, -math.inf
    for next_start_s, next_end_s in sorted(spans):
        if next_start_s > end_s:
            if end_s > start_s:
                yield start_s, end_s
            start_s, end_s = next_start_s, next_end_s
        end_s = max(end_s, next_end_s)
    if end_s > start_s:
        yield start_s, end_s


def total_j(parts: Mapping[str, float]) -> float:
    return sum(parts.values())
