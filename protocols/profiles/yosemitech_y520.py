"""Knows the registers of the Yosemitech Y520 (also Y521) conductivity probe; nothing of its siblings.

Source: EnviroDIY/YosemitechModbus:src/YosemitechModbus.cpp; EnviroDIY/ModularSensors:src/sensors/YosemitechY520.h.
"""

from protocols.profiles.yosemitech import probe, temperature
from protocols.registers import Register

PROFILE = probe(
    "yosemitech_y520",
    "Yosemitech Y520 conductivity probe",
    "禹山 Y520 四电极电导率传感器",
    (
        temperature(),
        # 1 uS/cm to 200 mS/cm, resolution 0.1 uS/cm.
        Register("conductivity", 0x2602, "f32", "mS/cm", 0.001, 200, decimals=4),
    ),
    (1600, 10000, 2700),
    start=(16, 0x1C00, 0),  # captured: 01 10 1C 00 00 00 00 D8 92, answered by 01 10 1C 00 00 00 C7 99
    notes=(
        "Answers valid frames from the start, but 0.000 mS/cm for 2.31-2.38 s after it and a first temperature about "
        "0.8 degC too high: hw_sim/recordings/modbus_y520_warmup_traces.csv. The settling time covers both."
    ),
)
