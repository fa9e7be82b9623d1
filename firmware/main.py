"""Knows how a node starts: which board, then the cycle for ever; knows nothing of either."""

import sys

from firmware import forget
from firmware.board import Board
from firmware.cycle import Cycle

if 0:  # for mypy alone: MicroPython's compiler leaves it out
    from firmware.config import NodeConfig


def run(coroutine) -> object:  # type: ignore[no-untyped-def]
    """Drives a coroutine of a board whose own coroutines block: it never has to wait for anything else."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise RuntimeError  # it yielded


def plan_of(board: Board) -> "NodeConfig":
    """Its slice. ConfigError: damaged, or another version's."""
    from firmware import slice_form

    forget("firmware.slice_form")  # from the return on
    return slice_form.parse(board.config())


async def live(board: Board) -> None:
    plan = plan_of(board)
    if plan.battery is not None:
        from firmware.power import Supply

        await Supply(board, plan.battery).until_safe()
    board.config(True)
    cycle = Cycle(board, plan)
    while True:
        await cycle.step()


def main(slot: int | None = None, on_trial: bool = False) -> None:
    """Entry on hardware: from firmware/boot, or, on a stock image, from main.py on the board's own file system. `slot`:
    where this application came from."""
    if sys.platform == "esp32":
        from firmware.boards import esp32 as port
    else:
        from firmware.boards import rp2 as port
    board = port.open_board()
    board.running, board.on_trial = slot, on_trial
    run(live(board))
