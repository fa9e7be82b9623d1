"""Knows how a commissioning reaches the gateway that runs, the bus itself, and the technician; knows no check."""

import asyncio
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from gateway.control import call
from gateway.machine.lines import serial_opener
from gateway.messages import Phrase, say
from gateway.site.config import Sensor, Site
from gateway.states import Status
from gateway.visit import recognition
from gateway.visit.asking import Answer, Asker, SerialSettings
from gateway.visit.recognition import Question

_TRIES = 2  # of a question that nobody answered: a bit may be lost


class SocketGateway:
    """The gateway behind its control socket."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def status(self) -> Status | None:
        try:
            return msgspec.convert(call.asked(self._path, "status"), Status)
        except (call.NoGateway, msgspec.ValidationError):
            return None

    async def command(self, name: str, argument: Mapping[str, object]) -> Mapping[str, object]:
        try:
            return call.asked(self._path, name, dict(argument))
        except call.NoGateway as error:
            return {"result": "refused", "reason": str(error)}


class Ports:
    """Buses asked over ports: `ports` by bus, where the technician named one; else those of the site file."""

    def __init__(self, site: Site, settings: Mapping[str, SerialSettings], ports: Mapping[str, str]) -> None:
        self._site = site
        self._settings = settings
        self._ports = ports
        self._started: set[str] = set()  # sensors, since this began

    @property
    def buses(self) -> frozenset[str]:
        return frozenset(self._ports)

    async def ask(self, sensor: Sensor, questions: Sequence[Question]) -> Sequence[Answer]:
        """LineLost: the port is not to be had."""
        profile, settings = self._site.profile(sensor), self._settings[sensor.bus]
        line = await serial_opener(self._ports[sensor.bus], *settings)()
        try:
            asker = Asker(line, settings, Machine.monotonic_ms, profile.latency_ms)
            if profile.start is not None and sensor.id not in self._started:
                self._started.add(sensor.id)
                await asker.ask(recognition.request(sensor.unit_id, profile.start))
                await asyncio.sleep(profile.settle_ms / 1000)
            return [await self._one(asker, sensor, question) for question in questions]
        finally:
            line.close()

    async def _one(self, asker: Asker, sensor: Sensor, question: Question) -> Answer:
        answer = Answer()
        for _ in range(_TRIES):
            answer = await asker.ask(recognition.request(sensor.unit_id, question))
            if answer.is_there:
                break
        return answer


class Machine:
    """Time as this machine has it."""

    @staticmethod
    def unix_ms() -> int:
        return time.time_ns() // 1_000_000

    @staticmethod
    def monotonic_ms() -> int:
        return time.monotonic_ns() // 1_000_000


class Technician:
    """At a terminal. `is_asked` False: what is not known stays so, and questions get their usual answer."""

    def __init__(self, is_asked: bool) -> None:
        self._is_asked = is_asked

    def tell(self, what: Phrase) -> None:
        print(what.text(), file=sys.stderr, flush=True)

    async def choose(self, question: Phrase, choices: Sequence[str], otherwise: str) -> str:
        """The first letter will do, and the Chinese word."""
        if not self._is_asked:
            return otherwise
        shown = "/".join(say(f"commission.choice_{choice}") for choice in choices)
        while True:
            said = input(f"{question.text()} [{shown}] ").strip().lower()
            if not said:
                return otherwise
            for choice in choices:
                if choice.startswith(said) or say(f"commission.choice_{choice}", "zh").startswith(said):
                    return choice

    async def write(self, question: Phrase) -> str:
        return input(f"{question.text()} ").strip() if self._is_asked else ""
