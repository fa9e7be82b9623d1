"""Knows when a gated board can do without its supply until something is due; knows no timer. Loaded by such boards."""

from firmware.cycle import Cycle

_BOOT_MS = 2000  # awake so long before something is due: a boot takes one second (ours)
_GATE_MS = 30_000  # a boot costs what light sleep costs in 25 s (gateway/energy/consumption.py)


async def goes_without(cycle: Cycle, wait_ms: int) -> bool:
    """Ends this boot where that is worth it. False: sleep."""
    if wait_ms <= _GATE_MS or not _can_forget(cycle):
        return False
    await cycle.board.power_down(wait_ms - _BOOT_MS)
    return True


def _can_forget(cycle: Cycle) -> bool:
    """Whether the next boot would go on as this one: it knows the time, and nothing but flash is needed."""
    return (
        cycle.board.clock_ms() is not None
        and not (cycle.is_dense or cycle.reports_ms or cycle.to_wipe or cycle.uplink.owes_results)
        and not any(probe.needs_memory for probe in cycle.probes)
    )
