"""Knows how a program of this machine asks the gateway, and waits for its answer; knows not what it asks."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gateway.messages import say

_ANSWER_S = 70.0  # longer than the gateway allows a command


class NoGateway(Exception):
    """Nobody answers at the socket; the text says how that shows."""


def asked(path: Path, command: str, argument: dict[str, object] | None = None) -> dict[str, Any]:
    """The gateway's answer."""
    return next(_lines(path, {"command": command, "argument": argument or {}}))


def watched(path: Path, every_s: float) -> Iterator[dict[str, Any]]:
    """Its state, again and again."""
    return _lines(path, {"command": "watch", "every_s": every_s})


def _lines(path: Path, request: dict[str, object]) -> Iterator[dict[str, Any]]:
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
            door.settimeout(_ANSWER_S)
            door.connect(str(path))
            door.sendall(json.dumps(request).encode() + b"\n")
            with door.makefile("rb") as answers:
                for line in answers:
                    yield json.loads(line)
    except (OSError, ValueError) as error:
        raise NoGateway(say("system.of_path", path=path, reason=error)) from None
    raise NoGateway(f"{path}: hung up")
