"""Knows what a log of MQTT messages says that a station measured; knows no broker.

A line is a time, a topic and a payload, as `mosquitto_sub -F '%U %t %p'` prints them. When a message was logged does
not matter: rows have their own times.
"""

import re
from pathlib import Path

from gateway.site.config import Site
from hw_sim.capture.found import Found, Readings
from hw_sim.capture.notes import beginning
from hw_sim.platforms.platform import Platform

# Unix seconds as %U prints them (eclipse/mosquitto:client/sub_client_output.c), milliseconds, or ISO 8601
_TIME = re.compile(rb"\d{9,13}(\.\d+)?|\d{4}-\d\d-\d\d[T_]\d\d:\d\d:\d\d\S*")


def found(path: Path, site: Site) -> Found:
    """Samples of the site's own station. OSError: the file can't be read."""
    readings = Readings()
    channels = {channel.name: channel for channel in site.channels}

    def keep(channel: str, text: str, unit: str, flags: int, unix_ms: int) -> None:
        if channel in channels:
            readings.take(channels[channel], unix_ms, None if text == "null" else float(text), flags)

    platform = Platform(keep)
    prefix = f"watertower/{site.station.id}/".encode()
    damaged = []
    for number, line in enumerate(path.read_bytes().split(b"\n"), 1):
        parts = line.split(None, 2)
        if not parts or (len(parts) == 3 and _TIME.fullmatch(parts[0]) and not parts[1].startswith(prefix)):
            continue  # another station's, or another's altogether
        try:
            when, topic, payload = parts
            if not _TIME.fullmatch(when):
                raise ValueError(when)
            platform.take(topic.decode(), payload)
        except (ValueError, KeyError, TypeError, AttributeError, IndexError, ArithmeticError):
            damaged.append((number, beginning(line)))
    return readings.found(site)._replace(damaged=tuple(damaged))
