"""Knows which LoRa packets survive how little signal; knows no place, no traffic.

Air time and sensitivity are in gateway/site/airtime.py."""

import math

CAPTURE_DB = 6.0  # so much stronger must a packet be to survive another one of its kind: Bor et al., MSWiM 2016, 3.2
_SENSITIVE_BYTES = 64  # of the packets that sensitivity is measured with, one in a hundred of which is lost
_STEEP_PER_DB = 2.3  # ours: half of them at 2 dB below, one in a hundred at 4 dB below


def survives(margin_db: float, count: int) -> float:
    """The probability that `count` bytes come through, by how far they are above the sensitivity."""
    exponent = math.log(99.0) + _STEEP_PER_DB * margin_db
    if exponent < -50.0:
        return 0.0
    return float((1.0 / (1.0 + math.exp(-exponent))) ** (count / _SENSITIVE_BYTES))


def milliwatt(level_dbm: float) -> float:
    return float(10.0 ** (level_dbm / 10.0))


def dbm(power_mw: float) -> float:
    return 10.0 * math.log10(power_mw)
