"""Knows the registers of the Yosemitech Y511 (also Y510) turbidity probe; nothing of its siblings.

Source: EnviroDIY/YosemitechModbus:src/YosemitechModbus.cpp; EnviroDIY/ModularSensors:src/sensors/YosemitechY511.h.
"""

from protocols.profiles.yosemitech import WIPE, probe, temperature
from protocols.registers import Register

PROFILE = probe(
    "yosemitech_y511",
    "Yosemitech Y511 turbidity probe with wiper",
    "禹山 Y511 自清洁浊度传感器",
    (
        temperature(),
        Register("turbidity", 0x2602, "f32", "NTU", 0.1, 1000, decimals=2),
    ),
    (8000, 40000, 4000),
    notes="Less than 48 s of warm-up and settling makes consecutive readings equal (ModularSensors).",
    power_mw=243,  # sensing 27 mA at 9 V; idle 7 mA, brush 52 mA: YosemitechModbus README
    writes=(WIPE,),
)
