"""Knows the registers of the Yosemitech Y532 pH probe; nothing of its siblings.

Source: EnviroDIY/YosemitechModbus:src/YosemitechModbus.cpp; EnviroDIY/ModularSensors:src/sensors/YosemitechY532.h.
"""

from protocols.profiles.yosemitech import PH_POINT, probe, temperature
from protocols.registers import Register

PROFILE = probe(
    "yosemitech_y532",
    "Yosemitech Y532 pH probe",
    "禹山 Y532 pH 传感器",
    (
        Register("ph", 0x2800, "f32", "pH", 2, 12, decimals=2),
        temperature(0x2400),
        Register("potential", 0x1200, "f32", "mV"),
    ),
    (500, 4500, 1800),
    # Measures by itself: the library sends this model no start request since 0.2.2 (ChangeLog.md).
    start=None,
    notes="The vendor's Modbus manual gives 0x2600 for pH; the library found that to be wrong and reads 0x2800.",
    writes=(PH_POINT,),  # in each of three buffers, a minute after the probe got there
)
