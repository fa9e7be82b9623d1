"""Knows how fast the board's own clock runs against the gateway's, and the time that follows; knows no radio, no slot.

A sleep clock may be an RC oscillator of the 5 % class (esp-idf issue 7284) that moves with the temperature. Time here
is the board's own at a rate learned from acknowledgements: it goes on through sleep and never goes back. The same
acknowledgements are the instants between which records are dated.
"""

if __debug__:  # compiled for a board it is the compiler's own word
    from firmware.const import const

if 0:  # for mypy alone: MicroPython's compiler leaves it out
    from collections.abc import Callable

_ONE = const(1_000_000)  # a rate counts parts per million: integers, as a board's float has 24 bits
_LEAST = const(900_000)  # Tasmota, xdrv_29_deepsleep.ino
_MOST = const(1_100_000)
# An acknowledgement's instant is known to some 0.1 s: a first rate after a minute is good to 0.2 %, then one over ten
# minutes, short enough to follow the temperature (ours).
_FIRST_SPAN_MS = const(60_000)
_SPAN_MS = const(600_000)
_CRYSTAL = const(500)  # a clock that is off by more is no crystal: its next error is not known from its last (ours)
_FRESH_MS = const(10_000)  # even such a clock is right so long: 5 % of it are 0.5 s
_OFF_MS = const(500)
_STEP_MS = const(2000)  # what no clock drifts in a moment: somebody set the gateway's
_MOST_POINTS = const(12)


class Pace:
    """`clock_ms` is Unix time at zero (0: not known), `unix_ms` what a clock with a battery says at power-on."""

    def __init__(self, own_ms: "Callable[[], int]", unix_ms: "int | None" = None) -> None:
        self._own_ms = own_ms
        self._from_ms = self._at_ms = own_ms()  # the own clock when this time was _at_ms; from there it runs at _rate
        self._rate = _ONE
        self._span_ms = 0  # what the rate was learned over; 0: not learned
        self._anchor: tuple[int, int] | None = None  # (own, Unix) from which the next rate is learned
        self._points: list[tuple[int, int]] = []  # (this time, Unix) of reports, which date what was read in between
        self._is_off = False  # the last report showed it
        self._is_kept = unix_ms is not None  # by a clock with a battery
        self.clock_ms = 0
        if unix_ms is not None:
            self.clock_ms = unix_ms - self._at_ms
            self._points = [(self._at_ms, unix_ms)]

    def now_ms(self) -> int:
        """Milliseconds since power-on; never goes back."""
        return self._at_ms + (self._own_ms() - self._from_ms) * self._rate // _ONE

    def own_span(self, span_ms: int) -> int:
        """How long the own clock must be told to sleep for `span_ms` to pass."""
        return -(-span_ms * _ONE // self._rate)

    @property
    def is_unsure(self) -> bool:
        """Whether records should not be dated before an acknowledgement has set the clock."""
        if not self._points or self._is_off:
            return True
        is_crystal = self._is_kept or (self._span_ms and -_CRYSTAL < self._rate - _ONE < _CRYSTAL)
        return not is_crystal and self.now_ms() - self._points[-1][0] > _FRESH_MS

    def heard(self, middle_ms: int, unix_ms: int) -> int:
        """An acknowledgement: it was `unix_ms` at `middle_ms` of this time. How far the clock was behind it."""
        off_ms = unix_ms - middle_ms - self.clock_ms if self.clock_ms else 0
        self.clock_ms = unix_ms - middle_ms
        if not self._points or middle_ms - self._points[-1][0] > _FRESH_MS or abs(off_ms) > _OFF_MS:
            # the first word of a report: what follows in the same one says nothing new
            self._is_off = abs(off_ms) > _OFF_MS
            self._points = self._points[1 - _MOST_POINTS :]
            self._points.append((middle_ms, unix_ms))
        own_ms = self._from_ms + (middle_ms - self._at_ms) * _ONE // self._rate
        if self._anchor is None:
            self._anchor = own_ms, unix_ms
        else:
            self._learn(own_ms, unix_ms, own_ms - self._anchor[0], unix_ms - self._anchor[1])
        return off_ms

    def _learn(self, own_ms: int, unix_ms: int, span_ms: int, true_ms: int) -> None:
        if abs(true_ms - span_ms) > span_ms // 10 + _STEP_MS:
            self._anchor = own_ms, unix_ms
            self._points = self._points[-1:]  # the gateway's last word counts, for what was read before it, too
        elif span_ms >= max(min(self._span_ms, _SPAN_MS), _FIRST_SPAN_MS):
            now_own_ms = self._own_ms()
            self._at_ms += (now_own_ms - self._from_ms) * self._rate // _ONE
            self._from_ms = now_own_ms
            self._rate = min(max(true_ms * _ONE // span_ms, _LEAST), _MOST)
            self._span_ms = span_ms
            if span_ms >= _SPAN_MS:
                self._anchor = own_ms, unix_ms

    def date(self, time_ms: int) -> int:
        """Unix milliseconds at an instant of this boot: between two reports on the straight line between them."""
        after = None
        for point in reversed(self._points):
            if point[0] <= time_ms:
                past_ms = time_ms - point[0]
                if after is not None:
                    past_ms = past_ms * (after[1] - point[1]) // (after[0] - point[0])
                return point[1] + past_ms
            after = point
        return time_ms - after[0] + after[1] if after else time_ms + self.clock_ms
