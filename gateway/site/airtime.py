"""Knows how long a LoRa packet is on the air, and the longest frame that a limit leaves; knows no radio and no site."""

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
