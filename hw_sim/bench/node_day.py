"""Knows what a day of a node with five sensors takes of its bus and its energy, and the least that it could take.

The node is firmware as it is, on a simulated board; the floor is reckoned here from the profiles and the figures of
gateway/energy/consumption.py, by no sum of the simulator or of gateway/energy/budget.py. It grants a sensor its
warm-up, its settling and one measurement, the bus its `(8 + 5 + 2N) characters + 2 * t3.5 + latency`, the radio its
frames and the answers to them, one report in each `report_s`; the processor is awake while bus or radio talk, and
sleeps the rest of the day. The transceiver of the bus has no switch on the Board, so it listens all day.
"""

import asyncio
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from gateway.energy.consumption import POWERS, sensor_w
from gateway.site.config import Node, Site
from hw_sim.bench import Figure, figure
from hw_sim.bus.wire import Wire
from hw_sim.clock import run_virtual
from hw_sim.node.battery import BatterySettings
from hw_sim.node.runtime import Fit
from hw_sim.scenario import Recording, Scenario, Truth
from hw_sim.virtual import VirtualStation
from hw_sim.world import World
from protocols import framing
from protocols.errors import FrameError
from protocols.profile import Profile
from protocols.registers import Register, plan_reads

SITE = Path(__file__).with_name("five.toml")
TRUTH = {"ec.temperature": "temp", "acid.ph": "ph", "do.dissolved_oxygen": "do", "turb.turbidity": "turb"}
_WARM_S, DAY_S = 7200.0, 86_400.0  # what comes before the day: the boot, the first reports
_LATENCY_S = 0.012  # hw_sim/bus/sensor.py: of a simulated device
_PAUSE_S = 0.05  # a longer silence on the bus is a wait for something else
MOST_BUS, MOST_ENERGY, MOST_PART = 1.05, 1.10, 1.25


class Day(NamedTuple):
    """A node's day: J taken and the least, by part; seconds of the bus, likewise; frames in the day and what they carry
    on average, on the wire: those of the node, those of the gateway; readings that were delivered since its boot, and
    that never were."""

    taken_j: Mapping[str, float]
    floor_j: Mapping[str, float]
    bus_s: float
    bus_floor_s: float
    frames: int
    frame_bytes: float
    answer_bytes: float
    readings: int
    lost: int

    @property
    def energy(self) -> dict[str, float]:
        """Times the floor, by part and "in_all"; the sensors are one each."""
        ratios = {part: self.taken_j[part] / floor_j for part, floor_j in self.floor_j.items()}
        return {**ratios, "in_all": sum(self.taken_j.values()) / sum(self.floor_j.values())}

    def faults(self) -> list[str]:
        """What is above its limit."""
        most = {"in_all": MOST_ENERGY}
        found = [part for part, ratio in self.energy.items() if ratio > most.get(part, MOST_PART)]
        return found + (["bus time"] if self.bus_s > MOST_BUS * self.bus_floor_s else [])


def measure(progress: Callable[[str], None]) -> dict[str, Figure]:
    progress("a day of five sensors")
    day = live()
    named = {part: part.replace(" ", "_") for part in day.energy}
    wakes = DAY_S / 900
    figures = {
        "bus_over_floor": figure(
            day.bus_s / wakes * 1000, "ms/wake", f"the floor, at most {MOST_BUS:g}", day.bus_floor_s / wakes * 1000
        )
    }
    figures["energy_over_floor"] = figure(
        sum(day.taken_j.values()), "J/day", f"the floor, at most {MOST_ENERGY:g}", sum(day.floor_j.values())
    )
    figures |= {
        f"energy_over_floor_{named[part]}": figure(
            day.taken_j[part], "J/day", f"the floor, at most {MOST_PART:g}", floor_j
        )
        for part, floor_j in day.floor_j.items()
    }
    return figures


def live(fit: Fit | None = None, days: float = 1.0) -> Day:
    """Lives through a day, or a part of one; `fit` puts other firmware, or another board, in the node's place."""
    with tempfile.TemporaryDirectory(prefix="watertower-bench-") as folder:
        return run_virtual(_live(Path(folder), fit, days * DAY_S))


