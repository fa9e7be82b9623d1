"""Knows the scenario file: which site, what is true there, what goes wrong, what is accepted; builds nothing."""

import re
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal, get_args

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from gateway.faults import Fault, SiteError, Tree, join, nearest, quoted, read, walk
from gateway.messages import Phrase
from gateway.site import config
from hw_sim import capture, signals
from hw_sim.bus.byte_wire import ByteWire
from hw_sim.bus.observer import ObserverSettings
from hw_sim.bus.wire import Wire
from hw_sim.capture import CaptureFile, Found
from hw_sim.capture.device import Script
from hw_sim.climate import AnyOverlay, Climate, ClimateSettings, Place, overlay_curve, overlay_quantities, units
from hw_sim.faults.base import PATTERN, Duration, seconds
from hw_sim.faults.kinds import AnyFault
from hw_sim.faults.radio import AnyRadioFault
from hw_sim.faults.supply import BatteryOld, PanelCovered
from hw_sim.judge.expect import Expect, expect_faults
from hw_sim.neighbour import NeighbourSettings
from hw_sim.node.battery import BatterySettings
from hw_sim.radio.settings import GATEWAY, RadioSettings
from hw_sim.signals import Signal
from hw_sim.streams import Streams

FOLDER = Path(__file__).parent
_SITES = FOLDER / "sites"
_FOLDERS = (FOLDER / "scenarios", FOLDER / "scenarios" / "systems")
Text = Annotated[str, Meta(min_length=1)]
Date = Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d)?\Z", extra={"allowed": Phrase("allowed.date")})]


class Recording(Struct, frozen=True, kw_only=True):
    """A file of hw_sim/recordings, and the row with which the world begins."""

    file: Text
    first_row: Annotated[int, Meta(ge=0, le=10_000_000)] = 0


class Truth(Struct, frozen=True, kw_only=True):
    """What is true for one channel, in the channel's unit: a signal of the `physics`, a recorded `column`, or a fixed
    `value`; then `scale` * that + `offset`. On a recording the scenario's overlays are laid when `laid` is true.
    `plus`: other signals of the physics that have a part in it, and how much each counts."""

    physics: Text | None = None
    recording: Text | None = None
    column: Text | None = None
    value: float | None = None
    laid: bool = False
    scale: float = 1.0
    offset: float = 0.0
    plus: dict[str, float] = {}

    @property
    def is_physics(self) -> bool:
        return self.physics is not None or bool(self.plus)


Error = Annotated[float, Meta(ge=0.0, le=3600.0, extra={"unit": "s"})]


class Accept(Struct, frozen=True, kw_only=True):
    """What the judge accepts besides nothing lost, doubled or wrong."""

    drain: Duration = "1h"  # everything measured has arrived so long after the last fault
    measured_share: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.0  # of the readings that the site file's periods promise
    polled_error_s: Error = 1.0  # of a time that is not called a guess: a poll on a slow line takes a while
    node_error_s: Error = 1.5  # a wake is stamped in whole seconds
    store_bytes_per_reading: Annotated[float, Meta(gt=0.0, le=1e6)] = 40.0
    wal_mib: Annotated[float, Meta(gt=0.0, le=1e6, extra={"unit": "MiB"})] = 8.0  # SQLite begins anew at 4 MB
    waiting_rows: Annotated[int, Meta(ge=1, le=1_000_000_000)] = 20_000  # in the gateway's memory, while its disk fails
    energy: Annotated[float, Meta(gt=0.0, le=1e6)] = 1.5  # of a node: times what its periods ask for
    updates: dict[str, int] = {}  # by node, the number of the update that it runs at the end, confirmed
    false_alarms_per_month: Annotated[float, Meta(ge=0.0, le=1e6)] = 0.0
    flagged_share: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.0  # of faults of sensors that quality control must find
    false_flags: Annotated[float, Meta(ge=0.0, le=1.0)] = 1.0  # of clean readings


_NAMES = {
    name: name[:-1] for name in ("captures", "expects", "faults", "neighbours", "recordings", "observers", "overlays")
}
_NAMES["batteries"] = "battery"


