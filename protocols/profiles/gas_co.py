"""Knows the electrochemical CO module's address and unit; its registers stand in electrochemical_gas."""

from protocols.profiles.electrochemical_gas import module

PROFILE = module("gas_co", "carbon_monoxide", "CO", "电化学一氧化碳模组", 5, "mg/m3", 3)
