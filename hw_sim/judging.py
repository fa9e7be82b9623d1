"""Knows how a run's alarms and flags come before their judges; knows neither's rules.

`broken`: what the plan broke, in seconds of the world; a fault within a sensor is not among it, unless it silences it:
for what such a sensor says, alarms and flags are to answer.
"""

from collections.abc import Sequence

from hw_sim.alarm_judge import AlarmJudge, lags_s
from hw_sim.expect import Judged, truths, within_s
from hw_sim.faults.sensors import SensorTrouble
from hw_sim.flag_judge import judge_flags
from hw_sim.scenario import Scenario
from hw_sim.signals import Signal
from hw_sim.timeline import Happening
from hw_sim.true_condition import Span
from hw_sim.virtual import VirtualStation


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
    alarms = AlarmJudge(
        site,
        truth,
        span_s,
        station.alarms.told,
        {channel: observer.noise for channel, observer in story.observers.items()},
        {one.settings.alarm: one.condition(span_s) for one in station.neighbours},
        broken,
    )
    after_ms = {channel: round(1000 * lag_s) for channel, lag_s in lags_s(site).items()}
    flags = judge_flags(station.platform.delivered, station.world.ledger.labels, after_ms)
    return Judged(tuple(alarms.verdicts(truths(story.expects), within_s(story.expects))), flags, span_s)
