"""Knows which numbers an option takes, and how it refuses others; knows no command.

For argparse's `type`: what does not fit is told with what would, and the command ends with 2 before it did anything.
"""

import math
from argparse import ArgumentTypeError
from collections.abc import Callable

from gateway.faults import quoted
from gateway.messages import say

_LONGEST_DAYS = 3660.0  # as a scenario's `days`
_LONGEST_S = _LONGEST_DAYS * 86_400
_LEAST_STEP = 0.001  # as a scenario's `seconds_per_row` and `days`
_LONGEST_STEP_S = 1e6


def between(low: float, high: float) -> Callable[[str], float]:
    """A number from `low` to `high`, both included."""

    def taken(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high:  # nor is nan
            raise _unfit(text, say("option.between", low=f"{low:g}", high=f"{high:.0f}"))
        return value

    return taken


def span_s(text: str) -> float:
    """How long something is to go on."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value <= _LONGEST_S:
        raise _unfit(text, say("option.above_zero", high=f"{_LONGEST_S:.0f}"))
    return value


moment_s = between(0, _LONGEST_S)
days = between(_LEAST_STEP, _LONGEST_DAYS)
seconds_per_row = between(_LEAST_STEP, _LONGEST_STEP_S)


def count(text: str) -> int:
    """One or more."""
    if not (text.isascii() and text.isdecimal()) or int(text) < 1:
        raise _unfit(text, say("option.count"))
    return int(text)


def numbers(text: str) -> frozenset[int]:
    """Those of a list, or none."""
    if text.strip() == "none":
        return frozenset()
    words = [word.strip() for word in text.split(",")]
    if not all(word.isascii() and word.isdecimal() for word in words):
        raise _unfit(text, say("option.numbers"))
    return frozenset(map(int, words))


def _unfit(text: str, wanted: str) -> ArgumentTypeError:
    return ArgumentTypeError(say("fault.unfit", found=quoted(text), wanted=wanted))
