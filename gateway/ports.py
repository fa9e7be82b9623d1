"""Knows what the gateway's core asks of the outside: time and a publisher; a Line is in protocols/modbus_client.py."""

import asyncio
import time
from collections.abc import Callable
from typing import NamedTuple, Protocol

from gateway.machine import machine_clock


class Clock(Protocol):
    def monotonic_ms(self) -> int: ...

    def unix_ms(self) -> int: ...

    def is_trusted(self) -> bool:
        """Whether who sets it may be believed, for instance NTP."""

    def boot_id(self) -> str:
        """Another one after each start of the machine, with which monotonic time begins anew."""


OLDEST_MS = 1_767_225_600_000  # 2026-01-01: no reading of this software is older


def is_plausible(unix_ms: int) -> bool:
    """Whether a clock may be right: a machine without a clock battery wakes up in 1970."""
    return unix_ms >= OLDEST_MS


class SystemClock:
    """The machine's own time."""

    def monotonic_ms(self) -> int:
        return time.monotonic_ns() // 1_000_000

    def unix_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def is_trusted(self) -> bool:
        return machine_clock.is_synchronised() or machine_clock.agrees_with_chip(self.unix_ms())

    def boot_id(self) -> str:
        return machine_clock.boot_id()


class LinkDown(Exception):
    """The broker or the way to it is gone: connect again later; what was not confirmed must be sent again.

    `is_refusal`: it will stay so until somebody mends certificate, password or configuration.
    """

    def __init__(self, reason: str, is_refusal: bool = False) -> None:
        super().__init__(reason)
        self.is_refusal = is_refusal


class Said(NamedTuple):
    """One message for a broker."""

    topic: str
    payload: bytes
    retain: bool = False
    qos: int = 1


class Publisher(Protocol):
    """One connection to a broker at a time. Nothing is remembered from one connection to the next."""

    async def connect(self, will: Said | None = None) -> None:
        """LinkDown when it can't be had. `will`: what the broker says for us when the connection ends, however."""

    async def subscribe(self, topic: str, take: Callable[[str, bytes], None], kept: bool = False) -> bool:
        """From now on `take` gets topic and payload of what comes under `topic`, until the connection ends; what the
        broker has kept (retained) only if `kept`. False: the broker does not let us."""

    def publish(self, topic: str, payload: bytes, retain: bool = False, qos: int = 1) -> "asyncio.Future[bool]":
        """Hands over one message; the future ends with the broker's confirmation, or with LinkDown, QoS 0 or not.
        False: the broker says that it has nobody to give it to (MQTT 5; MQTT 3.1.1 never tells)."""

    def check(self) -> None:
        """LinkDown when the connection has ended."""

    async def close(self) -> None:
        """Says goodbye; never raises."""
