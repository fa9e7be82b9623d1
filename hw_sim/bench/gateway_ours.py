"""Knows how the project's own gateway is set up for the bench, and what a platform takes from it; measures nothing."""

import os
import sys
from pathlib import Path

from gateway.process.alarm.rows import EVENTS
from hw_sim.bench.gateway_contender import Command, Message, Receiver
from hw_sim.bench.gateway_load import Load
from hw_sim.platforms.platform import Derived, Platform

STATION = "bench"
RAISED = EVENTS.index("raised")
_HEAD = """profile_dir = "profiles"

[station]
id = "{station}"
name = "Bench"
latitude = 36.6
longitude = 101.8
altitude_m = 2295

[clock]
trust = "always"

[store]
path = "store.db"
commit_delay_s = {commit_delay_s}

[[uplink]]
id = "broker"
type = "mqtt"
host = "127.0.0.1"
port = {port}
"""
_PROFILE = """title = "Counts what it is asked"
kind = "water"
confidence = "generic"
source = "hw_sim/bench/gateway_devices.py"
"""
# The range is checked, and never left: quality control is on
_REGISTER = """
[[register]]
name = "v{value}"
address = {address}
kind = "u32"
unit = ""
low = 0
high = 99999
"""


ALARM_ABOVE = 80_000  # of all five-digit numbers: readings jump, so an alarm comes every ten seconds or so
_RULE = f"""
[[rule]]
id = "high"
level = "red"
when = "d0.v0 > {ALARM_ABOVE}"
acknowledge = false
"""


class Ours:
    """`watertower run` with a site file of one counting device each; `warns`: with an alarm over the first value."""

    name = "watertower"

    def __init__(self, commit_delay_s: float = 10.0, warns: bool = False) -> None:
        self.commit_delay_s = commit_delay_s
        self.warns = warns

    def prepare(self, folder: Path, load: Load, places: list[int | str], broker_port: int) -> Command:
        profiles = folder / "profiles"
        profiles.mkdir()
        registers = "".join(_REGISTER.format(value=value, address=2 * value) for value in range(load.values))
        (profiles / "counter.toml").write_text(_PROFILE + registers)
        site = _HEAD.format(station=STATION, commit_delay_s=self.commit_delay_s, port=broker_port)
        for line, place in enumerate(places):
            where = f'tcp = "127.0.0.1:{place}"' if isinstance(place, int) else f'port = "{place}"'
            site += f'\n[[bus]]\nid = "b{line}"\n{where}\n'
        for device in range(load.devices):
            site += f'\n[[sensor]]\nid = "d{device}"\nprofile = "counter"\nbus = "b{load.line(device)}"\n'
            site += f"unit_id = {load.unit(device)}\nperiod_s = {load.period_s}\n"
        (folder / "site.toml").write_text(site + (_RULE if self.warns else ""))
        arguments = [sys.executable, "-m", "gateway", "run", str(folder / "site.toml")]
        return Command(arguments, {**os.environ, "WATERTOWER_LANG": "en"})

    def receiver(self, load: Load) -> Receiver:
        return OurPlatform(load)

    def answer(self, topic: str, payload: bytes) -> tuple[str, bytes] | None:
        return None


class OurPlatform(Receiver):
    """By the receiver's rule of docs/mqtt.md: once by (station, seq)."""

    def __init__(self, load: Load) -> None:
        super().__init__(load)
        self._now_s = 0.0
        self._platform = Platform(self._on_row)
        self._platform.on_derived = self._on_derived
        self.alarms: list[tuple[float, int]] = []  # (when it came, Unix ms that it tells) of each that was raised

    def take(self, message: Message) -> None:
        self._now_s, topic, payload = message
        self._platform.take(topic, payload)
        self.payload_bytes += len(payload)
        self.resent = self._platform.resent * self.load.values
        self.contradictions = self._platform.duplicates

    def _on_row(self, channel: str, text: str, unit: str, quality: int, unix_ms: int) -> None:
        if text != "null":
            device, _, value = channel.partition(".")
            self.keep(int(device[1:]), int(value[1:]), (self._now_s, unix_ms, int(text)))

    def _on_derived(self, source: str, channel: str, unix_ms: int, cell: Derived) -> None:
        if channel == "alarm.high.event" and cell.value == RAISED:
            self.alarms.append((self._now_s, unix_ms))
