"""Knows every kind of fault there is; a scenario file may name these and no other."""

from hw_sim.faults.backhaul import AnyBackhaulFault
from hw_sim.faults.clocks import AnyClockFault
from hw_sim.faults.hands import AnyHand
from hw_sim.faults.lightning import Lightning
from hw_sim.faults.lines import OnLine
from hw_sim.faults.power import GatewayOff, NodeOff, SensorOff
from hw_sim.faults.radio import AnyRadioFault
from hw_sim.faults.sensors import AnySensorFault
from hw_sim.faults.storage import AnyStorageFault
from hw_sim.faults.supply import AnySupplyFault

AnyFault = (
    AnyBackhaulFault
    | GatewayOff
    | NodeOff
    | SensorOff
    | Lightning
    | OnLine
    | AnySensorFault
    | AnyRadioFault
    | AnyHand
    | AnyClockFault
    | AnySupplyFault
    | AnyStorageFault
)
