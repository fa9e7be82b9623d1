"""Knows whether each device of a bus is what the site file says; knows no line.

A device is asked what its profile lists, its serial number, and what the other models of this bus would answer: two
probes that took each other's unit id give themselves away by it.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from gateway.messages import Phrase
from gateway.site.config import Sensor
from gateway.visit import recognition
from gateway.visit.asking import Answer, SerialSettings
from gateway.visit.commission.finding import Finding, failed, passed
from gateway.visit.recognition import Question
from protocols.profile import Profile

# (sensor, questions) -> an answer each
Ask = Callable[[Sensor, Sequence[Question]], Awaitable[Sequence[Answer]]]


class Device(NamedTuple):
    """A sensor as it was met: `answers` to what it was asked, `serial` number if it tells one."""

    sensor: Sensor
    profile: Profile
    answers: Mapping[Question, Answer]
    serial: str | None

    @property
    def is_there(self) -> bool:
        return any(answer.is_there for answer in self.answers.values())

    @property
    def is_noisy(self) -> bool:
        return any(answer.noise for answer in self.answers.values())


async def meet(sensor: Sensor, profile: Profile, bus_mates: Sequence[Profile], ask: Ask) -> Device:
    """Asks one sensor: its own registers and its serial number. Those of the others only where these say that it is
    something else: a question that nobody answers holds up the bus."""
    own = recognition.reads(profile)
    answers = dict(zip(own, await ask(sensor, own), strict=True))
    is_there = any(answer.is_there for answer in answers.values())
    if not is_there and not profile.silent_on_unknown:
        return Device(sensor, profile, answers, None)
    told = list(dict.fromkeys(one.serial for one in (profile, *bus_mates) if one.serial is not None))
    asked = [profile.serial] if is_there and profile.serial is not None else told
    serial = await _serial(sensor, asked, ask, answers)
    met = Device(sensor, profile, answers, serial)
    if profile.model not in kinds(met, {profile.model: profile}):
        wanted = [one for one in (*told, *recognition.questions(bus_mates)) if one not in answers]
        wanted.append(own[0])  # settles what it owes
        answers |= dict(zip(wanted, await ask(sensor, wanted), strict=True))
    return met


async def _serial(
    sensor: Sensor, questions: Sequence[Question], ask: Ask, answers: dict[Question, Answer]
) -> str | None:
    if not questions:
        return None
    answers |= dict(zip(questions, await ask(sensor, questions), strict=True))
    return next((found for one in questions if (found := text(answers[one])) is not None), None)


def text(answer: Answer) -> str | None:
    """A serial number's characters, two in a word."""
    if answer.words is None:
        return None
    raw = b"".join(word.to_bytes(2, "big") for word in answer.words)
    shown = raw.rstrip(b"\0 ").decode("ascii", "replace")
    return shown if shown.isprintable() and shown.strip() and "\ufffd" not in shown else None


def findings(devices: Sequence[Device]) -> list[Finding]:
    """Of the devices of one bus, in their order."""
    models = {device.profile.model: device.profile for device in devices}
    return [_finding(device, devices, models) for device in devices]


def _finding(device: Device, devices: Sequence[Device], models: Mapping[str, Profile]) -> Finding:
    sensor, profile = device.sensor, device.profile
    if not device.is_there:
        if device.is_noisy:
            seen = Phrase("commission.garbled", unit_id=sensor.unit_id)
            return failed("bus", sensor.id, seen, Phrase("commission.garbled_advice"))
        seen = Phrase("commission.silent", unit_id=sensor.unit_id, bus=sensor.bus)
        return failed("bus", sensor.id, seen, Phrase("commission.silent_advice"))
    found = kinds(device, models)
    if profile.model in found:
        return passed("bus", sensor.id, _is(device))
    other = next((one for one in devices if one is not device and one.profile.model in found), None)
    serial = device.serial or "-"
    if other is not None:
        is_swap = profile.model in kinds(other, models)
        place = {"unit_id": sensor.unit_id, "model": profile.model, "found": other.profile.model, "serial": serial}
        if is_swap:
            return failed(
                "bus", sensor.id, Phrase("commission.swapped", other=other.sensor.id, **place),
                Phrase("commission.swapped_advice", one=sensor.unit_id, other=other.sensor.unit_id),
            )  # fmt: skip
        return failed(
            "bus", sensor.id, Phrase("commission.other_model", **place),
            Phrase("commission.other_model_advice", bus=sensor.bus),
        )  # fmt: skip
    return failed(
        "bus", sensor.id, Phrase("commission.not_as_profile", unit_id=sensor.unit_id, model=profile.model),
        Phrase("commission.not_as_profile_advice", model=profile.model),
    )  # fmt: skip


def kinds(device: Device, models: Mapping[str, Profile]) -> set[str]:
    """Which models a device may be, of those that were asked for; its serial number decides where it can."""
    if device.serial is not None:
        told = {
            name
            for name, profile in models.items()
            if profile.serial_model is not None and fnmatchcase(device.serial, profile.serial_model + "*")
        }
        if told:
            return told
        own = device.profile.serial_model
        if own is not None and not fnmatchcase(device.serial, own + "*"):
            return {name for name, profile in models.items() if profile.serial_model is None and _fits(device, profile)}
    return {profile.model for profile in models.values() if _fits(device, profile)}


def _fits(device: Device, profile: Profile) -> bool:
    """Whether it answers every read of a model with what the model can tell."""
    settings = SerialSettings(profile.baud, profile.parity, profile.stop_bits)
    silence = Answer()
    if profile is device.profile:  # a probe in the air, or worn out, is still the one that it is
        return all(device.answers[one].words is not None for one in recognition.reads(profile))
    return bool(recognition.fits([profile], lambda question: device.answers.get(question, silence), settings))


def _is(device: Device) -> Phrase:
    place = {"unit_id": device.sensor.unit_id, "model": device.profile.model}
    if device.serial is None:
        return Phrase("commission.is_there", **place)
    return Phrase("commission.is_there_serial", serial=device.serial, **place)
