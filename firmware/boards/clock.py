"""Knows how a chip's counters that wrap become time that doesn't, and how to sleep in slices; knows no pin.

Compiled, type-checked and tested with hand-moved counters; never run on silicon.
"""

if 0:  # for mypy alone: MicroPython's compiler leaves it out
    from collections.abc import Callable
    from typing import Protocol

    class Ticks(Protocol):
        """What MicroPython's module `time` gives."""

        def ticks_ms(self) -> int: ...
        def ticks_us(self) -> int: ...
        def sleep_ms(self, __ms: int) -> None: ...
        def sleep_us(self, __us: int) -> None: ...


# Ticks wrap at 2**30 where a small int has 31 bits: milliseconds after 12.4 days, microseconds after 17.9 minutes
# (micropython: py/mpconfig.h MICROPY_PY_TIME_TICKS_PERIOD; ports/rp2 and ports/esp32 keep the default).
TICKS_PERIOD = 1 << 30

# One nap: below the 8388 ms a RP2040's watchdog can wait at most (micropython: ports/rp2/machine_wdt.c), because one
# that ran out during light sleep locked the chip until its power was cut (micropython issue 17228, mended by 17546);
# far below a wrap of the ticks; far below the 71.6 min of lightsleep() on RP2 (ports/rp2/modmachine.c).
SLICE_MS = 4000


def elapsed(before: int, after: int) -> int:
    """Ticks between two readings of one counter, less than a wrap apart."""
    return (after - before) & (TICKS_PERIOD - 1)


class Clock:
    """Time of one chip. `nap(ms)`: its cheapest sleep that keeps memory and counters; `alive()` feeds the watchdog."""

    def __init__(self, ticks: "Ticks", nap: "Callable[[int], None]", alive: "Callable[[], None]") -> None:
        self._ticks = ticks
        self._nap = nap
        self._alive = alive
        self._last = ticks.ticks_ms()
        self._now_ms = self._last  # ticks count from power-on, so a first reading is less than a wrap off

    def now_ms(self) -> int:
        """Milliseconds since power-on, never wrapping. To be asked once per wrap at least: sleep_ms() does."""
        ticks = self._ticks.ticks_ms()
        self._now_ms += elapsed(self._last, ticks)
        self._last = ticks
        return self._now_ms

    def sleep_ms(self, duration_ms: int) -> None:
        """Naps until the time has passed, however early each nap ends."""
        end_ms = self.now_ms() + duration_ms
        left_ms = duration_ms
        while left_ms > 0:
            self._alive()
            self._nap(min(left_ms, SLICE_MS))
            left_ms = end_ms - self.now_ms()
        self._alive()

    def pause_ms(self, duration_ms: int) -> None:
        """Waits awake, so that every UART goes on receiving. At most SLICE_MS."""
        self._alive()
        self._ticks.sleep_ms(duration_ms)

    def mark_us(self) -> int:
        """An instant for since_us()."""
        return self._ticks.ticks_us()

    def since_us(self, mark: int) -> int:
        """Microseconds since the mark, which is less than 17 minutes old."""
        return elapsed(mark, self._ticks.ticks_us())

    def spin_us(self, duration_us: int) -> None:
        """Waits exactly."""
        self._ticks.sleep_us(duration_us)
