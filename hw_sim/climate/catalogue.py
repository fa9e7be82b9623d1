"""Knows every signal that a climate has, by name, with its unit; computes none.

A scenario can be held against these names without running any physics.
"""

import difflib
from collections.abc import Iterable

from hw_sim.climate.settings import ClimateSettings

_FIXED = {
    "sun.elevation": "deg",
    "sun.cloud": "%",
    "sun.clear_sky": "W/m2",
    "sun.irradiance": "W/m2",
    "panel.irradiance": "W/m2",  # on the tilted panel, before snow and dirt
    "panel.snow": "%",
    "panel.soiling": "%",
    "panel.temperature": "degC",
    "panel.output": "%",  # of the rated power, after all of it
    "air.temperature": "degC",
    "air.humidity": "%",
    "air.dew_point": "degC",
    "air.pressure": "hPa",
    "air.wind_speed": "m/s",
    "air.wind_direction": "deg",  # where it comes from
    "air.wind_sector": "",  # as in the profiles
    "air.rain_rate": "mm/h",
    "air.snowfall_rate": "mm/h",  # as water
    "air.rain": "mm",  # rain and melted snow since the world began
    "air.snow_depth": "mm",
    "air.pm1": "ug/m3",
    "air.pm2_5": "ug/m3",
    "air.pm10": "ug/m3",
    "air.tsp": "ug/m3",
    "air.ozone": "ug/m3",
    "air.nitrogen_dioxide": "ug/m3",
    "air.sulfur_dioxide": "ug/m3",
    "air.carbon_monoxide": "mg/m3",
    "air.co2": "ppm",
    "ground.surface_temperature": "degC",
    "ground.soil_temperature": "degC",  # at the first depth
    "ground.soil_moisture": "%",
    "ground.conductivity": "uS/cm",
    "ground.thaw_depth": "m",
    "works.activity": "1",  # of a works beside the station: 1 by day
    "works.outlet": "1",  # how concentrated what leaves it is: 1 with its treatment in order
    "works.emission": "1",  # how much of it leaves
}
_RIVER = {
    "discharge": "m3/s",
    "velocity": "m/s",
    "level": "m",
    "pressure": "bar",  # of the water over a probe on the bed, without the air's
    "temperature": "degC",
    "ice": "m",
    "ice_cover": "%",
    "turbidity": "NTU",
    "conductivity": "mS/cm",
    "ph": "pH",
    "dissolved_oxygen": "mg/L",
    "oxygen_saturation": "%",
    "ammonium": "mg/L",
    "cod": "mg/L",
    "chlorophyll": "ug/L",
}
MOISTURE_DEPTHS = 8  # the first so many depths have moisture too, as a GroPoint string does


class UnknownSignal(KeyError):
    """There is no signal of that name; `near` are names that look like it. Correct the name."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(name)
        self.name = name
        known = list(known)
        asked = name.lower()
        tails = [other for other in known if other.rpartition(".")[2] == asked.rpartition(".")[2]]
        close = [*difflib.get_close_matches(asked, known, n=5), *tails]
        self.near = tuple(dict.fromkeys(close or [other for other in known if other.startswith(asked.split(".")[0])]))[
            :5
        ]

    def __str__(self) -> str:
        hint = f"; near: {', '.join(self.near)}" if self.near else ""
        return f"no signal {self.name!r}{hint}"


def units(settings: ClimateSettings) -> dict[str, str]:
    """Every signal's unit by its name, in a fixed order."""
    found = dict(_FIXED)
    for number in range(1, len(settings.depths_m) + 1):
        found[f"ground.soil_temperature_{number}"] = "degC"
    for number in range(1, min(len(settings.depths_m), MOISTURE_DEPTHS) + 1):
        found[f"ground.soil_moisture_{number}"] = "%"
    for station in settings.stations:
        found |= {f"{station.name}.{quantity}": unit for quantity, unit in _RIVER.items()}
    return found
