"""Knows what findings there are, which quantities each is made of, and what it gives; knows no row and no site file.

Each is one of the functions of this room, called with the means of an hour or of a day.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import NamedTuple

from gateway.process.air import emission, local, reference
from gateway.process.flow import rain, rating, stage
from gateway.process.flow.rating import Curve
from gateway.process.ground import dose, frost, strings, tailings
from gateway.process.number import Number
from gateway.process.water import black_odor, groundwater, oxygen, source, trophic
from gateway.process.water.tables import LAKE, LIMITS, RIVER, SOURCE_LIMITS

Values = Mapping[str, Decimal | None]
Numbers = Mapping[str, float]
Found = tuple[Number | None, ...]

DEPTH = "depth_cm"  # inputs are named by their depth, not by an item

_SCALES: dict[str, dict[str, Decimal]] = {
    "m": {"m": Decimal(1), "cm": Decimal("0.01"), "mm": Decimal("0.001")},
    "cm": {"m": Decimal(100), "cm": Decimal(1), "mm": Decimal("0.1")},
    "mm": {"mm": Decimal(1)},
    "m3/h": {"m3/s": Decimal(3600), "m3/h": Decimal(1), "L/s": Decimal("3.6"), "L/min": Decimal("0.06")},
    "L/s": {"L/s": Decimal(1), "m3/h": Decimal(1) / Decimal("3.6"), "m3/s": Decimal(1000)},
    "m3/s": {"m3/s": Decimal(1), "L/s": Decimal("0.001"), "m3/h": Decimal(1) / 3600},
    "mg/L": {"mg/L": Decimal(1), "ug/L": Decimal("0.001")},
    "ug/L": {"ug/L": Decimal(1), "mg/L": Decimal(1000)},
    "mg/m3": {"mg/m3": Decimal(1), "ug/m3": Decimal("0.001"), "ug/L": Decimal(1), "mg/L": Decimal(1000)},
    "hPa": {"hPa": Decimal(1), "kPa": Decimal(10), "Pa": Decimal("0.01"), "mbar": Decimal(1), "bar": Decimal(1000)},
    "ppm": {"ppm": Decimal(1), "ppb": Decimal("0.001")},
    "degC": {"degC": Decimal(1)},
    "%": {"%": Decimal(1)},
    "mV": {"mV": Decimal(1), "V": Decimal(1000)},
}


class Kind(NamedTuple):
    """`inputs`: name -> unit (None: any, it is a number of its own). `needs`: those that must be named. `numbers`: what
    the site may say, `wants`: what it must. `outputs`: (suffix, unit, decimals). `levels`: of what periods it is made:
    what is no straight line of its inputs is made of hours alone, a day's mean stage has not a day's mean flow."""

    inputs: Mapping[str, str | None]
    needs: tuple[str, ...]
    numbers: tuple[str, ...]
    wants: tuple[str, ...]
    outputs: tuple[tuple[str, str, int], ...]
    reckon: Callable[[Values, Numbers, Curve], Found]
    levels: tuple[str, ...] = ("hour", "day")


def scaled(unit: str, wanted: str | None) -> Decimal | None:
    """By what a value in `unit` is multiplied; None: it can't be had from that."""
    return Decimal(1) if wanted is None else _SCALES[wanted].get(unit)


def _rating(values: Values, _: Numbers, curve: Curve) -> Found:
    return (rating.flow(curve, values["level"], curve.since_ms).m3s,)


def _stage(values: Values, numbers: Numbers, _: Curve) -> Found:
    found = stage.stage(values["level"], stage.Marks(**numbers))
    return found.level, None if found.level is None else found.above_m


def _rain(values: Values, _: Numbers, __: Curve) -> Found:
    return (rain.grade(values["rain"]).grade,)


def _groundwater(values: Values, _: Numbers, __: Curve) -> Found:
    return (groundwater.groundwater(values, tuple(values)).cls,)


def _trophic(values: Values, _: Numbers, __: Curve) -> Found:
    found = trophic.trophic(values)
    return found.tli, found.level


def _black_odor(values: Values, _: Numbers, __: Curve) -> Found:
    return (black_odor.sample(values, values.get("depth_cm")).level,)


def _source(values: Values, numbers: Numbers, _: Curve) -> Found:
    factors = [name for name in values if name not in (*SOURCE_LIMITS, "water_c", "hpa")]
    share = oxygen.percent(values.get("DO"), values.get("water_c"), values.get("hpa"))
    kind = LAKE if numbers.get("lake") else RIVER
    found = source.source(values, kind, int(numbers.get("target", source.SECOND_ZONE)), share, factors)
    return None if found.meets is None else int(found.meets), found.grade.cls


def _emission(values: Values, numbers: Numbers, _: Curve) -> Found:
    static = values.get("static")  # what a cabinet has: above or below the air outside
    air = numbers.get("air_hpa")
    hpa = values.get("hpa") if static is None else None if air is None else Decimal(str(air)) + static
    return emission.emission(
        values["concentration"], values["celsius"], hpa, values["moisture"], values["oxygen"],
        numbers["reference_oxygen"], values.get("flow"),
    )  # fmt: skip


def _fume(values: Values, numbers: Numbers, _: Curve) -> Found:
    """At the flow of a stove of reference, whether that is within GB 18483's limit, and what a purifier takes out."""
    found = local.fume_at_reference(values["fume"], values["flow"], numbers["stoves"])
    kept = None if found is None else int(found <= local.FUME.most)
    return found, kept, local.removal_percent(values.get("before"), values["fume"])


