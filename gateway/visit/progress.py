"""Knows how a long task shows how far it is: a bar on a terminal, a line now and then elsewhere; knows no task."""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Progress(Protocol):
    """What a task tells of itself."""

    def at(self, done: float, of: float, what: str) -> None: ...


class Silent:
    """Shows nothing: tests, and programs."""

    def at(self, done: float, of: float, what: str) -> None:
        pass


class Lines:
    """For a log: a line whenever another quarter is done, or something else is done now."""

    def __init__(self) -> None:
        self._last: tuple[str, int] | None = None

    def at(self, done: float, of: float, what: str) -> None:
        quarter = int(4 * done / of) if of else 4
        if (what, quarter) != self._last:
            self._last = what, quarter
            print(f"{what} {25 * quarter} %", file=sys.stderr, flush=True)


@contextmanager
def shown() -> Iterator[Progress]:
    """A bar of rich on standard error if that is a terminal. The result itself goes to standard output."""
    if not sys.stderr.isatty():
        yield Lines()
        return
    try:
        console = importlib.import_module("rich.console")
        bars = importlib.import_module("rich.progress")
    except ImportError:
        yield Lines()
        return
    with bars.Progress(
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.TaskProgressColumn(),
        bars.TimeRemainingColumn(),
        console=console.Console(stderr=True),
        transient=True,
    ) as bar:
        task = bar.add_task("", total=1.0)

        class Bar:
            def at(self, done: float, of: float, what: str) -> None:
                bar.update(task, completed=done, total=of, description=what)

        yield Bar()
