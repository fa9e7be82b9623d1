"""Knows LoRa's figures: sensitivity, which packets survive how little signal; knows no place, no traffic.

Air time is in gateway/site/airtime.py."""

import math

CAPTURE_DB = 6.0  # so much stronger must a packet be to survive another one of its kind: Bor et al., MSWiM 2016, 3.2

# dBm at SF7 to SF12 by bandwidth in kHz. SX1272/73 data sheet rev. 2, RFS_L125, RFS_L250, RFS_L500 (split path, LNA
# boost); at 125 kHz the data sheet of the SX1262, in EBYTE's E22, gives the same two ends, -124 and -137
_SENSITIVITY_DBM = {
    125: (-124.0, -127.0, -130.0, -133.0, -135.0, -137.0),
    250: (-122.0, -125.0, -128.0, -130.0, -132.0, -135.0),
    500: (-116.0, -119.0, -122.0, -125.0, -128.0, -129.0),
}
_SENSITIVE_BYTES = 64  # of the packets that sensitivity is measured with, one in a hundred of which is lost
_STEEP_PER_DB = 2.3  # ours: half of them at 2 dB below, one in a hundred at 4 dB below


def sensitivity_dbm(spreading_factor: int, bandwidth_khz: int) -> float:
    """The signal of which a hundredth of the packets is lost."""
    return _SENSITIVITY_DBM[bandwidth_khz][spreading_factor - 7]


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
