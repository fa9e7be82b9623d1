"""Knows the [radio] table of a scenario: modems, places, what lies between them; knows nothing that happens there."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

GATEWAY = "gateway"  # how a ridge calls the one party that is no node

Km = Annotated[float, Meta(ge=-200.0, le=200.0, extra={"unit": "km"})]
Db = Annotated[float, Meta(ge=0.0, le=100.0, extra={"unit": "dB"})]
Dbm = Annotated[float, Meta(ge=-150.0, le=30.0)]
Share = Annotated[float, Meta(ge=0.0, le=1.0)]
Text = Annotated[str, Meta(min_length=1)]


class Place(Struct, frozen=True, kw_only=True):
    """Where a node stands, seen from the gateway; `extra_db`: what its place or antenna costs on every path."""

    east_km: Km
    north_km: Km = 0.0
    extra_db: Db = 0.0


class Ridge(Struct, frozen=True, kw_only=True):
    """Something between two parties that takes `loss_db` of their signals; one of them may be "gateway"."""

    between: tuple[Text, Text]
    loss_db: Db


class RadioSettings(Struct, frozen=True, kw_only=True, rename={"places": "place", "ridges": "ridge"}):
    """Modems of the EBYTE E22 kind, all set alike, and the country between them.

    Paths: `loss_1km_db` (at 868 MHz; less at a lower frequency) + 10 * `exponent` * lg(km), and one draw of `shadow_db`
    deviation for each pair: 128.95, 2.32 and 7.8 dB are those of Petajajarvi et al., "On the coverage of LPWANs", ITST
    2015, for a mast and a node at a car's height. On top of it what changes: `weather_db` deviation over `weather_s`,
    and Rician fading of factor `rician_k_db`, anew every `coherence_s` (the four are ours).
    """

    places: dict[str, Place] = {}
    ridges: tuple[Ridge, ...] = ()
    tx_dbm: Dbm = 17.0  # 50 mW, the most of MIIT's order 2019/52 for 470-510 MHz; one of the E22-400T22's four steps
    frequency_mhz: Annotated[float, Meta(ge=100.0, le=1000.0, extra={"unit": "MHz"})] = 470.0
    spreading_factor: Annotated[int, Meta(ge=7, le=12)] = 8
    bandwidth_khz: Literal[125, 250, 500] = 125
    coding_rate: Annotated[int, Meta(ge=5, le=8)] = 5  # 4/5 .. 4/8
    packet_bytes: Literal[32, 64, 128, 240] = 240  # longer writes become several packets (E22 manual, REG1)
    listens_first: bool = False  # waits while it hears a carrier, 2 s at most (E22 manual, REG3, LBT)
    rssi_byte: bool = False  # puts the level behind what it received (E22 manual, REG3)
    duty_share: Share | None = None  # of any hour; the modem throws away what exceeds it
    loss_1km_db: Annotated[float, Meta(ge=60.0, le=200.0, extra={"unit": "dB"})] = 128.95
    exponent: Annotated[float, Meta(ge=1.5, le=6.0)] = 2.32
    shadow_db: Db = 7.8
    weather_db: Db = 2.0
    weather_s: Annotated[float, Meta(ge=60.0, le=1e6, extra={"unit": "s"})] = 3600.0
    rician_k_db: Annotated[float, Meta(ge=-20.0, le=60.0, extra={"unit": "dB"})] = 10.0
    coherence_s: Annotated[float, Meta(ge=0.01, le=1e6, extra={"unit": "s"})] = 2.0
