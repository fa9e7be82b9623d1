"""Knows which sensor models ship with watertower and loads one; a model's facts stand in its own module."""

from protocols.errors import ProtocolError
from protocols.profile import Profile


class UnknownProfile(ProtocolError):
    """No module of that name: see MODELS, or write a TOML profile."""


MODELS: "tuple[str, ...]" = (
    "cwt_soil",
    "cwt_weather",
    "gas_co",
    "gas_no2",
    "gas_o3",
    "gas_so2",
    "gropoint_gplp8",
    "hlk_ld8001h",
    "keller_acculevel",
    "keller_nanolevel",
    "lufft_ws501",
    "renke_wind_direction",
    "renke_wind_speed",
    "sds069",
    "seeed_co2",
    "seeed_soil",
    "sl651_level",
    "sl651_rain",
    "supmea_do7016",
    "xy_md02",
    "yosemitech_y4000",
    "yosemitech_y504",
    "yosemitech_y511",
    "yosemitech_y513",
    "yosemitech_y514",
    "yosemitech_y520",
    "yosemitech_y532",
    "yosemitech_y533",
    "yosemitech_y551",
    "yosemitech_y560",
    "yosemitech_y700",
)


def load(model: str) -> Profile:
    """The profile of a model out of MODELS."""
    if model not in MODELS:
        raise UnknownProfile(model)
    module = __import__("protocols.profiles." + model, None, None, ("PROFILE",))
    profile: Profile = module.PROFILE
    return profile
