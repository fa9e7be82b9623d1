"""Knows the number of a Sparkplug session (bdSeq) over restarts; knows no message and no connection."""

import logging
from pathlib import Path

from gateway.whole_file import whole_file

log = logging.getLogger(__name__)
_MOST = 255  # Sparkplug 3.0, 6.4.20: then 0 follows


class BirthCount:
    """One file. On a disk that can't be written the count goes on in memory."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._last = self._read()

    def _read(self) -> int:
        try:
            written = self._path.read_text("ascii").strip()
        except (OSError, UnicodeDecodeError):
            return _MOST
        is_one = len(written) <= len(str(_MOST)) and written.isdigit() and int(written) <= _MOST
        return int(written) if is_one else _MOST

    def next(self) -> int:
        """Of a session that begins now; on disk before anybody hears of it."""
        self._last = (self._last + 1) % (_MOST + 1)
        try:
            with whole_file(self._path) as beside:
                beside.write_text(f"{self._last}\n", "ascii")
        except OSError as error:
            log.warning("%s can't be written: %s", self._path, error)
        return self._last
