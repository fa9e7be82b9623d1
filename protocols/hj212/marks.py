"""Knows the data marks behind `-Flag` and which of them our quality bits become; knows no number."""

from protocols import quality

NORMAL, STOPPED, MAINTAINED, SET, FAULTY, CALIBRATED, BEYOND, UNREACHED = "NFMSDCTB"
MARKS = "NFMSDCTB"  # HJ 212-2017 table 8: normal, stopped, maintenance, set by hand, fault, calibration, range, no link

# The first that fits decides; ours. F, M, S and C come from people (a plant that stands, a key that is turned), of whom
# the quality of a reading says nothing yet: add their bits here. CLOCK touches no value: N.
_MARKS = (
    (quality.NO_REPLY, UNREACHED),
    (quality.INVALID, FAULTY),
    (quality.RANGE, BEYOND),
    (quality.WARM_UP, FAULTY),
)


def mark(flags: int) -> str:
    for bit, letter in _MARKS:
        if flags & bit:
            return letter
    return NORMAL
