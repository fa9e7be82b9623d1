"""Knows what one path takes of a signal, by distance, place, weather and moment; knows no modem.

What changes is drawn for a path and an interval by their names, so that it does not depend on who sends when.
"""

import math

from hw_sim.radio.settings import RadioSettings
from hw_sim.streams import Stream

_NEAREST_KM = 0.001


class Path:
    """Between two places, the same in both directions."""

    def __init__(self, settings: RadioSettings, seed: int, name: str, distance_km: float, extra_db: float) -> None:
        self._settings = settings
        self._seed = seed
        self._name = f"radio path {name}"
        self._rician_k = 10.0 ** (settings.rician_k_db / 10.0)
        self._weather: dict[int, float] = {}
        self._moment: tuple[int, float] = (-1, 0.0)
        shadow = Stream(seed, self._name).normal()
        self.mean_db = loss_db(settings, distance_km) + settings.shadow_db * shadow + extra_db

    def loss_db(self, time_s: float) -> float:
        return self.mean_db + self._weather_db(time_s) + self._moment_db(time_s)

    def _weather_db(self, time_s: float) -> float:
        """Between two draws it changes evenly, and its deviation stays the same."""
        if self._settings.weather_db == 0.0:
            return 0.0
        interval, share = divmod(time_s / self._settings.weather_s, 1.0)
        first = int(interval)
        draws = {k: self._weather.get(k) or self._draw("weather", k).normal() for k in (first, first + 1)}
        self._weather = draws
        before, after = draws.values()
        blend = (1.0 - share) * before + share * after
        return self._settings.weather_db * blend / math.sqrt((1.0 - share) ** 2 + share**2)

    def _moment_db(self, time_s: float) -> float:
        """Rician fading: a steady ray, and many small ones of any phase (Rice, Bell System Technical Journal 1948)."""
        interval = int(time_s / self._settings.coherence_s)
        if interval != self._moment[0]:
            stream = self._draw("moment", interval)
            scatter = math.sqrt(0.5 / (self._rician_k + 1.0))
            real = math.sqrt(self._rician_k / (self._rician_k + 1.0)) + scatter * stream.normal()
            power = real**2 + (scatter * stream.normal()) ** 2
            self._moment = interval, -10.0 * math.log10(max(power, 1e-12))
        return self._moment[1]

    def _draw(self, what: str, interval: int) -> Stream:
        return Stream(self._seed, f"{self._name} {what} {interval}")


def loss_db(settings: RadioSettings, distance_km: float) -> float:
    """The median: log-distance, referred to 1 km and 868 MHz; with frequency as in free space (ITU-R P.525)."""
    km = max(distance_km, _NEAREST_KM)
    by_frequency = 20.0 * math.log10(settings.frequency_mhz / 868.0)
    return settings.loss_1km_db + 10.0 * settings.exponent * math.log10(km) + by_frequency
