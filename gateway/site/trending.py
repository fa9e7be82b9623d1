"""Knows the [[trend]] tables of a site file, and what is wrong with them; reckons nothing. docs/quality.md."""

from collections.abc import Collection, Iterator
from typing import Annotated, Literal

from msgspec import Meta, Struct

from gateway.faults import Fault, Tree, nearest, quoted
from gateway.messages import Phrase

_Text = Annotated[str, Meta(min_length=1, extra={"allowed": Phrase("allowed.some_text")})]


class TrendTable(Struct, frozen=True, kw_only=True):
    """`by`: days, the last so many of them, or months, each against the same month of other years. `limit`: in the
    channel's unit, of which is foretold when it will be met."""

    channel: _Text
    by: Literal["day", "month"] = "day"
    days: Annotated[int, Meta(ge=10, le=1500, extra={"unit": "d"})] = 365
    limit: Annotated[float, Meta(ge=-1e12, le=1e12)] | None = None


def trend_faults(
    tables: list[tuple[str, Tree]], channels: Collection[str] | None, levels: Collection[str | None]
) -> Iterator[Fault]:
    """`levels`: of the aggregates that the site makes."""
    first: dict[tuple[object, object], str] = {}
    for path, table in tables:
        name, by = table.get("channel"), table.get("by")
        if name is not None and channels is not None and name not in channels:
            yield Fault(f"{path}.channel", "fault.no_station_channel", nearest(name, channels), found=quoted(name))
        if by is not None and by not in levels and None not in levels:
            yield Fault(
                f"{path}.by", "fault.trend_level", Phrase("hint.trend_level", level=quoted(by)), level=quoted(by)
            )
        if name is not None and by is not None:
            earlier = first.setdefault((name, by), path)
            if earlier != path:
                yield Fault(path, "fault.doubled", found=quoted(name), first=earlier)
