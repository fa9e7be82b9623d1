"""Knows the registers that a family of electrochemical gas modules shares; not which gas a module is for.

Source: XFXL-LI/TSP:README.md and CoCollect.cpp: concentration in 0x6001, its number of decimals in 0x2031, one bus
address per gas. Calibration (unlock 0x4FFF = 0x55AA, then 0x6006) is deliberately not here.
"""

from protocols.profile import Profile
from protocols.registers import Register


def module(model: str, name: str, formula: str, title_zh: str, unit_id: int, unit: str, decimals: int) -> Profile:
    """The profile of one module: `name` is its reading, `unit_id` its factory address."""
    return Profile(
        model,
        f"Electrochemical {formula} module",
        title_zh,
        "air",
        (Register(name, 0x6001, "u16", unit, decimals=decimals, invalid=(0xFFFF,), point_at=0x2031),),
        confidence="generic",
        source="XFXL-LI/TSP:README.md, CoCollect.cpp",
        notes=(
            "The unit is the module's own and not settled by the source (its driver says ug/m3, its station model ppb, "
            f"its README: confirm before use). {unit} is chosen here: make sure that the module is set to it. The "
            "driver takes 0xFFFF for a failed reading and ignores the decimals in 0x2031."
        ),
        unit_id=unit_id,
    )
