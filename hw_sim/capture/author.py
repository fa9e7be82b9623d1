"""Knows how files from the field become a scenario file; knows nothing of how it is lived through."""

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from gateway.capture import RADIO
from gateway.site.config import Site
from hw_sim import capture
from hw_sim.capture import CaptureFile, Found, journal, notes

_LOOK_BYTES = 1 << 16


def compose(site: Site, site_path: Path, files: Sequence[Path], out: Path, skip_damaged: bool = False) -> str:
    """The text of the scenario file `out`. What bytes show a device did is replayed from them; the silences of those
    of which there are only readings become faults. OSError: a file can't be read."""
    tables = [table for path in files for table in _tables(path, site, skip_damaged)]
    folder = out.absolute().parent
    lines = [
        f"title = {_quoted('From the field: ' + ', '.join(path.name for path in files))}",
        f"site = {_quoted(_relative(site_path, folder))}",
    ]
    for table in tables:
        lines += ["", "[[capture]]", f"file = {_quoted(_relative(Path(table.file), folder))}"]
        lines += [f"kind = {_quoted(table.kind)}"]
        lines += [f"line = {_quoted(table.line)}"] if table.line is not None else []
        lines += ["skip_damaged = true"] if skip_damaged else []
    found = _sound(tables, site)
    for sensor, begin_ms, end_ms in silences(found, site):
        at_s = (begin_ms - found.begin_ms // 1000 * 1000) / 1000
        lines += ["", "[[fault]]", 'kind = "sensor_off"', f"sensor = {_quoted(sensor)}"]
        lines += [f'at = "{at_s:.3f}s"', f'lasts = "{(end_ms - begin_ms) / 1000:.3f}s"']
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)  # for TOML as well


def _relative(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path.absolute(), folder)).as_posix()


def _tables(path: Path, site: Site, skip_damaged: bool) -> Iterator[CaptureFile]:
    """What a file is shows its beginning: a sector of a journal, a JSON object, or else MQTT messages."""
    with path.open("rb") as file:
        head = file.read(_LOOK_BYTES)
    sectors = range(0, len(head), journal.SECTOR_BYTES)
    if not head.isascii() and any(head[at : at + 4] in (journal.MAGIC, b"\xff" * 4) for at in sectors):
        yield CaptureFile(file=str(path), kind="journal", skip_damaged=skip_damaged)
    elif head.lstrip().startswith(b"{"):
        lines = notes.names(notes.read(path))
        known = [bus.id for bus in site.buses] + ([RADIO] if site.nodes else [])
        # those that the site lacks as well, if there are no others: then it is told
        wanted: Sequence[str | None] = [line for line in lines if line in known] or lines or [None]
        for line in wanted:
            yield CaptureFile(file=str(path), kind="bus", line=line, skip_damaged=skip_damaged)
    else:
        yield CaptureFile(file=str(path), kind="mqtt", skip_damaged=skip_damaged)


def _sound(tables: Iterable[CaptureFile], site: Site) -> Found:
    """What those hold that have no fault: the others' are told when the scenario is loaded."""
    here = Path.cwd()
    plain = [(table, {"file": table.file, "kind": table.kind, "line": table.line}) for table in tables]
    sound = [table for table, said in plain if not list(capture.faults([{**said, "skip_damaged": True}], site, here))]
    return capture.read(sound, site)


def silences(found: Found, site: Site) -> list[tuple[str, int, int]]:
    """(sensor, first and last Unix ms) of each time in which it did not answer, half a period wider than is known."""
    every = [*site.sensors, *(sensor for node in site.nodes for sensor in node.sensors)]
    spans = []
    for sensor in every:
        half_ms = sensor.period_s * 500
        own = [series for name, series in found.samples.items() if name.rpartition(".")[0] == sensor.id]
        answered = {unix_ms for series in own for unix_ms, _ in series}
        events = [(unix_ms, False) for unix_ms in found.silent.get(sensor.id, ()) if unix_ms not in answered]
        events += [(unix_ms, True) for unix_ms in answered]
        begin_ms = last_ms = 0
        for unix_ms, answers in sorted(events):
            if not answers:
                begin_ms, last_ms = begin_ms or max(unix_ms - half_ms, found.begin_ms), unix_ms
            elif begin_ms:
                spans.append((sensor.id, begin_ms, unix_ms - half_ms))
                begin_ms = 0
        if begin_ms:
            spans.append((sensor.id, begin_ms, last_ms + half_ms))
    return sorted(spans, key=lambda span: span[1])
