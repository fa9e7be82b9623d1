"""Knows the registers of the Renke SN-3000-FSJT-N01 wind speed sensor; nothing of the direction sensor.

Source: a project's note on the vendor's manual.
"""

from protocols.profile import Profile
from protocols.registers import Register

PROFILE = Profile(
    "renke_wind_speed",
    "Renke SN-3000-FSJT-N01 wind speed sensor",
    "仁科 SN-3000-FSJT-N01 风速传感器",
    "weather",
    (Register("wind_speed", 0x0000, "u16", "m/s", exponent=-1, decimals=1),),
    confidence="note",
    source="project note on the SN-3000-FSJT-N01 manual",
    notes="Address in 0x07D0, baud code in 0x07D1: 0=2400 1=4800 2=9600 3=19200 4=38400 5=57600 6=115200 7=1200.",
    baud=4800,
)
