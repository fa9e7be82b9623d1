"""Knows what an HJ 212 platform has changed from afar and keeps it in a file; knows no packet and no connection."""

import json
from pathlib import Path
from typing import Any

from gateway.site.hj212 import Hj212Uplink
from gateway.whole_file import whole_file

SECRET = ("NewPW", "NewKey")  # not for the log


class Settings:
    """`file` None: in memory only. What the site file says counts until the platform has said otherwise; a name is the
    field by which the platform sets it."""

    def __init__(self, uplink: Hj212Uplink, file: Path | None) -> None:
        self._site = {
            "OverTime": str(uplink.overtime_s),
            "ReCount": str(uplink.recount),
            "RtdInterval": str(uplink.realtime_s or 60),
            "MinInterval": str(uplink.minute or 10),
            "NewMN": uplink.mn,
            "realtime": "0" if uplink.realtime_s is None else "1",
            "states": "1" if uplink.devices and uplink.realtime_s is not None else "0",
        }
        self._file = file
        self._set: dict[str, str] = {}
        if file is not None and file.exists():
            read: Any = json.loads(file.read_text("utf-8"))
            self._set = {str(key): str(value) for key, value in read.items()}

    def get(self, name: str) -> str:
        """ "" where only a secret place of the site file knows."""
        return self._set.get(name, self._site.get(name, ""))

    def number(self, name: str) -> int:
        return int(self.get(name))

    def set(self, name: str, value: str) -> None:
        self._set[name] = value
        if self._file is not None:
            with whole_file(self._file) as beside:
                beside.write_text(json.dumps(self._set), "utf-8")
                beside.chmod(0o600)  # it may hold a password


def settings_file(store: Path, uplink: Hj212Uplink) -> Path:
    """Beside the store."""
    return store.with_name(f"{store.name}.hj212-{uplink.id}.json")
