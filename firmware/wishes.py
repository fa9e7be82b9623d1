"""Knows what a gateway wants of a node besides its new records: commands, and records that it lacks; knows no sensor.

Loaded with a report's first wish, and dropped when that report has ended and its results are told.
"""

from protocols import command, link

if 0:  # for mypy alone: MicroPython's compiler leaves it out
    from collections.abc import Callable
    from typing import Protocol

    from firmware.journal import Entry
    from protocols.batch import NodeRecord
    from protocols.command import Command
    from protocols.link import Answer

    class Sender(Protocol):
        """How records and words reach the gateway: firmware/uplink.py."""

        obeyed: list[tuple[int, int]]

        def send(self, kind: int, body: bytes) -> None: ...
        def send_batch(self, records: list[NodeRecord], entry: Entry) -> int: ...
        def kept(self, first: int, last: int) -> tuple[list[NodeRecord], Entry | None]: ...


_MOST_OBEYED = 16  # commands remembered: more than an ACK carries


class Wishes:
    """`results` are (command id, result), still to be told; `served` is the hole that was served last.

    `obey(command)` gives a command's result; None: not decided yet, it comes again. It must not end the boot at once: a
    command whose result was not heard comes again, after a boot too.
    """

    def __init__(self, uplink: "Sender", obey: "Callable[[Command], int | None]") -> None:
        self._uplink = uplink
        self._obey = obey
        self._telling = 0  # how many results are in the message that is on its way
        self._holes: tuple[tuple[int, int], ...] = ()
        self.results: list[tuple[int, int]] = []
        self.served: tuple[int, int] | None = None

    def hear(self, answer: "Answer") -> None:
        """What an acknowledgement says: it also confirms what was told."""
        self.results = self.results[self._telling :]
        self._telling = 0
        for waiting in answer.commands:
            self._heed(waiting)
        self._holes = answer.holes

    def _heed(self, waiting: "Command") -> None:
        """Obeys a command that is new; one that comes again only has its result told again."""
        uplink = self._uplink
        for done in uplink.obeyed:
            if done[0] == waiting.id:
                break
        else:
            result = self._obey(waiting)
            if result is None:
                return
            done = (waiting.id, result)
            uplink.obeyed = uplink.obeyed[1 - _MOST_OBEYED :]
            uplink.obeyed.append(done)
        if done not in self.results:
            self.results.append(done)

    def rest(self) -> "Wishes | None":
        """The report has ended. What is left for the next one."""
        self.served = None
        self._telling = 0  # the message that is on its way has no answer
        return self if self.results else None

    def tell(self) -> bool:
        """Sends how commands ended. False: there is nothing to tell."""
        self._telling = len(self.results)
        if self.results:
            self._uplink.send(link.DONE, command.encode_results(self.results))
        return bool(self.results)

    def serve(self) -> bool:
        """Sends again what the gateway lacks, or says what is gone. False: nothing, or it did not take the last. When a
        hole comes again unchanged it is not served again in this report."""
        if not self._holes or self._holes[0] == self.served:
            return False
        self.served = first, last = self._holes[0]
        uplink = self._uplink
        records, entry = uplink.kept(first, last)
        if entry is None:
            uplink.send(link.GONE, link.encode_range(first, last))
        elif records[0].number > first:
            uplink.send(link.GONE, link.encode_range(first, records[0].number - 1))
        else:
            uplink.send_batch(records, entry)
        return True
