"""A made-up month of the bench station with a flood and an outage; knows no simulation and no report."""

import math
from collections.abc import Callable

from hw_sim.report.history import ChannelHistory, Curve, FaultSpan, History
from hw_sim.streams import Stream, Streams
from protocols import quality

BEGIN_MS = 1_777_564_800_000  # 2026-04-30T16:00:00Z, the first of May in Beijing
DAY_MS = 86_400_000
HOUR_MS = 3_600_000

FLOOD_DAY = 11.3
OUTAGE = (17.2, 19.6)  # days
CARD_FULL = (22.4, 22.9)
LIGHTNING = 13.7

# sensor.register, unit, decimals
POLLED = (
    ("level.pressure", "bar", 5),
    ("level.temperature", "degC", 2),
    ("do.temperature", "degC", 1),
    ("do.oxygen_saturation", "%", 1),
    ("do.dissolved_oxygen", "mg/L", 2),
    ("ec.temperature", "degC", 1),
    ("ec.conductivity", "mS/cm", 4),
    ("acid.ph", "pH", 2),
    ("acid.temperature", "degC", 1),
    ("acid.potential", "mV", 0),
    ("turb.temperature", "degC", 1),
    ("turb.turbidity", "NTU", 2),
    ("nh4.ammonium", "mg/L", 2),
    ("nh4.temperature", "degC", 1),
    ("nh4.ph", "pH", 2),
    ("cod.temperature", "degC", 2),
    ("cod.cod", "mg/L", 2),
    ("cod.turbidity", "NTU", 2),
    ("chl.temperature", "degC", 1),
    ("chl.chlorophyll", "ug/L", 1),
)
NODES = ("upstream", "outfall", "downstream")
OF_A_NODE = (
    ("do.temperature", "degC", 1),
    ("do.dissolved_oxygen", "mg/L", 2),
    ("ec.conductivity", "mS/cm", 4),
    ("ph.ph", "pH", 2),
    ("turb.turbidity", "NTU", 2),
)


def flood(day: float) -> float:
    """0 to 1: a steep rise and a slow recession, with a smaller second wave."""
    return sum(
        height * (1 - math.exp(-(day - start) / 0.12)) * math.exp(-(day - start) / 1.6)
        for start, height in ((FLOOD_DAY, 1.15), (FLOOD_DAY + 2.1, 0.5))
        if day > start
    )


def daily(day: float) -> float:
    return math.sin(2 * math.pi * (day - 0.4))


def temperature(day: float) -> float:
    return 5.5 + 0.09 * day + 2.1 * daily(day) - 2.2 * flood(day)


PHYSICS: dict[str, Callable[[float], float]] = {
    "pressure": lambda day: 0.0721 + 0.004 * daily(day - 0.2) + 0.118 * flood(day),
    "temperature": temperature,
    "oxygen_saturation": lambda day: 94 + 4 * daily(day - 0.1) - 6 * flood(day),
    "dissolved_oxygen": lambda day: 7.6 - 0.14 * (temperature(day) - 6) + 0.2 * daily(day),
    "conductivity": lambda day: 0.412 - 0.012 * daily(day - 0.2) - 0.19 * flood(day),
    "ph": lambda day: 8.18 + 0.06 * daily(day) - 0.25 * flood(day),
    "potential": lambda day: -72 + 3 * daily(day) + 14 * flood(day),
    "turbidity": lambda day: 14 + 5 * daily(day - 0.2) + 1500 * flood(day) ** 2,
    "ammonium": lambda day: 0.21 + 0.03 * daily(day) + 0.5 * flood(day),
    "cod": lambda day: 4.2 + 0.3 * daily(day) + 22 * flood(day),
    "chlorophyll": lambda day: 2.4 + 0.8 * daily(day - 0.3) - 1.2 * flood(day),
}


def within(day: float, span: tuple[float, float]) -> bool:
    return span[0] <= day < span[1]


