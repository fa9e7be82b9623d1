"""Knows the registers of the Yosemitech Y513 blue-green algae probe; nothing of its siblings.

Source: EnviroDIY/YosemitechModbus:src/YosemitechModbus.cpp; EnviroDIY/ModularSensors:src/sensors/YosemitechY513.h.
"""

from protocols.profiles.yosemitech import WIPE, probe, temperature
from protocols.registers import Register

PROFILE = probe(
    "yosemitech_y513",
    "Yosemitech Y513 blue-green algae probe with wiper",
    "禹山 Y513 自清洁蓝绿藻传感器",
    (
        temperature(),
        # No range: the header's 0-400 ug/L is the chlorophyll probe's, its unit is cells/mL.
        Register("blue_green_algae", 0x2602, "f32", "cells/mL", decimals=1),
    ),
    (1300, 8000, 2000),
    notes="Early versions of the library say ug/L for this register: compare with the probe's own data sheet.",
    writes=(WIPE,),
)
