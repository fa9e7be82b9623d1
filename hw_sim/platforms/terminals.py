"""Knows a Beidou terminal and an SMS modem at the end of a gateway's line, with a centre behind them; knows no frame.

They take sentences and commands apart by themselves, not with the gateway's files.
"""

import asyncio
import re
from typing import Literal

from gateway.machine.lines import Inbox, LineLost, OpenLine
from hw_sim.platforms.sl651_line import FarEnd

_CCTXA = re.compile(rb"\$(CCTXA,(\d{7}),1,1,((?:[0-9A-F]{2})+))\*([0-9A-F]{2})\r\n")
_AIR_S = 3.0  # a message takes so long


class TerminalWay:
    """`number`: of the centre. Messages closer than `spacing_s` are not sent; `refuse_next`: so many neither."""

    def __init__(
        self, kind: Literal["beidou", "sms"], centre: FarEnd, number: str, most_bytes: int, spacing_s: float = 0.0
    ) -> None:
        self.kind = kind
        self.centre = centre
        self.number = number
        self.most_bytes = most_bytes
        self.spacing_s = spacing_s
        self.refuse_next = 0
        self.deaf = False
        self.sent: list[tuple[float, bytes]] = []
        self.refused = 0
        self.opened = 0
        self.line: TerminalLine | None = None

    async def open(self) -> OpenLine:
        self.opened += 1
        self.centre.connected()
        self.line = TerminalLine(self)
        return self.line


class TerminalLine:
    def __init__(self, way: TerminalWay) -> None:
        self._way = way
        self._inbox = Inbox()
        self._buffer = b""
        self._is_closed = False
        self._awaits = 0  # octets of a PDU

    async def write(self, data: bytes) -> None:
        if self._is_closed:
            raise LineLost("closed")
        if self._way.deaf:
            return
        self._buffer += data
        if self._way.kind == "beidou":
            self._sentences()
        else:
            self._commands()

    def say(self, data: bytes, after_s: float = 0.1) -> None:
        asyncio.get_running_loop().call_later(after_s, self._inbox.put, data)

    def _carries(self, data: bytes) -> bool:
        way, now_s = self._way, asyncio.get_running_loop().time()
        too_soon = bool(way.sent) and now_s - way.sent[-1][0] < way.spacing_s
        if too_soon or len(data) > way.most_bytes or way.refuse_next:
            way.refuse_next = max(0, way.refuse_next - 1)
            way.refused += 1
            return False
        way.sent.append((now_s, data))
        for said in way.centre.feed(data):
            self.say(self._message(said.data), _AIR_S + said.delay_s)
        return True

    def _message(self, data: bytes) -> bytes:
        """As it comes to the station."""
        if self._way.kind == "beidou":
            return _sentence(f"BDTXR,1,{int(self._way.number):07d},1,,{data.hex().upper()}")
        digits = self._way.number.lstrip("+")
        padded = digits + "F" * (len(digits) % 2)
        swapped = "".join(padded[at + 1] + padded[at] for at in range(0, len(padded), 2))
        stamp = "62101000000032"
        pdu = f"0004{len(digits):02X}91{swapped}0004{stamp}{len(data):02X}{data.hex().upper()}"
        return f"\r\n+CMT: ,{len(pdu) // 2 - 1}\r\n{pdu}\r\n".encode()

    def _sentences(self) -> None:
        while (match := _CCTXA.search(self._buffer)) is not None:
            self._buffer = self._buffer[match.end() :]
            is_right = _xor(match[1]) == int(match[4], 16) and int(match[2]) == int(self._way.number)
            is_sent = is_right and self._carries(bytes.fromhex(match[3].decode()))
            self.say(_sentence(f"BDFKI,082920,TCQ,{'Y,0' if is_sent else 'N,1'},0"))

    def _commands(self) -> None:
        if self._awaits:
            text, end, self._buffer = self._buffer.partition(b"\x1a")
            if not end:
                self._buffer = text
                return
            pdu = bytes.fromhex(text.decode())
            assert pdu[0] == 0 and len(pdu) - 1 == self._awaits
            self._awaits = 0
            number = len(self._way.number.lstrip("+"))
            data = pdu[1 + 4 + (number + 1) // 2 + 3 :]
            assert pdu[1] == 1 and pdu[3] == number and pdu[1 + 4 + (number + 1) // 2 + 2] == len(data)
            self.say(b"\r\n+CMGS: 7\r\n\r\nOK\r\n" if self._carries(data) else b"\r\n+CMS ERROR: 500\r\n", 2.0)
            return
        command, end, self._buffer = self._buffer.partition(b"\r")
        if not end:
            self._buffer = command
        elif command.startswith(b"AT+CMGS="):
            self._awaits = int(command[8:])
            self.say(b"\r\n> ")
        else:
            self.say(b"\r\nOK\r\n" if command.startswith(b"AT") else b"\r\nERROR\r\n")

    async def read(self, timeout_ms: int) -> bytes:
        return await self._inbox.read(timeout_ms)

    def pending(self) -> bytes:
        return self._inbox.pending()

    def close(self) -> None:
        self._is_closed = True


def _xor(text: bytes) -> int:
    found = 0
    for byte in text:
        found ^= byte
    return found


def _sentence(text: str) -> bytes:
    return f"${text}*{_xor(text.encode()):02X}\r\n".encode()
