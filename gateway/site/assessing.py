"""Knows what of a site file says by which classes and limits the place is judged; knows neither."""

from typing import Annotated, Literal, get_args

from msgspec import Meta, Struct

Item = Literal[
    "SO2", "NO2", "CO", "O3", "PM10", "PM2.5",
    "pH", "DO", "DO_percent", "CODMn", "COD", "BOD5", "NH3N", "TP", "TN", "F", "chla", "water_c", "air_c", "hpa",
]  # fmt: skip
ITEMS: tuple[str, ...] = get_args(Item)
WaterFactor = Literal["pH", "DO", "CODMn", "COD", "BOD5", "NH3N", "TP", "TN", "F"]
Pollutant = Literal["SO2", "NO2", "CO", "O3", "PM10", "PM2.5"]


class Assess(Struct, frozen=True, kw_only=True):
    """`air_grade`: of GB 3095, 1 in national parks, reserves and other protected areas. `hj633`: which edition, left
    out: that of the day. `waived`: not measured and never primary for three years (HJ 633-2026, 5.3.2). `gases`: what
    state mass concentrations of gases come at. `water`: which columns of GB 3838. `needed`: without one of these of
    the `factors` there is no class (left out: all). `zone_h`: local time less UTC. `channels`: what a channel is where
    its quantity does not say."""

    air_grade: Literal[1, 2] = 2
    hj633: Literal["HJ633-2012", "HJ633-2026"] | None = None
    waived: tuple[Pollutant, ...] = ()
    gases: Literal["reference", "actual"] = "reference"
    water: Literal["river", "lake"] = "river"
    target: Annotated[int, Meta(ge=1, le=5)] = 3
    factors: tuple[WaterFactor, ...] = ("pH", "DO", "CODMn", "NH3N", "TP")
    needed: tuple[WaterFactor, ...] | None = None
    zone_h: Annotated[float, Meta(ge=-12, le=14, extra={"unit": "h"})] = 8.0
    channels: dict[Annotated[str, Meta(min_length=1)], Item] = {}
