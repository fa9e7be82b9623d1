"""Knows how to get one sensor's readings through a client, quirks of the model included; no schedule, no power."""

from protocols import modbus, quality
from protocols.errors import DeviceError, FrameError, NoReply
from protocols.modbus import Request
from protocols.registers import Manner, Register, decode, plan_reads

if 0:  # for mypy alone: MicroPython's compiler leaves it out
    from collections.abc import Awaitable, Callable
    from typing import Protocol

    class Client(Protocol):
        async def ask(self, request: Request) -> tuple[int, ...]: ...


_BUSY_TRIES = 15  # GroPoint: 13 segments of about 200 ms


async def tell(client: "Client", unit_id: int, function: int, address: int, quantity: int) -> None:
    """Tells the sensor something by a question without content. Errors as Client.ask."""
    values = (quantity,) if function == modbus.WRITE_ONE else ()
    await client.ask(Request(unit_id, function, address, 1 if values else quantity, values))


async def read(
    client: "Client",
    unit_id: int,
    profile: Manner,
    registers: tuple[Register, ...],
    sleep_ms: "Callable[[int], Awaitable[None]]",
    tries: int = 2,
    reads: "list[tuple[int, int]] | None" = None,
) -> list[tuple[int | None, int]]:
    """(fixed-point value or None, quality) for each of `registers`. Never raises for what a sensor or line does:
    a silent sensor is NO_REPLY (and not asked for the rest), a refusing one INVALID. `reads`: what plan_reads gives for
    them, from somebody who asks often."""
    words: dict[int, int] = {}
    trouble: dict[int, int] = {}
    silent = False
    for address, count in reads or plan_reads(registers, profile.max_words, profile.max_gap):
        flag = quality.NO_REPLY
        if not silent:
            try:
                block = await _block(
                    client, Request(unit_id, profile.function, address, count), profile, sleep_ms, tries
                )
                for i, word in enumerate(block):
                    words[address + i] = word
                continue
            except DeviceError:
                flag = quality.INVALID
            except (NoReply, FrameError):
                silent = True
        for i in range(count):
            trouble[address + i] = flag
    if not trouble:
        return [decode(register, profile.order, words) for register in registers]
    return [_value(register, profile.order, words, trouble) for register in registers]


async def _block(
    client: "Client",
    request: Request,
    profile: Manner,
    sleep_ms: "Callable[[int], Awaitable[None]]",
    tries: int,
) -> tuple[int, ...]:
    busy = _BUSY_TRIES if profile.busy_retry_ms else 0
    while True:
        try:
            return await client.ask(request)
        except DeviceError as error:
            if error.code not in (modbus.ACKNOWLEDGE, modbus.BUSY) or not busy:
                raise
            busy -= 1
            await sleep_ms(profile.busy_retry_ms)
        except (NoReply, FrameError):
            tries -= 1
            if not tries:
                raise


def _value(register: Register, order: str, words: dict[int, int], trouble: dict[int, int]) -> tuple[int | None, int]:
    flag = quality.GOOD
    for address in register.addresses():
        flag |= trouble.get(address, 0)
    return (None, flag) if flag else decode(register, order, words)