def channel(
    name: str, unit: str, decimals: int, period_s: int, stream: Stream, days: float, bad: bool
) -> ChannelHistory:
    """Truth is read out with a little noise; turbidity beyond 1000 NTU is flagged."""
    physics = PHYSICS[name.rpartition(".")[2]]
    node = next((one for one in NODES if name.startswith(one)), None)
    shift = 0.25 * NODES.index(node) if node else 0.25  # the flood travels downstream
    noise = 2 * 10.0**-decimals
    phase_ms = stream.below(period_s * 1000)
    truth: Curve = []
    delivered: list[tuple[int, float, int]] = []
    lost: list[int] = []
    wrong: list[tuple[int, float]] = []
    for number in range(int(days * DAY_MS / (period_s * 1000))):
        since_ms = number * period_s * 1000 + phase_ms
        unix_ms, day = BEGIN_MS + since_ms, since_ms / DAY_MS
        true = physics(day - shift)
        truth.append((unix_ms, true))
        value = round(true + noise * (stream.random() - 0.5) * 2, decimals)
        flags = quality.RANGE if name.endswith("turbidity") and value > 1000 else quality.GOOD
        if node == "outfall" and within(day, CARD_FULL):
            lost.append(unix_ms)
            continue
        if name.startswith("acid") and 0 <= day - LIGHTNING < 0.06:
            flags |= quality.WARM_UP
        if bad and name == "ec.conductivity" and day > LIGHTNING and stream.chance(0.0002):
            value = round(value * 256 % 7, decimals)  # bytes swapped
            wrong.append((unix_ms, value))
        delivered.append((unix_ms, value, flags))
    return ChannelHistory(name, unit, truth, delivered, lost, wrong)


def backlog(day: float, rows_an_hour: float) -> float:
    """Grows in the outage, drains within four hours."""
    if within(day, OUTAGE):
        return round((day - OUTAGE[0]) * 24 * rows_an_hour)
    full = (OUTAGE[1] - OUTAGE[0]) * 24 * rows_an_hour
    return max(0, round(full * (1 - (day - OUTAGE[1]) * 6))) if day >= OUTAGE[1] else 0


def battery(day: float, stream: Stream, start: float) -> float:
    cloudy = 0.12 if within(day, (FLOOD_DAY - 1, FLOOD_DAY + 3)) else 0.0
    return start + 0.09 * max(0.0, daily(day)) - cloudy + 0.004 * stream.random()


def month(seed: int = 1, days: float = 30.0, *, bad: bool = False) -> History:
    """35 channels, 20 of them each minute. `bad`: a station that swaps bytes after the lightning, and is caught."""
    streams = Streams(seed)
    channels = [channel(name, unit, decimals, 60, streams[name], days, bad) for name, unit, decimals in POLLED] + [
        channel(f"{node}_{name}", unit, decimals, 900, streams[f"{node}_{name}"], days, bad)
        for node in NODES
        for name, unit, decimals in OF_A_NODE
    ]
    delivered = sum(len(one.delivered) for one in channels)
    lost = sum(len(one.lost) for one in channels)
    wrong = sum(len(one.wrong) for one in channels)
    quarters = [number / 96 for number in range(int(days * 96))]
    hours = range(int(days * 24))
    air = streams["air"]

    def at(day: float) -> int:
        return BEGIN_MS + round(day * DAY_MS)

    return History(
        scenario="spring-flood",
        seed=seed,
        begin_ms=BEGIN_MS,
        end_ms=at(days),
        digest="9f2b64c07a1e5d3388b1f0c2d4e6a79113579bdf02468ace5a5a0f0fc3c3e1e1",
        judge=["ok"] if not wrong else [f"ec.conductivity: {wrong} values that no sensor ever said"],
        counts={
            "measured": delivered + lost,
            "stored": delivered,
            "delivered": delivered,
            "lost": lost,
            "duplicates": 0,
            "cut_at_kill": 0,
            "wrong_values": wrong,
            "wrong_times": 0,
            "distinct_values": 48_211,
        },
        channels=channels,
        faults=[
            FaultSpan("flood", "snow-melt on frozen ground, rain on day 13", at(FLOOD_DAY), at(FLOOD_DAY + 4)),
            FaultSpan("lightning", "bus river and radio", at(LIGHTNING), None),
            FaultSpan("bus_noise", "river, 3 bit errors in 1000", at(LIGHTNING), at(LIGHTNING + 0.4)),
            FaultSpan("backhaul_down", "the mast's modem has no power", at(OUTAGE[0]), at(OUTAGE[1])),
            FaultSpan("broker_restart", "platform", at(OUTAGE[1] + 0.05), None),
            FaultSpan("card_full", "node outfall", at(CARD_FULL[0]), at(CARD_FULL[1])),
            FaultSpan("cold", "-31 °C", at(25.8), at(27.2)),
        ],
        battery_v={
            node: [(at(day), battery(day, streams[f"battery {node}"], 3.27 + 0.02 * place)) for day in quarters]
            for place, node in enumerate(NODES)
        },
        backlog_rows={
            "platform": [(at(day), backlog(day, 1260)) for day in quarters],
            "outfall": [(at(day), 48.0 if within(day, CARD_FULL) else float(air.below(3))) for day in quarters],
        },
        link_frames={
            node: [
                (at(hour / 24), 0.0 if node == "outfall" and within(hour / 24, CARD_FULL) else float(4 + air.below(2)))
                for hour in hours
            ]
            for node in NODES
        },
    )
