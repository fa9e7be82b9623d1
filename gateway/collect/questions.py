"""Knows how a device is asked what a person wants to know, and every way in which it answers; knows no bus."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from protocols.errors import DeviceError, FrameError, NoReply
from protocols.modbus import Request

if TYPE_CHECKING:
    from protocols.poll import Client

_MOST_SILENT = 2  # then it is not there: each question more would hold up the bus (ours)


async def answers(client: "Client", unit_id: int, questions: Sequence[tuple[int, int, int]]) -> list[dict[str, object]]:
    """`words`, the `code` of a refusal, `noise`; nothing: silence, or not asked any more."""
    found: list[dict[str, object]] = []
    silent = 0
    for function, address, quantity in questions:
        answer: dict[str, object] = {}
        if any(found) or silent < _MOST_SILENT:
            try:
                answer["words"] = await client.ask(Request(unit_id, function, address, quantity))
            except DeviceError as error:
                answer["code"] = error.code
            except FrameError:
                answer["noise"] = True
            except NoReply:
                silent += 1
        found.append(answer)
    return found
