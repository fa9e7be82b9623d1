"""Knows which kinds of capture a scenario may name and what is wrong with one; knows none of them from inside."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from gateway.capture import RADIO
from gateway.faults import Fault, nearest, quoted
from gateway.messages import Phrase
from gateway.site.config import Site
from hw_sim.capture import bus, journal, mqtt, notes, radio
from hw_sim.capture.found import Found as Found
from hw_sim.capture.found import held as held
from hw_sim.capture.found import joined

Text = Annotated[str, Meta(min_length=1)]
_MOST_TOLD = 5  # damaged lines of a file


class CaptureFile(Struct, frozen=True, kw_only=True):
    """What was recorded in the field. `line`: of a "bus" capture that has several, the bus's id or "radio-link";
    `node`: whose flash a "journal" is (None: by what its records say). Lines that can't be read are refused, or left
    out when `skip_damaged` is true."""

    file: Text
    kind: Literal["bus", "journal", "mqtt"]
    line: Text | None = None
    node: Text | None = None
    skip_damaged: bool = False


def read(captures: Sequence[CaptureFile], site: Site) -> Found:
    """What they hold together; `file` must be absolute, and faults() have found nothing."""
    return joined(_read(capture, Path(capture.file), site) for capture in captures)


class _Meaning:
    """A site, equal to another one where bytes and records mean the same."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self._key = (
            site.station,
            site.buses,
            site.sensors,
            site.nodes,
            tuple(site.profiles[name] for name in sorted(site.profiles)),
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Meaning) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


def _read(capture: CaptureFile, path: Path, site: Site) -> Found:
    """A file is asked for several times, and a big one takes seconds: it is kept as long as it does not change."""
    state = path.stat()
    plain = replace(capture, file="", skip_damaged=False)
    return _read_anew(plain, path.resolve(), state.st_mtime_ns, state.st_size, _Meaning(site))


@lru_cache(maxsize=8)
def _read_anew(capture: CaptureFile, path: Path, _changed_ns: int, _bytes: int, meaning: _Meaning) -> Found:
    site = meaning.site
    if capture.kind == "mqtt":
        return mqtt.found(path, site)
    if capture.kind == "journal":
        return journal.found(path.read_bytes(), site, capture.node)
    noted = notes.read(path)
    line = capture.line or notes.names(noted)[0]
    of_line = notes.of_line(noted, line)
    if line == RADIO:
        found = radio.found(of_line, site)
    else:
        found = bus.found(of_line, next(one for one in site.buses if one.id == line), site)
    return found._replace(damaged=noted.damaged)


def faults(tables: Sequence[dict[str, Any]], site: Site, folder: Path) -> Iterator[Fault]:
    """What is wrong with a scenario's captures: `tables` are the sound parts of its [[capture]]."""
    for index, table in enumerate(tables):
        if {"file", "kind"} <= table.keys():
            yield from _faults(CaptureFile(**table), f"capture[{index}]", site, folder)


def _faults(capture: CaptureFile, place: str, site: Site, folder: Path) -> Iterator[Fault]:
    path = folder / capture.file
    try:
        wrong = list(_KINDS[capture.kind](capture, place, site, path))
        if wrong:
            yield from wrong
            return
        found = _read(capture, path, site)
    except OSError as error:
        reason = f"{capture.file}: {error.strerror or error}"
        yield Fault(f"{place}.file", "fault.unreadable", Phrase("hint.check_path"), reason=reason)
        return
    yield from _damage(found.damaged, capture, place)
    if not found.end_ms and (capture.skip_damaged or not found.damaged):
        yield Fault(f"{place}.file", "fault.empty_capture", recording=path.name, site=site.station.id)


def _bus_faults(capture: CaptureFile, place: str, site: Site, path: Path) -> Iterator[Fault]:
    """It is of one line, which the site has, too."""
    noted = notes.read(path)
    lines = notes.names(noted)
    line = lines[0] if capture.line is None and len(lines) == 1 else capture.line
    buses = [bus.id for bus in site.buses] + ([RADIO] if site.nodes else [])
    if not lines:
        yield from _damage(noted.damaged, capture, place)
        if capture.skip_damaged or not noted.damaged:
            yield Fault(f"{place}.file", "fault.empty_capture", recording=path.name, site=site.station.id)
    elif line is None:
        yield Fault(f"{place}.line", "fault.which_line", Phrase("hint.known", names=tuple(lines)))
    elif line not in lines:
        hint = nearest(line, lines)
        yield Fault(f"{place}.line", "fault.no_such_line", hint, found=quoted(line), recording=path.name)
    elif line not in buses:
        hint = nearest(line, buses)
        yield Fault(f"{place}.line", "fault.unknown_line", hint, found=quoted(line), site=site.station.id)


def _journal_faults(capture: CaptureFile, place: str, site: Site, path: Path) -> Iterator[Fault]:
    """It is whole, and of a node that the site has."""
    nodes = [node.name for node in site.nodes]
    if capture.node is not None and capture.node not in nodes:
        hint = nearest(capture.node, nodes)
        yield Fault(f"{place}.node", "fault.unknown_node", hint, found=quoted(capture.node), site=site.station.id)
    size = path.stat().st_size
    if size % journal.SECTOR_BYTES and not capture.skip_damaged:
        hint = Phrase("hint.skip_damaged")
        yield Fault(f"{place}.file", "fault.part_of_a_dump", hint, recording=path.name, bytes=size)


def _mqtt_faults(capture: CaptureFile, place: str, site: Site, path: Path) -> Iterator[Fault]:
    """All that can be wrong shows when it is read."""
    return iter(())


_KINDS = {"bus": _bus_faults, "journal": _journal_faults, "mqtt": _mqtt_faults}


def _damage(damaged: Sequence[tuple[int, str]], capture: CaptureFile, place: str) -> Iterator[Fault]:
    """The first lines that can't be read, unless they shall be left out."""
    if capture.skip_damaged:
        return
    named = Path(capture.file).name
    for number, text in damaged[:_MOST_TOLD]:
        hint = Phrase("hint.skip_damaged")
        yield Fault(f"{place}.file", "fault.damaged_line", hint, recording=named, line=number, found=quoted(text))
    if len(damaged) > _MOST_TOLD:
        yield Fault(f"{place}.file", "fault.more_damaged", recording=named, count=len(damaged) - _MOST_TOLD)
