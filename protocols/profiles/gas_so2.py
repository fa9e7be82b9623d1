"""Knows the electrochemical SO2 module's address and unit; its registers stand in electrochemical_gas."""

from protocols.profiles.electrochemical_gas import module

PROFILE = module("gas_so2", "sulfur_dioxide", "SO2", "电化学二氧化硫模组", 6, "ug/m3", 1)
