"""Knows where a node's energy goes, part by part, from what its board does; knows no battery and no firmware.

Joules at the node's supply, before any converter. Parts: "sleep", "processor", "radio", "bus <id>", "sensor <id>".
"""

from typing import NamedTuple

from hw_sim.clock import WorldClock
from protocols.registers import Profile


class Powers(NamedTuple):
    """What a board's parts take, in watt; a boot in joule."""

    asleep_w: float  # memory kept, timers on
    awake_w: float
    boot_j: float
    radio_listens_w: float  # all the time: nothing in firmware/ can put a modem to sleep
    radio_sends_w: float
    bus_idle_w: float  # the transceiver, its receiver on
    bus_drives_w: float


# The radio: SX1262 data sheet, 118 mA at +22 dBm and 3.3 V; a UART modem around it listens at 12 mA (ours). The bus:
# MAX48x 0.12 to 0.5 mA at 5 V; 2 V into 54 ohm is 37 mA from 5 V.
_RADIO_AND_BUS = (0.012 * 3.3, 0.118 * 3.3, 0.0003 * 5.0, 0.037 * 5.0)
POWERS = {
    # lightsleep() 0.99 mA (micropython pull request 8832), at 5 V (ours); 25 mA awake, one second of boot: ours
    "rp2": Powers(0.00099 * 5.0, 0.025 * 5.0, 0.025 * 5.0 * 1.0, *_RADIO_AND_BUS),
    # light sleep 0.8 mA (ESP32 data sheet, power modes); 40 mA awake (ours); a boot 26.5 mC (glenn20 esp32-experiments)
    "esp32": Powers(0.0008 * 3.3, 0.040 * 3.3, 0.0265 * 3.3, *_RADIO_AND_BUS),
}

# Of sensors whose profile has no `power_mw`, by kind: Yosemitech Y511 27 mA at 9 V (YosemitechModbus README);
# Renke-type dust sensors 100 mA at 12 V; the rest is ours.
SENSOR_MW = {"water": 243, "air": 1200, "ground": 100, "weather": 150}


def sensor_w(profile: Profile) -> float:
    """What a sensor takes while its supply is on."""
    return (SENSOR_MW[profile.kind] if profile.power_mw is None else profile.power_mw) / 1000


class Energy:
    """The account of one node. set() when a part changes its power; everything else is arithmetic."""

    def __init__(self, clock: WorldClock) -> None:
        self._clock = clock
        self._watts: dict[str, float] = {}
        self._since_ms: dict[str, int] = {}
        self._joules: dict[str, float] = {}
        self._total_w = 0.0
        self._peak_w = 0.0

    def set(self, part: str, watt: float) -> None:
        """From now on `part` takes so much."""
        now_ms = self._clock.monotonic_ms()
        before_w = self._watts.get(part, 0.0)
        since_ms = self._since_ms.get(part, now_ms)
        self._joules[part] = self._joules.get(part, 0.0) + before_w * (now_ms - since_ms) / 1000
        self._watts[part] = watt
        self._since_ms[part] = now_ms
        self._total_w += watt - before_w
        if self._total_w > self._peak_w:
            self._peak_w = self._total_w

    def add(self, part: str, joule: float) -> None:
        """Energy that no simulated time passes for."""
        self._joules[part] = self._joules.get(part, 0.0) + joule

    def off(self) -> None:
        """No part takes anything."""
        for part in self._watts:
            self.set(part, 0.0)
        self._total_w = 0.0  # without the rounding of a million changes

    def parts(self) -> dict[str, float]:
        """J of each part since the world began."""
        now_ms = self._clock.monotonic_ms()
        return {
            part: joule + self._watts.get(part, 0.0) * (now_ms - self._since_ms.get(part, now_ms)) / 1000
            for part, joule in self._joules.items()
        }

    def total_j(self) -> float:
        return sum(self.parts().values())

    @property
    def power_w(self) -> float:
        """What all parts take now."""
        return self._total_w

    def peak_w(self) -> float:
        """The most that they took at once since this was asked last."""
        peak_w, self._peak_w = self._peak_w, self._total_w
        return peak_w
