"""Knows in which order a bus is searched, and what was found on it; knows no terminal and never writes to a device.

First those settings and unit ids with which known models leave the factory, then others. Each setting begins with
listening: where somebody talks without being asked, questions would only do harm.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from gateway.visit import recognition
from gateway.visit.asking import Answer, Asker, OpenAt, SerialSettings
from gateway.visit.progress import Progress
from gateway.visit.recognition import Fit, Question
from protocols.modbus import ACKNOWLEDGE, BUSY
from protocols.profile import Profile

LISTEN_MS = 400  # longer than the gap between two questions of any poller at work that we know; ours
WAIT_MS = 200  # most devices think for less than 100 ms; recognition waits as long as the profile says; ours
USUAL_UNITS = 32  # what people give by hand; ours
# Besides those of the profiles: how devices of other makers leave the factory. Ours.
_USUAL = tuple(
    SerialSettings(baud, parity)
    for baud, parity in ((19200, "N"), (9600, "O"), (2400, "N"), (38400, "N"), (115200, "N"))
)
_ALL_BAUDS = (9600, 4800, 19200, 115200, 38400, 57600, 2400, 1200, 14400, 28800)
_TRIES = 3  # of a question whose answer was damaged
_MOST_NOISY = 4  # units with damaged answers at one setting: more is the line, not a device


class Found(NamedTuple):
    """A device. No `fits`: an unknown model, or one in doubt. `is_garbled`: something answers there, never cleanly."""

    settings: SerialSettings
    unit_id: int
    fits: tuple[Fit, ...] = ()
    is_garbled: bool = False


class Findings(NamedTuple):
    devices: tuple[Found, ...]
    babble: tuple[tuple[SerialSettings, int], ...]  # where somebody talked unasked, and how many bytes
    noisy: tuple[SerialSettings, ...]  # where too many answers were damaged
    is_whole: bool = True  # the search was not broken off


class Plan(NamedTuple):
    settings: tuple[SerialSettings, ...]
    unit_ids: tuple[int, ...]
    openers: tuple[Question, ...]


def plan(profiles: Sequence[Profile], thorough: bool = False) -> Plan:
    """`thorough`: every setting and every unit id."""
    factory = Counter(SerialSettings(profile.baud, profile.parity) for profile in profiles)
    settings = [*(one for one, _ in factory.most_common()), *_USUAL]
    if thorough:
        settings += [SerialSettings(baud, parity) for baud in _ALL_BAUDS for parity in "NEO"]
    units = [*sorted({profile.unit_id for profile in profiles}), *range(1, USUAL_UNITS + 1)]
    if thorough:
        units += range(1, 248)  # Modbus over serial line V1.02, section 2.2
    return Plan(tuple(dict.fromkeys(settings)), tuple(dict.fromkeys(units)), tuple(recognition.openers(profiles)))


class Scan:
    """One search. What was found so far is in `findings()` at any time: a technician may break it off."""

    def __init__(
        self,
        open_at: OpenAt,
        profiles: Sequence[Profile],
        now_ms: Callable[[], int],
        progress: Progress,
        wait_ms: int = WAIT_MS,
    ) -> None:
        self._open_at = open_at
        self._profiles = profiles
        self._now_ms = now_ms
        self._progress = progress
        self._wait_ms = wait_ms
        self._devices: list[Found] = []
        self._babble: list[tuple[SerialSettings, int]] = []
        self._noisy: list[SerialSettings] = []
        self._is_whole = False

    def findings(self) -> Findings:
        return Findings(tuple(self._devices), tuple(self._babble), tuple(self._noisy), self._is_whole)

    async def run(self, wanted: Plan) -> None:
        """LineLost: the port is gone."""
        of = len(wanted.settings) * len(wanted.unit_ids)
        for number, settings in enumerate(wanted.settings):
            line = await self._open_at(settings)
            try:
                asker = Asker(line, settings, self._now_ms, self._wait_ms)
                heard = await asker.listen(LISTEN_MS)
                if heard:
                    self._babble.append((settings, len(heard)))
                    if number == 0:
                        return  # at other settings it is the same talk
                    continue
                await self._search(asker, settings, wanted, number * len(wanted.unit_ids), of)
            finally:
                line.close()
        self._is_whole = True

    async def _search(self, asker: Asker, settings: SerialSettings, wanted: Plan, done: int, of: int) -> None:
        garbled: list[Found] = []
        for index, unit_id in enumerate(wanted.unit_ids):
            self._progress.at(done + index, of, f"{settings.baud} 8{settings.parity}{settings.stop_bits} #{unit_id}")
            is_there, is_garbled = await self.probe(asker, unit_id, wanted.openers)
            if is_there:
                fits, is_garbled = await recognise(asker, unit_id, self._profiles, settings)
                self._devices.append(Found(settings, unit_id, () if is_garbled else tuple(fits), is_garbled))
            elif is_garbled:
                garbled.append(Found(settings, unit_id, is_garbled=True))
                if len(garbled) > _MOST_NOISY:
                    self._noisy.append(settings)
                    return
        self._devices += garbled

    async def probe(self, asker: Asker, unit_id: int, openers: Iterable[Question]) -> tuple[bool, bool]:
        """(whether it answers, whether something came that is no answer, each time it was asked)."""
        for question in openers:
            noise = 0
            for _ in range(_TRIES):
                answer = await asker.ask(recognition.request(unit_id, question))
                if answer.is_there:
                    return True, False
                if not answer.noise:
                    break
                noise += 1
            if noise == _TRIES:
                return False, True
        return False, False


async def recognise(
    asker: Asker, unit_id: int, profiles: Sequence[Profile], settings: SerialSettings
) -> tuple[list[Fit], bool]:
    """Asks what tells the models apart, with the patience that they want. True: some answers are always damaged, as
    when two devices answer, one of them to fewer questions."""
    quick_ms = asker.wait_ms
    asker.wait_ms = max(profile.latency_ms for profile in profiles)
    patience_ms = max(profile.busy_retry_ms for profile in profiles)
    answers: dict[Question, Answer] = {}
    for question in recognition.questions(profiles):
        answer = await asker.ask(recognition.request(unit_id, question))
        if answer.noise or answer.code in (ACKNOWLEDGE, BUSY):
            await asyncio.sleep(patience_ms / 1000 if answer.code else 0)
            answer = await asker.ask(recognition.request(unit_id, question))
        answers[question] = answer
    asker.wait_ms = quick_ms
    is_garbled = any(answer.noise for answer in answers.values())
    return recognition.fits(profiles, answers.__getitem__, settings), is_garbled
