"""Knows what a node's parts and sensors take while they are on; knows no schedule and no battery."""

from typing import NamedTuple

from protocols.profile import Profile


class Powers(NamedTuple):
    """What a board's parts take, in watt; a boot in joule."""

    asleep_w: float  # memory kept, timers on
    awake_w: float
    boot_j: float
    radio_listens_w: float
    radio_sends_w: float
    bus_idle_w: float  # the transceiver, its receiver on
    bus_drives_w: float
    radio_rests_w: float


# The radio: SX1262 data sheet, 118 mA at +22 dBm and 3.3 V; a UART modem around it listens at 12 mA and rests at 2 uA
# (ours). The bus: MAX48x 0.12 to 0.5 mA at 5 V; 2 V into 54 ohm is 37 mA from 5 V.
_RADIO_AND_BUS = (0.012 * 3.3, 0.118 * 3.3, 0.0003 * 5.0, 0.037 * 5.0, 2e-6 * 3.3)
POWERS = {
    # lightsleep() 0.99 mA (micropython pull request 8832), at 5 V (ours); 25 mA awake, one second of boot: ours
    "rp2": Powers(0.00099 * 5.0, 0.025 * 5.0, 0.025 * 5.0 * 1.0, *_RADIO_AND_BUS),
    # light sleep 0.8 mA (ESP32 data sheet, power modes); 40 mA awake (ours); a boot 26.5 mC (glenn20 esp32-experiments)
    "esp32": Powers(0.0008 * 3.3, 0.040 * 3.3, 0.0265 * 3.3, *_RADIO_AND_BUS),
}

CONVERTER = 0.85  # from the battery to the node's rails (ours)
CHARGER = 0.95  # from the panel's terminals into the battery (ours)
SUPERVISOR_W = 0.001  # supervisor and self-discharge (ours)

# Of sensors whose profile has no `power_mw`, by kind: Yosemitech Y511 27 mA at 9 V (YosemitechModbus README);
# Renke-type dust sensors 100 mA at 12 V; the rest is ours.
SENSOR_MW = {"water": 243, "air": 1200, "ground": 100, "weather": 150}


def sensor_w(profile: Profile) -> float:
    """What a sensor takes while its supply is on."""
    return (SENSOR_MW[profile.kind] if profile.power_mw is None else profile.power_mw) / 1000
