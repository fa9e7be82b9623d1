"""Knows how a station in real time is shown to a person; knows nothing of how it works."""

from collections.abc import Mapping, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from gateway.messages import language, quantity_text, say, unit_text
from hw_sim.station import Station
from hw_sim.timeline import Happening
from protocols.worth import names

Seen = tuple[str, str, int, int]  # text, unit, quality, Unix ms


class Screen:
    """Looks at a running station. `last` is what was last seen of each channel at the platform."""

    def __init__(self, station: Station, last: Mapping[str, Seen], happenings: Sequence[Happening]) -> None:
        self._station = station
        self._last = last
        self._happenings = happenings

    def counts(self, elapsed_s: float) -> str:
        """How far it has come, in a line."""
        return say(
            "demo.counts",
            seconds=round(elapsed_s),
            measured=self._station.ledger.total,
            stored=self._station.witness.readings,
            delivered=sum(len(rows) for rows in self._station.platform.delivered.values()),
        )

    def picture(self, elapsed_s: float) -> Group:
        """All of it, to be shown anew again and again."""
        site = self._station.site
        name = site.station.name_zh if language() == "zh" and site.station.name_zh else site.station.name
        parts = [name, f"{site.station.altitude_m:g} m", self._station.interpreter_label]
        title = Text(" · ".join(filter(None, parts)), style="bold")
        rows: list[RenderableType] = [
            title,
            self._channel_table(),
            self._link_table(),
            Text(self.counts(elapsed_s), style="bold"),
        ]
        if now := self.happening(elapsed_s):
            rows.insert(-1, Text(say("demo.wrong_now", what=now), style="red"))
        return Group(*rows)

    def happening(self, elapsed_s: float) -> str:
        """What goes wrong now, as the scenario calls it."""
        return "; ".join(
            f"{one.kind} {one.detail}".strip()
            for one in self._happenings
            if one.at_s <= elapsed_s and (one.lasts_s is None or elapsed_s < one.at_s + one.lasts_s)
        )

    def _channel_table(self) -> Table:
        table = Table(box=None, padding=(0, 2, 0, 0))
        for key in ("channel", "quantity", "value", "unit", "quality", "age"):
            table.add_column(say(f"demo.{key}"), justify="right" if key in ("value", "age") else "left")
        now_ms = self._station.clock.unix_ms()
        for channel in self._station.site.channels:
            quantity = quantity_text(channel.quantity)
            if channel.name not in self._last:
                table.add_row(
                    channel.name, quantity, "–", unit_text(channel.unit), say("demo.nothing_yet"), style="dim"
                )
                continue
            text, unit, flags, unix_ms = self._last[channel.name]
            words = ", ".join(say(f"quality.{word}") for word in names(flags)) or say("quality.good")
            value = "–" if text == "null" else text
            age = f"{max(now_ms - unix_ms, 0) / 1000:.0f} s"
            table.add_row(channel.name, quantity, value, unit_text(unit), words, age, style="yellow" if flags else "")
        return table

    def _link_table(self) -> Table:
        table = Table(box=None, padding=(0, 2, 0, 0))
        for key in ("source", "link", "backlog"):
            table.add_column(say(f"demo.{key}"))
        channels = self._station.site.channels
        platform = self._station.platform
        readings, delivered = self._station.ledger.readings, platform.delivered
        sources = [(say("demo.node", name=node.name), node.id) for node in self._station.site.nodes]
        for title, node in [*sources, (say("demo.polled"), None)]:
            names = [channel.name for channel in channels if channel.node == node]
            backlog = sum(len(readings.get(name, ())) - len(delivered.get(name, ())) for name in names)
            link = say("demo.cable") if node is None else say("demo.radio")
            table.add_row(title, link, say("demo.readings", count=max(backlog, 0)))
        online = "demo.online" if platform.online else "demo.offline"
        table.add_row(say("demo.uplink"), say(online), say("demo.resent", count=platform.resent))
        return table
