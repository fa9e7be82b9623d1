"""Knows how a board's MicroPython is asked at its raw REPL, with mpremote as the library; knows not what it is asked.

A node sleeps, and its native USB with it: then only the window after a power-on (firmware/boot/start.py) lets anybody
in, so trying goes on for a while.
"""

import contextlib
import errno
import importlib
import io
import json
import struct
import time
from collections.abc import Callable
from typing import Any

import serial

from gateway.machine.lines import behind
from gateway.messages import Phrase
from gateway.visit import board_code
from gateway.visit.failure import VisitFailed

_ENTER_S = 3.0  # for one attempt: Ctrl-C, raw REPL, soft reset
_ANSWER_S = 20.0  # of one piece of code; erasing a journal of 256 KiB takes 64 x 50 ms and more
_LOST = (OSError, serial.SerialException, struct.error, IndexError)  # how a port that vanishes shows in mpremote


class PromptLost(Exception):
    """The cable, the supply or the program at the other end went away in the middle."""


class BoardRaised(Exception):
    """What ran on the board ended in an exception; the text is its last line."""


def mpremote() -> Any:
    """mpremote's transport. VisitFailed: it is not installed."""
    try:
        return importlib.import_module("mpremote.transport_serial"), importlib.import_module("mpremote.transport")
    except ModuleNotFoundError as error:
        raise VisitFailed(Phrase("visit.lacks", module=error.name), Phrase("visit.install_visit")) from None


class Prompt:
    """A board at whose prompt we are. Each answer is what one piece of code told as JSON."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport

    def tell(self, code: str) -> dict[str, Any]:
        """PromptLost, BoardRaised."""
        said = self.run(code).strip().splitlines()
        try:
            return dict(json.loads(said[-1]))
        except (IndexError, ValueError):
            raise PromptLost(repr(b"\n".join(said[-2:]))) from None

    def run(self, code: str) -> bytes:
        """What it printed. PromptLost, BoardRaised."""
        _, errors = mpremote()
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                said, raised = self._transport.exec_raw(code, timeout=_ANSWER_S)
        except errors.TransportError as error:
            raise PromptLost(str(error)) from error
        except _LOST as error:
            raise PromptLost(str(error)) from error
        if raised:
            lines = raised.decode("utf-8", "replace").strip().splitlines()
            raise BoardRaised(lines[-1] if lines else "?")
        return bytes(said)

    def leave(self, code: str) -> None:
        """Has it do something that ends the conversation: a restart."""
        with contextlib.suppress(*_LOST, mpremote()[1].TransportError), contextlib.redirect_stdout(io.StringIO()):
            self._transport.exec_raw_no_follow(code)
            time.sleep(0.1)  # the port's driver still holds the last bytes
        self.close()

    def restart(self) -> None:
        self.leave(board_code.RESTART)

    def close(self) -> None:
        with contextlib.suppress(*_LOST):
            self._transport.close()


def entered(port: str, wait_s: float, tell: Callable[[], None] = lambda: None, patience_s: float = _ENTER_S) -> Prompt:
    """At the prompt of the board at `port`, its application ended, with board_code.BEGIN done. Tries for `wait_s`,
    having called `tell` once when the first attempt failed; `patience_s`: with each step of an attempt. VisitFailed:
    the port is in use, or nobody answers."""
    end_s = time.monotonic() + wait_s
    first = True
    while True:
        try:
            return _enter(port, patience_s)
        except PromptLost:
            if time.monotonic() >= end_s:
                raise VisitFailed(Phrase("prompt.silent", port=port), Phrase("prompt.wake")) from None
        if first:
            first = False
            tell()
        time.sleep(0.2)


def _enter(port: str, patience_s: float) -> Prompt:
    """PromptLost: not this time. VisitFailed: never."""
    transports, errors = mpremote()
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            transport = transports.SerialTransport(port, timeout=_ENTER_S)
    except errors.TransportError as error:
        refuse_if_held(port)
        raise PromptLost(str(error)) from error
    prompt = Prompt(transport)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            transport.enter_raw_repl(timeout_overall=patience_s)
        prompt.run(board_code.BEGIN)
        return prompt
    except (errors.TransportError, *_LOST, PromptLost, BoardRaised) as error:
        prompt.close()
        raise PromptLost(str(error)) from error


def refuse_if_held(port: str) -> None:
    """VisitFailed: the port is there, and another program has it, or we may not open it, or it is no serial port."""
    try:
        serial.Serial(port, exclusive=True).close()
    except (serial.SerialException, OSError) as refusal:
        error = behind(refusal)
        assert isinstance(error, OSError)
        if error.errno in (errno.ENOTTY, errno.EISDIR):
            raise VisitFailed(Phrase("prompt.no_port", port=port, reason=error), Phrase("prompt.name_port")) from None
        if error.errno in (errno.EACCES, errno.EPERM):
            raise VisitFailed(Phrase("prompt.denied", port=port), Phrase("prompt.group")) from None
        if "lock" in str(error) or error.errno == errno.EBUSY:
            raise VisitFailed(Phrase("prompt.busy", port=port), Phrase("prompt.free")) from None
