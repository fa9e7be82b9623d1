"""Weather, water, air and ground of one place on the plateau, as coupled physics; docs/physics.md has the formulas."""

from hw_sim.climate.catalogue import UnknownSignal, units
from hw_sim.climate.climate import Climate
from hw_sim.climate.laid import overlay_curve, overlay_quantities
from hw_sim.climate.outfall import Reach
from hw_sim.climate.overlays import (
    AnyOverlay,
    ColdWave,
    DustStorm,
    GasLeak,
    HeldBack,
    Overlay,
    OzoneDay,
    Slug,
    SnowOnPanel,
    SpringFlood,
    Storm,
    TreatmentFails,
)
from hw_sim.climate.settings import ClimateSettings, Place, RiverStation

__all__ = [
    "AnyOverlay",
    "Climate",
    "ClimateSettings",
    "ColdWave",
    "DustStorm",
    "GasLeak",
    "HeldBack",
    "Overlay",
    "OzoneDay",
    "Place",
    "Reach",
    "RiverStation",
    "Slug",
    "SnowOnPanel",
    "SpringFlood",
    "Storm",
    "TreatmentFails",
    "UnknownSignal",
    "overlay_curve",
    "overlay_quantities",
    "units",
]
