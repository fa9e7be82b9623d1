"""Knows when a gated board can do without its supply until something is due; knows no timer. Loaded by such boards."""

if 0:  # for mypy alone: MicroPython's compiler leaves it out
    from typing import Protocol

    from firmware.acquire import Probe
    from firmware.board import Board
    from firmware.emergency import Emergency
    from firmware.uplink import Uplink

    class Node(Protocol):
        """What tells whether memory is needed: of firmware/cycle.py."""

        board: Board
        probes: list[Probe]
        uplink: Uplink
        emergency: Emergency | None
        is_dense: bool
        reports_ms: int
        to_wipe: set[int]

        @property
        def may_wipe(self) -> bool: ...


_BOOT_MS = 2000  # awake so long before something is due: a boot takes one second (ours)
_GATE_MS = 30_000  # a boot costs what light sleep costs in 25 s (gateway/energy/consumption.py)


async def goes_without(node: "Node", wait_ms: int) -> bool:
    """Ends this boot where that is worth it. False: sleep."""
    if wait_ms <= _GATE_MS or not _can_forget(node):
        return False
    await node.board.power_down(wait_ms - _BOOT_MS)
    return True


def _can_forget(node: "Node") -> bool:
    """Whether the next boot would go on as this one: it knows the time, and nothing but flash is needed."""
    return (
        node.board.clock_ms() is not None
        and not (node.is_dense or node.reports_ms or node.to_wipe or node.uplink.owes_results)
        and (node.emergency is None or node.emergency.is_over or not node.may_wipe)  # else a boot forgets "no more"
        and not any(probe.needs_memory for probe in node.probes)
    )
