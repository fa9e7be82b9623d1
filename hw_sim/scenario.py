"""Knows the scenario file: which site, what is true there, what goes wrong, what is accepted; builds nothing."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from gateway import config
from gateway.faults import Fault, SiteError, Tree, join, nearest, quoted, read, walk
from gateway.messages import Phrase
from hw_sim import signals
from hw_sim.faults.base import Duration
from hw_sim.faults.kinds import AnyFault
from hw_sim.signals import Signal

FOLDER = Path(__file__).parent
_SITES = FOLDER / "sites"
Text = Annotated[str, Meta(min_length=1)]
Date = Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\d\Z", extra={"allowed": Phrase("allowed.date")})]


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


class Accept(Struct, frozen=True, kw_only=True):
    """What the judge accepts besides nothing lost, doubled or wrong."""

    drain: Duration = "1h"  # everything measured has arrived so long after the last fault
    measured_share: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.0  # of the readings that the site file's periods promise
    cut_share: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.01  # of the measured ones, cut off by kills


class Scenario(Struct, frozen=True, kw_only=True, rename={"faults": "fault", "recordings": "recording"}):
    """One story. `micropython` names the nodes that run in a real MicroPython; `seconds_per_row` is the pace of
    recordings."""

    title: Text = "untitled"
    title_zh: str = ""
    site: Text
    start: Date = "2026-01-01"
    days: Annotated[float, Meta(ge=0.001, le=3660.0)] = 1.0
    micropython: tuple[Text, ...] = ()
    seconds_per_row: Annotated[float, Meta(ge=0.001, le=1e6, extra={"unit": "s"})] = 1.0
    recordings: dict[str, Recording] = {}
    truth: dict[str, Truth] = {}
    faults: tuple[AnyFault, ...] = ()
    accept: Accept = Accept()

    @property
    def start_unix_s(self) -> int:
        return round(datetime.fromisoformat(self.start).replace(tzinfo=UTC).timestamp())

    @property
    def site_path(self) -> Path:
        return _SITES / f"{self.site}.toml"

    def signals(self, seconds_per_row: float | None = None) -> dict[str, Signal]:
        """The truth of every channel that has one, at the scenario's own pace or another."""
        pace = self.seconds_per_row if seconds_per_row is None else seconds_per_row
        return {
            channel: signals.replay(
                self.recordings[truth.recording].file,
                truth.column,
                pace,
                self.recordings[truth.recording].first_row,
                truth.scale,
                truth.offset,
            )
            for channel, truth in self.truth.items()
        }


def find(name: str) -> Path:
    """A scenario's file: a path, or the name of one that comes with watertower."""
    shipped = FOLDER / "scenarios" / f"{name}.toml"
    return shipped if shipped.exists() else Path(name)


def shipped() -> list[str]:
    """The names of the scenarios that come with watertower, without the demonstration."""
    return sorted(path.stem for path in (FOLDER / "scenarios").glob("*.toml") if path.stem != "demo")


def load(path: Path) -> Scenario:
    """SiteError: names every fault of the file, and of the site that it names, at once."""
    tree = read(path)
    sound, faults = walk(tree, Scenario)
    faults += [*_recordings(sound), *_times(sound), *_site(sound)]
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


def _times(sound: Tree) -> Iterator[Fault]:
    """A fault happens at one time, or again and again."""
    for index, fault in enumerate(sound.get("fault", ())):
        if (fault.get("at") is None) == (fault.get("every") is None) and {"at", "every"} <= fault.keys():
            yield Fault(f"fault[{index}]", "fault.at_or_every", Phrase("hint.at_or_every"))


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
    yield from _targets(sound, site)
    channels = [channel.name for channel in site.channels]
    for channel in sound.get("truth", {}):
        if channel not in channels:
            place = join("truth", channel)
            yield Fault(place, "fault.unknown_channel", nearest(channel, channels), found=quoted(channel), site=name)


def _targets(sound: Tree, site: config.Site) -> Iterator[Fault]:
    """A fault that names what the site does not have."""
    lines = [bus.id for bus in site.buses if bus.port is not None]
    lines += [f"{node.name}.{bus.id}" for node in site.nodes for bus in node.buses]
    known = {
        "node": [node.name for node in site.nodes],
        "sensor": sorted({channel.sensor for channel in site.channels}),
        "line": lines,
    }
    for index, fault in enumerate(sound.get("fault", ())):
        for field, names in known.items():
            name = fault.get(field)
            if name is not None and name not in names:
                place, hint = f"fault[{index}].{field}", nearest(name, names)
                yield Fault(place, f"fault.unknown_{field}", hint, found=quoted(name), site=sound["site"])
