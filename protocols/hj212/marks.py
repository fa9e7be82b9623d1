"""Knows the data marks behind `-Flag` and which of them our quality bits become; knows no number."""

from protocols import quality, worth

NORMAL, STOPPED, MAINTAINED, SET, FAULTY, CALIBRATED, BEYOND, UNREACHED = "NFMSDCTB"
MARKS = "NFMSDCTB"  # HJ 212-2017 table 8: normal, stopped, maintenance, set by hand, fault, calibration, range, no link

# The first that fits decides; ours. F and S come from people (a plant that stands), of whom a reading's quality says
# nothing yet: add their bits here. CLOCK touches no value, and what is only suspect is sent as it is: N.
_MARKS = (
    (quality.NO_REPLY, UNREACHED),
    (quality.INVALID, FAULTY),
    (worth.MAINTENANCE, MAINTAINED),
    (worth.CALIBRATION, CALIBRATED),
    (quality.RANGE, BEYOND),
    (quality.WARM_UP, FAULTY),
    (worth.FAIL, FAULTY),
)


def mark(flags: int) -> str:
    for bit, letter in _MARKS:
        if flags & bit:
            return letter
    return NORMAL
