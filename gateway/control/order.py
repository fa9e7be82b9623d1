"""Knows a command's bytes, and when they are to be believed: tag, counter, time; knows no command and no broker.

On the topic `watertower/<station>/command/<operator>`: 64 hex digits, a line feed, JSON. The digits are HMAC-SHA256
with the operator's key over topic, line feed, JSON: what was written for one station and operator is good for no other.
"""

import hmac
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from gateway.ports import is_plausible
from gateway.site.config import Operator

LARGEST_BYTES = 65_536  # a site file of 500 sensors has 40,000; ours
WINDOW_MS = 600_000  # ours: a link that comes and goes keeps nothing longer, and clocks in the field differ by minutes
_TAG_DIGITS = 64


class Order(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`counter` rises with each order of an operator; `unix_ms` is when it was given; `id` names the answer."""

    id: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,36}\Z")]
    counter: Annotated[int, Meta(ge=1, le=(1 << 53) - 1)]
    unix_ms: Annotated[int, Meta(ge=0, le=(1 << 53) - 1)]
    command: Annotated[str, Meta(max_length=32)]
    argument: dict[str, Any] = {}


class Refused(Exception):
    """Not to be obeyed, because of `reason`. `order` only where it came from the operator, and for the first time: an
    answer to anybody else would help him."""

    def __init__(self, reason: str, operator: str = "", order: Order | None = None, detail: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.operator = operator
        self.order = order
        self.detail = detail


def sealed(topic: str, key: bytes, order: Order) -> bytes:
    """An order's bytes, as an operator's program makes them."""
    body = msgspec.json.encode(order)
    return _tag(topic, key, body) + b"\n" + body


def believed(
    topic: str, message: bytes, operators: Mapping[str, Operator], counters: Mapping[str, int], now_ms: int
) -> tuple[Operator, Order]:
    """Who ordered what. `counters` has the last of each operator. Refused: not to be believed, or too late."""
    name = topic.rpartition("/")[2]
    operator = operators.get(name)
    if operator is None:
        raise Refused("operator")
    if len(message) > _TAG_DIGITS + 1 + LARGEST_BYTES:
        raise Refused("size", name)
    tag, feed, body = message[:_TAG_DIGITS], message[_TAG_DIGITS : _TAG_DIGITS + 1], message[_TAG_DIGITS + 1 :]
    if feed != b"\n" or not hmac.compare_digest(tag.lower(), _tag(topic, operator.secret, body)):
        raise Refused("tag", name)
    try:
        order = msgspec.json.decode(body, type=Order)
    except (msgspec.MsgspecError, UnicodeError, RecursionError, OverflowError):
        raise Refused("form", name) from None
    if order.counter <= counters.get(name, 0):
        raise Refused("replay", name)
    if is_plausible(now_ms) and abs(order.unix_ms - now_ms) > WINDOW_MS:
        raise Refused("time", name, order)
    return operator, order


def _tag(topic: str, key: bytes, body: bytes) -> bytes:
    return hmac.digest(key, topic.encode() + b"\n" + body, "sha256").hex().encode()
