"""Knows the scenario file: which site, what is true there, what goes wrong, what is accepted; builds nothing."""

import re
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from gateway import config
from gateway.faults import Fault, SiteError, Tree, join, nearest, quoted, read, walk
from gateway.messages import Phrase
from hw_sim import signals
from hw_sim.climate import AnyOverlay, Climate, ClimateSettings, Place, overlay_curve, overlay_quantities, units
from hw_sim.faults.base import PATTERN, Duration, seconds
from hw_sim.faults.kinds import AnyFault
from hw_sim.observer import ObserverSettings
from hw_sim.signals import Signal
from hw_sim.streams import Streams

FOLDER = Path(__file__).parent
_SITES = FOLDER / "sites"
Text = Annotated[str, Meta(min_length=1)]
Date = Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\d\Z", extra={"allowed": Phrase("allowed.date")})]


class Recording(Struct, frozen=True, kw_only=True):
    """A file of hw_sim/recordings, and the row with which the world begins."""

    file: Text
    first_row: Annotated[int, Meta(ge=0, le=10_000_000)] = 0


class Truth(Struct, frozen=True, kw_only=True):
    """What is true for one channel, in the channel's unit: a signal of the `physics`, a recorded `column`, or a fixed
    `value`; then `scale` * that + `offset`. On a recording the scenario's overlays are laid when `laid` is true."""

    physics: Text | None = None
    recording: Text | None = None
    column: Text | None = None
    value: float | None = None
    laid: bool = False
    scale: float = 1.0
    offset: float = 0.0


class Accept(Struct, frozen=True, kw_only=True):
    """What the judge accepts besides nothing lost, doubled or wrong."""

    drain: Duration = "1h"  # everything measured has arrived so long after the last fault
    measured_share: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.0  # of the readings that the site file's periods promise


_NAMES = {"faults": "fault", "recordings": "recording", "observers": "observer", "overlays": "overlay"}


class Scenario(Struct, frozen=True, kw_only=True, rename=_NAMES):
    """One story. `micropython` names the nodes that run in a real MicroPython; `seconds_per_row` is the pace of
    recordings; `observers` says of a channel how its probe sees what is true."""

    title: Text = "untitled"
    title_zh: str = ""
    site: Text
    start: Date = "2026-01-01"
    days: Annotated[float, Meta(ge=0.001, le=3660.0)] = 1.0
    micropython: tuple[Text, ...] = ()
    seconds_per_row: Annotated[float, Meta(ge=0.001, le=1e6, extra={"unit": "s"})] = 1.0
    climate: ClimateSettings = ClimateSettings()
    overlays: tuple[AnyOverlay, ...] = ()
    recordings: dict[str, Recording] = {}
    truth: dict[str, Truth] = {}
    observers: dict[str, ObserverSettings] = {}
    faults: tuple[AnyFault, ...] = ()
    accept: Accept = Accept()

    @property
    def start_unix_s(self) -> int:
        return round(datetime.fromisoformat(self.start).replace(tzinfo=UTC).timestamp())

    @property
    def site_path(self) -> Path:
        return _SITES / f"{self.site}.toml"

    def signals(
        self, site: config.Site, seed: int = 1, days: float | None = None, seconds_per_row: float | None = None
    ) -> dict[str, Signal]:
        """The truth of every channel that has one, for one seed and so many days; recordings at the scenario's own pace
        or another."""
        pace = self.seconds_per_row if seconds_per_row is None else seconds_per_row
        physics: Climate | None = None
        if any(truth.physics is not None for truth in self.truth.values()):
            at = site.station
            place = Place(latitude=at.latitude, longitude=at.longitude, altitude_m=at.altitude_m)
            span_days = (self.days if days is None else days) + _SPARE_DAYS
            physics = Climate(place, self.start_unix_s, span_days, Streams(seed), self.climate, self.overlays)
        return {channel: self._signal(channel, truth, physics, pace) for channel, truth in self.truth.items()}

    def _signal(self, channel: str, truth: Truth, physics: Climate | None, pace: float) -> Signal:
        if truth.physics is not None and physics is not None:
            return signals.scaled(physics.signal(truth.physics), truth.scale, truth.offset)
        if truth.value is not None:
            return signals.constant(truth.scale * truth.value + truth.offset)
        assert truth.recording is not None and truth.column is not None
        recording = self.recordings[truth.recording]
        signal = signals.replay(recording.file, truth.column, pace, recording.first_row, truth.scale, truth.offset)
        quantity = channel.rpartition(".")[2]
        for event in self.overlays if truth.laid else ():
            if quantity in overlay_quantities(event):
                signal = signals.added(signal, overlay_curve(event, quantity))
        return signal


_SPARE_DAYS = 2.0  # a run goes on until its backlog has drained


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
    _in_seconds(tree)
    sound, faults = walk(tree, Scenario)
    faults += [*_recordings(sound), *_truth(sound), *_times(sound), *_site(sound)]
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
        elif truth.get("column") is not None and files.get(name) in known:
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


def _in_seconds(tree: Tree) -> None:
    """Overlays say `at` and `lasts` as faults do; physics wants seconds."""
    overlays = tree.get("overlay")
    for overlay in overlays if isinstance(overlays, list) else ():
        for field in ("at", "lasts"):
            text = overlay.get(field) if isinstance(overlay, dict) else None
            if isinstance(text, str) and re.search(PATTERN, text):
                overlay[f"{field}_s"] = seconds(overlay.pop(field))


