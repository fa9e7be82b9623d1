"""Knows which item of a standard a measured quantity is, and in which unit the standards want it; knows no standard.

ug/m3 of air, of CO mg/m3; mg/L of water; hPa, degC, %.
"""

from decimal import Decimal

from gateway.process.air.reference import AMBIENT, MOLAR_MASS, litres_per_mole

PARTICLES = ("PM10", "PM2.5")

# What a quantity of a profile is. Of others the site file says it.
ITEM_OF = {
    "sulfur_dioxide": "SO2", "nitrogen_dioxide": "NO2", "carbon_monoxide": "CO", "ozone": "O3", "pm10": "PM10",
    "pm2_5": "PM2.5", "air_pressure": "hpa",
    "ph": "pH", "dissolved_oxygen": "DO", "oxygen_saturation": "DO_percent", "ammonium": "NH3N", "cod": "COD",
    "permanganate": "CODMn", "total_phosphorus": "TP", "total_nitrogen": "TN",
}  # fmt: skip

_MASS = {"ug/m3": Decimal(1), "mg/m3": Decimal(1000), "ng/m3": Decimal("0.001")}
_FRACTION = {"ppb": Decimal(1), "ppm": Decimal(1000)}
_OTHER = {
    "mg/L": Decimal(1), "ug/L": Decimal("0.001"), "hPa": Decimal(1), "kPa": Decimal(10), "Pa": Decimal("0.01"),
    "bar": Decimal(1000), "mbar": Decimal(1), "degC": Decimal(1), "%": Decimal(1), "pH": Decimal(1), "1": Decimal(1),
    "": Decimal(1),
}  # fmt: skip


def is_fraction(item: str, unit: str) -> bool:
    """Of the molecules of air: it knows no altitude."""
    return unit in _FRACTION and item in MOLAR_MASS


def in_unit(item: str, value: Decimal | None, unit: str) -> Decimal | None:
    """None: no value, or a unit that is none of the item's: better none than a thousandfold one."""
    if value is None:
        return None
    if item in MOLAR_MASS or item in PARTICLES:
        ours = Decimal(1000) if item == "CO" else Decimal(1)
        if unit in _FRACTION and item in MOLAR_MASS:
            a_ppb = Decimal(str(MOLAR_MASS[item] / litres_per_mole(AMBIENT)))
            return value * _FRACTION[unit] * a_ppb / ours
        return value * _MASS[unit] / ours if unit in _MASS else None
    if item == "DO_percent" and unit == "1":
        return value * 100  # a ratio
    return value * _OTHER[unit] if unit in _OTHER else None
