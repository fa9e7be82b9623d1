"""Knows the flags that only a gateway sets, and what all flags of a reading come to; no node loads it.

They stand in the same integer as the bits of quality.py, from bit 8 on, and only add. A test sets its own bit and how
grave it is: SUSPECT or FAIL. GAP comes without either: the reading after a hole is as good as any.
"""

from protocols import quality

GROSS = 1 << 8  # outside what the place can have
CLIMATE = 1 << 9  # outside what the season has there
SPIKE = 1 << 10
RATE = 1 << 11  # changed too fast
FLAT = 1 << 12  # stuck
ATTENUATED = 1 << 13  # moves less than it should
GAP = 1 << 14  # the first one after a hole
ICE = 1 << 15
DRY = 1 << 16  # the probe is out of the water
CONTRADICTS = 1 << 17  # another channel of the station says it cannot be
MAINTENANCE = 1 << 18  # somebody works at the sensor
CALIBRATION = 1 << 19
SUSPECT = 1 << 21  # bit 20: protocols/quality.py
FAIL = 1 << 22
AWAITED = 1 << 23  # it jumped: the next reading tells whether it is a spike, in a row of its own

# What has no value, and what was measured while the sensor was not at its work.
MISSING = quality.NO_REPLY | quality.INVALID
NOT_MEASURING = quality.WARM_UP | MAINTENANCE | CALIBRATION

_NAMES = (
    (quality.NO_REPLY, "no_reply"),
    (quality.INVALID, "invalid"),
    (quality.RANGE, "range"),
    (quality.WARM_UP, "warm_up"),
    (quality.CLOCK, "clock"),
    (quality.FEW, "few"),
    (GROSS, "gross"),
    (CLIMATE, "climate"),
    (SPIKE, "spike"),
    (RATE, "rate"),
    (FLAT, "flat"),
    (ATTENUATED, "attenuated"),
    (GAP, "gap"),
    (ICE, "ice"),
    (DRY, "dry"),
    (CONTRADICTS, "contradicts"),
    (MAINTENANCE, "maintenance"),
    (CALIBRATION, "calibration"),
    (SUSPECT, "suspect"),
    (FAIL, "fail"),
    (AWAITED, "awaited"),
)


def names(flags: int) -> list[str]:
    """All flags that are set, a node's too, as words of the message catalogue."""
    return [name for bit, name in _NAMES if flags & bit]


# U.S. IOOS, QARTOD Data Flags Manual 1.2 (2020), table 2-1, after IOC 54:V3
QARTOD_GOOD = 1
QARTOD_NOT_EVALUATED = 2
QARTOD_SUSPECT = 3
QARTOD_FAIL = 4
QARTOD_MISSING = 9

# The first row of which a bit is set counts. A time that is a guess says nothing against the value: CLOCK is not here.
_QARTOD = (
    (MISSING, QARTOD_MISSING),
    (NOT_MEASURING, QARTOD_NOT_EVALUATED),
    (FAIL | quality.RANGE, QARTOD_FAIL),
    (SUSPECT, QARTOD_SUSPECT),
)


def qartod(flags: int) -> int:
    """The flags as QARTOD's one number."""
    for bits, code in _QARTOD:
        if flags & bits:
            return code
    return QARTOD_GOOD


def is_usable(flags: int) -> bool:
    """Whether a mean, an index or an alarm may be made of it: a suspect value may, a failed one may not."""
    return not flags & (MISSING | NOT_MEASURING | FAIL | quality.RANGE)
