"""Knows one river as it passes its stations: the land's water, its heat, its load and what an outfall adds; knows no
weather but what falls and shines on it."""

import numpy as np

from hw_sim.climate import chemistry, oxygen, water
from hw_sim.climate.catchment import Catchment, Flow, Snowpack
from hw_sim.climate.channel import GRAVITY, Channel
from hw_sim.climate.grid import HOUR_S, STEP_S, Array, Grid
from hw_sim.climate.outfall import Reach, passage, share, strengths
from hw_sim.climate.overlays import AnyOverlay, HeldBack, Slug, SpringFlood, outline
from hw_sim.climate.settings import ClimateSettings, RiverStation
from hw_sim.streams import Streams

_PH_FALLS = 0.4  # where waste makes a tenth of the water (ours)


class River:
    """The river's own water at its uppermost station, `quantities` by name, and what each station sees of it."""

    def __init__(
        self,
        grid: Grid,
        streams: Streams,
        settings: ClimateSettings,
        air_c: Array,
        pressure_hpa: Array,
        irradiance: Array,
        water_mm_h: Array,
        rain_mm_h: Array,
        snow_depth_mm: Array,
        begins: tuple[Snowpack, Flow],
        overlays: tuple[AnyOverlay, ...],
    ) -> None:
        self._grid = grid
        self._overlays = tuple(event for event in overlays if isinstance(event, Slug))
        self._channel = Channel(settings.channel_width_m, settings.channel_slope, settings.channel_roughness)
        self._first_m = min((station.below_outfall_m for station in settings.stations), default=0.0)
        land = Catchment(settings)
        depth = self._channel.open_depth(land.mean_m3_s)
        self._usual_m_s = float(self._channel.velocity(np.array(land.mean_m3_s), np.array(depth)))

        hour = grid.hourly
        hourly_air, hourly_rain = hour(air_c), hour(rain_mm_h)
        extra = np.zeros(len(hourly_air))
        for event in overlays:
            if isinstance(event, SpringFlood):
                index = int((event.at_s - grid.first_s) // HOUR_S)
                if index < len(extra):
                    extra[index] += event.snow_mm
        pack, flow = begins
        liquid, _ = land.melt(hourly_air, hour(water_mm_h), extra, pack, 1.0)
        hourly_m3_s, quick, _ = land.discharge(liquid, flow, HOUR_S)
        for event in overlays:
            if isinstance(event, HeldBack):
                hour_s = grid.first_s + np.arange(1.0, len(hourly_m3_s) + 1) * HOUR_S
                hourly_m3_s = hourly_m3_s * (1.0 - event.held_percent / 100.0 * outline(event, hour_s, 0.1, 0.1))
        fresh = quick * np.clip(1.0 - hourly_rain / np.maximum(liquid, 1e-6), 0.0, 1.0)
        open_depth = self._channel.depth(hourly_m3_s, np.zeros(len(hourly_m3_s)))
        hourly_c, hourly_ice = water.water_and_ice(
            hourly_air, hour(irradiance), open_depth, hour(snow_depth_mm) / 1000.0, fresh
        )
        hourly_murk = chemistry.turbidity(hourly_m3_s, land.mean_m3_s, hourly_rain, water.ice_cover(hourly_ice))

        discharge, celsius, ice = grid.fine(hourly_m3_s), grid.fine(hourly_c), grid.fine(hourly_ice)
        murk = grid.fine(hourly_murk)
        cover = water.ice_cover(ice)
        deep = self._channel.depth(discharge, cover)
        speed = self._channel.velocity(discharge, deep)
        full = oxygen.saturation(celsius, pressure_hpa)
        rate = oxygen.reaeration(speed, deep, celsius, cover)
        held = oxygen.dissolved(full, rate, deep, celsius, irradiance, murk, cover)
        diluted = chemistry.dilution(discharge, land.mean_m3_s)
        traces = chemistry.Traces(grid, streams, settings, diluted, murk, held - full, celsius, irradiance)
        self._full, self._rate = full, rate
        self.quantities: dict[str, Array] = {
            "discharge": discharge,
            "velocity": speed,
            "level": deep,
            "pressure": deep * (1000.0 * GRAVITY / 1e5),
            "temperature": celsius,
            "ice": ice,
            "ice_cover": 100.0 * cover,
            "turbidity": murk,
            "conductivity": traces.conductivity,
            "ph": traces.ph,
            "dissolved_oxygen": held,
            "ammonium": traces.ammonium,
            "cod": traces.cod,
            "chlorophyll": traces.chlorophyll,
        }

    def reach(self, slug: Slug, station: RiverStation) -> Reach:
        """The river from the outfall to a station as it was when the slug began."""
        now = min(max(int((slug.at_s - self._grid.first_s) / STEP_S), 0), self._grid.size - 1)
        discharge = float(self.quantities["discharge"][now])
        velocity = float(self.quantities["velocity"][now])
        spread = self._channel.dispersion(velocity, float(self.quantities["level"][now]))
        return Reach(station.below_outfall_m, discharge, velocity, spread, float(self._rate[now]))

    def passing(self, station: RiverStation, quantity: str) -> Array:
        """One quantity as it passes a station: the river's own, later by the way at mean velocity, and the slugs."""
        if quantity == "oxygen_saturation":
            return 100.0 * self.passing(station, "dissolved_oxygen") / self._late(self._full, station)
        values = self._late(self.quantities[quantity], station)
        for slug in self._overlays:
            reach = self.reach(slug, station)
            change = strengths(slug, reach).get(quantity, 0.0)
            if quantity == "ph":
                change = -_PH_FALLS * 10.0 * share(slug, reach)
            if change:
                values = values + change * passage(slug, self._grid.t_s, reach)
        return np.maximum(values, 0.0)

    def _late(self, values: Array, station: RiverStation) -> Array:
        """What passes the first station now passes a lower one later."""
        way = station.below_outfall_m - self._first_m
        t_s = self._grid.t_s
        return np.interp(t_s - way / self._usual_m_s, t_s, values) if way else values
