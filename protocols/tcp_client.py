"""Knows how to put one question to one unit behind Modbus TCP and get its answer; knows no sensor. A node needs none.

Its line is that of protocols/modbus_client.py.
"""

from protocols import modbus_server, modbus_tcp
from protocols.errors import DeviceError, FrameError, NoReply
from protocols.modbus import Request

if 0:  # for mypy alone: MicroPython's compiler leaves it out
    from collections.abc import Callable

    from protocols.modbus_client import Line


class TcpClient:
    """Asks units behind one Modbus TCP connection; the transaction number tells a late reply from an answer."""

    def __init__(self, line: "Line", now_ms: "Callable[[], int]", timeout_ms: int = 2000) -> None:
        self._line = line
        self._now_ms = now_ms
        self.latency_ms = timeout_ms  # the longest that the units asked next may take, and the way to them
        self._transaction = 0
        self._frames = modbus_tcp.TcpFrames()
        self.asked_ms = 0
        self.first_ms: int | None = None
        self.late_replies = 0
        self.damaged = 0  # none: TCP has its own check

    async def is_there(self, request: Request) -> bool:
        """As PollingClient.is_there."""
        try:
            await self.ask(request)
        except DeviceError:
            pass  # a refusal is an answer too
        except (NoReply, FrameError):
            return False
        return True

    async def ask(self, request: Request) -> tuple[int, ...]:
        """As RtuClient.ask; NoReply also when the gateway in between says so, twice: it does not ask again."""
        for _ in range(2):
            try:
                return await self._exchange(request)
            except DeviceError as error:
                if error.code not in (modbus_server.NO_PATH, modbus_server.NO_RESPONSE):
                    raise
        raise NoReply("unit %d: the gateway before it gets no answer" % request.unit_id)

    async def _exchange(self, request: Request) -> tuple[int, ...]:
        self._transaction = (self._transaction + 1) & 0xFFFF
        await self._line.write(modbus_tcp.tcp(self._transaction, request.unit_id, request.pdu()))
        sent_ms = self._now_ms()
        deadline_ms = sent_ms + self.latency_ms
        while True:
            data = await self._line.read(max(deadline_ms - self._now_ms(), 0))
            for transaction, unit_id, pdu in self._frames.feed(data):
                if transaction != self._transaction:
                    self.late_replies += 1
                elif unit_id != request.unit_id:
                    raise FrameError("answer of unit %d" % unit_id)
                else:
                    words = request.accept(pdu)
                    self.asked_ms = sent_ms
                    if self.first_ms is None:
                        self.first_ms = sent_ms
                    return words
            if self._now_ms() >= deadline_ms:
                raise NoReply("unit %d, register 0x%04X: silence" % (request.unit_id, request.address))
