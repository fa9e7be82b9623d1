"""Knows every kind of fault there is; a scenario file may name these and no other."""

from hw_sim.faults.backhaul import BackhaulDeaf, BackhaulDown, BackhaulSilent, BackhaulSlow
from hw_sim.faults.power import GatewayOff, NodeOff, SensorOff

AnyFault = BackhaulDown | BackhaulSilent | BackhaulDeaf | BackhaulSlow | GatewayOff | NodeOff | SensorOff
