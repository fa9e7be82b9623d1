"""Knows how a station's alarms are rows of its store and are restored from them; knows no rule and no store.

A row of source `alarm` for each transition, with numbers for words: the place of the event in EVENTS, of the state in
states.ALL, of the level in LEVELS from 1, the value of the rule's first quantity, and a time: when what an upstream
station saw gets here, or when a shelf ends. Its time is when it came to be.
"""

import math
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from gateway.process.alarm import states
from gateway.process.alarm.alarms import Alarms, Transition
from gateway.process.alarm.rule import LEVELS, Rule
from gateway.process.periods import DAY, Calendar
from gateway.process.periods import LEVELS as LEVELS_OF_TIME
from gateway.process.stage import Cell, Named, Row, Series
from gateway.process.trend.rows import TREND
from protocols import quality

ALARM = "alarm"
EVENTS = (
    "raised", "cleared", "acknowledged", "reset", "shelved", "unshelved", "suppressed", "unsuppressed", "removed",
    "returned", "escalated", "no_data", "data",
)  # fmt: skip
_DECIMALS = 6
_REMEMBERED_MS = 6 * 3_600_000  # of a mean or change after a start: longer ones begin anew; ours, for a quick start
_MARKS = 32
_LOOK_MS = 60_000  # shelves, escalations, readings that grow stale; each commit looks as well; ours


class Wish(NamedTuple):
    """What a person wants of an alarm: a verb of Alarms.command()."""

    rule: str
    verb: str
    for_ms: int


class Heard(NamedTuple):
    """What another station says of its alarm "station/rule"."""

    name: str
    is_raised: bool
    since_ms: int


class Standing(NamedTuple):
    """One alarm now. `since_ms`: of its last transition, `raised_ms`: when it was last raised, `shelf_ms`:
    when its shelf ends."""

    rule: str
    state: str
    level: str
    is_blind: bool
    since_ms: int | None
    value: float | None
    raised_ms: int | None = None
    shelf_ms: int | None = None

    @property
    def is_raised(self) -> bool:
        return self.state in states.STANDING


