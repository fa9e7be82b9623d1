"""Knows how a commissioning outlives the power cut that it asks for: a file with what is known; knows no check."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gateway.visit.commission.finding import STEPS, Finding
from gateway.visit.commission.power_cut import Before
from gateway.visit.commission.record import Rows
from gateway.visit.commission.visit import Visit
from gateway.whole_file import whole_file

_OLD_MS = 3_600_000  # a cut that is longer ago was not this one; ours


class Known(NamedTuple):
    """What was written down before the cut."""

    begun_ms: int
    first_seq: int
    since_ms: int
    findings: list[dict[str, Any]]
    devices: list[dict[str, Any]]
    before: Before

    @property
    def done(self) -> tuple[str, ...]:
        return STEPS[:-1]


class Notes:
    """In one file beside the certificate that it will become."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(
        self, visit: Visit, findings: Sequence[Finding], devices: Sequence[dict[str, Any]], before: Before
    ) -> None:
        """On disk when it returns."""
        said = {
            "target": visit.target,
            "begun_ms": visit.begun_ms,
            "noted_ms": visit.time.unix_ms(),
            "first_seq": visit.first_seq,
            "since_ms": visit.since_ms,
            "findings": [finding.plain() for finding in findings],
            "devices": list(devices),
            "before": {**before._asdict(), "rows": before.rows._asdict()},
        }
        with whole_file(self.path) as beside:
            beside.write_text(json.dumps(said), "utf-8")

    def read(self, visit: Visit) -> Known | None:
        """None: there is nothing, or it is of something else or long ago."""
        try:
            said = json.loads(self.path.read_text("utf-8"))
            told = said["before"]
            before = Before(**{**told, "rows": Rows(**told["rows"])})
            known = Known(
                said["begun_ms"], said["first_seq"], said["since_ms"], said["findings"], said["devices"], before
            )
            is_this = said["target"] == visit.target and visit.time.unix_ms() - said["noted_ms"] < _OLD_MS
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return known if is_this else None

    def forget(self) -> None:
        self.path.unlink(missing_ok=True)
