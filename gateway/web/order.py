"""Knows how the page asks the gateway to do something, and what it may ask at all; knows no visitor.

The gateway takes the page's process for an operator, whoever stands behind it: so nothing but these ever leaves it.
"""

import asyncio
import json
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from gateway.control.call import NoGateway
from gateway.control.commands import COMMANDS
from gateway.states import Status

ORDERS = ("alarm", "service")
_ANSWER_S = 15.0
_LARGEST_BYTES = 1 << 22  # as pulse.py


class Done(NamedTuple):
    """What the gateway answered, and how it stands since."""

    answer: dict[str, Any]
    status: Status


def argument(command: str, asked: dict[str, Any]) -> dict[str, Any]:
    """In the form that the command wants; msgspec.ValidationError: it is not."""
    wanted: dict[str, Any] = msgspec.to_builtins(msgspec.convert(asked, COMMANDS[command].argument))
    return wanted


async def told(socket: Path, command: str, argument: dict[str, Any]) -> Done:
    """NoGateway: nobody answers, or not in time."""
    assert command in ORDERS
    lines = [json.dumps({"command": command, "argument": argument}), json.dumps({"command": "status"})]
    try:
        async with asyncio.timeout(_ANSWER_S):
            reader, writer = await asyncio.open_unix_connection(socket, limit=_LARGEST_BYTES)
            try:
                writer.write("".join(f"{line}\n" for line in lines).encode())
                answer = json.loads(await reader.readline())
                status = msgspec.json.decode(await reader.readline(), type=Status)
            finally:
                writer.close()
    except (OSError, TimeoutError, ValueError, msgspec.MsgspecError) as error:
        raise NoGateway(f"{socket}: {str(error) or type(error).__name__}") from error
    return Done(answer, status)
