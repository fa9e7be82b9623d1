"""Knows the way from the station to a real broker, as a forwarder of TCP bytes; knows no MQTT and no platform."""

import asyncio
import contextlib
import socket
from collections import deque
from collections.abc import Callable

from hw_sim.streams import Stream

_CHUNK_BYTES = 1448  # a segment's worth: Ethernet's 1,500 less headers with time stamps (RFC 879, RFC 7323)
_RETRY_S = 1.0  # a lost segment is sent again after this, then after twice as long each time (RFC 6298, 2.4 and 5.5)
_IDLE_S = 0.001  # a read that took longer had nothing to take
_LONGEST_S = 60.0  # by then the client has given the connection up
_LOOPBACK = "127.0.0.1"


class TcpProxy:
    """Listens on `port` of the loopback interface and forwards to a broker. Change the attributes while it runs; they
    mean what they mean in hw_sim/backhaul/backhaul.py.

    `up`: connections can be had; cut() ends those there are and refuses others, and everybody notices. `silent`: bytes
    vanish and connections stay open (half-open). `deaf`: what the broker says vanishes. `delay_s`: one way.
    `bytes_per_s`: the bottleneck of each connection, either way (None: none). `loss_up`, `loss_down`: the share of
    packets that is lost on the way to the broker and back; here they come later, as when TCP sends them again.

    TCP delivers no stream with a hole: where bytes have vanished from a connection, nothing more gets through in that
    direction, even when all is well again. Until the client takes it for dead and makes another one.
    """

    def __init__(self, host: str, port: int, stream: Stream) -> None:
        self._broker = host, port
        self.stream = stream  # of what is lost
        self._loop = asyncio.get_running_loop()
        self._links: set[asyncio.Task[None]] = set()
        self._claim = _bound(0)  # never listens: keeps the port ours while nobody listens there
        self.port: int = self._claim.getsockname()[1]
        self._listener: socket.socket | None = None
        self.delay_s = 0.0
        self.bytes_per_s: float | None = None
        self.loss_up = 0.0
        self.loss_down = 0.0
        self.up = False
        self.silent = False
        self.deaf = False
        self.carried_bytes = 0  # that the station sent
        self.vanished_bytes = 0  # that anybody sent
        self.restore()

    def cut(self) -> None:
        """From now on nothing gets through, and everybody notices."""
        self.up = False
        listener, self._listener = self._listener, None
        if listener is not None:
            self._loop.remove_reader(listener)
            listener.close()
        for link in self._links:
            link.cancel()

    def restore(self) -> None:
        if self.up:
            return
        self.up = True
        self._listener = _bound(self.port)
        self._listener.listen()
        self._loop.add_reader(self._listener, self._accept)

    async def close(self) -> None:
        """Ends everything, for good."""
        self.cut()
        if self._links:
            await asyncio.wait(self._links)
        self._claim.close()

    def _accept(self) -> None:
        assert self._listener is not None
        with contextlib.suppress(OSError):  # it has gone again
            client, _ = self._listener.accept()
            client.setblocking(False)
            link = self._loop.create_task(self._link(client), name="backhaul connection")
            self._links.add(link)
            link.add_done_callback(lambda link: self._forget(link, client))

    def _forget(self, link: asyncio.Task[None], client: socket.socket) -> None:
        self._links.discard(link)
        client.close()  # one that was cancelled at once has not come to it

    async def _link(self, client: socket.socket) -> None:
        """One connection, to its end."""
        reader, writer = await asyncio.open_connection(sock=client)
        writers = [writer]
        try:
            if self.silent:  # nobody there ever hears of it
                while data := await reader.read(_CHUNK_BYTES):
                    self.vanished_bytes += len(data)
                return
            there, back = await asyncio.open_connection(*self._broker)
            writers.append(back)
            to_broker = _Direction(self, reader, back, lambda: self.silent, lambda: self.loss_up)
            to_client = _Direction(self, there, writer, lambda: self.silent or self.deaf, lambda: self.loss_down)
            await asyncio.gather(to_broker.carry(self._take), to_client.carry())
        except OSError:  # there is no broker, which the client learns below
            pass
        finally:
            for one in writers:
                one.transport.abort()

    def _take(self, count: int) -> None:
        self.carried_bytes += count


class _Direction:
    """Bytes of one connection that go one way."""

    def __init__(
        self,
        settings: TcpProxy,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        vanish: Callable[[], bool],
        loss: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._reader = reader
        self._writer = writer
        self._vanish = vanish
        self._loss = loss
        self._has_hole = False
        self._on_the_way: deque[bytes] = deque()
        self._due_s = 0.0
        self._ended = asyncio.Event()

    async def carry(self, took: Callable[[int], None] = lambda count: None) -> None:
        """To the end of the stream, which is on the way as long as a byte; `took` is told how many bytes are."""
        loop = asyncio.get_running_loop()
        free_s = loop.time()  # when the bottleneck has taken what came before
        while not self._ended.is_set():
            asked_s = loop.time()
            data = await self._read()
            if self._settings.bytes_per_s is not None:
                if loop.time() - asked_s > _IDLE_S:
                    free_s = max(free_s, loop.time())
                # counted from one byte to the next: a loop that wakes late makes a link no slower
                free_s += len(data) / self._settings.bytes_per_s
                await asyncio.sleep(free_s - loop.time())
            if self._is_dead(data):
                continue
            took(len(data))
            due_s = loop.time() + self._settings.delay_s + self._again_s()
            self._due_s = max(self._due_s, due_s)  # what is behind a lost one waits for it
            self._on_the_way.append(data)
            loop.call_at(self._due_s, self._arrive)
            if not data:
                await self._ended.wait()
            with contextlib.suppress(OSError):  # the other end has gone, as the stream from there will say
                await self._writer.drain()

    def _is_dead(self, data: bytes) -> bool:
        """Whether this vanishes, now or because something has vanished before it."""
        self._has_hole = self._has_hole or self._vanish()
        if self._has_hole:
            self._settings.vanished_bytes += len(data)
            if not data:
                self._ended.set()
        return self._has_hole

    def _again_s(self) -> float:
        """How long TCP takes to send again what is lost."""
        loss, wait_s, retry_s = self._loss(), 0.0, _RETRY_S
        while loss and wait_s < _LONGEST_S and self._settings.stream.chance(loss):
            wait_s += retry_s
            retry_s *= 2
        return wait_s

    async def _read(self) -> bytes:
        """At most a quarter of a second of a bottleneck; nothing at the end, be it clean or not."""
        rate = self._settings.bytes_per_s
        most = _CHUNK_BYTES if rate is None else max(1, min(_CHUNK_BYTES, int(rate / 4)))
        try:
            return await self._reader.read(most)
        except OSError:
            return b""

    def _arrive(self) -> None:
        data = self._on_the_way.popleft()
        if self._is_dead(data):
            return
        if not data:
            self._ended.set()
        if self._writer.transport.is_closing():
            return
        if data:
            self._writer.write(data)
        else:
            with contextlib.suppress(OSError):  # the other end was quicker
                self._writer.write_eof()


def _bound(port: int) -> socket.socket:
    """A socket at that port (0: any) beside others of ours."""
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    one.setblocking(False)
    one.bind((_LOOPBACK, port))
    return one
