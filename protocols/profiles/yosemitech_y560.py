"""Knows the registers of the Yosemitech Y560 ammonium probe; nothing of its siblings.

Source: EnviroDIY/YosemitechModbus:src/YosemitechModbus.cpp; EnviroDIY/ModularSensors:src/sensors/YosemitechY560.h.
"""

from protocols.profiles.yosemitech import probe, temperature
from protocols.registers import Register

PROFILE = probe(
    "yosemitech_y560",
    "Yosemitech Y560 ammonium probe",
    "禹山 Y560 氨氮传感器",
    (
        # 0-10 or 0-100 mg/L by order. Accuracy 5 % + 0.2 mg/L; the second decimal keeps the limit of water class I
        # (0.15 mg/L, GB 3838) from being decided by rounding.
        Register("ammonium", 0x2800, "f32", "mg/L", 0, 100, decimals=2),
        temperature(0x2400),
        Register("ph", 0x2602, "f32", "pH", 2, 12, decimals=2),
    ),
    (7000, 18000, 1500),
    notes="Ammonium is given as nitrogen (NH4-N). The settling time holds 15 s of brushing.",
)
