"""Knows how a run's alarms and flags come before their judges; knows neither's rules.

`broken`: what the plan broke, in seconds of the world; a fault within a sensor is not among it, unless it silences it:
for what such a sensor says, alarms and flags are to answer.
"""

from collections.abc import Sequence

from hw_sim.faults.sensors import SensorTrouble
from hw_sim.judge.alarms import AlarmJudge, lags_s
from hw_sim.judge.expect import Judged, truths, within_s
from hw_sim.judge.flags import judge_flags
from hw_sim.judge.true_condition import Span
from hw_sim.platforms.platform import Delivered
from hw_sim.scenario import Scenario
from hw_sim.signals import Signal
from hw_sim.timeline import Happening
from hw_sim.virtual import VirtualStation

_SHARE, _NOISES = 0.05, 4.0  # of what is so, and standard deviations: nearer than that a reading is true (ours)


def judged(station: VirtualStation, story: Scenario, happenings: Sequence[Happening], span_s: float) -> Judged:
    """Of a run that has ended; nothing where the site has no rules and the story labels no reading."""
    site = station.site

    def truth(name: str) -> Signal | None:
        """Of a channel, or a signal of the physics."""
        found = station.world.truth.get(name)
        weather = station.weather
        return weather.signal(name) if found is None and weather is not None and name in weather.names else found

    broken = [
        Span(one.at_s, span_s if one.lasts_s is None else one.at_s + one.lasts_s)
        for one in happenings
        if not (isinstance(one.fault, SensorTrouble) and one.fault.is_labelled)
    ]
    noise = {channel: observer.noise for channel, observer in story.observers.items()}
    alarms = AlarmJudge(
        site,
        truth,
        span_s,
        station.alarms.told,
        noise,
        {one.settings.alarm: one.condition(span_s) for one in station.neighbours},
        broken,
    )
    after_ms = {channel: round(1000 * lag_s) for channel, lag_s in lags_s(site).items()}
    told = {channel: station.platform.judged(channel) for channel in list(station.platform.delivered)}
    decimals = {channel.name: channel.decimals for channel in site.channels}

    def is_true(channel: str, reading: Delivered) -> bool:
        signal = station.world.truth.get(channel)
        if signal is None:
            return True
        real = signal((reading.unix_ms - station.begin_ms) / 1000)
        digit = 10.0 ** -decimals[channel]
        return abs(reading.value * digit - real) <= _SHARE * abs(real) + 2 * digit + _NOISES * noise.get(channel, 0.0)

    flags = judge_flags(told, station.world.ledger.labels, after_ms, is_true)
    return Judged(tuple(alarms.verdicts(truths(story.expects), within_s(story.expects))), flags, span_s)
