"""Knows the registers of the Renke SN-3000-FXJT-N01 wind direction sensor; nothing of the speed sensor.

Source: the SN-3000-FXJT-N01 manual's text, which prints the frame 01 03 04 00 02 00 5A DB C8 for sector 2, 90 deg.
"""

from protocols.profile import Profile
from protocols.registers import Register

PROFILE = Profile(
    "renke_wind_direction",
    "Renke SN-3000-FXJT-N01 wind direction sensor",
    "仁科 SN-3000-FXJT-N01 风向传感器",
    "weather",
    (
        Register("wind_sector", 0x0000, "u16", "", 0, 7),  # 0 = north, clockwise in steps of 45 deg
        Register("wind_direction", 0x0001, "u16", "deg", 0, 360),
    ),
    confidence="manual",
    source="SN-3000-FXJT-N01 manual (text recognised from a scan)",
    notes="Works from -40 to 60 degC. A 360-degree variant gives 0.1 deg in register 0 instead.",
    baud=4800,
    power_mw=150,
)
