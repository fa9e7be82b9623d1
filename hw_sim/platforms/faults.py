"""Knows how faults of a simulated platform are named on the command line, and when each begins and ends; knows none.

NAME, NAME=NUMBER, and either with @FROM or @FROM-TO: seconds since the platform was started. `late_s=5@60-120` answers
five seconds late in the second minute; `cut_next=2` is there from the start.
"""

from typing import Any, NamedTuple

from gateway.messages import say


class Timed(NamedTuple):
    name: str
    value: Any
    from_s: float
    to_s: float | None  # None: it stays


class Injection:
    """Of one platform: `faults` has a field for each, as it is when nothing is wrong."""

    def __init__(self, faults: Any, wanted: list[str]) -> None:
        self._faults = faults
        self._well = dict(vars(faults))
        self._due = [self._parsed(text) for text in wanted]
        self.step(0.0)

    def _parsed(self, text: str) -> Timed:
        """SystemExit: there is no such fault."""
        head, _, span = text.partition("@")
        name, _, number = head.partition("=")
        begin, _, end = span.partition("-")
        try:
            if name not in self._well:
                raise ValueError(name)
            value = type(self._well[name])(float(number or 1))
            return Timed(name, value, float(begin or 0), float(end) if end else None)
        except ValueError:
            raise SystemExit(say("hj212.no_fault", found=text, known=", ".join(self._well))) from None

    def step(self, now_s: float) -> None:
        """So many seconds have passed."""
        for fault in [fault for fault in self._due if fault.from_s <= now_s]:
            self._due.remove(fault)
            setattr(self._faults, fault.name, fault.value)
            if fault.to_s is not None:
                self._due.append(Timed(fault.name, self._well[fault.name], fault.to_s, None))