class Scenario(Struct, frozen=True, kw_only=True, rename=_NAMES):
    """One story. `micropython` names the nodes that run in a real MicroPython; `wires` says whether serial lines carry
    frames or single characters; `radio` says where nodes stand (without it nothing collides); `seconds_per_row` is the
    pace of recordings; `observers` says of a channel how its probe sees what is true. `site` is a name of hw_sim/sites
    or the path of a .toml file. What was captured in the field is true for every channel that `truth` leaves out;
    `start` and `days` are the captures' own where they are left out."""

    title: Text = "untitled"
    title_zh: str = ""
    site: Text
    start: Date = "2026-01-01"
    days: Annotated[float, Meta(ge=0.001, le=3660.0)] = 1.0
    micropython: tuple[Text, ...] = ()
    wires: Literal["frame", "byte"] = "frame"
    seconds_per_row: Annotated[float, Meta(ge=0.001, le=1e6, extra={"unit": "s"})] = 1.0
    climate: ClimateSettings = ClimateSettings()
    radio: RadioSettings | None = None
    overlays: tuple[AnyOverlay, ...] = ()
    recordings: dict[str, Recording] = {}
    captures: tuple[CaptureFile, ...] = ()
    truth: dict[str, Truth] = {}
    observers: dict[str, ObserverSettings] = {}
    batteries: tuple[BatterySettings, ...] = ()
    faults: tuple[AnyFault, ...] = ()
    accept: Accept = Accept()
    expects: tuple[Expect, ...] = ()
    neighbours: tuple[NeighbourSettings, ...] = ()

    @property
    def start_unix_s(self) -> int:
        return round(datetime.fromisoformat(self.start).replace(tzinfo=UTC).timestamp())

    @property
    def level(self) -> type[Wire]:
        return ByteWire if self.wires == "byte" else Wire

    @property
    def site_path(self) -> Path:
        return Path(self.site) if self.site.endswith(".toml") else _SITES / f"{self.site}.toml"

    def captured(self, site: config.Site) -> Found:
        """What the captures say of this site."""
        return capture.read(self.captures, site)

    def scripts(self, site: config.Site) -> dict[str, Script]:
        """By sensor, what captured devices do again: for one life of a world."""
        periods_s = {sensor.id: sensor.period_s for sensor in site.sensors}
        found = self.captured(site).exchanges
        return {sensor: Script(story, self.start_unix_s, periods_s[sensor]) for sensor, story in found.items()}

    def weather(self, site: config.Site, seed: int = 1, days: float | None = None) -> Climate | None:
        """The physics of the place, for one seed and so many days; None: neither a truth nor a battery asks for it."""
        if not (self.batteries or self.neighbours or any(truth.is_physics for truth in self.truth.values())):
            return None
        at = site.station
        place = Place(latitude=at.latitude, longitude=at.longitude, altitude_m=at.altitude_m)
        span_days = (self.days if days is None else days) + _SPARE_DAYS
        return Climate(place, self.start_unix_s, span_days, Streams(seed), self.climate, self.overlays)

    def signals(
        self,
        site: config.Site,
        seed: int = 1,
        days: float | None = None,
        seconds_per_row: float | None = None,
        weather: Climate | None = None,
    ) -> dict[str, Signal]:
        """The truth of every channel that has one, for one seed and so many days; recordings at the scenario's own pace
        or another. `weather`: that of weather(), if it is there already."""
        pace = self.seconds_per_row if seconds_per_row is None else seconds_per_row
        physics = self.weather(site, seed, days) if weather is None else weather
        samples = self.captured(site).samples
        found = {channel: capture.held(series, self.start_unix_s) for channel, series in samples.items()}
        return found | {channel: self._signal(channel, truth, physics, pace) for channel, truth in self.truth.items()}

    def _signal(self, channel: str, truth: Truth, physics: Climate | None, pace: float) -> Signal:
        signal = self._main_signal(channel, truth, physics, pace)
        for name, factor in truth.plus.items():
            assert physics is not None
            signal = signals.added(signal, signals.scaled(physics.signal(name), factor, 0.0))
        return signal

    def _main_signal(self, channel: str, truth: Truth, physics: Climate | None, pace: float) -> Signal:
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
_AFTER_S = 1.0  # the last thing that was captured is over


