"""Knows what a node does at a gateway's command; knows no link. Loaded when the first one comes."""

from protocols import command, link

if 0:  # for mypy alone: MicroPython's compiler leaves it out
    from typing import Protocol

    from firmware.board import Board
    from firmware.config import NodeConfig
    from firmware.emergency import Emergency
    from firmware.pace import Pace
    from firmware.uplink import Uplink
    from protocols.command import Command

    class Node(Protocol):
        """What is changed by a command: of firmware/cycle.py."""

        board: Board
        config: NodeConfig
        pace: Pace
        uplink: Uplink
        emergency: Emergency | None
        reports_ms: int
        restarts: bool
        replan: bool

        @property
        def may_wipe(self) -> bool: ...

        def wipe(self) -> bool: ...


_LONGEST_S = 86_400  # of an emergency and between reports, as in the site file (ours)


def obey(node: "Node", given: "Command") -> int | None:
    """The result; None: not decided yet, it comes again. What takes long happens later: the link waits for the
    result."""
    if given.kind == command.UPDATE:
        return _update(node, given.argument)
    if given.kind == command.BATTERY:
        return _battery(node, given.argument)
    if given.kind == command.EMERGENCY:
        if not (0 <= given.argument <= _LONGEST_S and node.may_wipe):
            return command.REFUSED
        if node.emergency is None:
            from firmware.emergency import Emergency  # a node that is only asked for its battery goes without

            node.emergency = Emergency(node.config.limits)
        node.emergency.order(given.argument, node.pace.now_ms())
    elif given.kind == command.WIPE:
        if not (node.may_wipe and node.wipe()):
            return command.REFUSED
    elif given.kind == command.REPORT:
        if not 0 <= given.argument <= _LONGEST_S:
            return command.REFUSED
        node.reports_ms = given.argument * 1000
    elif given.kind == command.RESTART:
        node.restarts = True
    else:
        return command.UNKNOWN
    node.replan = True
    return command.DONE


def _update(node: "Node", number: int) -> int | None:
    if not node.may_wipe:
        return None  # a weak battery has no flash to write
    from firmware import update

    uplink, plan = node.uplink, node.config
    most = plan.max_frame - link.OVERHEAD
    result, uplink.fetcher = update.heed(node.board, number, plan.update_key, most, uplink.fetcher)
    return result


def _battery(node: "Node", step_mv: int) -> int:
    """Refused: the board can't measure it."""
    mv = node.board.battery_mv()
    if mv is None or step_mv < 1:
        return command.REFUSED
    return min(max((mv + step_mv // 2) // step_mv, command.TOLD), command.MOST_TOLD)
