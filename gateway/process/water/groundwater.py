"""Knows the class of groundwater by GB/T 14848-2017; knows no surface water.

The limits are from sm1lewc/Silence.Water alone (a single source, not compared with the standard's text): unverified.
"""

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import NamedTuple

from gateway.process.enough import ENOUGH, NOT_ENOUGH, PARTIAL
from gateway.process.number import Number, amount, exact

WORST = 5
CLAUSE = "GB/T 14848-2017, tables 1, 2 and 6.2 (the worst item decides)"


class Factor(NamedTuple):
    """Greatest value of class I, II, III, IV; beyond is V. "0": none may be found. "Infinity": IV and V are one."""

    name: str
    zh: str
    unit: str
    limits: tuple[str, str, str, str]


FACTORS = (
    Factor("colour", "色", "1", ("5", "5", "15", "25")),
    Factor("turbidity", "浑浊度", "NTU", ("3", "3", "3", "10")),
    Factor("hardness", "总硬度", "mg/L", ("150", "300", "450", "650")),
    Factor("TDS", "溶解性总固体", "mg/L", ("300", "500", "1000", "2000")),
    Factor("sulfate", "硫酸盐", "mg/L", ("50", "150", "250", "350")),
    Factor("chloride", "氯化物", "mg/L", ("50", "150", "250", "350")),
    Factor("Fe", "铁", "mg/L", ("0.1", "0.2", "0.3", "2.0")),
    Factor("Mn", "锰", "mg/L", ("0.05", "0.05", "0.10", "1.50")),
    Factor("Cu", "铜", "mg/L", ("0.01", "0.05", "1.00", "1.50")),
    Factor("Zn", "锌", "mg/L", ("0.05", "0.5", "1.00", "5.00")),
    Factor("Al", "铝", "mg/L", ("0.01", "0.05", "0.20", "0.50")),
    Factor("phenol", "挥发性酚类", "mg/L", ("0.001", "0.001", "0.002", "0.01")),
    Factor("LAS", "阴离子表面活性剂", "mg/L", ("0", "0.1", "0.3", "0.3")),
    Factor("CODMn", "耗氧量", "mg/L", ("1.0", "2.0", "3.0", "10.0")),
    Factor("NH3N", "氨氮", "mg/L", ("0.02", "0.10", "0.50", "1.50")),
    Factor("sulfide", "硫化物", "mg/L", ("0.005", "0.01", "0.02", "0.10")),
    Factor("Na", "钠", "mg/L", ("100", "150", "200", "400")),
    Factor("coliform", "总大肠菌群", "MPN/100mL", ("3.0", "3.0", "3.0", "100")),
    Factor("bacteria", "菌落总数", "CFU/mL", ("100", "100", "100", "1000")),
    Factor("NO2N", "亚硝酸盐", "mg/L", ("0.01", "0.10", "1.00", "4.80")),
    Factor("NO3N", "硝酸盐", "mg/L", ("2.0", "5.0", "20.0", "30.0")),
    Factor("CN", "氰化物", "mg/L", ("0.001", "0.01", "0.05", "0.1")),
    Factor("F", "氟化物", "mg/L", ("1.0", "1.0", "1.0", "2.0")),
    Factor("I", "碘化物", "mg/L", ("0.04", "0.04", "0.08", "0.50")),
    Factor("Hg", "汞", "mg/L", ("0.0001", "0.0001", "0.001", "0.002")),
    Factor("As", "砷", "mg/L", ("0.001", "0.001", "0.01", "0.05")),
    Factor("Se", "硒", "mg/L", ("0.01", "0.01", "0.01", "0.1")),
    Factor("Cd", "镉", "mg/L", ("0.0001", "0.001", "0.005", "0.01")),
    Factor("Cr6", "六价铬", "mg/L", ("0.005", "0.01", "0.05", "0.10")),
    Factor("Pb", "铅", "mg/L", ("0.005", "0.005", "0.01", "0.10")),
    Factor("chloroform", "三氯甲烷", "ug/L", ("0.5", "6", "60", "300")),
    Factor("CCl4", "四氯化碳", "ug/L", ("0.5", "0.5", "2.0", "50.0")),
    Factor("benzene", "苯", "ug/L", ("0.5", "1.0", "10.0", "120")),
    Factor("toluene", "甲苯", "ug/L", ("0.5", "140", "700", "1400")),
    Factor("alpha", "总α放射性", "Bq/L", ("0.1", "0.1", "0.5", "Infinity")),
    Factor("beta", "总β放射性", "Bq/L", ("0.1", "1.0", "1.0", "Infinity")),
)
# (low, high, is low in it, is high in it) -> class; what is in neither is V
_PH = ((6.5, 8.5, True, True, 1), (5.5, 6.5, True, False, 4), (8.5, 9.0, False, True, 4))
_TEXT = ("odour", "嗅和味", "visible", "肉眼可见物")  # none, or V
_NONE = ("无", "none", "")

_BY_NAME = {name: factor for factor in FACTORS for name in (factor.name, factor.zh)}
_EXACT = {factor.name: tuple(Decimal(limit) for limit in factor.limits) for factor in FACTORS}

# What a station of the national groundwater network measures itself; ours, a site may name others.
USUAL = ("pH", "TDS", "CODMn", "NH3N")


class Groundwater(NamedTuple):
    state: str
    cls: int | None
    limiting: tuple[str, ...]
    each: dict[str, int]
    missing: tuple[str, ...]


def factor_class(factor: str, value: Number | str | None) -> int | None:
    """1..5 of a factor by its short or its Chinese name; None: no value."""
    if factor in _TEXT:
        return None if value is None else 1 if str(value).strip().lower() in _NONE else WORST
    if isinstance(value, str):
        return None
    if factor == "pH":
        number = exact(value)
        if number is None or not 0 <= number <= 14:
            return None
        return next(
            (
                cls
                for low, high, with_low, with_high, cls in _PH
                if (low < number or (with_low and number == low)) and (number < high or (with_high and number == high))
            ),
            WORST,
        )
    number = amount(value)
    if number is None:
        return None
    limits = _EXACT[_BY_NAME[factor].name]
    return next((cls for cls, most in enumerate(limits, 1) if number <= most), WORST)


def groundwater(
    values: Mapping[str, Number | str | None], factors: Collection[str] = USUAL, needed: Collection[str] | None = None
) -> Groundwater:
    """The worst factor's class; without one of the `needed` (left out: all `factors`) there is none."""
    each = {name: cls for name in factors if (cls := factor_class(name, values.get(name))) is not None}
    missing = tuple(name for name in factors if name not in each)
    if not each or any(name in missing for name in (factors if needed is None else needed)):
        return Groundwater(NOT_ENOUGH, None, (), each, missing)
    worst = max(each.values())
    limiting = tuple(name for name, cls in each.items() if cls == worst and worst > 1)
    return Groundwater(PARTIAL if missing else ENOUGH, worst, limiting, each, missing)
