"""Knows where a climate is and which numbers of it may be set; computes nothing.

The defaults are those of a headwater river near Xidatan, where recordings/met_xidatan_daily_2014_2018.csv was taken;
docs/physics.md says where each comes from.
"""

from typing import Annotated

from msgspec import Meta, Struct

Depth = Annotated[float, Meta(ge=0.02, le=15, extra={"unit": "m"})]
Percent = Annotated[float, Meta(ge=0, le=100, extra={"unit": "%"})]


class Place(Struct, frozen=True, kw_only=True):
    """Degrees WGS 84, metres above the sea."""

    latitude: Annotated[float, Meta(ge=-90, le=90, extra={"unit": "deg"})]
    longitude: Annotated[float, Meta(ge=-180, le=180, extra={"unit": "deg"})]
    altitude_m: Annotated[float, Meta(ge=-500, le=9000, extra={"unit": "m"})]


class RiverStation(Struct, frozen=True, kw_only=True):
    """A place on the river, named in its signals, so far downstream of the outfall (negative: upstream)."""

    name: Annotated[str, Meta(pattern=r"^(?!(?:sun|panel|air|ground|works)\Z)[a-z][a-z0-9_]{0,31}\Z")]
    below_outfall_m: Annotated[float, Meta(ge=-50_000, le=100_000, extra={"unit": "m"})]


class ClimateSettings(Struct, frozen=True, kw_only=True):
    """What makes one place's climate differ from another's."""

    # air
    mean_temperature_c: Annotated[float, Meta(ge=-20, le=25, extra={"unit": "degC"})] | None = None  # None: by altitude
    season_k: Annotated[float, Meta(ge=0, le=25, extra={"unit": "K"})] = 10.3  # half the way from January to July
    weather_k: Annotated[float, Meta(ge=0, le=8, extra={"unit": "K"})] = 3.0  # deviation of days around the season
    sunny_range_k: Annotated[float, Meta(ge=0, le=30, extra={"unit": "K"})] = 14.0  # night to afternoon under clear sky
    cold_waves_per_year: Annotated[float, Meta(ge=0, le=50)] = 5.0
    wind_m_s: Annotated[float, Meta(ge=0, le=20, extra={"unit": "m/s"})] = 3.5
    wind_from_deg: Annotated[float, Meta(ge=0, le=360, extra={"unit": "deg"})] = 265.0
    precipitation_mm: Annotated[float, Meta(ge=0, le=4000, extra={"unit": "mm"})] = 380.0  # a year
    # panel
    panel_tilt_deg: Annotated[float, Meta(ge=0, le=90, extra={"unit": "deg"})] = 45.0  # towards the equator
    # river
    catchment_km2: Annotated[float, Meta(ge=0.1, le=100_000)] = 400.0
    relief_m: Annotated[float, Meta(ge=0, le=3000, extra={"unit": "m"})] = 1000.0  # highest land above the station
    glacier_percent: Percent = 1.0
    runoff_percent: Percent = 45.0  # of melt and rain; the rest evaporates
    degree_day_mm: Annotated[float, Meta(ge=0, le=15)] = 4.0  # snow water melted a day for each K
    channel_width_m: Annotated[float, Meta(ge=0.5, le=2000, extra={"unit": "m"})] = 18.0
    channel_slope: Annotated[float, Meta(ge=1e-5, le=0.1)] = 0.003
    channel_roughness: Annotated[float, Meta(ge=0.01, le=0.2)] = 0.04  # Manning's n
    conductivity_ms_cm: Annotated[float, Meta(ge=0.01, le=20, extra={"unit": "mS/cm"})] = 0.42
    ph: Annotated[float, Meta(ge=5, le=10, extra={"unit": "pH"})] = 8.2
    ammonium_mg_l: Annotated[float, Meta(ge=0, le=50, extra={"unit": "mg/L"})] = 0.06
    cod_mg_l: Annotated[float, Meta(ge=0, le=500, extra={"unit": "mg/L"})] = 4.0
    chlorophyll_ug_l: Annotated[float, Meta(ge=0, le=400, extra={"unit": "ug/L"})] = 1.2
    stations: tuple[RiverStation, ...] = (
        RiverStation(name="upstream", below_outfall_m=-1000.0),
        RiverStation(name="outfall", below_outfall_m=100.0),
        RiverStation(name="river", below_outfall_m=1500.0),
        RiverStation(name="downstream", below_outfall_m=5000.0),
    )
    # air quality
    pm10_ug_m3: Annotated[float, Meta(ge=0, le=1000, extra={"unit": "ug/m3"})] = 22.0  # without dust
    ozone_ug_m3: Annotated[float, Meta(ge=0, le=500, extra={"unit": "ug/m3"})] = 93.0
    # ground
    soil_water_percent: Annotated[float, Meta(ge=6, le=60, extra={"unit": "%"})] = 20.0  # by volume, ice included
    depths_m: Annotated[tuple[Depth, ...], Meta(min_length=1)] = (
        0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.5, 2.0, 3.0, 5.0,
    )  # fmt: skip

    def __post_init__(self) -> None:
        names = [station.name for station in self.stations]
        if len(set(names)) < len(names):
            raise ValueError("stations: two have the same name")
