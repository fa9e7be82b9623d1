"""Knows the rain register that SL 651 lays down for smart sensors; not whose gauge it is.

Source: SL/T 651, draft for approval, 5.2.1 table 5.
"""

from protocols.profile import Profile
from protocols.registers import Register

PROFILE = Profile(
    "sl651_rain",
    "SL 651 smart rain gauge",
    "SL 651 智能雨量传感器",
    "weather",
    (Register("rain", 0x0000, "u32", "mm", exponent=-1, decimals=1),),
    confidence="manual",
    source="SL/T 651 draft for approval, 5.2.1 table 5",
    notes="Rain is accumulated. 1200 to 19200 baud, 8N1, any address: set what the gauge has.",
)
