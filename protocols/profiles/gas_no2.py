"""Knows the electrochemical NO2 module's address and unit; its registers stand in electrochemical_gas."""

from protocols.profiles.electrochemical_gas import module

PROFILE = module("gas_no2", "nitrogen_dioxide", "NO2", "电化学二氧化氮模组", 4, "ug/m3", 1)
