"""Knows the registers of the Yosemitech Y533 redox probe; nothing of its siblings.

Source: EnviroDIY/YosemitechModbus:src/YosemitechModbus.cpp; EnviroDIY/ModularSensors:src/sensors/YosemitechY533.h.
"""

from protocols.profiles.yosemitech import probe, temperature
from protocols.registers import Register

PROFILE = probe(
    "yosemitech_y533",
    "Yosemitech Y533 redox (ORP) probe",
    "禹山 Y533 氧化还原电位传感器",
    (
        Register("orp", 0x1200, "f32", "mV", -999, 999),
        temperature(0x2400),
    ),
    (500, 4500, 1800),
    # Measures by itself: a real probe let the start request fail and gave readings (YosemitechModbus issue 19).
    start=None,
)
