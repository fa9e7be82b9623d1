"""Knows where the gateway's core meets the machine: time, lines, disk and brokers; knows no part of the gateway."""

import shutil
from pathlib import Path

from gateway.evidence.notary import Signature, signed_by_child
from gateway.machine import lines
from gateway.machine.lines import Opener
from gateway.machine.rails import GpioSwitch, Switch
from gateway.ports import Clock, Publisher, SystemClock
from gateway.site.config import Bus, MqttUplink, Rail, Site
from gateway.store.tail import LineFile
from gateway.uplink.paho import PahoPublisher


class Outside:
    """The real machine. A simulated world brings its own."""

    def __init__(self) -> None:
        self.clock: Clock = SystemClock()

    def radio(self, site: Site) -> Opener:
        assert site.radio is not None
        return lines.serial_opener(site.radio.port, site.radio.baud)

    def bus(self, bus: Bus) -> Opener:
        if bus.tcp is not None:
            return lines.tcp_opener(bus.tcp)
        assert bus.port is not None
        return lines.serial_opener(bus.port, bus.baud, bus.parity, bus.stop_bits)

    def way(self, place: str, baud: int | None) -> Opener:
        """To a platform's centre: "host:port", or with a baud rate the serial port of a transparent modem."""
        if baud is None:
            return lines.tcp_opener(place, deaf_after=None)
        return lines.serial_opener(place, baud)

    def free_bytes(self, site: Site) -> int | None:
        """What the disk under the store has left; None: enough."""
        return shutil.disk_usage(Path(site.store.path).parent).free

    def line_file(self, path: Path) -> LineFile:
        return LineFile(path)

    async def sign(self, site: Site, message: bytes) -> Signature:
        """NotSigned says why not."""
        return await signed_by_child(Path(site.store.key), message)

    def rail(self, rail: Rail) -> Switch:
        return GpioSwitch(rail)

    def control_socket(self, site: Site) -> Path | None:
        """Where programs of this machine may ask; None: nowhere."""
        return Path(site.control.socket)

    def metrics_place(self, site: Site) -> str | None:
        """HOST:PORT for Prometheus."""
        return None if site.metrics is None else site.metrics.listen

    def publisher(self, uplink: MqttUplink, station: str) -> Publisher:
        return PahoPublisher(uplink, f"watertower-{station}-{uplink.id}")
