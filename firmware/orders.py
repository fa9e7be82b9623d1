"""Knows what a node does at a gateway's command; knows no link. Loaded when the first one comes."""

from firmware.cycle import Cycle
from protocols import command, link
from protocols.command import Command

_LONGEST_S = 86_400  # of an emergency and between reports, as in the site file (ours)


def obey(cycle: Cycle, given: Command) -> int | None:
    """The result; None: not decided yet, it comes again. What takes long happens later: the link waits for the
    result."""
    if given.kind == command.UPDATE:
        return _update(cycle, given.argument)
    if given.kind == command.BATTERY:
        return _battery(cycle, given.argument)
    if given.kind == command.EMERGENCY:
        if not (0 <= given.argument <= _LONGEST_S and cycle.may_wipe):
            return command.REFUSED
        if cycle.emergency is None:
            from firmware.emergency import Emergency  # a node that is only asked for its battery goes without

            cycle.emergency = Emergency(cycle.config.limits)
        cycle.emergency.order(given.argument, cycle.pace.now_ms())
    elif given.kind == command.WIPE:
        if not (cycle.may_wipe and cycle.wipe()):
            return command.REFUSED
    elif given.kind == command.REPORT:
        if not 0 <= given.argument <= _LONGEST_S:
            return command.REFUSED
        cycle.reports_ms = given.argument * 1000
    elif given.kind == command.RESTART:
        cycle.restarts = True
    else:
        return command.UNKNOWN
    cycle.replan = True
    return command.DONE


def _update(cycle: Cycle, number: int) -> int | None:
    if not cycle.may_wipe:
        return None  # a weak battery has no flash to write
    from firmware import update

    uplink, plan = cycle.uplink, cycle.config
    most = plan.max_frame - link.OVERHEAD
    result, uplink.fetcher = update.heed(cycle.board, number, plan.update_key, most, uplink.fetcher)
    return result


def _battery(cycle: Cycle, step_mv: int) -> int:
    """Refused: the board can't measure it."""
    mv = cycle.board.battery_mv()
    if mv is None or step_mv < 1:
        return command.REFUSED
    return min(max((mv + step_mv // 2) // step_mv, command.TOLD), command.MOST_TOLD)
