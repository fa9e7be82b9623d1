"""Knows the factor codes of HJ 212 with the standard's own units and precision (factors.csv); knows no channel."""

import csv
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

CODE = re.compile(r"[aAwWlLeEgGiIns][0-9]{5}|[0-9A-Za-z]{2,3}|ele[0-9]{2}")  # HJ 212-2017 annex B; 2005; met
_WIDTH = re.compile(r"N(\d+)(?:\.(\d+))?")


class Factor(NamedTuple):
    """`decimals` None: the table gives no form. `unit` is in our own letters, "" where the table gives none."""

    code: str
    zh: str
    en: str
    old: str  # of 2005
    unit: str
    decimals: "int | None"


@cache
def factors() -> "dict[str, Factor]":
    """By code."""
    lines = Path(__file__).with_name("factors.csv").read_text("utf-8").splitlines()
    found = {}
    for code, zh, en, old, unit, form in csv.reader(line for line in lines if not line.startswith("#")):
        width = _WIDTH.fullmatch(form)
        found[code] = Factor(code, zh, en, old, unit, int(width[2] or 0) if width else None)
    return found


@cache
def of_2005() -> "dict[str, Factor]":
    """By the code of 2005."""
    return {factor.old: factor for factor in factors().values() if factor.old}


def find(code: str) -> "Factor | None":
    return factors().get(code) or of_2005().get(code)
