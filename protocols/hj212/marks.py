"""Knows the data marks behind `-Flag` and which of them our quality bits become; knows no number."""

from protocols import quality, worth

NORMAL, STOPPED, MAINTAINED, SET, FAULTY, CALIBRATED, BEYOND, UNREACHED = "NFMSDCTB"
MARKS = "NFMSDCTB"  # HJ 212-2017 table 8: normal, stopped, maintenance, set by hand, fault, calibration, range, no link

# The first that fits decides; ours. F is said by a channel of the plant (gateway/uplink/hj212/plan.py), S by nobody: no
# value is entered by hand here. CLOCK touches no value, and what is only suspect is sent as it is: N.
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