async def _live(folder: Path, fit: Fit | None, span_s: float) -> Day:
    story = Scenario(
        site=str(SITE),
        recordings={"river": Recording(file="water_lro_franklinbasin_2014")},
        truth={channel: Truth(recording="river", column=column) for channel, column in TRUTH.items()}
        | {"ec.conductivity": Truth(recording="river", column="cond", scale=0.001)},
        seconds_per_row=900.0,
        batteries=(BatterySettings(node="five"),),
    )
    station = VirtualStation(story, folder, 1, runtimes={} if fit is None else {"five": fit}, days=3.0)
    world, (node,) = station.world, station.site.nodes
    await asyncio.sleep(_WARM_S)
    bus, radio = _Ear(world.lines["five.uart1"]), _Ear(world.radio)
    before = world.nodes["five"].board.energy.parts()
    await asyncio.sleep(span_s)
    station.check()
    after = world.nodes["five"].board.energy.parts()
    share = span_s / DAY_S
    sizes: dict[bool, list[int]] = {True: [], False: []}
    for _, frame in radio.heard:
        sizes[_is_answer(frame)].append(len(frame))
    frame_bytes, answer_bytes = (sum(of) / len(of) for of in (sizes[False], sizes[True]))
    verdict = await station.finish()
    floor_j = _floor_j(station.site, node, world, frame_bytes, answer_bytes)
    return Day(
        {part: (after.get(part, 0.0) - before.get(part, 0.0)) / share for part in floor_j},
        floor_j,
        _used_s(bus, world) / share,
        _bus_s(station.site, node)[0],
        round(len(sizes[False]) / share),
        frame_bytes,
        answer_bytes,
        verdict.delivered,
        verdict.lost,
    )


def _is_answer(data: bytes) -> bool:
    try:
        return bool(framing.unstuff(data.strip(b"\0"))[0] & 0x80)
    except (FrameError, IndexError):
        return False


class _Ear:
    """Hears what is on a wire, and when it ended."""

    def __init__(self, wire: Wire) -> None:
        self._loop = wire.loop
        self.heard: list[tuple[float, bytes]] = []
        wire.attach(self)

    def hear(self, data: bytes) -> None:
        self.heard.append((self._loop.time(), data))


def _used_s(bus: _Ear, world: World) -> float:
    """How long the bus was in use: from a question's first character to the silence after the answer, and what the node
    wastes between two that follow each other."""
    wire = world.lines["five.uart1"]
    used_s, until_s = 0.0, -DAY_S
    for end_s, frame in bus.heard:
        start_s = end_s - wire.air_s(len(frame))
        used_s += end_s - (until_s if start_s - until_s < _PAUSE_S else start_s)
        until_s = end_s
    return used_s


# --- the floor --------------------------------------------------------------------------------------------------------


def _floor_j(site: Site, node: Node, world: World, frame_bytes: float, answer_bytes: float) -> dict[str, float]:
    """The least J a day, by part."""
    powers = POWERS[node.board]
    bus_s, asks_s = _bus_s(site, node)
    reports = DAY_S / node.report_s
    sends_s = reports * world.radio.air_s(round(frame_bytes))
    hears_s = reports * world.radio.air_s(round(answer_bytes))
    talks_s = bus_s + sends_s + hears_s
    rests_j = (DAY_S - sends_s - hears_s) * powers.radio_rests_w
    sensors = {
        f"sensor {sensor.id}": DAY_S / sensor.period_s * _ready_s(site.profile(sensor)) * sensor_w(site.profile(sensor))
        for sensor in node.sensors
    }
    return {
        "processor": talks_s * powers.awake_w,
        "bus uart1": (DAY_S - asks_s) * powers.bus_idle_w + asks_s * powers.bus_drives_w,
        "radio": sends_s * powers.radio_sends_w + hears_s * powers.radio_listens_w + rests_j,
        "sleep": (DAY_S - talks_s) * powers.asleep_w,
        **sensors,
    }


def _ready_s(profile: Profile) -> float:
    return (profile.warm_up_ms + profile.settle_ms + profile.measure_ms) / 1000


def _bus_s(site: Site, node: Node) -> tuple[float, float]:
    """Seconds a day that questions and answers take, and of these the questions."""
    baud = {bus.id: bus.baud for bus in node.buses}
    total_s = asks_s = 0.0
    for sensor in node.sensors:
        wakes = DAY_S / sensor.period_s
        for characters, answer in _exchanges(site.profile(sensor), site.registers(sensor)):
            character_s = 10 / baud[sensor.bus]  # 8N1
            asks_s += wakes * (characters + 3.5) * character_s
            total_s += wakes * ((characters + answer + 2 * 3.5) * character_s + _LATENCY_S)
    return total_s, asks_s


def _exchanges(profile: Profile, registers: tuple[Register, ...]) -> list[tuple[int, int]]:
    """(characters of the question, of the answer): the command to measure, then the reads."""
    found = [(8, 5 + 2 * count) for _, count in plan_reads(registers, profile.max_words, profile.max_gap)]
    if profile.start is not None:
        found.insert(0, (8, 5) if profile.start[0] in (3, 4) else (9, 8))
    return found
