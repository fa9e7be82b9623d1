"""Knows what can be said of a reading's worth as one integer of flags; never touches the number itself.

Flags only add. Bits 0-7 fit a node's batch; the gateway's own tests use bits from 8 on.
"""

GOOD = 0
NO_REPLY = 1  # the sensor did not answer: no value
INVALID = 2  # the sensor answered "no value" (0xFFFF, NaN, an exception): no value
RANGE = 4  # outside the sensor's measuring range
WARM_UP = 8  # taken before the sensor was ready
CLOCK = 16  # the time stamp is a guess
FEW = 1 << 20  # of an aggregate: fewer good readings than the standard asks for (gateway/process/validity.py)
