"""journald learns how urgent each line is."""

import logging
import sys

import pytest

from gateway.machine.journal import formatter


def record(level: int, text: str) -> logging.LogRecord:
    return logging.LogRecord("gateway.app", level, __file__, 1, text, None, None)


@pytest.mark.parametrize(
    ("level", "prefix"),
    [(logging.CRITICAL, "<2>"), (logging.ERROR, "<3>"), (logging.WARNING, "<4>"), (logging.INFO, "<6>"), (10, "<7>")],
)
def test_a_line_for_the_journal_begins_with_its_priority(level: int, prefix: str) -> None:
    assert formatter({"JOURNAL_STREAM": "8:1"}).format(record(level, "said")) == f"{prefix}gateway.app: said"


def test_each_line_of_a_traceback_has_it_too() -> None:
    one = record(logging.ERROR, "radio failed")
    try:
        raise RuntimeError("a mistake")
    except RuntimeError:
        one.exc_info = sys.exc_info()
    lines = formatter({"JOURNAL_STREAM": "8:1"}).format(one).splitlines()
    assert len(lines) > 3 and all(line.startswith("<3>") for line in lines) and "a mistake" in lines[-1]


def test_elsewhere_the_level_is_a_word() -> None:
    assert formatter({}).format(record(logging.INFO, "said")) == "INFO gateway.app: said"
