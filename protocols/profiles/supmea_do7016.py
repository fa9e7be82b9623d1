"""Knows the registers of the Supmea DO7016 dissolved oxygen probe; nothing of other Supmea devices.

Source: crmoratelli/SupmeaDO7016:src/SupmeaDO7016.cpp.
"""

from protocols.profile import Profile
from protocols.registers import Register

PROFILE = Profile(
    "supmea_do7016",
    "Supmea DO7016 dissolved oxygen probe",
    "美仪 DO7016 溶解氧传感器",
    "water",
    (
        Register("temperature", 0x0053, "f32", "degC", decimals=2),
        Register("oxygen_saturation", 0x0055, "f32", "%", decimals=1),
        Register("dissolved_oxygen", 0x0057, "f32", "mg/L", decimals=2),
        Register("dissolved_oxygen_ppm", 0x0059, "f32", "ppm", decimals=2),
    ),
    confidence="driver",
    source="crmoratelli/SupmeaDO7016:src/SupmeaDO7016.cpp",
    notes=(
        "The probe measures only when 0x000F is written to 0x0001 (function 6), and takes as long as register 0x00A4 "
        "says (ms). `start` cannot say a write with a value: until then something else must trigger it, or the "
        "readings stand still."
    ),
    stop_bits=2,
    unit_id=10,
)
