"""Knows what a centre has changed from afar and keeps it in a file; knows no frame and no connection."""

import json
from pathlib import Path
from typing import Any

from gateway.site.sl651 import Sl651Uplink
from gateway.whole_file import whole_file

PASSWORD, TIMED_H = "03", "20"


class Settings:
    """`file` None: in memory only. What the site file says counts until a centre has said otherwise."""

    def __init__(self, uplink: Sl651Uplink, file: Path | None) -> None:
        self._uplink = uplink
        self._file = file
        self._set: dict[str, str] = {}  # parameter -> hex of its data
        if file is not None and file.exists():
            read: Any = json.loads(file.read_text("utf-8"))
            self._set = {str(key): str(value) for key, value in read.items()}

    @property
    def password(self) -> str:
        return self._set.get(PASSWORD, self._uplink.password).upper()

    @property
    def timed_s(self) -> int | None:
        return int(self._set[TIMED_H]) * 3600 if TIMED_H in self._set else self._uplink.timed_s

    def get(self, parameter: str) -> str | None:
        return self._set.get(parameter)

    def set(self, parameter: str, data: str) -> None:
        self._set[parameter] = data
        if self._file is not None:
            with whole_file(self._file) as beside:
                beside.write_text(json.dumps(self._set), "utf-8")
                beside.chmod(0o600)  # it holds the password
