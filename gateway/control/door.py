"""Knows how programs of this machine speak to the gateway: a Unix socket, JSON lines; knows not what they want.

Who may open the socket may ask: root and the gateway's own user for everything, all others as operators.
"""

import asyncio
import contextlib
import logging
import os
import pwd
import socket
import stat
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec

log = logging.getLogger(__name__)
_LARGEST_BYTES = 131_072  # a line: a site file of 64 KiB, quoted
_MOST_CALLERS = 16
_SLOW_S = 5.0  # for a caller to take an answer
_IDLE_S = 600.0
_RETRY_S = 60.0

Ask = Callable[["Caller", str, Any, str], Awaitable[dict[str, object]]]  # (who, command, argument, uplink) -> answer


class Caller:
    """Who has opened the socket."""

    def __init__(self, user: str, role: str) -> None:
        self.user = user
        self.role = role


class Door:
    """`ask` answers a command and never raises; "status" is answered with `look`, "watch" with that every so often."""

    def __init__(self, path: Path, ask: Ask, look: Callable[[], object]) -> None:
        self._path = path
        self._ask = ask
        self._look = look
        self._callers = 0
        self.refused: dict[str, int] = {}

    async def run(self) -> None:
        """Until it is cancelled. A socket that can't be made is tried again: nobody polls less for it."""
        while True:
            try:
                _remove_old(self._path)
                server = await asyncio.start_unix_server(self._serve, self._path, limit=_LARGEST_BYTES)
            except OSError as error:
                log.warning("no control socket at %s: %s", self._path, error)
                await asyncio.sleep(_RETRY_S)
                continue
            try:
                self._path.chmod(0o660)
                async with server:
                    await server.serve_forever()
            finally:
                self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if self._callers >= _MOST_CALLERS:
                self._refuse("too_many")
                return
            self._callers += 1
            try:
                await self._converse(reader, writer)
            finally:
                self._callers -= 1
        except (OSError, TimeoutError):
            self._refuse("gone_or_slow")
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def _refuse(self, reason: str) -> None:
        self.refused[reason] = self.refused.get(reason, 0) + 1

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        caller = _caller(writer.get_extra_info("socket"))
        while True:
            try:
                async with asyncio.timeout(_IDLE_S):
                    line = await reader.readline()
            except ValueError:  # longer than the limit
                self._refuse("size")
                return
            if not line:
                return
            try:
                request = msgspec.json.decode(line, type=dict[str, Any])
                command = str(request["command"])
            except (msgspec.MsgspecError, UnicodeError, RecursionError, KeyError):
                self._refuse("form")
                await _say(writer, {"result": "refused", "reason": "form"})
                continue
            if command == "watch":
                return await self._show(reader, writer, request.get("every_s", 2.0))
            if command == "status":
                await _say(writer, self._look())
            else:
                uplink = str(request.get("uplink", ""))
                await _say(writer, await self._ask(caller, command, request.get("argument", {}), uplink))

    async def _show(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, every_s: object) -> None:
        """The state again and again, until the caller says anything or goes."""
        pause_s = min(max(float(every_s), 0.2), 60.0) if isinstance(every_s, int | float) else 2.0
        end = asyncio.create_task(reader.read(1))
        try:
            while not end.done():
                await _say(writer, self._look())
                await asyncio.wait([end], timeout=pause_s)
        finally:
            end.cancel()


async def _say(writer: asyncio.StreamWriter, answer: object) -> None:
    writer.write(msgspec.json.encode(answer) + b"\n")
    async with asyncio.timeout(_SLOW_S):
        await writer.drain()


def _caller(connection: Any) -> Caller:
    """As the kernel says (SO_PEERCRED, unix(7)): process, user, group."""
    size = struct.calcsize("3i")
    _, user, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    try:
        name = pwd.getpwuid(user).pw_name
    except KeyError:
        name = str(user)
    return Caller(name, "admin" if user in (0, os.geteuid()) else "operator")


def _remove_old(path: Path) -> None:
    """A gateway that was killed leaves its socket behind; whatever else is there stays."""
    with contextlib.suppress(FileNotFoundError):
        if stat.S_ISSOCK(path.stat().st_mode):
            path.unlink()
