"""Knows how somebody who asks for ever asks a silent unit whether it is back; knows no schedule. No node needs it."""

from protocols import poll
from protocols.errors import DeviceError, FrameError, NoReply
from protocols.modbus import Request, same_shape
from protocols.modbus_client import RtuClient
from protocols.registers import Manner, Register


class PollingClient(RtuClient):
    """The client of a gateway's bus."""

    async def is_there(self, request: Request) -> bool:
        """Whether the unit says anything at all. An older answer will do, so that this may be asked again and again;
        what the unit owes remains in doubt then."""
        self._settle_debts()
        owed = self._owed.pop(request.unit_id, [])
        damaged = self.damaged
        asked_ms = self._now_ms()
        try:
            await self._exchange(request)
            if not any(same_shape(request, question) for _, question in owed):
                return True
            answered = True
        except DeviceError:
            answered = True
        except (NoReply, FrameError):
            answered = self.damaged > damaged
        if owed or not answered:
            owed.append((asked_ms, request))
            self._owed[request.unit_id] = owed
        return answered


async def start(client: "poll.Client", unit_id: int, profile: Manner) -> None:
    """Tells the sensor to measure, where the model needs to be told. Errors as Client.ask."""
    if profile.start is not None:
        await poll.tell(client, unit_id, *profile.start)


def probe(unit_id: int, profile: Manner, registers: tuple[Register, ...]) -> Request:
    """The question whether a unit that was silent answers again: for its shortest register."""
    register = min(registers, key=lambda register: register.words)
    return Request(unit_id, profile.function, register.address, register.words)
