"""Knows the registers of the Yosemitech Y700 submersible pressure probe; nothing of its siblings.

Source: EnviroDIY/YosemitechModbus:src/YosemitechModbus.cpp; EnviroDIY/ModularSensors:src/sensors/YosemitechY700.h.
"""

from protocols.profiles.yosemitech import probe, temperature
from protocols.registers import Register

PROFILE = probe(
    "yosemitech_y700",
    "Yosemitech Y700 pressure (depth) probe",
    "禹山 Y700 投入式水位传感器",
    (
        # mm of water column; up to 2 m or 100 m by order, accuracy 0.1 % of that. In air it may read below zero.
        Register("depth", 0x2602, "f32", "mm", None, 100000, decimals=1),
        temperature(0x2400),
    ),
    (1000, 4000, 1000),
    notes="4 s settle it to below 1 mm, 12 s to below 0.1 mm. A prototype when the library was written.",
)
