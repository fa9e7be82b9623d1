"""Knows how long a LoRa packet is on the air, the longest frame that a limit leaves, how faint it may be.

Knows no radio and no site."""

import math

from protocols.framing import MAX_FRAME

_STUFFING = 3  # bytes that framing.stuff() adds to a frame of up to 253: a zero, the code, a zero
PACKET_FRAME = 240 - _STUFFING  # what the modem sends in one piece (E22 manual, REG1: 240 bytes)


def air_s(count: int, spreading_factor: int, bandwidth_khz: float, coding_rate: int = 5, preamble: int = 8) -> float:
    """How long a packet is on the air: explicit header, CRC, 4/`coding_rate`. Semtech AN1200.13, 4."""
    symbol_ms = (1 << spreading_factor) / bandwidth_khz
    bits = 8 * count - 4 * spreading_factor + 28 + 16
    per_block = 4 * (spreading_factor - (2 if symbol_ms >= 16 else 0))
    payload = 8 + max(math.ceil(bits / per_block) * coding_rate, 0)
    return (preamble + 4.25 + payload) * symbol_ms / 1000


def longest_frame(
    *, rssi_byte: bool, spreading_factor: int | None, bandwidth_khz: float, coding_rate: int, max_air_ms: int
) -> int:
    """Bytes before stuffing, by the keys of [radio]; 0 when none is short enough."""
    most = PACKET_FRAME if rssi_byte else MAX_FRAME  # a byte that the modem adds must not come into a frame's middle
    if spreading_factor is None:
        return most
    for frame in range(most, 0, -1):
        if air_s(frame + _STUFFING, spreading_factor, bandwidth_khz, coding_rate) * 1000 <= max_air_ms:
            return frame
    return 0


# dBm at SF7 to SF12 by bandwidth in kHz. SX1272/73 data sheet rev. 2, RFS_L125, RFS_L250, RFS_L500 (split path, LNA
# boost); at 125 kHz the data sheet of the SX1262, in EBYTE's E22, gives the same two ends, -124 and -137
_SENSITIVITY_DBM = {
    125: (-124.0, -127.0, -130.0, -133.0, -135.0, -137.0),
    250: (-122.0, -125.0, -128.0, -130.0, -132.0, -135.0),
    500: (-116.0, -119.0, -122.0, -125.0, -128.0, -129.0),
}


def sensitivity_dbm(spreading_factor: int, bandwidth_khz: int) -> float:
    """The signal of which a hundredth of the packets is lost."""
    return _SENSITIVITY_DBM[bandwidth_khz][spreading_factor - 7]
