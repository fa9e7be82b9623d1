"""Knows how sun, sky, air, river and ground of one place hang together; has no physics of its own."""

from collections.abc import Sequence

import numpy as np

from hw_sim.climate import air, catalogue, curve, ground, panel, sky, snow, sun
from hw_sim.climate.catalogue import UnknownSignal
from hw_sim.climate.grid import DAY_S, STEP_S, Array, Grid
from hw_sim.climate.memory import lagged
from hw_sim.climate.ordinary import OrdinaryYear
from hw_sim.climate.overlays import AnyOverlay, SnowOnPanel, during
from hw_sim.climate.pollution import Pollution, through_dust
from hw_sim.climate.river import River
from hw_sim.climate.settings import ClimateSettings, Place
from hw_sim.climate.works import Works
from hw_sim.signals import Signal
from hw_sim.streams import Streams

_WETTED_M = 0.15  # depth to which rain wets the ground at once (ours)
_DRIES_S = 4 * DAY_S


class Climate:
    """All that is true of a place for `days` from `start_unix_s`, computed at once every 5 min.

    Equal arguments give equal numbers; overlays and longer spans draw no other random numbers.
    """

    def __init__(
        self,
        place: Place,
        start_unix_s: int,
        days: float,
        streams: Streams,
        settings: ClimateSettings | None = None,
        overlays: Sequence[AnyOverlay] = (),
    ) -> None:
        self.place = place
        self.settings = settings = ClimateSettings() if settings is None else settings
        self._overlays = tuple(overlays)
        self._units = catalogue.units(settings)
        self._grid = grid = Grid(start_unix_s, days, place.longitude)
        self._start_unix_s = start_unix_s
        self._values: dict[str, Array] = {}
        self._signals: dict[str, Signal] = {}
        self._build(streams)
        self.times_s: Array = grid.t_s[grid.begin :]

    @property
    def names(self) -> tuple[str, ...]:
        """Every signal there is."""
        return tuple(self._units)

    def unit(self, name: str) -> str:
        """UnknownSignal: there is none of that name."""
        if name not in self._units:
            raise UnknownSignal(name, self._units)
        return self._units[name]

    def values(self, name: str) -> Array:
        """The signal at `times_s`, for plots and tests; directions are not wrapped. UnknownSignal as `unit`."""
        return self._array(name)[self._grid.begin :]

    def signal(self, name: str) -> Signal:
        """Seconds since the world began -> truth, in straight lines between the steps. UnknownSignal as `unit`."""
        self.unit(name)
        if name not in self._signals:
            if name == "air.wind_sector":
                self._signals[name] = curve.sector(self.signal("air.wind_direction"))
            else:
                make = curve.turning if name == "air.wind_direction" else curve.held
                self._signals[name] = make(self._array(name), STEP_S, self._grid.first_s)
        return self._signals[name]

    def _array(self, name: str) -> Array:
        self.unit(name)
        if name not in self._values:
            station, _, quantity = name.partition(".")
            if name == "air.wind_sector":
                self._values[name] = np.floor((self._values["air.wind_direction"] + 22.5) % 360.0 / 45.0)
            else:
                self._values[name] = self._river.passing(self._stations[station], quantity)
        return self._values[name]

    def _build(self, streams: Streams) -> None:
        place, settings, grid, overlays = self.place, self.settings, self._grid, self._overlays
        standard = air.standard_pressure(place.altitude_m)
        light = sun.Sun(grid.day, grid.solar_h, place.latitude)
        vapour = air.normal_vapour(grid.day, place.altitude_m)
        clear = light.clear_sky(standard, sun.precipitable_water(air.dew_point(vapour)))
        clouds = sky.Sky(grid, streams, settings.precipitation_mm, overlays)
        irradiance = clear * sun.through_cloud(clouds.cover) * through_dust(grid.t_s, overlays)
        weather = air.Air(
            grid, streams, place.altitude_m, settings, irradiance, clouds.moist, clouds.water_mm_h, overlays
        )
        part = snow.snow_part(weather.temperature_c)
        snowfall, rain = part * clouds.water_mm_h, (1.0 - part) * clouds.water_mm_h
        hourly_air = grid.hourly(weather.temperature_c)
        lying_mm, deep_mm = snow.lying(hourly_air, grid.hourly(snowfall), settings.degree_day_mm)
        hourly_white = snow.ground_cover(lying_mm)
        white, snow_depth = grid.fine(hourly_white), grid.fine(deep_mm)
        fallen = np.cumsum(clouds.water_mm_h) * (STEP_S / 3600.0)

        year = OrdinaryYear(place, settings, self._start_unix_s)
        self._stations = {station.name: station for station in settings.stations}
        self._river = River(
            grid,
            streams,
            settings,
            weather.temperature_c,
            weather.pressure_hpa,
            irradiance,
            clouds.water_mm_h,
            rain,
            snow_depth,
            year.river(),
            overlays,
        )
        floating = Pollution(
            grid,
            streams,
            settings,
            irradiance,
            clouds.cover,
            weather.wind_m_s,
            weather.wind_from_deg,
            weather.humidity,
            rain,
            white,
            overlays,
        )
        self._values |= {
            "sun.elevation": light.elevation_deg,
            "sun.cloud": 100.0 * clouds.cover,
            "sun.clear_sky": clear,
            "sun.irradiance": irradiance,
            "air.temperature": weather.temperature_c,
            "air.humidity": weather.humidity,
            "air.dew_point": weather.dew_point_c,
            "air.pressure": weather.pressure_hpa,
            "air.wind_speed": weather.wind_m_s,
            "air.wind_direction": weather.wind_from_deg,
            "air.rain_rate": rain,
            "air.snowfall_rate": snowfall,
            "air.rain": np.maximum(fallen - fallen[grid.begin], 0.0),
            "air.snow_depth": snow_depth,
        }
        self._values |= {f"air.{name}": values for name, values in floating.quantities.items()}
        works = Works(grid, streams, overlays)
        self._values |= {
            "works.activity": works.activity,
            "works.outlet": works.outlet,
            "works.emission": works.emission,
        }
        self._add_panel(light, weather, irradiance, rain, snowfall, white, floating.quantities["pm10"])
        self._add_ground(year, hourly_air, grid.hourly(irradiance), hourly_white, deep_mm / 1000.0, rain)

    def _add_panel(
        self,
        light: sun.Sun,
        weather: air.Air,
        irradiance: Array,
        rain: Array,
        snowfall: Array,
        white: Array,
        pm10: Array,
    ) -> None:
        tilt = self.settings.panel_tilt_deg
        slope = panel.on_slope(light, irradiance, self.place.latitude, tilt, snow.albedo(white))
        cover = panel.snow_cover(np.where(snowfall > rain, snowfall, 0.0), slope, weather.temperature_c, tilt)
        for event in self._overlays:
            if isinstance(event, SnowOnPanel):
                cover = np.maximum(cover, event.cover_percent / 100.0 * during(event, self._grid.t_s))
        lost = panel.dirt(pm10, rain)
        lit = slope * (1.0 - cover) * (1.0 - lost)
        cells = panel.temperature(weather.temperature_c, lit, weather.wind_m_s)
        self._values |= {
            "panel.irradiance": slope,
            "panel.snow": 100.0 * cover,
            "panel.soiling": 100.0 * lost,
            "panel.temperature": cells,
            "panel.output": panel.output(lit, cells),
        }

    def _add_ground(
        self, year: OrdinaryYear, air_c: Array, irradiance: Array, white: Array, snow_m: Array, rain: Array
    ) -> None:
        grid, depths = self._grid, self.settings.depths_m
        water = self.settings.soil_water_percent / 100.0
        below = ground.Ground(water)
        surface = ground.driving(air_c, irradiance, white)
        heat = below.run(surface, snow_m, year.ground())
        layers, thawed = below.temperature(heat), below.thawed(heat)
        wetted = 100.0 * lagged(rain * (_DRIES_S / 3.6e6) / _WETTED_M, _DRIES_S, first=0.0)
        named: dict[str, Array] = {
            "surface_temperature": grid.fine(ground.surface_temperature(surface, layers[:, 0], snow_m))
        }
        for number, values in enumerate(ground.at_depths(layers, depths), 1):
            named[f"soil_temperature_{number}"] = grid.fine(values)
        shallow = depths[: catalogue.MOISTURE_DEPTHS]
        for number, (depth, part) in enumerate(zip(shallow, ground.at_depths(thawed, shallow), strict=True), 1):
            moist = grid.fine(ground.liquid_percent(part, water)) + wetted * grid.fine(part) * np.exp(
                -depth / _WETTED_M
            )
            named[f"soil_moisture_{number}"] = np.minimum(moist, ground.PORES_PERCENT)
        named["soil_temperature"], named["soil_moisture"] = named["soil_temperature_1"], named["soil_moisture_1"]
        named["conductivity"] = 12.0 * named["soil_moisture"]  # uS/cm for each % of liquid water (ours)
        named["thaw_depth"] = grid.fine(ground.thaw_depth(thawed))
        self._values |= {f"ground.{name}": values for name, values in named.items()}
