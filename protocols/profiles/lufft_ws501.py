"""Knows the registers of the Lufft WS501-UMB weather station that its source settles; not its wind speed.

Source: a public Modbus simulator of the station (secondary: written by a user, not by the vendor).
"""

from protocols.profile import Profile
from protocols.registers import Register

# "No valid value" is the type's highest number: vendor manual, from memory.
_NO_I16 = (0x7FFF,)
_NO_U16 = (0xFFFF,)

PROFILE = Profile(
    "lufft_ws501",
    "Lufft WS501-UMB weather station",
    "Lufft WS501-UMB 气象站",
    "weather",
    (
        Register("humidity", 0x000A, "i16", "%", 0, 100, exponent=-1, decimals=1, invalid=_NO_I16),
        Register("air_pressure", 0x000E, "i16", "hPa", 300, 1200, exponent=-1, decimals=1, invalid=_NO_I16),
        Register("wind_direction", 0x0012, "i16", "deg", 0, 359.9, exponent=-1, decimals=1, invalid=_NO_I16),
        Register("global_radiation", 0x001B, "i16", "W/m2", 0, 2000, exponent=-1, decimals=1, invalid=_NO_I16),
        Register("temperature", 0x001F, "i16", "degC", -50, 60, exponent=-1, decimals=1, invalid=_NO_I16),
        Register("dew_point", 0x0023, "i16", "degC", -50, 60, exponent=-1, decimals=1, invalid=_NO_I16),
        Register("rain", 0x0030, "u16", "mm", exponent=-2, decimals=2, invalid=_NO_U16),
        Register("rain_rate", 0x0032, "u16", "mm/h", 0, 200, exponent=-2, decimals=2, invalid=_NO_U16),
    ),
    confidence="note",
    source="public Modbus simulator of the WS501-UMB",
    notes=(
        "Pressure is relative: reduced with the altitude in holding register 0 (m), so set that to 0 for the pressure "
        "at the site. Rain is the total since the last reset. Wind speed is left out: the source gives it in km/h with "
        "a scale nobody cross-checked. Address 1 is not in the source."
    ),
    function=4,
    baud=19200,
    parity="E",
)