class Board:
    """What outlives the stage that a failed transaction throws away: wishes that wait, and how alarms stand."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = rules
        self.wishes: deque[Wish | Heard] = deque(maxlen=1000)
        self.standing: dict[str, Standing] = {}
        self.emergency: frozenset[int] = frozenset()


class AlarmRows:
    """The Stage that takes readings, and aggregates as "hour/<channel>", and gives transitions."""

    def __init__(self, board: Board, calendar: Calendar) -> None:
        self._board = board
        self._calendar = calendar
        self._alarms = Alarms(board.rules)
        self._rules = {rule.id: rule for rule in board.rules}
        self._channels = set().union(*(rule.channels for rule in board.rules))
        self._last: dict[str, Row] = {}  # by rule, also of rules that there are no more
        self._raised: dict[str, Row] = {}
        self._is_settled = False  # whether what was recalled has been held against the rules as they are
        self._now_ms = 0
        self._is_shown = False  # whether the board says how alarms stand
        self._window_ms = min(max((rule.window_ms for rule in board.rules), default=0), _REMEMBERED_MS)
        self._marks: deque[tuple[int, int]] = deque()  # (Unix ms, seq) of a collected row now and then

    @property
    def since_seq(self) -> float:
        """Where the longest window begins."""
        return self._marks[0][1] if self._marks else math.inf

    @property
    def due_ms(self) -> float:
        return -math.inf if self._board.wishes or not self._is_settled else self._now_ms + _LOOK_MS

    def is_urgent(self, row: Row) -> bool:
        """Whether something follows from it that should not wait for a group commit."""
        readings = self._readings(row)
        return bool(readings) and self._alarms.is_news(row.unix_ms, readings)

    def step(self, row: Row) -> Iterator[Row]:
        readings = {} if row.series.source == ALARM else self._readings(row)
        if readings:
            self._mark(row)
            measured_ms = self._measured_ms(row)
            now_ms = max(self._now_ms, measured_ms)
            yield from self._written(self._alarms.step(now_ms, readings, measured_ms))

    def _measured_ms(self, row: Row) -> int:
        """What is made of a period is known of its end."""
        level = DAY if row.series.source == TREND else row.series.source.rpartition("_")[2]
        return self._calendar.end(level, row.unix_ms) if level in LEVELS_OF_TIME else row.unix_ms

    def recall(self, row: Row) -> None:
        """A row that was there before this start: what followed from it has been said."""
        if row.series.source == ALARM:
            self._restore(row)
        else:
            self._mark(row)
            self._alarms.remember(self._measured_ms(row), self._readings(row))

    def _mark(self, row: Row) -> None:
        if not (self._window_ms and row.seq and row.series.is_collected):
            return
        marks = self._marks
        if marks and row.unix_ms < marks[-1][0] - self._window_ms:
            marks.clear()  # a clock was set back: windows begin anew
        if not marks or row.unix_ms - marks[-1][0] >= self._window_ms / _MARKS:
            marks.append((row.unix_ms, row.seq))
        while len(marks) > 1 and marks[1][0] <= row.unix_ms - 1.25 * self._window_ms:
            marks.popleft()

    def tick(self, unix_ms: int) -> Iterator[Row]:
        self._now_ms = unix_ms
        if not self._is_settled:
            self._is_settled = True
            yield from self._settled(unix_ms)
        wishes = self._board.wishes
        while wishes:
            yield from self._written(self._granted(unix_ms, wishes[0]))
            wishes.popleft()
        yield from self._written(self._alarms.tick(unix_ms))
        if not self._is_shown:
            self._show()

    def _settled(self, unix_ms: int) -> Iterator[Row]:
        """Alarms whose rule has gone while they were not normal, and those in a state that their rule no longer has:
        who listens would have them stand for ever."""
        for rule, row in list(self._last.items()):
            state, level = states.ALL[row.cells[1][0] or 0], LEVELS[(row.cells[2][0] or 1) - 1]
            if rule in self._rules:
                now, _ = self._alarms.state_of(rule)
                if now == state:
                    continue
                event = "unsuppressed" if state == states.SUPPRESSED else "reset"
            elif state != states.NORMAL:
                now, event = states.NORMAL, "removed"
            else:
                continue
            yield from self._written([Transition(unix_ms, rule, event, now, level)])

    def _granted(self, unix_ms: int, wish: Wish | Heard) -> tuple[Transition, ...]:
        if isinstance(wish, Heard):
            return self._alarms.hear(unix_ms, *wish)
        return self._alarms.command(unix_ms, *wish) if wish.rule in self._rules else ()

    def _readings(self, row: Row) -> dict[str, tuple[float | None, int]]:
        """A mean of too few readings is unknown. A counter's rise is as good as its ends, and the standard lets an
        index stand that lacks a pollutant."""
        lead = "" if row.series.is_collected else f"{row.series.source}/"
        found: dict[str, tuple[float | None, int]] = {}
        for (name, _, decimals), (value, worth) in zip(row.series.channels, row.cells, strict=True):
            if lead + name in self._channels and (value is not None or worth):
                if worth & quality.FEW and _is_mean(name, row.series):
                    value = None
                found[lead + name] = (None if value is None else value / 10**decimals, worth)
        return found

    def _written(self, transitions: Iterable[Transition]) -> Iterator[Row]:
        for one in transitions:
            row = Row(Series(ALARM, channels(one.rule)), one.unix_ms, self._cells(one))
            self._last[one.rule] = row
            if one.event == "raised":
                self._raised[one.rule] = row
            self._is_shown = False
            yield row

    def _cells(self, one: Transition) -> tuple[Cell, ...]:
        time_ms = one.expected_ms if one.state != states.SHELVED else self._alarms.shelf_ms(one.rule)
        return (
            (EVENTS.index(one.event), 0),
            (states.ALL.index(one.state), 0),
            (1 + LEVELS.index(one.level), 0),
            (None if one.value is None else round(one.value * 10**_DECIMALS), 0),
            (None if time_ms is None else time_ms // 1000, 0),
            (one.step, 0),
        )

    def _restore(self, row: Row) -> None:
        """The last transition of each rule says how it stands."""
        rule = row.series.channels[0][0].split(".")[1]
        raised = self._raised.get(rule)
        if EVENTS[row.cells[0][0] or 0] == "raised" and (raised is None or raised.seq < row.seq):
            self._raised[rule] = row
        known = self._last.get(rule)
        if known is not None and known.seq > row.seq:
            return
        self._last[rule] = row
        if rule not in self._rules:
            return
        (_, _), (state, _), _, _, (time_s, _), (step, _) = row.cells
        shelf_ms = None if time_s is None else 1000 * time_s
        self._alarms.restore(rule, states.ALL[state or 0], shelf_ms, step or 0)
        self._is_shown = False

    def _show(self) -> None:
        self._is_shown = True
        self._board.emergency = self._alarms.emergency
        for rule in self._rules.values():
            state, is_blind = self._alarms.state_of(rule.id)
            last = self._last.get(rule.id)
            value = None if last is None or last.cells[3][0] is None else last.cells[3][0] / 10**_DECIMALS
            since_ms = None if last is None else last.unix_ms
            raised = self._raised.get(rule.id)
            raised_ms = None if raised is None else raised.unix_ms
            shelf_ms = self._alarms.shelf_ms(rule.id) if state == states.SHELVED else None
            self._board.standing[rule.id] = Standing(
                rule.id, state, rule.level, is_blind, since_ms, value, raised_ms, shelf_ms
            )


def _is_mean(name: str, series: Series) -> bool:
    """By what stands beside it: docs/aggregates.md, "Rows"."""
    beside = {other for other, _, _ in series.channels}
    return f"{name}:count" in beside and f"{name}:first" not in beside


def channels(rule: str) -> tuple[Named, ...]:
    """Of the rows of one rule."""
    return (
        (f"alarm.{rule}.event", "1", 0),
        (f"alarm.{rule}.state", "1", 0),
        (f"alarm.{rule}.level", "1", 0),
        (f"alarm.{rule}.value", "1", _DECIMALS),
        (f"alarm.{rule}.time", "s", 0),
        (f"alarm.{rule}.step", "1", 0),
    )
