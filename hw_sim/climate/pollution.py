"""Knows what floats in the air: background, wind-blown dust, and what events add; knows no instrument.

Particles in ug/m3 of the air as it is, gases in ug/m3 (CO mg/m3) at 298.15 K and 1013.25 hPa, as GB 3095 wants them.
Ozone: 47.6 +- 11.6 ppb at Nam Co, highest in spring and late in the day (Yin and others 2017, ACP 17:11293).
"""

import math

import numpy as np

from hw_sim.climate.grid import DAY_S, HOUR_S, STEP_S, Array, Grid, season
from hw_sim.climate.memory import followed, lagged
from hw_sim.climate.noise import Noise
from hw_sim.climate.overlays import AnyOverlay, DustStorm, GasLeak, OzoneDay, half_sine, outline
from hw_sim.climate.plume import concentration, stability
from hw_sim.climate.settings import ClimateSettings
from hw_sim.streams import Streams

_LIFTS_M_S = 8.0  # wind at mast height that lifts dust from dry bare ground (Gillette and Passi 1988: about 6.5 to 10)
_WASH_PER_MM = 0.35  # part of the particles that 1 mm of rain takes (ours)
_SHARES = {"pm2_5": (0.45, 0.16), "pm1": (0.30, 0.05), "tsp": (1.35, 1.9)}  # of background PM10, of dust PM10 (ours)
DUST_SHARES = {"pm10": 1.0} | {name: blown for name, (_, blown) in _SHARES.items()}
_DUST_DIMS = 1 / 6000.0  # optical depth for each ug/m3 of PM10 of a storm (ours)


def dust_outline(event: DustStorm, t_s: Array) -> Array:
    """0..1: a wall in front, a long tail."""
    return outline(event, t_s, 0.08, 0.6)


def through_dust(t_s: Array, overlays: tuple[AnyOverlay, ...]) -> Array:
    """What part of the sun passes the dust storms."""
    depth = np.zeros(len(t_s))
    for event in overlays:
        if isinstance(event, DustStorm):
            depth = depth + event.pm10_ug_m3 * _DUST_DIMS * dust_outline(event, t_s)
    part: Array = np.exp(-depth)
    return part


class Pollution:
    """`quantities`: pm1 pm2_5 pm10 tsp ozone nitrogen_dioxide sulfur_dioxide carbon_monoxide co2."""

    def __init__(
        self,
        grid: Grid,
        streams: Streams,
        settings: ClimateSettings,
        irradiance: Array,
        cloud: Array,
        wind_m_s: Array,
        wind_from_deg: Array,
        humidity: Array,
        rain_mm_h: Array,
        snow_cover: Array,
        overlays: tuple[AnyOverlay, ...],
    ) -> None:
        t_s, count = grid.t_s, grid.size
        haze = Noise(streams, "haze").red(count, 1.3 * DAY_S, 2 * HOUR_S)
        air_mass = Noise(streams, "air mass").red(count, 2.0 * DAY_S, 3 * HOUR_S)
        flicker = Noise(streams, "flicker").red(count, 1200.0)
        winter = 0.5 + 0.5 * season(grid.day, 10.0)
        stirred = 1.0 - 0.2 * np.cos((grid.solar_h - 15.0) * (math.pi / 12.0))  # mixing thins what the ground gives

        washed = followed(  # 1 in dry weather, less after rain, back within a day
            np.exp(-_WASH_PER_MM * STEP_S / HOUR_S * rain_mm_h - STEP_S / DAY_S),
            np.full(count, 1 - math.exp(-STEP_S / DAY_S)),
            1.0,
        )
        background = settings.pm10_ug_m3 * (0.8 + 0.5 * winter) * stirred * np.exp(0.35 * haze - 0.06) * washed
        spring = 0.4 + 0.6 * np.maximum(season(grid.day, 95.0), 0.0)
        bare = (1.0 - snow_cover) * np.clip((75.0 - humidity) / 40.0, 0.0, 1.0)
        lifted = 9.0 * np.maximum(wind_m_s - _LIFTS_M_S, 0.0) ** 2 * spring * bare
        dust = lagged(lifted, 1.5 * HOUR_S, first=0.0)
        ozone = (
            settings.ozone_ug_m3
            + 16.0 * season(grid.day, 130.0)
            + 9.0 * np.cos((grid.solar_h - 16.5) * (math.pi / 12.0))
            + 12.0 * air_mass
            + 0.012 * lagged(irradiance - 230.0, 3 * HOUR_S)
        )
        gases = {
            "nitrogen_dioxide": 5.0 * (0.8 + 0.5 * winter) * stirred * np.exp(0.3 * haze),
            "sulfur_dioxide": 4.0 * (0.7 + 0.7 * winter) * stirred * np.exp(0.3 * haze),
            "carbon_monoxide": 0.28 * (0.85 + 0.3 * winter) * np.exp(0.12 * haze + 0.05 * air_mass),
        }
        classes = stability(irradiance, wind_m_s, cloud)
        for event in overlays:
            if isinstance(event, DustStorm):
                dust = dust + event.pm10_ug_m3 * dust_outline(event, t_s) * np.exp(0.15 * flicker)
            elif isinstance(event, OzoneDay):
                ozone = ozone + event.ozone_ug_m3 * half_sine(event, t_s)
                gases["nitrogen_dioxide"] = gases["nitrogen_dioxide"] * (1.0 - 0.4 * half_sine(event, t_s))
            elif isinstance(event, GasLeak):
                seen = concentration(event, t_s, wind_m_s, wind_from_deg, classes)
                gases[event.gas] = gases[event.gas] + seen * unit_scale(event.gas)
        uneven = 1.0 + 0.04 * flicker
        self.quantities: dict[str, Array] = {
            name: np.maximum((own * background + blown * dust) * uneven, 0.5) for name, (own, blown) in _SHARES.items()
        }
        self.quantities["pm10"] = np.maximum((background + dust) * uneven, 1.0)
        self.quantities["ozone"] = np.maximum(ozone, 4.0)
        self.quantities |= {name: np.maximum(values, 0.0) for name, values in gases.items()}
        breathing = np.cos((grid.solar_h - 5.0) * (math.pi / 12.0)) * (1.0 - winter)
        self.quantities["co2"] = 425.0 + 3.5 * season(grid.day, 110.0) + 4.0 * breathing + 1.5 * air_mass


def unit_scale(gas: str) -> float:
    """ug/m3 to the unit of the gas's signal."""
    return 0.001 if gas == "carbon_monoxide" else 1.0
