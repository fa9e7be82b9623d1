"""Knows what time a device believes it is: its own oscillator and its own calendar, over true time; knows no device.

Two clocks in one, as in every machine. The counter runs at the rate of an oscillator that temperature moves, and never
jumps. The calendar is the counter and an offset; hands, GPS, NTP or a flat cell move that one. Perfect until told
otherwise, and then it costs nothing.

A device whose processor is blocked, by a slow disk or flash, has its time already at the end of the blocking: what it
does next it does then. Whoever carries that out to the world waits in settle() first.
"""

import asyncio
import math

from hw_sim.clock import WorldClock
from hw_sim.signals import Signal

STEP_MS = 600_000  # an oscillator's rate is looked up at whole steps of true time, whoever asks for the time and when

CRYSTAL_PPM_K2 = (
    -0.034
)  # 32.768 kHz tuning fork: -0.030 +-0.010 (TF20 data sheet) to -0.040 ppm/K2, turnover at 25 degC
CRYSTAL_TURNOVER_C = 25.0
RC_PPM = 50_000.0  # a chip's RC oscillator without calibration is 5 % class (esp-idf issues 268, 7284)
RC_PPM_K = -300.0  # "with temperature drift" (esp-idf issue 2502), no number there: 2 % over 65 K is ours
TCXO_PPM = 3.5  # DS3231 below 0 degC (data sheet: +-2 ppm from 0 to 40 degC, +-3.5 ppm from -40 to 85 degC)


def crystal(temperature_c: Signal, ppm: float = 0.0) -> Signal:
    """The error of a watch crystal in ppm: `ppm` at its turnover, slower wherever it is colder or warmer."""

    def error(time_s: float) -> float:
        return ppm + CRYSTAL_PPM_K2 * (temperature_c(time_s) - CRYSTAL_TURNOVER_C) ** 2

    return error


def rc(temperature_c: Signal, ppm: float = RC_PPM) -> Signal:
    """The error of an RC oscillator in ppm: `ppm` at 25 degC, faster in the cold."""

    def error(time_s: float) -> float:
        return ppm + RC_PPM_K * (temperature_c(time_s) - 25.0)

    return error


class DeviceClock:
    """One device's clocks; a Clock (gateway/ports.py)."""

    def __init__(self, world: WorldClock) -> None:
        self._world = world
        self._busy_until_ms = 0  # true time
        self._ppm: Signal | None = None
        self._lead_ms = 0  # of the counter over true time, while the oscillator is perfect
        self._anchor_ms = 0  # true time at which the counter was exactly _own_ms; from there it runs at _rate
        self._own_ms = 0.0
        self._rate = 1.0
        self._offset_ms = world.unix_ms() - world.monotonic_ms()  # of the calendar over the counter
        self._trusted = True
        self._boots = 1

    # --- what the device asks -----------------------------------------------------------------------------------------

    def monotonic_ms(self) -> int:
        true_ms = self._world.monotonic_ms()
        if true_ms < self._busy_until_ms:
            true_ms = self._busy_until_ms
        if self._ppm is None:
            return true_ms + self._lead_ms
        return math.floor(self._counter_ms(true_ms))

    def unix_ms(self) -> int:
        return self.monotonic_ms() + self._offset_ms

    def is_trusted(self) -> bool:
        return self._trusted

    def boot_id(self) -> str:
        return f"boot {self._boots}"

    def true_ms(self, own_ms: int) -> int:
        """How long a wait takes in true time that the device believes to last `own_ms`."""
        if self._ppm is None:
            return own_ms
        now_ms = self._world.monotonic_ms()
        target_ms = math.floor(self._counter_ms(now_ms)) + own_ms
        anchor_ms, counter_ms, rate = self._anchor_ms, self._own_ms, self._rate
        while counter_ms + (_next_step(anchor_ms) - anchor_ms) * rate < target_ms:
            counter_ms += (_next_step(anchor_ms) - anchor_ms) * rate
            anchor_ms = _next_step(anchor_ms)
            rate = self._rate_at(anchor_ms)
        end_ms = anchor_ms + math.floor((target_ms - counter_ms) / rate) - 1
        # exactly as monotonic_ms() will reckon: who woke a breath too soon would wait for nothing, for ever
        while counter_ms + (end_ms - anchor_ms) * rate < target_ms:
            end_ms += 1
        return max(end_ms - now_ms, 0)

    async def settle(self) -> None:
        """Returns when the processor is free."""
        if self._busy_until_ms and (wait_ms := self._busy_until_ms - self._world.monotonic_ms()) > 0:
            await asyncio.sleep(wait_ms / 1000)

    # --- what happens to it -------------------------------------------------------------------------------------------

    @property
    def error_ms(self) -> int:
        """How far the calendar is ahead of the truth."""
        return self.unix_ms() - self._world.unix_ms()

    def block(self, seconds: float) -> None:
        """A call keeps the processor for so long."""
        self._busy_until_ms = max(self._busy_until_ms, self._world.monotonic_ms()) + round(seconds * 1000)

    def free(self) -> None:
        """It is another boot: nothing keeps the processor."""
        self._busy_until_ms = 0

    def drift(self, ppm: Signal | None) -> None:
        """The oscillator's error in ppm over true time from now on; None: perfect. What has drifted stays."""
        true_ms = self._world.monotonic_ms()
        own_ms = self._counter_ms(true_ms) if self._ppm is not None else float(true_ms + self._lead_ms)
        self._ppm = ppm
        self._lead_ms = math.floor(own_ms) - true_ms
        self._anchor_ms, self._own_ms = true_ms, own_ms
        self._rate = self._rate_at(true_ms)

    def step(self, by_s: float) -> None:
        """Somebody sets the calendar by hand: no system trusts it after that (the kernel is no longer synchronised)."""
        self._offset_ms += round(by_s * 1000)
        self._trusted = False

    def lose(self, unix_s: float) -> None:
        """Another boot, and the calendar begins at its first day, because its cell was flat, or where a file says."""
        self._boots += 1
        self.set(unix_s)
        self._trusted = False

    def set(self, unix_s: float) -> None:
        """The calendar is set, by somebody who knows the time, as far as he knows it."""
        self._offset_ms = round(unix_s * 1000) - self.monotonic_ms()

    def correct(self, off_s: float = 0.0) -> None:
        """The calendar is set to true time, or to what a time server says who is `off_s` ahead of it."""
        self._offset_ms = self._world.unix_ms() - self.monotonic_ms() + round(off_s * 1000)
        self._trusted = True

    # --- the oscillator -----------------------------------------------------------------------------------------------

    def _counter_ms(self, true_ms: int) -> float:
        while true_ms >= (step_ms := _next_step(self._anchor_ms)):
            self._own_ms += (step_ms - self._anchor_ms) * self._rate
            self._anchor_ms = step_ms
            self._rate = self._rate_at(step_ms)
        return self._own_ms + (true_ms - self._anchor_ms) * self._rate

    def _rate_at(self, true_ms: int) -> float:
        return 1.0 if self._ppm is None else 1.0 + self._ppm(true_ms / 1000) * 1e-6


def _next_step(true_ms: int) -> int:
    return (true_ms // STEP_MS + 1) * STEP_MS
