"""Knows the registers of the Keller Acculevel (Series 30 digital level transmitters); nothing of other Keller lines.

Source: EnviroDIY/KellerModbus:src/KellerModbus.cpp; EnviroDIY/ModularSensors:src/sensors/KellerAcculevel.h.
"""

from protocols.profile import Profile
from protocols.registers import Register

PROFILE = Profile(
    "keller_acculevel",
    "Keller Acculevel level transmitter",
    "Keller Acculevel 投入式水位计",
    "water",
    (
        # The range is ordered with the device. 0.00001 bar is 0.1 mm of water: the driver's own resolution.
        Register("pressure", 0x0100, "f32", "bar", decimals=5),
        Register("temperature", 0x0102, "f32", "degC", decimals=2),
    ),
    confidence="driver",
    source="EnviroDIY/KellerModbus:src/KellerModbus.cpp; EnviroDIY/ModularSensors:src/sensors/KellerAcculevel.h",
    notes=(
        "Series 30, class 5, group 20, software 5.20-12.28 and later. Address 250 is transparent, every device answers "
        "it: never assign it. Whether pressure is gauge or absolute is ordered with the device."
    ),
    warm_up_ms=500,
    settle_ms=5000,
    measure_ms=1500,
    reserved_unit_ids=(250,),
)
