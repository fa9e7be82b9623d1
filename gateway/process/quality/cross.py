"""Knows what readings of one moment say against each other; no history, no limit of a single channel.

Each check is given the readings by quantity and says which of them it flags. What it needs and does not find, it does
not judge. All flags are SUSPECT: which of two channels is wrong, two channels cannot say. A check's numbers that carry
no document are ours.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from gateway.process.water.oxygen import saturation_mgl
from protocols import quality
from protocols.worth import CONTRADICTS, DRY, FAIL, ICE, MISSING, NOT_MEASURING, SUSPECT, is_usable

Readings = Mapping[str, tuple[float | None, int]]  # quantity -> (value, flags), in the units of UNITS
Flags = dict[str, int]

UNITS = {
    "temperature": "degC",  # of the water
    "conductivity": "uS/cm",
    "level": "mm",
    "water_pressure": "kPa",  # above the air's
    "turbidity": "NTU",
    "dissolved_oxygen": "mg/L",
    "air_temperature": "degC",
    "air_pressure": "hPa",
    "pm2_5": "ug/m3",
    "pm10": "ug/m3",
}


class Place(NamedTuple):
    """What the site says about itself. `pressure_hpa`: of the air, from its altitude, for when nothing measures it.
    `level_offset_mm`: reading of the level gauge where the pressure sensor shows nothing."""

    pressure_hpa: float = 1013.25
    level_offset_mm: float = 0.0
    level_tolerance_mm: float = 50.0
    dry_below_us_cm: float = 5.0


def ice(readings: Readings, place: Place) -> Flags:
    """Water at its freezing point, in frost: ice is on the probes or will be. Franklin Basin's technician marked
    "ice" in turbidity and stage alone, nine in ten of these at such temperatures. A dead probe says 0 in summer too:
    it is not believed where the air is above 0, nor, without an air temperature, where no conductivity says that it is
    in water (0 and 0 are a dead sonde)."""
    water, air = _value(readings, "temperature"), _value(readings, "air_temperature")
    if water is None or not -0.5 <= water <= 0.1 or (air is not None and air > 0.0):
        return {}
    if air is None and _is_dry(readings, place):
        return {}
    return _marked(readings, ("turbidity", "level"), ICE)


def out_of_water(readings: Readings, place: Place) -> Flags:
    """Air conducts nothing: below `dry_below_us_cm` no river is (rain has 5 to 30 uS/cm), and all that hangs beside
    the conductivity probe hangs in the air too. What it says there may be below its own measuring range, but is near
    zero."""
    if not _is_dry(readings, place):
        return {}
    in_water = ("conductivity", "dissolved_oxygen", "ph", "turbidity", "orp", "ammonium", "chlorophyll", "temperature")
    return _marked(readings, in_water, DRY)


def _is_dry(readings: Readings, place: Place) -> bool:
    conductivity, flags = readings.get("conductivity", (None, 0))
    is_near = conductivity is not None and abs(conductivity) < place.dry_below_us_cm
    return is_near and not flags & (MISSING | NOT_MEASURING)


def fine_above_coarse(readings: Readings, place: Place) -> Flags:
    """PM2.5 is a part of PM10 by definition. Two instruments may differ by 10 % and 5 ug/m3: ours."""
    fine, coarse = _value(readings, "pm2_5"), _value(readings, "pm10")
    if fine is None or coarse is None or fine <= coarse * 1.1 + 5.0:
        return {}
    return _marked(readings, ("pm2_5", "pm10"), CONTRADICTS)


def oversaturated(readings: Readings, place: Place) -> Flags:
    """More than 200 % of what water of this temperature holds under the station's own pressure."""
    oxygen, water = _value(readings, "dissolved_oxygen"), _value(readings, "temperature")
    if oxygen is None or water is None or not -1.0 <= water <= 40.0:
        return {}
    air = _value(readings, "air_pressure")
    holds = saturation_mgl(water, place.pressure_hpa if air is None else air)
    if holds is None or oxygen <= 2.0 * holds:
        return {}
    return _marked(readings, ("dissolved_oxygen",), CONTRADICTS)


def level_against_pressure(readings: Readings, place: Place) -> Flags:
    """A column of water weighs 9.79 kPa a metre (998.2 kg/m3 at 20 degC, 9.80665 m/s2; 0.2 % more at 4 degC)."""
    level, pressure = _value(readings, "level"), _value(readings, "water_pressure")
    if level is None or pressure is None:
        return {}
    if abs(level - place.level_offset_mm - pressure * 1000 / 9.789) <= place.level_tolerance_mm:
        return {}
    return _marked(readings, ("level", "water_pressure"), CONTRADICTS)


def without_thermometer(readings: Readings, place: Place) -> Flags:
    """Conductivity is told as of 25 degC and changes 2 % a degree (ISO 7888), so a sonde whose own thermometer says
    what no water has says nothing of conductivity either. An optical oxygen probe has a thermometer of its own and pH
    changes by some thousandths a degree: these two go on."""
    _, flags = readings.get("temperature", (None, 0))
    if not flags & (FAIL | quality.RANGE) or flags & (MISSING | NOT_MEASURING):
        return {}
    return _marked(readings, ("conductivity",), CONTRADICTS)


Check = Callable[[Readings, Place], Flags]
# By the names that a site file has for them.
BY_NAME: dict[str, Check] = {
    "ice": ice,
    "dry": out_of_water,
    "pm": fine_above_coarse,
    "oxygen": oversaturated,
    "level": level_against_pressure,
    "thermometer": without_thermometer,
}
OF_ONE_SENSOR = "temperature"  # what it says when it failed concerns its own sensor alone
CHECKS = tuple(BY_NAME.values())


def cross(readings: Readings, place: Place, checks: tuple[Check, ...] = CHECKS) -> Flags:
    """The flags that these checks together add, by quantity."""
    added: Flags = {}
    for check in checks:
        for quantity, flags in check(readings, place).items():
            added[quantity] = added.get(quantity, 0) | flags
    return added


def _value(readings: Readings, quantity: str) -> float | None:
    value, flags = readings.get(quantity, (None, 0))
    return value if value is not None and value - value == 0 and is_usable(flags) else None


def _marked(readings: Readings, quantities: tuple[str, ...], bit: int) -> Flags:
    return {quantity: bit | SUSPECT for quantity in quantities if _value(readings, quantity) is not None}
