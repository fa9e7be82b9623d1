"""Knows the registers of the GroPoint Profile GPLP-8 soil string (8 moistures, 13 temperatures); not its site's depths.

Source: EnviroDIY/GroPointModbus:src/GroPointModbus.cpp, which quotes the vendor's manual, pages 35-39;
EnviroDIY/ModularSensors:src/sensors/GroPointGPLP8.h (ranges, times).
"""

from protocols.profile import Profile
from protocols.registers import Register

_MOISTURES = [Register(f"soil_moisture_{i + 1}", i, "i16", "%", 0, 50, exponent=-1, decimals=1) for i in range(8)]
_TEMPERATURES = [
    Register(f"soil_temperature_{i + 1}", 0x0064 + i, "i16", "degC", -20, 70, exponent=-1, decimals=1)
    for i in range(13)
]

PROFILE = Profile(
    "gropoint_gplp8",
    "GroPoint Profile GPLP-8 soil moisture and temperature string",
    "GroPoint GPLP-8 土壤水分温度剖面探头",
    "ground",
    tuple(_MOISTURES + _TEMPERATURES),
    confidence="driver",
    source=(
        "EnviroDIY/GroPointModbus:src/GroPointModbus.cpp (quotes the manual, p. 35-39); "
        "EnviroDIY/ModularSensors:src/sensors/GroPointGPLP8.h"
    ),
    notes=(
        "The first read of a block only starts it and is answered with exception 05 "
        "(ACKNOWLEDGE), no fault; each moisture segment and each temperature sensor then takes about 200 ms. Asked "
        "before that, the string often does not answer at all: the driver saw none of this only from 2080 ms on. "
        "Settings: address in holding register 0x00C8, baud code in 0x00CA (0 is 19200), parity in 0x00CB."
    ),
    function=4,
    baud=19200,
    parity="E",
    warm_up_ms=350,
    settle_ms=100,
    measure_ms=200,
    busy_retry_ms=2600,  # 13 temperature sensors, 200 ms each: the longer of the two blocks
)
