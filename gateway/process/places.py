"""Knows in which series a channel's derived rows stand, and finds its cells; knows no meaning of them.

A changed list of channels begins a new series, and late data go into the old one: a channel may be in several. Where
two have a row of one time, the series that was met last counts.
"""

from collections.abc import Iterable

from gateway.process.stage import Cell, Named, Past, Row, Series

Found = tuple[Named, Cell]


class Places:
    """By a key of the caller's."""

    def __init__(self, past: Past) -> None:
        self._past = past
        self._of: dict[str, list[tuple[Series, int]]] = {}

    def note(self, key: str, series: Series, place: int) -> None:
        known = self._of.setdefault(key, [])
        if all(one is not series and one != series for one, _ in known):
            known.append((series, place))

    def at(self, keys: Iterable[str], unix_ms: int) -> dict[str, Found]:
        """Those that have a row of that time."""
        rows: dict[Series, Row | None] = {}
        found: dict[str, Found] = {}
        for key in keys:
            for series, place in reversed(self._of.get(key, ())):
                if series not in rows:
                    rows[series] = self._past.at(series, unix_ms)
                row = rows[series]
                if row is not None:
                    found[key] = series.channels[place], row.cells[place]
                    break
        return found

    def between(self, key: str, from_ms: int, to_ms: int) -> dict[int, Found]:
        """By time."""
        return {
            row.unix_ms: (series.channels[place], row.cells[place])
            for series, place in self._of.get(key, ())
            for row in self._past.between(series, from_ms, to_ms)
        }
