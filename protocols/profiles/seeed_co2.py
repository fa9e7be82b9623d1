"""Knows the one register of the Seeed SenseCAP S-CO2-03 that a source gives; not its temperature nor humidity.

Source: an excerpt of a public device list (JSON): address 45, CO2 in register 0.
"""

from protocols.profile import Profile
from protocols.registers import Register

PROFILE = Profile(
    "seeed_co2",
    "Seeed SenseCAP S-CO2-03 carbon dioxide sensor",
    "矽递 SenseCAP S-CO2-03 二氧化碳传感器",
    "air",
    (Register("co2", 0x0000, "u16", "ppm"),),
    confidence="note",
    source="excerpt of a public device list (JSON)",
    notes="9600 8N1 is from memory. The sensor also has temperature and humidity, whose registers no source gave.",
    unit_id=45,
)