def find(name: str) -> Path:
    """A scenario's file: a path, or the name of one that comes with watertower. SiteError: it is neither."""
    for folder in _FOLDERS:
        path = folder / f"{name}.toml"
        if path.exists():
            return path
    if Path(name).exists() or name.endswith(".toml"):
        return Path(name)
    known = nearest(name, ["demo", *shipped(), *of_systems()])
    raise SiteError([Fault("", "fault.unknown_scenario", known, name, found=quoted(name))])


def shipped() -> list[str]:
    """The names of the scenarios that come with watertower, without the demonstration."""
    return sorted(path.stem for path in (FOLDER / "scenarios").glob("*.toml") if path.stem != "demo")


def of_systems() -> list[str]:
    """The names of those that live through one system of the plan each (docs/sites.md)."""
    return sorted(path.stem for path in _FOLDERS[1].glob("*.toml"))


def load(path: Path) -> Scenario:
    """SiteError: names every fault of the file, and of the site that it names, at once."""
    tree = read(path)
    _in_seconds(tree)
    sound, faults = walk(tree, Scenario)
    faults += [*_recordings(sound), *_truth(sound), *_times(sound), *_site(sound, path.absolute().parent)]
    if faults:
        raise SiteError([fault if fault.file else fault.in_file(path.name) for fault in faults])
    return _settled(msgspec.convert(tree, Scenario), path.absolute().parent, tree)


