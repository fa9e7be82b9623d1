"""Knows the registers of the Yosemitech Y4000 multi-parameter sonde; nothing of the single probes.

Source: EnviroDIY/YosemitechModbus:src/YosemitechModbus.cpp; EnviroDIY/ModularSensors:src/sensors/YosemitechY4000.h.
"""

from protocols.profiles.yosemitech import probe, temperature
from protocols.registers import Register

PROFILE = probe(
    "yosemitech_y4000",
    "Yosemitech Y4000 multi-parameter sonde",
    "禹山 Y4000 多参数水质仪",
    (
        Register("dissolved_oxygen", 0x2601, "f32", "mg/L", 0, 20, decimals=2),
        Register("turbidity", 0x2603, "f32", "NTU", 0.1, 1000, decimals=2),
        Register("conductivity", 0x2605, "f32", "mS/cm", 0.001, 200, decimals=4),
        Register("ph", 0x2607, "f32", "pH", 2, 12, decimals=2),
        temperature(0x2609),
        Register("orp", 0x260B, "f32", "mV", -999, 999),
        Register("chlorophyll", 0x260D, "f32", "ug/L", 0, 400, decimals=1),
        Register("blue_green_algae", 0x260F, "f32", "cells/mL", decimals=1),
    ),
    (1000, 50000, 4000),
    start=None,  # "not described in the manual": startMeasurement() of the library sends nothing
    notes=(
        "All eight values come in one read of 16 registers. Newer hardware versions moved and added addresses "
        "(YosemitechModbus issue 34), and older headers give blue-green algae in ug/L: check with the sonde's manual."
    ),
    wipe=(16, 0x2F00, 0),
)
