"""Knows which time the gateway believes in, and whether it may; knows no store and no machine.

Until the clock can be trusted, time is what the clock showed at the start of the boot and what has passed since: its
later steps change nothing. Once it has been trusted, its steps are followed as long as whoever sets it is trusted; what
it shows otherwise is not believed, and time goes on from the last good word.
"""

from gateway.ports import Clock, is_plausible

_WORD_MS = 2000  # a platform tells whole seconds, and its word takes its way: nearer than that is the same; ours
_JITTER_MS = 2  # two clocks are read one after the other, each in whole milliseconds


class Boot:
    """A run of the machine: its number in the store, and its time, which is monotonic time and `base_ms` on top.
    `correction_ms`: what has to be added to times of this boot that were taken on trust; None: nobody knows yet."""

    def __init__(self, number: int, machine: str, base_ms: int, correction_ms: int | None) -> None:
        self.number = number
        self.machine = machine
        self.base_ms = base_ms
        self.correction_ms = correction_ms


def started(clock: Clock) -> Boot:
    """The boot that runs, as if nobody had met it yet."""
    return Boot(0, clock.boot_id(), clock.unix_ms() - clock.monotonic_ms(), None)


class Timekeeper:
    """A Clock over another one: the one that the gateway's parts ask."""

    def __init__(self, clock: Clock, boot: Boot) -> None:
        self._clock = clock
        self._trusted = False
        self._is_own = False  # it is the machine's clock that is trusted, not somebody's word
        self._refused_ms: int | None = None  # a lead of the clock that was not believed
        self.go_on(boot)

    def go_on(self, boot: Boot) -> None:
        """This is what is known of the boot that runs."""
        self.boot = boot
        self._lead_ms = boot.base_ms + (boot.correction_ms or 0)  # of the calendar over monotonic time
        self._trusted = boot.correction_ms is not None
        self.look()

    def monotonic_ms(self) -> int:
        return self._clock.monotonic_ms()

    def unix_ms(self) -> int:
        shown_ms, passed_ms = self._clock.unix_ms(), self._clock.monotonic_ms()
        lead_ms = shown_ms - passed_ms
        if abs(lead_ms - self._lead_ms) > _JITTER_MS:
            if self._refused_ms is None or abs(lead_ms - self._refused_ms) > _JITTER_MS:
                self.look()
            return passed_ms + self._lead_ms
        return shown_ms if self._trusted else passed_ms + self._lead_ms

    def is_trusted(self) -> bool:
        return self._trusted

    def boot_id(self) -> str:
        return self.boot.machine

    def look(self) -> None:
        """Whether the clock can be trusted now. It is asked now and then, and at each step of the clock."""
        shown_ms = self._clock.unix_ms()
        lead_ms = shown_ms - self._clock.monotonic_ms()
        if is_plausible(shown_ms) and self._clock.is_trusted():
            self._lead_ms, self._refused_ms, self._trusted = lead_ms, None, True
            self._is_own = True
        else:
            self._refused_ms = lead_ms

    def told(self, unix_ms: int) -> bool:
        """A platform says what time it is, which is believed while the machine's own clock can't be. Whether it is."""
        self.look()
        if self._is_own or not is_plausible(unix_ms):
            return False
        lead_ms = unix_ms - self._clock.monotonic_ms()
        if not self._trusted or abs(lead_ms - self._lead_ms) > _WORD_MS:
            self._lead_ms, self._trusted = lead_ms, True
        return True

    @property
    def correction_ms(self) -> int | None:
        """What times of this boot lack that were taken before the clock was trusted; None: it is not trusted yet."""
        if self.boot.correction_ms is None and self._trusted:
            return self._lead_ms - self.boot.base_ms
        return self.boot.correction_ms


class Trusted:
    """A Clock that is believed whatever the machine says of it (`[clock] trust = "always"`)."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def monotonic_ms(self) -> int:
        return self._clock.monotonic_ms()

    def unix_ms(self) -> int:
        return self._clock.unix_ms()

    def is_trusted(self) -> bool:
        return True

    def boot_id(self) -> str:
        return self._clock.boot_id()