def _dry_gas(values: Values, _: Numbers, __: Curve) -> Found:
    """Dry mole fraction, and mg/m3 at 298.15 K and 1013.25 hPa of it."""
    vapour: float | None
    if "vapour" in values:
        share = values["vapour"]
        vapour = None if share is None else float(share) / 100
    else:
        vapour = reference.water_fraction(values.get("celsius"), values.get("humidity"), values.get("hpa"))
    dry = reference.dry_fraction(values["CO2"] if "CO2" in values else values.get("CH4"), vapour)
    return dry, reference.mass_of("CO2" if "CO2" in values else "CH4", dry)


def _thaw(values: Values, _: Numbers, __: Curve) -> Found:
    found = frost.thaw((float(depth), value) for depth, value in values.items())
    return found.depth_cm, None if found.depth_cm is None else int(found.kind == frost.BELOW_STRING)


def _layer(values: Values, numbers: Numbers, _: Curve) -> Found:
    top, bottom = numbers["top_cm"], numbers["bottom_cm"]
    mean = strings.layer(((float(depth), value) for depth, value in values.items()), top, bottom).mean
    return mean, strings.water_mm(mean, top, bottom)


def _dose(values: Values, numbers: Numbers, _: Curve) -> Found:
    quiet = dose.Background("enough", numbers["mean"], numbers["deviation"], 0)
    found = dose.dose(values["dose_rate"], quiet)
    return found.level, found.sigmas


def _weir(values: Values, _: Numbers, __: Curve) -> Found:
    return (tailings.weir_ls(values["head"]),)


def _tailings(values: Values, numbers: Numbers, _: Curve) -> Found:
    found = tailings.pond(
        tailings.Limits(**numbers), values.get("level"), values.get("beach"), values.get("line"), values.get("seepage")
    )
    # what is over says so whatever is missing; "nothing is" needs all that has a limit
    return None if found.missing and not found.over else len(found.over), found.freeboard_m


_WATER: dict[str, str | None] = {
    **dict.fromkeys((*(name for name in LIMITS if "_" not in name), "TP", *SOURCE_LIMITS), "mg/L"), "pH": None,
    "water_c": "degC", "hpa": "hPa",
}  # fmt: skip
_GROUND: dict[str, str | None] = {
    **{one.name: one.unit if one.unit in ("mg/L", "ug/L") else None for one in groundwater.FACTORS}, "pH": None,
}  # fmt: skip

KINDS: dict[str, Kind] = {
    "rating": Kind({"level": "m"}, ("level",), (), (), (("flow", "m3/s", 4),), _rating, ("hour",)),
    "flood_stage": Kind(
        {"level": "m"}, ("level",), stage.Marks._fields, (), (("mark", "1", 0), ("above", "m", 3)), _stage
    ),
    "rain": Kind({"rain": "mm"}, ("rain",), (), (), (("grade", "1", 0),), _rain, ("day",)),
    "groundwater": Kind(_GROUND, (), (), (), (("class", "1", 0),), _groundwater),
    "drinking_source": Kind(
        _WATER, tuple(SOURCE_LIMITS), ("target", "lake"), (), (("meets", "1", 0), ("class", "1", 0)), _source
    ),
    "trophic": Kind(
        {"chla": "mg/m3", "TP": "mg/L", "TN": "mg/L", "SD": "m", "CODMn": "mg/L"}, tuple(trophic.PARTS), (), (),
        (("tli", "1", 1), ("level", "1", 0)), _trophic,
    ),
    "black_odor": Kind(
        {"transparency_cm": "cm", "DO": "mg/L", "ORP_mv": "mV", "NH3N": "mg/L", "depth_cm": "cm"}, (), (), (),
        (("level", "1", 0),), _black_odor,
    ),
    "emission": Kind(
        {"concentration": "mg/m3", "celsius": "degC", "hpa": "hPa", "static": "hPa", "moisture": "%", "oxygen": "%",
         "flow": "m3/h"},
        ("concentration", "celsius", "moisture", "oxygen"), ("reference_oxygen", "air_hpa"), ("reference_oxygen",),
        (("dry", "mg/m3", 3), ("reduced", "mg/m3", 3), ("mass", "kg/h", 6)), _emission,
        ("hour",),
    ),
    "fume": Kind(
        {"fume": "mg/m3", "flow": "m3/h", "before": "mg/m3"}, ("fume", "flow"), ("stoves",), ("stoves",),
        (("reference", "mg/m3", 3), ("kept", "1", 0), ("removal", "%", 1)), _fume, ("hour",),
    ),
    "dry_gas": Kind(
        {"CO2": "ppm", "CH4": "ppm", "vapour": "%", "celsius": "degC", "humidity": "%", "hpa": "hPa"}, (), (), (),
        (("dry", "ppm", 3), ("mass", "mg/m3", 3)), _dry_gas,
    ),
    "thaw": Kind({DEPTH: "degC"}, (), (), (), (("depth", "cm", 1), ("is_least", "1", 0)), _thaw),
    "layer": Kind(
        {DEPTH: "%"}, (), ("top_cm", "bottom_cm"), ("top_cm", "bottom_cm"), (("mean", "%", 2), ("water", "mm", 1)),
        _layer,
    ),
    "dose": Kind(
        {"dose_rate": None}, ("dose_rate",), ("mean", "deviation"), ("mean", "deviation"),
        (("level", "1", 0), ("sigmas", "1", 2)), _dose,
    ),
    "weir": Kind({"head": "m"}, ("head",), (), (), (("seepage", "L/s", 3),), _weir, ("hour",)),
    "tailings": Kind(
        {"level": "m", "beach": "m", "line": "m", "seepage": "L/s"}, (), tailings.Limits._fields, (),
        (("over", "1", 0), ("freeboard", "m", 3)), _tailings,
    ),
}  # fmt: skip
