"""Knows the registers of the SDS069 four-channel particle sensor; nothing of the station around it.

Source: XFXL-LI/TSP:README.md and Pm25Collect.cpp.
"""

from protocols.profile import Profile
from protocols.registers import Register

_NO_VALUE = (0xFFFFFFFF,)

PROFILE = Profile(
    "sds069",
    "SDS069 particle sensor (PM1, PM2.5, PM10, TSP)",
    "SDS069 颗粒物传感器(PM1、PM2.5、PM10、TSP)",
    "air",
    (
        Register("pm1", 0x0010, "u32", "ug/m3", invalid=_NO_VALUE),
        Register("pm2_5", 0x0012, "u32", "ug/m3", invalid=_NO_VALUE),
        Register("pm10", 0x0014, "u32", "ug/m3", invalid=_NO_VALUE),
        Register("tsp", 0x0016, "u32", "ug/m3", invalid=_NO_VALUE),
    ),
    confidence="driver",
    source="XFXL-LI/TSP:README.md, Pm25Collect.cpp",
    notes=(
        "A TTL serial port, not RS-485. All four channels in one read of 8 registers. The driver also drops 0; here 0 "
        "stays a reading. That station runs its air pump 60 s before it reads."
    ),
)
