"""Knows the scenario file: which site, what is true there, who runs where; builds nothing."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from gateway import config
from gateway.faults import Fault, SiteError, Tree, join, nearest, quoted, read, walk
from hw_sim import signals
from hw_sim.signals import Signal

FOLDER = Path(__file__).parent
_SITES = FOLDER / "sites"
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
        return _SITES / f"{self.site}.toml"

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
    """SiteError: names every fault of the file, and of the site that it names, at once."""
    tree = read(path)
    sound, faults = walk(tree, Scenario)
    faults += [*_recordings(sound), *_site(sound)]
    if faults:
        raise SiteError([fault if fault.file else fault.in_file(path.name) for fault in faults])
    return msgspec.convert(tree, Scenario)


def _recordings(sound: Tree) -> Iterator[Fault]:
    """What the truth is to be taken from, and is not there. A recording that has a fault already is passed over."""
    files = {name: recording.get("file") for name, recording in sound.get("recording", {}).items()}
    known = signals.names()
    for name, file in files.items():
        if file is not None and file not in known:
            place = join(join("recording", name), "file")
            yield Fault(place, "fault.unknown_recording_file", nearest(file, known), found=quoted(file))
    for channel, truth in sound.get("truth", {}).items():
        place = join("truth", channel)
        name = truth.get("recording")
        if name is not None and name not in files:
            yield Fault(f"{place}.recording", "fault.unknown_recording", nearest(name, files), found=quoted(name))
        elif "column" in truth and files.get(name) in known:
            yield from _column(f"{place}.column", str(files[name]), truth["column"])


def _column(place: str, file: str, name: str) -> Iterator[Fault]:
    known = signals.columns(file)
    if name not in known:
        yield Fault(place, "fault.unknown_column", nearest(name, known), found=quoted(name), recording=file)
        return
    try:
        signals.column(file, name)
    except ValueError:
        yield Fault(place, "fault.not_numbers", found=quoted(name), recording=file)


def _site(sound: Tree) -> Iterator[Fault]:
    """What the site does not have, or what is wrong with it."""
    name = sound.get("site")
    known = [path.stem for path in _SITES.glob("*.toml")]
    if name is None:
        return
    if name not in known:
        yield Fault("site", "fault.unknown_site", nearest(name, known), found=quoted(name))
        return
    try:
        site = config.load(_SITES / f"{name}.toml")
    except SiteError as error:
        yield from (fault if fault.file else fault.in_file(f"{name}.toml") for fault in error.faults)
        return
    nodes = [node.name for node in site.nodes]
    for index, node in enumerate(sound.get("micropython", ())):
        if node is not None and node not in nodes:
            place = f"micropython[{index}]"
            yield Fault(place, "fault.unknown_node", nearest(node, nodes), found=quoted(node), site=name)
    channels = [channel.name for channel in site.channels]
    for channel in sound.get("truth", {}):
        if channel not in channels:
            place = join("truth", channel)
            yield Fault(place, "fault.unknown_channel", nearest(channel, channels), found=quoted(channel), site=name)
