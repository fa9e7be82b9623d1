"""Knows how a device is told to do something, and whether it did; knows no bus and when not to."""

from typing import TYPE_CHECKING, NamedTuple

from protocols.errors import DeviceError, FrameError, NoReply
from protocols.modbus import READ_HOLDING, Request
from protocols.profile import Profile, Write
from protocols.register_image import encode
from protocols.registers import Register, decode

if TYPE_CHECKING:
    from protocols.poll import Client


class Written(NamedTuple):
    """What came of a command. `outcome`: done (the device took it), confirmed (and tells the value when it is asked),
    differs (tells another), refused (`code`: its exception), no_reply (it may have done it); or it was never sent:
    unknown, out_of_range, no_bus (none within a minute). `told` is the value that the device tells afterwards."""

    outcome: str
    told: float | None = None
    code: int | None = None

    @property
    def is_done(self) -> bool:
        return self.outcome in ("done", "confirmed")


def words_of(profile: Profile, write: Write, value: float | None) -> tuple[int, ...] | None:
    """The words to write; None: `value` is not one that this command takes."""
    register = _register(write)
    if register is None:
        return () if value is None else None
    if value is None:
        return None
    fixed = round(value * 10**write.decimals)
    if not write.low <= fixed <= write.high:
        return None
    if write.name == "address" and fixed in profile.reserved_unit_ids:
        return None
    words = encode(register, profile.order, fixed)
    return tuple(words[write.address + i] for i in range(register.words))


async def carry_out(client: "Client", unit_id: int, profile: Profile, write: Write, words: tuple[int, ...]) -> Written:
    """Sends one command, once: a second one might do it twice. Then reads back what can be read back."""
    try:
        await client.ask(Request(unit_id, write.function, write.address, len(words), words))
    except DeviceError as error:
        return Written("refused", code=error.code)
    except (NoReply, FrameError):
        return Written("no_reply")
    register = _register(write)
    if register is None:
        return Written("done")
    sent = _value(register, profile, words)
    at = int(sent) if write.name == "address" and sent is not None else unit_id
    try:
        told = _value(register, profile, await client.ask(Request(at, READ_HOLDING, write.address, register.words)))
    except (DeviceError, NoReply, FrameError):
        return Written("done")  # not every register that is written can be read
    return Written("confirmed" if told == sent else "differs", told)


def _register(write: Write) -> Register | None:
    if write.kind is None:
        return None
    return Register(write.name, write.address, write.kind, "", decimals=write.decimals, exponent=write.exponent)


def _value(register: Register, profile: Profile, words: tuple[int, ...]) -> float | None:
    fixed, _ = decode(register, profile.order, {register.address + i: word for i, word in enumerate(words)})
    return None if fixed is None else fixed / 10**register.decimals
