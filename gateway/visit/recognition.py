"""Knows which profiles fit what a device answers; knows no line.

Three tests: it answers every read that the model answers, every value lies within the model's range, and it is set as
the model leaves the factory. The first two must be passed, the third decides between equals. Models that are alike in
all three are all named: the label decides.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from gateway.visit.asking import Answer, SerialSettings
from protocols import quality
from protocols.modbus import Request
from protocols.profile import Profile
from protocols.registers import decode, plan_reads

Question = tuple[int, int, int]  # function, address, quantity


class Fit(NamedTuple):
    """One model that a device may be. `values`: what it says now, by this model's registers."""

    profile: Profile
    words: int  # that it answered
    in_range: bool
    is_factory: bool
    values: tuple[tuple[str, float | None], ...]

    @property
    def rank(self) -> tuple[bool, int, bool]:
        return self.in_range, self.words, self.is_factory


def reads(profile: Profile) -> list[Question]:
    """The questions that all of a model's registers take. Function 3 or 4: they change nothing."""
    return [
        (profile.function, address, count)
        for address, count in plan_reads(profile.registers, profile.max_words, profile.max_gap)
    ]


def openers(profiles: Iterable[Profile]) -> list[Question]:
    """The fewest questions of which every model answers one: any device refuses a register that it has not, but for
    those that are silent then, which are asked for what they have."""
    silent = {reads(profile)[0]: None for profile in profiles if profile.silent_on_unknown}
    return [(3, 0, 1), *silent, *([(4, 0, 1)] if any(profile.function == 4 for profile in profiles) else [])]


def settings_of(profile: Profile) -> SerialSettings:
    return SerialSettings(profile.baud, profile.parity, profile.stop_bits)


def questions(profiles: Iterable[Profile]) -> list[Question]:
    """All that must be asked to tell the models apart, each once."""
    return list({question: None for profile in profiles for question in reads(profile)})


def fits(profiles: Sequence[Profile], answers: Callable[[Question], Answer], settings: SerialSettings) -> list[Fit]:
    """The models that fit best, equals side by side; none: an unknown one."""
    found = []
    for profile in profiles:
        fit = _fit(profile, answers, settings)
        if fit is not None:
            found.append(fit)
    best = max((fit.rank for fit in found), default=None)
    return [fit for fit in found if fit.rank == best and fit.in_range]


def _fit(profile: Profile, answers: Callable[[Question], Answer], settings: SerialSettings) -> Fit | None:
    words: dict[int, int] = {}
    for question in reads(profile):
        told = answers(question).words
        if told is None:
            return None
        words |= {question[1] + i: word for i, word in enumerate(told)}
    values, in_range = [], True
    for register in profile.registers:
        value, kind = decode(register, profile.order, words)
        in_range = in_range and (kind == quality.GOOD or (kind == quality.INVALID and bool(register.invalid)))
        values.append((register.name, None if value is None else value / 10**register.decimals))
    is_factory = settings[:2] == settings_of(profile)[:2]  # a receiver looks at one stop bit only
    return Fit(profile, len(words), in_range, is_factory, tuple(values))


def request(unit_id: int, question: Question) -> Request:
    return Request(unit_id, *question)
