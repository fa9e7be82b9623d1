"""Knows the electrochemical O3 module's address and unit; its registers stand in electrochemical_gas."""

from protocols.profiles.electrochemical_gas import module

PROFILE = module("gas_o3", "ozone", "O3", "电化学臭氧模组", 3, "ug/m3", 1)
