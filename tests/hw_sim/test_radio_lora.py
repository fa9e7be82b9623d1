"""LoRa's figures: air time as Semtech's calculator says, sensitivity and the way packets fade out below it."""

import pytest

from gateway.site import airtime
from hw_sim.radio import lora

# micropython/micropython-lib: micropython/lora/tests/test_time_on_air.py, values of Semtech's "SX1261 LoRa Calculator":
# spreading factor, bandwidth (kHz), coding rate (4/x), preamble, bytes, ms; with explicit header and CRC
CALCULATOR = [
    (12, 500, 5, 8, 1, 206.848),
    (12, 500, 5, 12, 64, 649.216),
    (12, 500, 5, 8, 192, 1476.608),
    (8, 125, 6, 8, 1, 53.760),
    (8, 125, 6, 8, 3, 66.048),
    (8, 125, 6, 8, 253, 827.904),
    (11, 10.42, 7, 25, 16, 12824.568),  # with the optimisation for low data rates
    (12, 7.81, 8, 128, 253, 287532.907),
]
# Without the calculator, worked out by hand from AN1200.13
BY_HAND = [(7, 125, 5, 8, 12, 41.216), (10, 125, 5, 8, 48, 575.488), (11, 125, 5, 8, 12, 577.536)]


@pytest.mark.parametrize(("spreading", "bandwidth", "coding", "preamble", "count", "ms"), CALCULATOR + BY_HAND)
def test_air_time_is_what_is_published(
    spreading: int, bandwidth: float, coding: int, preamble: int, count: int, ms: float
) -> None:
    assert airtime.air_s(count, spreading, bandwidth, coding, preamble) * 1000 == pytest.approx(ms, rel=1e-6)


def test_each_step_of_spreading_hears_more_and_each_of_bandwidth_less() -> None:
    for bandwidth in (125, 250, 500):
        levels = [airtime.sensitivity_dbm(spreading, bandwidth) for spreading in range(7, 13)]
        assert levels == sorted(levels, reverse=True)
    assert airtime.sensitivity_dbm(7, 125) == -124.0 and airtime.sensitivity_dbm(12, 125) == -137.0
    for spreading in range(7, 13):
        assert airtime.sensitivity_dbm(spreading, 125) < airtime.sensitivity_dbm(spreading, 500)


def test_a_hundredth_is_lost_at_the_sensitivity_and_nearly_all_some_decibels_below() -> None:
    assert lora.survives(0.0, 64) == pytest.approx(0.99)
    assert lora.survives(10.0, 240) > 0.9999
    assert lora.survives(-2.0, 64) == pytest.approx(0.5, abs=0.01)
    assert lora.survives(-6.0, 64) < 1e-3
    assert lora.survives(-1000.0, 1) == 0.0


def test_a_long_packet_is_lost_sooner_than_a_short_one() -> None:
    assert lora.survives(-1.0, 240) < lora.survives(-1.0, 24)


def test_levels_and_powers_are_each_others_inverse() -> None:
    assert lora.milliwatt(0.0) == 1.0 and lora.dbm(lora.milliwatt(-117.3)) == pytest.approx(-117.3)


def test_the_longest_frame_is_the_last_one_that_is_short_enough() -> None:
    # at 125 kHz and one second: 197, 99 and 36 bytes on the air at SF9, SF10, SF11, three of them framing
    def most(spreading: int | None, max_air_ms: int = 1000, rssi_byte: bool = False) -> int:
        return airtime.longest_frame(
            rssi_byte=rssi_byte, spreading_factor=spreading, bandwidth_khz=125, coding_rate=5, max_air_ms=max_air_ms
        )

    assert [most(spreading) for spreading in (None, 7, 8, 9, 10, 11, 12)] == [250, 250, 250, 194, 96, 33, 7]
    assert most(10, 50) == 0 and most(None, rssi_byte=True) == 237 == most(7, rssi_byte=True)
    for spreading in (9, 10, 11):
        longest = most(spreading) + 3
        assert airtime.air_s(longest, spreading, 125) <= 1.0 < airtime.air_s(longest + 1, spreading, 125)
