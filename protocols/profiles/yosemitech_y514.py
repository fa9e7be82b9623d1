"""Knows the registers of the Yosemitech Y514 chlorophyll probe; nothing of its siblings.

Source: EnviroDIY/YosemitechModbus:src/YosemitechModbus.cpp; EnviroDIY/ModularSensors:src/sensors/YosemitechY514.h.
"""

from protocols.profiles.yosemitech import WIPE, probe, temperature
from protocols.registers import Register

PROFILE = probe(
    "yosemitech_y514",
    "Yosemitech Y514 chlorophyll probe with wiper",
    "禹山 Y514 自清洁叶绿素传感器",
    (
        temperature(),
        Register("chlorophyll", 0x2602, "f32", "ug/L", 0, 400, decimals=1),
    ),
    (1300, 8000, 2000),
    writes=(WIPE,),
)
