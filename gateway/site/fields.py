"""Knows the kinds of values that several tables of a site file have; knows no table."""

from typing import Annotated

from msgspec import Meta

from gateway.messages import Phrase

Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_]{0,31}\Z", extra={"allowed": Phrase("allowed.name")})]
StationId = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,31}\Z", extra={"allowed": Phrase("allowed.station_id")})]
Text = Annotated[str, Meta(min_length=1, extra={"allowed": Phrase("allowed.some_text")})]
Key = Annotated[
    str, Meta(pattern=r"^[0-9A-Fa-f]{64}\Z", extra={"allowed": Phrase("allowed.key"), "secret": True})
]  # 32 bytes, as HMAC-SHA256 wants at least (RFC 2104, section 3)
SparkplugId = Annotated[  # Sparkplug 3.0, 4.1: what is part of a topic
    str, Meta(pattern=r"^[^\s+#/$][^+#/]{0,63}\Z", extra={"allowed": Phrase("allowed.sparkplug_id")})
]
HostPort = Annotated[
    str,
    Meta(
        pattern=r"^[^\s:/]+:(?!0)(\d{1,4}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d\d|655[0-2]\d|6553[0-5])\Z",
        extra={"allowed": Phrase("allowed.host_port")},
    ),
]
TcpPort = Annotated[int, Meta(ge=1, le=65535)]
Period = Annotated[int, Meta(ge=1, le=86400, extra={"unit": "s"})]  # a day: what is rarer is not monitoring
Latitude = Annotated[float, Meta(ge=-90, le=90, extra={"unit": "deg"})]  # WGS 84
Longitude = Annotated[float, Meta(ge=-180, le=180, extra={"unit": "deg"})]