def _settled(story: Scenario, folder: Path, said: Collection[str]) -> Scenario:
    """Its paths made absolute; what it leaves out and its captures know is filled in."""
    site = str(folder / story.site) if story.site.endswith(".toml") else story.site
    captures = tuple(replace(one, file=str(folder / one.file)) for one in story.captures)
    story = replace(story, site=site, captures=captures)
    if captures:
        found = story.captured(config.load(story.site_path))
        if "start" not in said:
            start = datetime.fromtimestamp(found.begin_ms // 1000, UTC)
            story = replace(story, start=start.strftime("%Y-%m-%dT%H:%M:%S"))
        if "days" not in said:
            span_s = found.end_ms / 1000 + _AFTER_S - story.start_unix_s
            story = replace(story, days=max(span_s / 86_400, 0.001))
    return story


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
    known = units(_climate(sound))
    for channel, truth in sound.get("truth", {}).items():
        place = join("truth", channel)
        sources = [truth.get("physics") is not None, truth.get("column") is not None, truth.get("value") is not None]
        if sum(sources) != 1 or (truth.get("recording") is None) != (truth.get("column") is None):
            yield Fault(place, "fault.one_source", Phrase("hint.one_source"))
        elif truth["physics"] is not None and truth["physics"] not in known:
            found = truth["physics"]
            yield Fault(f"{place}.physics", "fault.unknown_signal", nearest(found, known), found=quoted(found))
        for found in truth.get("plus") or ():
            if found not in known:
                at = f"{join(place, 'plus')}.{found}"
                yield Fault(at, "fault.unknown_signal", nearest(found, known), found=quoted(found))
    for index, neighbour in enumerate(sound.get("neighbour", ())):
        found = neighbour.get("physics")
        if found is not None and found not in known:
            at = f"neighbour[{index}].physics"
            yield Fault(at, "fault.unknown_signal", nearest(found, known), found=quoted(found))


def _climate(sound: Tree) -> ClimateSettings:
    """The scenario's own, which may have other stations; the usual one where it has a fault already."""
    try:
        return msgspec.convert(sound.get("climate") or {}, ClimateSettings)
    except msgspec.ValidationError:
        return ClimateSettings()


def _times(sound: Tree) -> Iterator[Fault]:
    """A fault happens at one time, or again and again."""
    for index, fault in enumerate(sound.get("fault", ())):
        if (fault.get("at") is None) == (fault.get("every") is None) and {"at", "every"} <= fault.keys():
            yield Fault(f"fault[{index}]", "fault.at_or_every", Phrase("hint.at_or_every"))


def _site(sound: Tree, folder: Path) -> Iterator[Fault]:
    """What the site does not have, or what is wrong with it."""
    name = sound.get("site")
    known = [path.stem for path in _SITES.glob("*.toml")]
    if name is None:
        return
    own = folder / name if name.endswith(".toml") else None
    if name not in known and (own is None or not own.is_file()):
        hint = nearest(name, known) if own is None else Phrase("hint.check_path")
        yield Fault("site", "fault.unknown_site", hint, found=quoted(name))
        return
    try:
        site = config.load(own or _SITES / f"{name}.toml")
    except SiteError as error:
        file = name if own else f"{name}.toml"
        yield from (fault if fault.file else fault.in_file(file) for fault in error.faults)
        return
    nodes = [node.name for node in site.nodes]
    for index, node in enumerate(sound.get("micropython", ())):
        if node is not None and node not in nodes:
            place = f"micropython[{index}]"
            yield Fault(place, "fault.unknown_node", nearest(node, nodes), found=quoted(node), site=name)
    yield from capture.faults(sound.get("capture", ()), site, folder)
    yield from _targets(sound, site)
    yield from expect_faults(sound.get("expect", ()), site)
    yield from _batteries(sound, nodes)
    yield from _hands(sound, site)
    yield from _radio(sound, nodes)
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


def _batteries(sound: Tree, nodes: list[str]) -> Iterator[Fault]:
    """Batteries of nobody, two of one node, thresholds that are none, and faults of a battery that is not there."""
    on_battery: list[str] = []
    for index, battery in enumerate(sound.get("battery", ())):
        name, place = battery.get("node"), f"battery[{index}]"
        if name is not None and name not in nodes:
            hint = nearest(name, nodes)
            yield Fault(f"{place}.node", "fault.unknown_node", hint, found=quoted(name), site=sound["site"])
        elif name in on_battery:
            yield Fault(f"{place}.node", "fault.second_battery", found=quoted(name))
        on_battery.append(name)
        if None not in (cut_v := battery.get("cut_v"), boot_v := battery.get("boot_v")) and boot_v <= cut_v:
            yield Fault(f"{place}.boot_v", "fault.boot_below_cut", found=boot_v, cut=cut_v)
    for index, fault in enumerate(sound.get("fault", ())):
        if fault.get("kind") in _NEED_BATTERY and fault.get("node") in nodes and fault["node"] not in on_battery:
            yield Fault(f"fault[{index}].node", "fault.needs_battery", found=quoted(fault["node"]))


_NEED_BATTERY = [kind.__struct_config__.tag for kind in (BatteryOld, PanelCovered)]


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


def _radio(sound: Tree, nodes: list[str]) -> Iterator[Fault]:
    """Nodes without a place, places and ridges of nobody, and faults of a channel that is not described."""
    radio = sound.get("radio")
    if radio is None:
        for index, fault in enumerate(sound.get("fault", ())):
            if fault.get("kind") in _NEEDS_RADIO:
                yield Fault(f"fault[{index}].kind", "fault.needs_radio", found=quoted(fault["kind"]))
        return
    places = radio.get("place", {})
    for node in nodes:
        if node not in places:
            yield Fault(join("radio.place", node), "fault.missing", wanted=Phrase("type.table"))
    named = [(join("radio.place", node), node, nodes) for node in places]
    for index, ridge in enumerate(radio.get("ridge", ())):
        ends = enumerate(ridge.get("between", ()))
        named += [(f"radio.ridge[{index}].between[{end}]", node, [*nodes, GATEWAY]) for end, node in ends]
    for place, node, known in named:
        if node is not None and node not in known:
            yield Fault(place, "fault.unknown_node", nearest(node, known), found=quoted(node), site=sound["site"])


_NEEDS_RADIO = [kind.__struct_config__.tag for kind in get_args(AnyRadioFault)]


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
