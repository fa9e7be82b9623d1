"""Knows the instants at which the climate is computed, and where the sun's clock and the year stand at each; knows no
weather."""

import math

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

STEP_S = 300.0
STEPS_AN_HOUR = 12
HOUR_S = 3600.0
DAY_S = 86400.0
SPIN_UP_DAYS = 20  # computed before the world begins, so that fast reservoirs have forgotten how they were filled


class Grid:
    """Every 5 min from SPIN_UP_DAYS before `start_unix_s` to `days` after it, in whole hours.

    `t_s` seconds since the world began, `day` day of the year from 0.0, `solar_h` mean solar time 0..24 h.
    """

    def __init__(self, start_unix_s: int, days: float, longitude: float) -> None:
        spin_up_h = SPIN_UP_DAYS * 24
        hours = spin_up_h + math.ceil(days * 24) + 1
        self.size = hours * STEPS_AN_HOUR
        self.first_s = -spin_up_h * HOUR_S
        self.begin = spin_up_h * STEPS_AN_HOUR  # the index at which the world begins
        self.t_s: Array = np.arange(self.size, dtype=np.float64) * STEP_S + self.first_s
        unix_s = self.t_s + start_unix_s
        self.day = day_of_year(unix_s)
        self.solar_h: Array = (unix_s / HOUR_S + longitude / 15.0) % 24.0

    def hourly(self, values: Array) -> Array:
        """Means over each hour."""
        means: Array = values.reshape(-1, STEPS_AN_HOUR).mean(axis=1)
        return means

    def fine(self, hourly: Array) -> Array:
        """Between the ends of the hours, for which `hourly` stands, in straight lines."""
        ends = np.arange(1.0, len(hourly) + 1) * HOUR_S + self.first_s
        return np.interp(self.t_s, ends, hourly)


def day_of_year(unix_s: Array) -> Array:
    """Days since the year's beginning, UTC, 0.0 at midnight of 1 January."""
    seconds = np.floor(unix_s).astype(np.int64).astype("datetime64[s]")
    since: Array = (seconds - seconds.astype("datetime64[Y]").astype("datetime64[s]")).astype(np.float64) / DAY_S
    return since


def season(day: Array, peak_day: float) -> Array:
    """+1 at `peak_day`, -1 half a year from it."""
    wave: Array = np.cos((day - peak_day) * (2.0 * math.pi / 365.25))
    return wave
