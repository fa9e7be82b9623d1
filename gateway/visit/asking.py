"""Knows one question to whoever may be on a line, and everything that came back; knows no profile and never writes.

Other than a client that polls (protocols/modbus_client.py), whoever searches wants to know what a wrong answer looked
like: silence, a refusal, and noise mean three things.
"""

from collections.abc import Awaitable, Callable
from typing import NamedTuple, Protocol

from protocols.errors import DeviceError, FrameError
from protocols.modbus import Request, RtuReply, rtu, rtu_ok
from protocols.modbus_client import frame_ms

_QUIET_MS = 30  # after which whoever has begun to talk has ended: a USB adapter hands over every 16 ms


class SerialSettings(NamedTuple):
    """Of a line."""

    baud: int
    parity: str = "N"
    stop_bits: int = 1

    @property
    def bits(self) -> int:
        return 9 + (self.parity != "N") + self.stop_bits


class Line(Protocol):
    """gateway.machine.lines.OpenLine, or a simulated one."""

    async def write(self, data: bytes) -> None: ...
    async def read(self, timeout_ms: int) -> bytes: ...
    def pending(self) -> bytes: ...
    def close(self) -> None: ...


OpenAt = Callable[[SerialSettings], Awaitable[Line]]


class Answer(NamedTuple):
    """`words` of a good one, `code` of a refusal; else `noise`: what came and was neither. `late`: units that answered
    an older question meanwhile."""

    words: tuple[int, ...] | None = None
    code: int | None = None
    noise: bytes = b""
    late: tuple[int, ...] = ()

    @property
    def is_there(self) -> bool:
        return self.words is not None or self.code is not None


class Asker:
    """Asks on a line that is open. `wait_ms`: how long a device may think."""

    def __init__(self, line: Line, settings: SerialSettings, now_ms: Callable[[], int], wait_ms: int) -> None:
        self._line = line
        self._settings = settings
        self._now_ms = now_ms
        self.wait_ms = wait_ms

    async def listen(self, duration_ms: int) -> bytes:
        """What comes without a question."""
        heard = self._line.pending()
        end_ms = self._now_ms() + duration_ms
        while (left_ms := end_ms - self._now_ms()) > 0:
            heard += await self._line.read(left_ms)
        return heard

    async def ask(self, request: Request) -> Answer:
        self._line.pending()
        frame = rtu(request.unit_id, request.pdu())
        reply = RtuReply(request)
        await self._line.write(frame)
        length = len(frame) + request.reply_length() + 3
        deadline_ms = self._now_ms() + frame_ms(length, self._settings.baud, self._settings.bits) + self.wait_ms
        while True:
            data = await self._line.read(max(deadline_ms - self._now_ms(), 0))
            pdu = reply.feed(data)
            if pdu is not None:
                break
            if data:
                deadline_ms = max(deadline_ms, self._now_ms() + _QUIET_MS)
            if self._now_ms() >= deadline_ms:
                return _no_answer(bytes(reply.buffer), frame)
        try:
            return Answer(words=request.accept(pdu))
        except DeviceError as error:
            return Answer(code=error.code)
        except FrameError:
            return Answer(noise=bytes(reply.buffer))


def _no_answer(heard: bytes, sent: bytes) -> Answer:
    """An adapter that hears itself gives the question back first. An answer of another unit is a late one."""
    if heard.startswith(sent):
        heard = heard[len(sent) :]
    late: tuple[int, ...] = ()
    for end in range(5, len(heard) + 1):
        if rtu_ok(heard[:end]) and 1 <= heard[0] <= 247:
            late, heard = (heard[0],), heard[end:]
            break
    return Answer(noise=heard, late=late)
