"""Knows the registers of the Hi-Link HLK-LD8001H (DFRobot SEN0676) 80 GHz radar level sensor; nothing else.

Source: two independent public drivers (an ESPHome component, one in Rust).
"""

from protocols.profile import Profile
from protocols.registers import Register

PROFILE = Profile(
    "hlk_ld8001h",
    "Hi-Link HLK-LD8001H 80 GHz radar level sensor",
    "海凌科 HLK-LD8001H 80 GHz 雷达水位计",
    "water",
    (
        Register("distance", 0x0001, "u16", "mm"),
        Register("level", 0x0003, "u16", "mm"),
    ),
    confidence="driver",
    source="two independent public drivers (ESPHome component; Rust)",
    notes=(
        "Level is the installation height (0x0005, cm, to be set on site) minus the distance. Address in 0x03F4, baud "
        "rate / 100 in 0x03F6, measuring range in 0x07D4 (m). The factory address is not in the sources: 1 is taken."
    ),
    baud=115200,
)
