"""Knows the water level register that SL 651 lays down for smart sensors; not whose gauge it is.

Source: SL/T 651, draft for approval, 5.2.1 table 5.
"""

from protocols.profile import Profile
from protocols.registers import Register

PROFILE = Profile(
    "sl651_level",
    "SL 651 smart water level gauge",
    "SL 651 智能水位传感器",
    "water",
    (Register("level", 0x0002, "u32", "mm"),),
    confidence="manual",
    source="SL/T 651 draft for approval, 5.2.1 table 5",
    notes="1200 to 19200 baud, 8N1, any address: set what the gauge has. From 0x0004 on a vendor's own registers.",
)