def _truth(sound: Tree) -> Iterator[Fault]:
    """Each truth has one source, and a signal of the physics that exists."""
    known = units(ClimateSettings())
    for channel, truth in sound.get("truth", {}).items():
        place = join("truth", channel)
        sources = [truth.get("physics") is not None, truth.get("column") is not None, truth.get("value") is not None]
        if sum(sources) != 1 or (truth.get("recording") is None) != (truth.get("column") is None):
            yield Fault(place, "fault.one_source", Phrase("hint.one_source"))
        elif truth["physics"] is not None and truth["physics"] not in known:
            found = truth["physics"]
            yield Fault(f"{place}.physics", "fault.unknown_signal", nearest(found, known), found=quoted(found))


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
    yield from _hands(sound, site)
    named = [(join(table, channel), channel) for table in ("truth", "observer") for channel in sound.get(table, {})]
    named += _temperatures(sound)
    channels = [channel.name for channel in site.channels]
    for place, channel in named:
        if channel not in channels:
            yield Fault(place, "fault.unknown_channel", nearest(channel, channels), found=quoted(channel), site=name)


def _temperatures(sound: Tree) -> list[tuple[str, str]]:
    """Where an observer's temperature error says, or leaves out, which temperature it is."""
    found = []
    for channel, settings in sound.get("observer", {}).items():
        own = f"{channel.split('.')[0]}.temperature"
        named = settings.get("temperature_channel", None)
        if named is not None or settings.get("temperature_error"):
            found.append((f"{join('observer', channel)}.temperature_channel", named or own))
    return found


def _targets(sound: Tree, site: config.Site) -> Iterator[Fault]:
    """A fault that names what the site does not have."""
    lines = [bus.id for bus in site.buses if bus.port is not None]
    lines += [f"{node.name}.{bus.id}" for node in site.nodes for bus in node.buses]
    known = {
        "node": [node.name for node in site.nodes],
        "sensor": sorted({channel.sensor for channel in site.channels}),
        "line": lines,
    }
    fields = [*((what, what) for what in known), ("other", "sensor"), ("like", "node")]
    for index, fault in enumerate(sound.get("fault", ())):
        for field, what in fields:
            name = fault.get(field)
            if name is not None and name not in known[what]:
                place, hint = f"fault[{index}].{field}", nearest(name, known[what])
                yield Fault(place, f"fault.unknown_{what}", hint, found=quoted(name), site=sound["site"])


def _hands(sound: Tree, site: config.Site) -> Iterator[Fault]:
    """What that sensor or node does not have, or can't be done to it."""
    places = {
        sensor.id: (bus.id if bus.port else None, sensor)
        for bus in site.buses
        for sensor in site.sensors
        if sensor.bus == bus.id
    }
    places |= {sensor.id: (f"{node.name}.{sensor.bus}", sensor) for node in site.nodes for sensor in node.sensors}
    nodes = {node.name: node for node in site.nodes}
    for index, fault in enumerate(sound.get("fault", ())):
        place = f"fault[{index}]"
        if fault.get("sensor") in places:
            line, sensor = places[fault["sensor"]]
            profile = site.profile(sensor)
            quantities = [register.name for register in profile.registers]
            quantity = fault.get("quantity")
            if quantity is not None and quantity not in quantities:
                hint = nearest(quantity, quantities)
                yield Fault(
                    f"{place}.quantity", "fault.unknown_quantity", hint, found=quoted(quantity), model=profile.model
                )
            if not {"other", "unit_id"}.isdisjoint(fault):
                others = {id: other for id, (at, other) in places.items() if at == line}
                yield from _addresses(place, fault, line, others, places)
        if fault.get("like") in nodes and fault.get("node") in nodes:
            yield from _slice(f"{place}.like", nodes[fault["node"]], nodes[fault["like"]])


def _addresses(
    place: str, fault: Tree, line: str | None, on_line: dict[str, config.Sensor], known: Collection[str]
) -> Iterator[Fault]:
    """A unit id is changed at a serial device only, and only to one that nobody on its line has."""
    if line is None:
        yield Fault(f"{place}.sensor", "fault.not_on_line", found=quoted(fault["sensor"]))
        return
    if fault.get("other") in known and fault["other"] not in on_line:
        yield Fault(f"{place}.other", "fault.other_line", found=quoted(fault["other"]), sensor=fault["sensor"])
    if fault.get("unit_id") in [sensor.unit_id for sensor in on_line.values()]:
        yield Fault(f"{place}.unit_id", "fault.taken_unit_id", found=fault["unit_id"])


def _slice(place: str, node: config.Node, like: config.Node) -> Iterator[Fault]:
    """A board that lacks a bus or a rail of the other one's slice does not start."""
    buses = {bus.id for bus in like.buses} - {bus.id for bus in node.buses}
    rails = {sensor.rail for sensor in like.sensors} - {sensor.rail for sensor in node.sensors} - {None}
    for name in [*sorted(buses), *sorted(filter(None, rails))]:
        yield Fault(place, "fault.unfit_slice", found=quoted(name), node=node.name)
