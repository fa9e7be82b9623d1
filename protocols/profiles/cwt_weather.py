"""Knows the registers of the ComWinTop CWT-UWD-SWS small ultrasonic weather station; nothing of other CWT sensors.

Source: kotyara12's reCWTUwdSws.cpp (driver) and ComWinTop's configuration tool, whose addresses are 1-based.
"""

from protocols.profile import Profile
from protocols.registers import Register

PROFILE = Profile(
    "cwt_weather",
    "ComWinTop CWT-UWD-SWS weather station",
    "ComWinTop CWT-UWD-SWS 微型气象站",
    "weather",
    (
        Register("wind_speed", 0x01F4, "u16", "m/s", exponent=-2, decimals=2),
        Register("wind_sector", 0x01F6, "u16", "", 0, 7),  # 0 = north, clockwise in steps of 45 deg
        Register("wind_direction", 0x01F7, "u16", "deg", 0, 360),
        Register("humidity", 0x01F8, "u16", "%", 0, 100, exponent=-1, decimals=1),
        Register("temperature", 0x01F9, "i16", "degC", exponent=-1, decimals=1),
        Register("noise", 0x01FA, "u16", "dB", exponent=-1, decimals=1),
        Register("pm2_5", 0x01FB, "u16", "ug/m3"),
        Register("pm10", 0x01FC, "u16", "ug/m3"),
        Register("air_pressure", 0x01FD, "u16", "hPa"),  # 0.1 kPa in the register: no finer than 1 hPa
    ),
    confidence="driver",
    source="kotyara12:reCWTUwdSws.cpp; ComWinTop configuration tool (JavaScript)",
    notes=(
        "Wind speed is 0.01 m/s after the vendor's tool, 0.1 m/s after the driver: compare with a handheld instrument. "
        "Address 1 and 4800 8N1 are not in the sources (the layout is that of Renke's stations, whose defaults these "
        "are, from memory). Which of noise, particles and pressure are fitted depends on the order. Rain (0x0201) is "
        "left out: no source gives its scale. 0xFF asks any unit for its address: FF 03 07 D0 00 01 91 59."
    ),
    baud=4800,
    reserved_unit_ids=(255,),
    max_gap=1,  # wind force, 0x01F5: the driver reads all registers from 0x01F4 in one go
)
