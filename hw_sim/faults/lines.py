"""Knows how trouble on a serial line stands in a scenario; not what it does: cable_faults.py, party_faults.py."""

from hw_sim.bus.cable_faults import AnyCableFault
from hw_sim.bus.party_faults import AnyPartyFault
from hw_sim.faults.base import Fault, Stage

AnyLineFault = AnyCableFault | AnyPartyFault


class OnLine(Fault, frozen=True, kw_only=True, tag="line"):
    """Something is wrong with a bus, or with how one device is wired to it: `trouble` says what."""

    line: str
    trouble: AnyLineFault

    def begin(self, stage: Stage) -> None:
        self.trouble.begin(stage.world.lines[self.line])

    def end(self, stage: Stage) -> None:
        self.trouble.end(stage.world.lines[self.line])
