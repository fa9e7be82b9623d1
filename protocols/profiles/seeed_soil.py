"""Knows the registers of the Seeed SenseCAP S-Temp&VWC&EC-02 soil probe; nothing of other Seeed sensors.

Source: modbus_soil.h, a public driver header.
"""

from protocols.profile import Profile
from protocols.registers import Register

PROFILE = Profile(
    "seeed_soil",
    "Seeed SenseCAP S-Temp&VWC&EC-02 soil probe",
    "矽递 SenseCAP 土壤温度、含水量、电导率传感器",
    "ground",
    (
        # Ranges: vendor data sheet, from memory.
        Register("soil_temperature", 0x0000, "i16", "degC", -40, 80, exponent=-2, decimals=2),
        Register("soil_moisture", 0x0001, "u16", "%", 0, 100, exponent=-2, decimals=2),
        Register("conductivity", 0x0002, "u16", "uS/cm", 0, 20000),
    ),
    confidence="driver",
    source="modbus_soil.h (public driver header)",
    notes="Address 1 is not in the source. Input registers: function 4.",
    function=4,
)
