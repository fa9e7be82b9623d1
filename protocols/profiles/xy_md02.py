"""Knows the registers of the XY-MD02 (also XY-MD01) temperature and humidity sensor; nothing else.

Source: groupsky/ya-modbus:packages/driver-xymd1.
"""

from protocols.profile import Profile
from protocols.registers import Register

PROFILE = Profile(
    "xy_md02",
    "XY-MD02 temperature and humidity sensor",
    "XY-MD02 温湿度传感器",
    "weather",
    (
        Register("temperature", 0x0001, "i16", "degC", -40, 60, exponent=-1, decimals=1),  # range: from memory
        Register("humidity", 0x0002, "u16", "%", 0, 100, exponent=-1, decimals=1),
    ),
    confidence="driver",
    source="groupsky/ya-modbus:packages/driver-xymd1/src/index.ts, README.md",
    notes=(
        "Parity differs by batch: the driver finds even on the XY-MD02 and none on the XY-MD01. Address in holding "
        "register 0x0101, baud rate in 0x0102."
    ),
    function=4,
    parity="E",
)
