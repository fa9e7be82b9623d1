"""Knows what a probe makes of the truth before it becomes a register; knows no register and no fault.

In the order of the parts of a probe: temperature error, film on the window, response, drift, noise, resolution, range.
Where nothing is set the truth itself is seen, at no cost.
"""

import math
from collections.abc import Callable
from typing import Annotated, Literal

from msgspec import Meta, Struct

from hw_sim.signals import Signal
from hw_sim.streams import Stream

Seen = Callable[[float], float | None]  # as a Signal; None: the probe says that it has no value
Amount = Annotated[float, Meta(ge=0.0, le=1e9)]
Signed = Annotated[float, Meta(ge=-1e9, le=1e9)]
_DAY_S = 86_400.0
_TO_90_PERCENT = math.log(10.0)  # time constants


class ObserverSettings(Struct, frozen=True, kw_only=True):
    """How one channel's probe is imperfect, in the channel's unit.

    `response_s` is the time to 90 % of a step, as data sheets give it. `fouling_per_day` is the share of the reading
    that a growing film takes (negative: adds) per day since the last cleaning; it levels off at `fouling_most`.
    `temperature_error` is per kelvin away from `temperature_at_c`, where the probe was calibrated; the temperature is
    that of `temperature_channel` (None: of the same sensor). Outside `low`..`high` a probe shows the end of its range,
    or that it has no value, where the model can say so. `noise` is a standard deviation.
    """

    response_s: Annotated[float, Meta(ge=0.0, le=86_400.0, extra={"unit": "s"})] = 0.0
    resolution: Amount = 0.0
    low: float | None = None
    high: float | None = None
    beyond: Literal["clip", "no_value"] = "clip"
    noise: Amount = 0.0
    drift_per_day: Signed = 0.0
    fouling_per_day: Annotated[float, Meta(ge=-1.0, le=1.0)] = 0.0
    fouling_most: Annotated[float, Meta(ge=0.001, le=1.0)] = 0.5
    temperature_error: Signed = 0.0
    temperature_at_c: Annotated[float, Meta(ge=-60.0, le=100.0, extra={"unit": "degC"})] = 25.0
    temperature_channel: Annotated[str, Meta(min_length=1)] | None = None


PERFECT = ObserverSettings()


def film(per_day: float, most: float, age_s: float) -> float:
    """The share of the reading that a film of this age takes."""
    return math.copysign(most * -math.expm1(-abs(per_day) * age_s / (_DAY_S * most)), per_day)


class Observer:
    """One channel's probe. Called with times that never go back; what it shows depends on what it saw before."""

    __slots__ = (
        "_last_s",
        "_last_true",
        "_rest",
        "_says_no_value",
        "_settings",
        "_shown",
        "_since_clean_s",
        "_stream",
        "_temperature",
        "_truth",
    )

    def __init__(
        self, truth: Signal, settings: ObserverSettings, stream: Stream, temperature: Signal | None, says_no_value: bool
    ) -> None:
        self._truth = truth
        self._settings = settings
        self._stream = stream
        self._temperature = temperature
        self._says_no_value = says_no_value and settings.beyond == "no_value"
        self._rest = settings.response_s / _TO_90_PERCENT  # time constant
        self._since_clean_s = 0.0
        self._last_s = -1.0
        self._last_true = self._shown = 0.0

    def clean(self, time_s: float) -> None:
        """The film is gone; it begins to grow anew."""
        self._since_clean_s = time_s

    def __call__(self, time_s: float) -> float | None:
        settings = self._settings
        value = self._truth(time_s)
        if settings.temperature_error and self._temperature is not None:
            value += settings.temperature_error * (self._temperature(time_s) - settings.temperature_at_c)
        if settings.fouling_per_day:
            value *= 1.0 - film(settings.fouling_per_day, settings.fouling_most, time_s - self._since_clean_s)
        if self._rest:
            value = self._lagged(value, time_s)
        if settings.drift_per_day:
            value += settings.drift_per_day * time_s / _DAY_S
        if settings.noise:
            value += settings.noise * self._stream.normal()
        if settings.resolution:
            value = round(value / settings.resolution) * settings.resolution
        low, high = settings.low, settings.high
        if low is not None and value < low:
            return None if self._says_no_value else low
        if high is not None and value > high:
            return None if self._says_no_value else high
        return value

    def _lagged(self, value: float, time_s: float) -> float:
        """First order. Between two looks the truth went straight, so that a ramp comes out exact however rarely it is
        looked at; before the first one it had stood."""
        passed_s = time_s - self._last_s
        if self._last_s < 0.0:
            self._shown = value
        elif passed_s > 0.0:
            behind = (value - self._last_true) / passed_s * self._rest  # of a ramp, once the start is forgotten
            kept = math.exp(-passed_s / self._rest)
            self._shown = value - behind + (self._shown - self._last_true + behind) * kept
        self._last_s = time_s
        self._last_true = value
        return self._shown


def observe(
    truth: Signal, settings: ObserverSettings, stream: Stream, temperature: Signal | None, says_no_value: bool
) -> Seen:
    """What a probe with these settings shows; the truth itself where it is perfect. `says_no_value`: the model has a
    code for that."""
    return truth if settings == PERFECT else Observer(truth, settings, stream, temperature, says_no_value)
