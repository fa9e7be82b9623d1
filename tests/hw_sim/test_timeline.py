"""What a plan says happens; a fault that breaks ends the run instead of vanishing in a log."""

import asyncio

import pytest

from hw_sim.clock import run_virtual
from hw_sim.faults.base import Fault, Stage
from hw_sim.timeline import Happening, Player


class Broken(Fault, frozen=True, kw_only=True, tag="broken"):
    """One that can't happen."""

    def begin(self, stage: Stage) -> None:
        raise RuntimeError("no such part")


def test_a_fault_that_breaks_is_told() -> None:
    async def main() -> None:
        player = Player([Happening(0, 5.0, None, Broken())], None)  # type: ignore[arg-type]  # it asks for no stage
        await asyncio.sleep(4)
        player.check()
        await asyncio.sleep(2)
        with pytest.raises(RuntimeError, match="no such part"):
            player.check()

    run_virtual(main())
