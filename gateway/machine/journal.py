"""Knows how a line of the log tells journald its priority (sd-daemon(3): "<4>" before it); knows no other log."""

import logging
import os
from collections.abc import Mapping

_PLAIN = "%(levelname)s %(name)s: %(message)s"
_PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))  # RFC 5424, 6.2.1
_DEBUG = 7


class JournalFormatter(logging.Formatter):
    """Every line of a traceback has the priority: journald makes an entry of each."""

    def format(self, record: logging.LogRecord) -> str:
        priority = next((number for level, number in _PRIORITIES if record.levelno >= level), _DEBUG)
        return "\n".join(f"<{priority}>{line}" for line in super().format(record).splitlines())


def formatter(environ: Mapping[str, str] = os.environ) -> logging.Formatter:
    """For standard error: with priorities where it goes to the journal (systemd.exec(5), JOURNAL_STREAM)."""
    if environ.get("JOURNAL_STREAM"):
        return JournalFormatter("%(name)s: %(message)s")
    return logging.Formatter(_PLAIN)
