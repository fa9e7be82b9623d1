"""Knows the registers of the Yosemitech Y551 UV254 probe for oxygen demand; nothing of its siblings.

Source: EnviroDIY/YosemitechModbus:src/YosemitechModbus.cpp; EnviroDIY/ModularSensors:src/sensors/YosemitechY551.h.
"""

from protocols.profiles.yosemitech import WIPE, probe, temperature
from protocols.registers import Register

PROFILE = probe(
    "yosemitech_y551",
    "Yosemitech Y551 COD (UV254) and turbidity probe with wiper",
    "禹山 Y551 自清洁 COD(UV254)传感器",
    (
        temperature(low=5, high=45, decimals=2),
        Register("cod", 0x2602, "f32", "mg/L", 0.75, 370, decimals=2),  # as potassium hydrogen phthalate
        Register("turbidity", 0x1200, "f32", "NTU", 0.1, 1000, decimals=2),
    ),
    (1000, 2000, 4000),
    notes="COD is estimated from absorption at 254 nm: it needs a calibration against the water at the site.",
    writes=(WIPE,),
)
