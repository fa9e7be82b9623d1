"""Knows the registers of the Keller Nanolevel level transmitter; nothing of other Keller lines.

Source: EnviroDIY/KellerModbus:src/KellerModbus.cpp; EnviroDIY/ModularSensors:src/sensors/KellerNanolevel.h.
"""

from protocols.profile import Profile
from protocols.registers import Register

PROFILE = Profile(
    "keller_nanolevel",
    "Keller Nanolevel level transmitter",
    "Keller Nanolevel 投入式水位计",
    "water",
    (
        Register("pressure", 0x0002, "f32", "bar", decimals=5),
        Register("temperature", 0x0006, "f32", "degC", decimals=2),
    ),
    confidence="driver",
    source="EnviroDIY/KellerModbus:src/KellerModbus.cpp; EnviroDIY/ModularSensors:src/sensors/KellerNanolevel.h",
    notes="The driver was tested on the Acculevel only. Address 250 is transparent on Keller devices: never assign it.",
    warm_up_ms=500,
    settle_ms=5000,
    measure_ms=1500,
    reserved_unit_ids=(250,),
)
