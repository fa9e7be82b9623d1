"""Knows the registers of the Yosemitech Y504 (also Y502) optical dissolved oxygen probe; nothing of its siblings.

Source: EnviroDIY/YosemitechModbus:src/YosemitechModbus.cpp; EnviroDIY/ModularSensors:src/sensors/YosemitechY504.h.
"""

from protocols.profiles.yosemitech import probe, temperature
from protocols.registers import Register

PROFILE = probe(
    "yosemitech_y504",
    "Yosemitech Y504 dissolved oxygen probe",
    "禹山 Y504 光学溶解氧传感器",
    (
        temperature(),
        # The probe returns a ratio, 1.0 being 100 %.
        Register("oxygen_saturation", 0x2602, "f32", "%", 0, 200, decimals=1, exponent=2),
        Register("dissolved_oxygen", 0x2604, "f32", "mg/L", 0, 20, decimals=2),
    ),
    (375, 8000, 1700),
    notes=(
        "Old units (Y502) answer 0 or less for mg/L: then compute it from saturation, temperature and the local air "
        "pressure. The library's own fallback assumes 760 mmHg and writes pow(x, 10) for 10**x: do not copy it."
    ),
)
