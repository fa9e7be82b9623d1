"""Knows the scenario file: which site, what is true there, who runs where; builds nothing."""

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from gateway.faults import SiteError, read, walk
from hw_sim import signals
from hw_sim.signals import Signal

FOLDER = Path(__file__).parent
Text = Annotated[str, Meta(min_length=1)]


class Recording(Struct, frozen=True, kw_only=True):
    """A file of hw_sim/recordings, and the row with which the world begins."""

    file: Text
    first_row: Annotated[int, Meta(ge=0, le=10_000_000)] = 0


class Truth(Struct, frozen=True, kw_only=True):
    """A recorded column that is true for one channel, `scale` * value + `offset` in the channel's unit."""

    recording: Text
    column: Text
    scale: float = 1.0
    offset: float = 0.0


class Scenario(Struct, frozen=True, kw_only=True):
    """One story. `micropython` names the nodes that run in a real MicroPython."""

    site: Text
    micropython: tuple[Text, ...] = ()
    recording: dict[str, Recording]
    truth: dict[str, Truth]

    @property
    def site_path(self) -> Path:
        return FOLDER / "sites" / f"{self.site}.toml"

    def signals(self, seconds_per_row: float) -> dict[str, Signal]:
        """The truth of every channel that has one."""
        return {
            channel: signals.replay(
                self.recording[truth.recording].file,
                truth.column,
                seconds_per_row,
                self.recording[truth.recording].first_row,
                truth.scale,
                truth.offset,
            )
            for channel, truth in self.truth.items()
        }


def load(path: Path) -> Scenario:
    """SiteError: names every fault of the file at once."""
    tree = read(path)
    _, faults = walk(tree, Scenario)
    if faults:
        raise SiteError([fault.in_file(path.name) for fault in faults])
    return msgspec.convert(tree, Scenario)
