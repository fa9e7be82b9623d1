"""Knows how Prometheus fetches one text by HTTP/1.1, and how little else it gets; knows not what the text says."""

import asyncio
import contextlib
import logging
from collections.abc import Callable

log = logging.getLogger(__name__)
_LARGEST_BYTES = 4096  # of a request with its headers
_MOST_CALLERS = 4
_SLOW_S = 5.0
_RETRY_S = 60.0


class Scrape:
    """GET /metrics on one address; everything else is refused, closed and forgotten."""

    def __init__(self, host: str, port: int, text: Callable[[], str], content_type: str) -> None:
        self._place = (host, port)
        self._text = text
        self._content_type = content_type
        self._callers = 0

    async def run(self) -> None:
        """Until it is cancelled. An address that can't be had is tried again: nobody polls less for it."""
        while True:
            try:
                server = await asyncio.start_server(self._serve, *self._place, limit=_LARGEST_BYTES)
            except OSError as error:
                log.warning("no metrics at %s:%d: %s", *self._place, error)
                await asyncio.sleep(_RETRY_S)
                continue
            async with server:
                await server.serve_forever()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._callers += 1
        try:
            async with asyncio.timeout(_SLOW_S):
                if self._callers <= _MOST_CALLERS:
                    writer.write(self._answer(await reader.readuntil(b"\r\n\r\n")))
                    await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # whoever it was
        finally:
            self._callers -= 1
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def _answer(self, request: bytes) -> bytes:
        method, path, *_ = [*request.split(b"\r\n", 1)[0].split(b" "), b"", b""]
        if method != b"GET":
            return _response("405 Method Not Allowed", "text/plain", "only GET\n")
        if path.split(b"?")[0] != b"/metrics":
            return _response("404 Not Found", "text/plain", "try /metrics\n")
        return _response("200 OK", self._content_type, self._text())


def _response(status: str, content_type: str, text: str) -> bytes:
    body = text.encode()
    head = [
        f"HTTP/1.1 {status}",
        f"Content-Type: {content_type}",
        f"Content-Length: {len(body)}",
        "Connection: close",
    ]
    return "\r\n".join([*head, "", ""]).encode() + body
