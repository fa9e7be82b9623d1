"""Knows what a station's messages must look like to be believed (docs/mqtt.md); knows no broker and no database.

Everything here is pure: bytes in, what they say or `Refused` out. A message is believed whole or not at all.
"""

import re
from datetime import date
from typing import Annotated, Protocol

import msgspec
from msgspec import Meta, Struct

from protocols.quality import CLOCK

_LARGEST_BYTES = 1 << 20  # ours: 50 rows of 500 channels are a third of it
_MOST_ROWS = 1000  # a message; ours, a gateway sends 50
_EARLIEST_MS = 1_577_836_800_000  # 2020-01-01: nothing was measured by this software before
_AHEAD_MS = 86_400_000  # a clock may be a day wrong before its rows are refused; ours
_STATION = re.compile(r"[a-z0-9][a-z0-9-]{0,31}\Z")  # as gateway/site/fields.py has it
_LARGEST = 1e12  # no environmental quantity in any unit comes near; ours

Seq = Annotated[int, Meta(ge=1, lt=1 << 53)]
Text = Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f]*\Z")]  # PostgreSQL takes no NUL
Unit = Annotated[str, Meta(max_length=30, pattern=r"^[^\x00-\x1f]*\Z")]
Hex32 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
Hex64 = Annotated[str, Meta(pattern=r"^[0-9a-f]{128}\Z")]
Decimals = Annotated[int, Meta(ge=0, le=12)]
Quality = Annotated[int, Meta(ge=0, lt=1 << 31)]  # PostgreSQL's integer


class Refused(Exception):
    """Not to be believed: note it, and answer the broker as if it had been taken, else it comes for ever."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail[:400]


class Status(Struct, frozen=True):
    online: bool
    unix_ms: int | None = None


class Series(Struct, frozen=True):
    series: Annotated[int, Meta(ge=0, lt=1 << 53)]
    source: Text
    channels: Annotated[list[tuple[Text, Unit, Decimals]], Meta(max_length=1000)]


class Row(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """As it stands in a message: `after_ms` counts from the message's time."""

    series: Annotated[int, Meta(ge=0, lt=1 << 53)]
    after_ms: Annotated[int, Meta(gt=-(1 << 53), lt=1 << 53)]
    values: list[float | None]
    quality: list[Quality] | None = None


class Data(Struct, frozen=True):
    complete: Annotated[int, Meta(ge=0, lt=1 << 53)]
    first: Seq
    unix_ms: Annotated[int, Meta(gt=-(1 << 53), lt=1 << 53)]
    rows: Annotated[list[Row], Meta(min_length=1, max_length=_MOST_ROWS)]


class Signature(Struct, frozen=True):
    block: Annotated[int, Meta(ge=0, lt=1 << 53)]
    hash: Hex32
    signature: Hex64
    public: Hex32


Message = Status | Series | Data | Signature
_KINDS: dict[str, type[Message]] = {"status": Status, "series": Series, "data": Data, "signature": Signature}
_DECODERS = {kind: msgspec.json.Decoder(form) for kind, form in _KINDS.items()}


def parsed(topic: str, payload: bytes, now_ms: int) -> tuple[str, str, Message]:
    """(station, the topic's last word, message). Refused: not one that a station sends."""
    root, station, kind, *rest = [*topic.split("/"), "", ""][:5]
    if root != "watertower" or kind not in _DECODERS or _STATION.match(station) is None:
        raise Refused("topic", topic)
    if len(payload) > _LARGEST_BYTES:
        raise Refused("size", f"{kind}: {len(payload)} bytes")
    try:
        message = _DECODERS[kind].decode(payload)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise Refused("form", f"{kind}: {error}") from None
    if isinstance(message, Data):
        _check_rows(message, now_ms)
    if isinstance(message, Series) and str(message.series) != rest[0]:
        raise Refused("form", f"series {message.series} under series/{rest[0]}")
    if isinstance(message, Signature) and not _is_day(rest[0]):
        raise Refused("form", f"signature/{rest[0]}")
    return station, rest[0], message


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _check_rows(data: Data, now_ms: int) -> None:
    for seq, row in enumerate(data.rows, data.first):
        unix_ms = data.unix_ms + row.after_ms
        if not (0 if is_guess(row) else _EARLIEST_MS) <= unix_ms <= now_ms + _AHEAD_MS:
            raise Refused("time", f"row {seq}: {unix_ms} ms")
        if row.quality is not None and len(row.quality) != len(row.values):
            raise Refused("form", f"row {seq}: {len(row.values)} values, {len(row.quality)} qualities")
        if not _are_possible(row.values):
            raise Refused("value", f"row {seq}: {[one for one in row.values if not _are_possible([one])]}")


def _are_possible(values: list[float | None]) -> bool:
    numbers = [one for one in values if one is not None]
    return not numbers or (min(numbers) > -_LARGEST and max(numbers) < _LARGEST)  # JSON has no NaN


class _Judged(Protocol):
    @property
    def quality(self) -> list[int] | None: ...


def is_guess(row: _Judged) -> bool:
    """Whether the station itself says that the time is not certain."""
    return row.quality is not None and any(quality & CLOCK for quality in row.quality)
