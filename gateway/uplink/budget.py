"""Knows how many bytes an uplink may use of a paid link (a token bucket); knows no link, no message, no clock."""

import math

# Around a payload, estimated: MQTT's header, topic length and packet id 9 bytes, its PUBACK 4 (MQTT 3.1.1, 3.3 and
# 3.4); two TCP segments and their acknowledgements of 52 bytes each (IP 20, TCP 20, time stamps 12); a TLS record 29
# twice (RFC 8446, 5.2: 5 + 1 + 16, and a MAC's padding).
OVERHEAD_BYTES = 9 + 4 + 4 * 52 + 2 * 29
CONNECT_BYTES = 6000  # TCP, TLS with two certificate chains, CONNECT, SUBSCRIBE; estimated
PING_BYTES = 4 * 52 + 2 * (2 + 29)  # a keep-alive and its answer (MQTT 3.1.1, 3.12 and 3.13)
_HOUR_MS = 3_600_000
_RESERVE = 0.25  # of an hour's bytes: kept back from the backlog for live rows and alarms; ours


class Budget:
    """`bytes_per_hour` None: no limit. `used_bytes` counts for ever."""

    def __init__(self, bytes_per_hour: int | None, now_ms: int) -> None:
        self._limit = math.inf if bytes_per_hour is None else float(bytes_per_hour)
        self._tokens = self._limit * _RESERVE  # a gateway that starts again and again uses no more than this each time
        self._at_ms = now_ms
        self.used_bytes = 0

    def may(self, backlog: bool, now_ms: int) -> bool:
        """Whether a message may go now. It may overdraw by its own length: nobody cuts one into pieces."""
        self._fill(now_ms)
        return self._tokens > (self._limit * _RESERVE if backlog else 0.0) or math.isinf(self._limit)

    def wait_ms(self, backlog: bool, now_ms: int) -> int:
        """How long until it may."""
        if self.may(backlog, now_ms):
            return 0
        missing = (self._limit * _RESERVE if backlog else 0.0) - self._tokens
        return int(missing * _HOUR_MS / self._limit) + 1

    def use(self, payload_bytes: int, now_ms: int, overhead_bytes: int = OVERHEAD_BYTES) -> None:
        """That much has left."""
        self._fill(now_ms)
        self.used_bytes += payload_bytes + overhead_bytes
        self._tokens -= payload_bytes + overhead_bytes

    def _fill(self, now_ms: int) -> None:
        if not math.isinf(self._limit):
            self._tokens = min(self._tokens + (now_ms - self._at_ms) * self._limit / _HOUR_MS, self._limit)
        self._at_ms = now_ms
