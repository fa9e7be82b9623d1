"""Knows how a run's alarms and flags come before their judges; knows neither's rules.

`broken`: what the plan broke, in seconds of the world; a fault within a sensor is not among it, unless it silences it:
for what such a sensor says, alarms and flags are to answer. A silent sensor is asked ever more rarely, so that it may
be unheard for as long again as it was silent, up to a quarter of an hour (docs/gateway.md).
"""

from collections.abc import Mapping, Sequence

from hw_sim.faults.backhaul import AnyBackhaulFault
from hw_sim.faults.hands import ProbesSwapped, UnitIdWrong
from hw_sim.faults.lightning import Lightning
from hw_sim.faults.lines import OnLine
from hw_sim.faults.power import SensorOff
from hw_sim.faults.sensors import SensorTrouble
from hw_sim.judge.alarms import AlarmJudge, lags_s, periods_s
from hw_sim.judge.expect import Judged, truths, within_s
from hw_sim.judge.flags import judge_flags
from hw_sim.judge.heard import Heard, Span, filled, heard
from hw_sim.ledger import Label
from hw_sim.platforms.platform import Delivered
from hw_sim.scenario import Scenario
from hw_sim.signals import Signal
from hw_sim.timeline import Happening
from hw_sim.virtual import VirtualStation

_LONGEST_PAUSE_S = 900.0
_SILENCES = (SensorTrouble, SensorOff, OnLine, Lightning, UnitIdWrong, ProbesSwapped)
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
        _broken(one, span_s)
        for one in happenings
        if not (isinstance(one.fault, SensorTrouble) and one.fault.is_labelled)
    ]
    noise = {channel: observer.noise for channel, observer in story.observers.items()}
    after_ms = {channel: round(1000 * lag_s) for channel, lag_s in lags_s(site).items()}
    told = {channel: station.platform.judged(channel) for channel in list(station.platform.delivered)}
    labels = {
        channel: [one._replace(end_ms=one.end_ms + after_ms.get(channel, 0)) for one in ones]
        for channel, ones in station.world.ledger.labels.items()
    }
    alarms = AlarmJudge(
        site,
        truth,
        span_s,
        station.alarms.told,
        noise,
        {one.settings.alarm: one.condition(span_s) for one in station.neighbours},
        broken,
        _heard(station, told, labels, happenings, span_s),
    )
    decimals = {channel.name: channel.decimals for channel in site.channels}

    def is_true(channel: str, reading: Delivered) -> bool:
        signal = station.world.truth.get(channel)
        if signal is None:
            return True
        real = signal((reading.unix_ms - station.begin_ms) / 1000)
        digit = 10.0 ** -decimals[channel]
        return abs(reading.value * digit - real) <= _SHARE * abs(real) + 2 * digit + _NOISES * noise.get(channel, 0.0)

    flags = judge_flags(told, labels, is_true)
    return Judged(tuple(alarms.verdicts(truths(story.expects), within_s(story.expects))), flags, span_s)


def _broken(one: Happening, span_s: float) -> Span:
    """When it happens, and until all that it silenced has been asked again."""
    lasts_s = span_s - one.at_s if one.lasts_s is None else one.lasts_s
    pause_s = min(lasts_s, _LONGEST_PAUSE_S) if isinstance(one.fault, _SILENCES) else 0.0
    return Span(one.at_s, one.at_s + lasts_s + pause_s)


def _heard(
    station: VirtualStation,
    told: Mapping[str, Sequence[Delivered]],
    labels: Mapping[str, Sequence[Label]],
    happenings: Sequence[Happening],
    span_s: float,
) -> dict[str, Heard]:
    """What was read of each channel. A node's rhythm goes by its battery: only what is polled is never missing without
    cause."""
    site = station.site
    minute_s = 0.0 if site.aggregates is None else float(site.aggregates.minute_s)
    periods = periods_s(site)
    found = {
        channel: heard(told.get(channel, ()), labels.get(channel, ()), station.begin_ms, period_s, minute_s)
        for channel, period_s in periods.items()
    }
    broken = [_broken(one, span_s) for one in happenings if not isinstance(one.fault, AnyBackhaulFault)]
    for sensor in site.sensors:
        profile = site.profile(sensor)
        settles_s = (profile.warm_up_ms + profile.settle_ms) / 1000  # after a silence it may have been without power
        for register in site.registers(sensor):
            channel = f"{sensor.id}.{register.name}"
            late_s = settles_s + 2 * periods[channel]
            found[channel] = filled(found[channel], [one._replace(end_s=one.end_s + late_s) for one in broken], span_s)
    return found
