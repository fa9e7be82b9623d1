"""Knows how a device gets another unit id without doubt; knows no terminal. It alone writes to a device.

Order: the new id is free, the old one answers, the device is a model that can be told; then one write, and the proof:
the new id answers as the old one did, the old one is silent.
"""

import asyncio
from collections.abc import Sequence

from gateway.messages import Phrase
from gateway.visit import recognition
from gateway.visit.asking import Asker, SerialSettings
from gateway.visit.failure import VisitFailed
from gateway.visit.recognition import Fit
from gateway.visit.scan import recognise
from protocols.modbus import Request
from protocols.profile import Profile, Write
from protocols.register_image import encode
from protocols.registers import Register

_SETTLE_S = 1.0  # until a device has kept its new id; ours


async def able(asker: Asker, settings: SerialSettings, profiles: Sequence[Profile], old: int, new: int) -> Fit:
    """The device at `old`, if it may become `new`. VisitFailed: why not. Reads only."""
    openers = recognition.openers(profiles)
    if await _says(asker, new, openers):
        raise VisitFailed(Phrase("address.taken", unit_id=new), Phrase("address.choose_another"))
    if not await _says(asker, old, openers):
        raise VisitFailed(Phrase("address.nobody", unit_id=old), Phrase("address.scan_first"))
    fits, is_garbled = await recognise(asker, old, profiles, settings)
    if is_garbled:
        raise VisitFailed(Phrase("address.garbled", unit_id=old), Phrase("address.two_devices"))
    ways = {(write.function, write.address, write.kind) for fit in fits if (write := write_of(fit.profile)) is not None}
    if len(ways) != 1 or any(write_of(fit.profile) is None for fit in fits):
        raise VisitFailed(Phrase("address.unable", unit_id=old), Phrase("address.by_maker"))
    write = write_of(fits[0].profile)
    assert write is not None
    if not write.low <= new <= write.high or any(new in fit.profile.reserved_unit_ids for fit in fits):
        raise VisitFailed(Phrase("address.not_allowed", unit_id=new), Phrase("address.choose_another"))
    return fits[0]


async def change(asker: Asker, profiles: Sequence[Profile], fit: Fit, old: int, new: int) -> None:
    """Writes once and proves it. VisitFailed: it is not proven."""
    write = write_of(fit.profile)
    assert write is not None and write.kind is not None
    register = Register(write.name, write.address, write.kind, "", decimals=write.decimals, exponent=write.exponent)
    image = encode(register, fit.profile.order, new)
    words = tuple(image[write.address + index] for index in range(register.words))
    await asker.ask(Request(old, write.function, write.address, len(words), words))
    await asyncio.sleep(_SETTLE_S)  # some answer with the old id, some with the new one, some not at all
    question = recognition.reads(fit.profile)[0]
    at_new = await asker.ask(recognition.request(new, question))
    at_old = await asker.ask(recognition.request(old, question))
    if at_new.words is None and at_old.words is not None:
        raise VisitFailed(Phrase("address.unchanged", unit_id=old), Phrase("address.power_cycle", unit_id=new))
    if at_new.words is None:
        raise VisitFailed(Phrase("address.lost", old=old, new=new), Phrase("address.power_cycle", unit_id=new))
    if at_old.is_there or at_old.noise:
        raise VisitFailed(Phrase("address.both", old=old, new=new), Phrase("address.two_devices"))


def write_of(profile: Profile) -> Write | None:
    return next((write for write in profile.writes if write.name == "address" and write.kind is not None), None)


async def _says(asker: Asker, unit_id: int, openers: Sequence[recognition.Question]) -> bool:
    for question in openers:
        answer = await asker.ask(recognition.request(unit_id, question))
        if answer.is_there or answer.noise:
            return True
    return False
