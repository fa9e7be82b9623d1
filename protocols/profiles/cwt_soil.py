"""Knows the registers of the ComWinTop CWT-SOIL-THCPH-S soil probe; nothing of other CWT sensors.

Source: kotyara12's reCWTSoilS.cpp (driver) and ComWinTop's configuration tool.
"""

from protocols.profile import Profile
from protocols.registers import Register

PROFILE = Profile(
    "cwt_soil",
    "ComWinTop CWT-SOIL-THCPH-S soil probe",
    "ComWinTop CWT-SOIL-THCPH-S 土壤传感器",
    "ground",
    (
        # Ranges: vendor data sheet, from memory.
        Register("soil_moisture", 0x0000, "u16", "%", 0, 100, exponent=-1, decimals=1),
        Register("soil_temperature", 0x0001, "i16", "degC", -40, 80, exponent=-1, decimals=1),
        Register("conductivity", 0x0002, "u16", "uS/cm"),
        Register("ph", 0x0003, "u16", "pH", 3, 9, exponent=-1, decimals=1),
        Register("nitrogen", 0x0004, "u16", "mg/kg"),
        Register("phosphorus", 0x0005, "u16", "mg/kg"),
        Register("potassium", 0x0006, "u16", "mg/kg"),
    ),
    confidence="driver",
    source="kotyara12:reCWTSoilS.cpp; ComWinTop configuration tool (JavaScript)",
    notes=(
        "The sources give 4800 or 9600 baud: 4800 is taken, as on the generic 7-in-1 probes of the same layout. N, P "
        "and K are derived from conductivity, not measured (from memory). Salinity (7) and TDS (8) are left out: no "
        "source gives a unit. "
        "0xFF asks any unit for its address: FF 03 07 D0 00 01 91 59."
    ),
    baud=4800,
    reserved_unit_ids=(255,),
)
