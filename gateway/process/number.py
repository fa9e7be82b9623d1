"""Knows which numbers can be a measured value, and rounding by GB/T 8170; knows no quantity.

A float is taken as the digits it is printed with: 2.15 is a half to even, not 2.1499999999999999.
"""

from decimal import ROUND_HALF_EVEN, Decimal

Number = int | float | Decimal

# Beyond this nothing is a reading of anything here; ours. It also keeps arithmetic away from numbers without end.
_MOST = Decimal(10) ** 12
_LEAST = Decimal(10) ** -12  # and this is nothing


def exact(value: Number | None) -> Decimal | None:
    """The value, or None for what is none: missing, NaN, infinite, absurdly large. What is absurdly small is 0."""
    if value is None:
        return None
    number = value if isinstance(value, Decimal) else Decimal(str(value))
    if not number.is_finite() or not -_MOST <= number <= _MOST:
        return None
    return number if abs(number) >= _LEAST else Decimal(0)


def amount(value: Number | None) -> Decimal | None:
    """As exact(); what can't be below zero (a concentration, a depth, a flow) is no value there."""
    number = exact(value)
    return None if number is None or number < 0 else number


def rounded(value: Decimal, decimals: int = 0) -> Decimal:
    """GB/T 8170-2008, 3.2: half to even."""
    return value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_EVEN)


def real(value: Number | None) -> float | None:
    """As exact(), for formulas whose numbers are real anyway."""
    number = exact(value)
    return None if number is None else float(number)
