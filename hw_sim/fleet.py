"""Knows `watertower sim fleet`: many gateways in one process that measure numbers, and whether an archive has each row
once; knows no radio and no bus.

Of a gateway all is real but what it measures: store, uplink, MQTT client, command desk.
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec

from gateway.archive import operators
from gateway.control.actions import Actions
from gateway.control.commands import Resend
from gateway.control.desk import Desk
from gateway.messages import say
from gateway.ports import SystemClock
from gateway.site.config import Channel, MqttUplink, Operator, Site
from gateway.store import Store
from gateway.uplink.mqtt import MqttForwarder
from gateway.uplink.paho import PahoPublisher

_UPLINK = "archive"
_LOOK_S = 0.5
_NUDGE_S = 5.0  # who lacks rows in the archive measures once more so often: `complete` tells the archive what it lacks
_ROWS_AT_ONCE = 5000


class Plan(NamedTuple):
    gateways: int
    seconds: float
    every_s: float
    channels: int
    broker: tuple[str, int]
    operators: dict[str, Operator]
    username: str | None = None
    password_file: str | None = None


class Trusted(SystemClock):
    """This machine's time, whoever sets it."""

    def is_trusted(self) -> bool:
        return True


class Verdict(NamedTuple):
    rows: int
    missing: int
    repeated: int
    altered: int

    def __str__(self) -> str:
        return " ".join(f"{name}={count}" for name, count in self._asdict().items())
