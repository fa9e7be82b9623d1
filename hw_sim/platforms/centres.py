"""Knows which simulated platforms a site reports to besides MQTT, and what reached them; knows no protocol's bytes."""

from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from gateway.machine.lines import Opener
from gateway.site.config import MqttUplink, Site
from gateway.site.hj212 import Hj212Uplink
from gateway.site.sl651 import Sl651Uplink
from hw_sim.platforms import hj212, sl651
from hw_sim.platforms.sl651_line import CentreWay

_PASSWORD = "123456"  # HJ 212-2017 gives it in its examples
_VERSIONS = {"2005": 0, "2017": 1, "2025": 2}


class Centres:
    """One centre for each HJ 212 uplink and each centre of an SL 651 one."""

    def __init__(self, site: Site, now_ms: Callable[[], int]) -> None:
        self.ways: dict[str, Opener] = {}
        self._own: list[str] = []  # factors with decimals that are not the table's: the platform can't know of them
        self._platforms: dict[str, hj212.Platform] = {}
        self._centres: dict[str, list[sl651.Centre]] = {}
        for uplink in site.uplinks:
            if isinstance(uplink, Hj212Uplink):
                known = hj212.Station(_PASSWORD, uplink.st, _VERSIONS[uplink.version])
                platform = hj212.Platform({uplink.mn: known}, now_ms)
                self._platforms[uplink.id] = platform
                self._own += [f"{one.code} with " for one in uplink.factors if one.decimals is not None]
                self.ways[f"{uplink.host}:{uplink.port}"] = CentreWay(platform).open
            elif isinstance(uplink, Sl651Uplink):
                for centre in uplink.centres:
                    stations = {uplink.station_address: uplink.password}
                    far = sl651.Centre(centre.address, stations, now_ms, uplink.mode)
                    self._centres.setdefault(uplink.id, []).append(far)
                    self.ways[centre.tcp or centre.port or ""] = CentreWay(far).open

    def reports(self, uplink: str, command: str, code: str) -> int:
        """How many values of that factor or element came in reports of that kind: CN of HJ 212, function of SL 651."""
        if uplink in self._platforms:
            return len(self._platforms[uplink].ledger.of(code, command))
        return sum(len(centre.ledger.of(code, int(command, 16))) for centre in self._centres.get(uplink, ()))

    @property
    def complaints(self) -> list[str]:
        """What they did not accept."""
        lines = [line for one in self._platforms.values() for line in one.ledger.complaints]
        lines += [line for far in self._centres.values() for one in far for line in one.ledger.complaints]
        return [line for line in lines if not line.startswith(tuple(self._own))]


def with_password(site: Site, folder: Path) -> Site:
    """The password that the simulated platforms know, in a file as a site has it."""
    if all(isinstance(uplink, MqttUplink) for uplink in site.uplinks):
        return site
    file = folder / "platform.password"
    file.write_text(_PASSWORD, "utf-8")
    uplinks = tuple(
        replace(uplink, password_file=str(file)) if isinstance(uplink, Hj212Uplink) else uplink
        for uplink in site.uplinks
    )
    return replace(site, uplinks=uplinks)
