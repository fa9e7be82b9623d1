"""Knows how readings become CSV, one line a reading or one line a time, and JSON lines; knows no store.

CSV is RFC 4180, but for its line ends.
"""

import csv
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gateway.export.reading import Reading, Sample, digits, iso, sample
from gateway.export.sheet import Sheet
from protocols.worth import QARTOD_MISSING, qartod


def write_csv(path: Path, readings: Iterable[Reading]) -> int:
    """How many there were, as all of these say."""
    written = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Sample._fields)
        for written, one in enumerate(readings, 1):  # noqa: B007
            writer.writerow(sample(one))
    return written


def write_json(path: Path, readings: Iterable[Reading]) -> int:
    written = 0
    with path.open("w", encoding="utf-8") as file:
        for written, one in enumerate(map(sample, readings), 1):  # noqa: B007
            plain: dict[str, Any] = one._asdict()
            plain["value"] = json.loads(one.value) if one.value else None
            file.write(json.dumps(plain, separators=(",", ":"), ensure_ascii=False) + "\n")
    return written


def write_sheet(path: Path, sheet: Sheet) -> None:
    """A column `time`, and for each channel one with its name and `<name>_qc`: all numbers, so that whoever reads it
    need not be told any type."""
    names = [channel.name for channel in sheet.channels]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["time", *(column for name in names for column in (name, f"{name}_qc"))])
        for unix_ms, cells in sheet.lines():
            line: list[str | int] = [iso(unix_ms)]
            for cell in cells:
                line += ("", QARTOD_MISSING) if cell is None else (digits(*cell[:2]), qartod(cell[2]))
            writer.writerow(line)
