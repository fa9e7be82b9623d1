"""Knows the small language in which a rule says when it holds, as text and as a tree; knows no channel's value.

    level.level > 1500 and change(level.level, 1h) > 300
    river.ph < 6 or river.ph > 9
    mean(air.pm2_5, 1h) > 150 and not alarm(rain)
    alarm(upstream/flood)

A comparison is a quantity, one of > >= < <= and a number in that channel's unit. A quantity is a channel, its `mean`
or its `change` over a time (s, min, h, d). `alarm` is another rule of this station, or one of another station. `not`
binds closest, then `and`, then `or`. There is nothing else in it, so nothing can be called that is not meant.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

# [source/]sensor.quantity[:statistic]: the source of a derived row, e.g. hour/river.ph:max
CHANNEL = r"(?:[a-z][a-z0-9_]*/)?[a-z0-9][a-z0-9_]*\.[a-z0-9_]+(?::[a-z0-9_]+)?"
_OTHER = r"(?:[a-z0-9][a-z0-9-]*/)?[a-z0-9][a-z0-9_-]*"
_TOKEN = re.compile(
    rf"\s*(?:(?P<call>(?:mean|change)\(\s*(?P<of>{CHANNEL})\s*,\s*(?P<time>\d{{1,6}})\s*(?P<in>s|min|h|d)\s*\))"
    rf"|(?P<alarm>alarm\(\s*(?P<other>{_OTHER})\s*\))"
    r"|(?P<number>[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?)(?![\w.:/])"
    rf"|(?P<channel>{CHANNEL})"
    r"|(?P<word>(?:and|or|not)\b)|(?P<sign>>=|<=|>|<|\(|\)))"
)
_MS = {"s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
_LONGEST_MS = 31 * 86_400_000  # ours: what looks further back belongs to trends
_DEEPEST = 16  # ours; keeps a bracketed joke from exhausting the stack


class Quantity(NamedTuple):
    """`form`: "", "mean" or "change"; those look `window_ms` back."""

    channel: str
    form: str = ""
    window_ms: int = 0


class Compare(NamedTuple):
    quantity: Quantity
    sign: str
    limit: float


class Other(NamedTuple):
    """The alarm `name` of this station, or "station/name"."""

    name: str


class Not(NamedTuple):
    one: "Expression"


class All(NamedTuple):
    ones: tuple["Expression", ...]


class Any(NamedTuple):
    ones: tuple["Expression", ...]


Expression = Compare | Other | Not | All | Any


class RuleError(Exception):
    """The text is no rule: at `column` (from 1) stands `found` ("" at its end), where `wanted` is due: "condition",
    "sign", "number", "end", "bracket", "time" or "less" (of brackets). Correct the site file."""

    def __init__(self, column: int, found: str, wanted: str) -> None:
        super().__init__(f"column {column}: found {found!r}, needs {wanted}")
        self.column, self.found, self.wanted = column, found, wanted


def parse(text: str) -> Expression:
    """RuleError: it is no rule."""
    reader = _Reader(text)
    one = reader.any()
    if reader.kind:
        raise reader.fault("end")
    return one


def quantities(one: Expression) -> Iterator[Quantity]:
    """Every quantity that is looked at."""
    for leaf in _leaves(one):
        if isinstance(leaf, Compare):
            yield leaf.quantity


def others(one: Expression) -> Iterator[str]:
    """Every other alarm that is asked for."""
    for leaf in _leaves(one):
        if isinstance(leaf, Other):
            yield leaf.name


def _leaves(one: Expression) -> Iterator[Compare | Other]:
    if isinstance(one, Not):
        yield from _leaves(one.one)
    elif isinstance(one, All | Any):
        for part in one.ones:
            yield from _leaves(part)
    else:
        yield one


class _Reader:
    """Recursive descent, a token at a time."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._end = 0
        self._deep = 0
        self._next()

    def _next(self) -> None:
        self._at = self._end + len(self._text[self._end :]) - len(self._text[self._end :].lstrip())
        self._match = _TOKEN.match(self._text, self._end)
        self.kind = "" if self._at >= len(self._text) else "other"
        if self._match is not None:
            self._end = self._match.end()
            self.kind = str(self._match.lastgroup if self._match["call"] is None else "call")
            if self._match["alarm"] is not None:
                self.kind = "alarm"

    def fault(self, wanted: str) -> RuleError:
        found = re.match(r"\S*", self._text[self._at :])
        return RuleError(self._at + 1, found[0] if found else "", wanted)

    def _is(self, *words: str) -> bool:
        return self._match is not None and self.kind in ("word", "sign") and self._match[self.kind] in words

    def any(self) -> Expression:
        ones = [self._all()]
        while self._is("or"):
            self._next()
            ones.append(self._all())
        return ones[0] if len(ones) == 1 else Any(tuple(ones))

    def _all(self) -> Expression:
        ones = [self._one()]
        while self._is("and"):
            self._next()
            ones.append(self._one())
        return ones[0] if len(ones) == 1 else All(tuple(ones))

    def _one(self) -> Expression:
        if self._is("not", "("):
            if self._deep == _DEEPEST:
                raise self.fault("less")
            self._deep += 1
            one = self._negated() if self._is("not") else self._bracketed()
            self._deep -= 1
            return one
        if self.kind == "alarm":
            assert self._match is not None
            other = Other(self._match["other"])
            self._next()
            return other
        return self._compare()

    def _negated(self) -> Expression:
        self._next()
        return Not(self._one())

    def _bracketed(self) -> Expression:
        self._next()
        one = self.any()
        if not self._is(")"):
            raise self.fault("bracket")
        self._next()
        return one

    def _compare(self) -> Expression:
        if self.kind not in ("call", "channel"):
            raise self.fault("condition")
        assert self._match is not None
        if self.kind == "channel":
            quantity = Quantity(self._match["channel"])
        else:
            window_ms = int(self._match["time"]) * _MS[self._match["in"]]
            if not 0 < window_ms <= _LONGEST_MS:
                raise self.fault("time")
            quantity = Quantity(self._match["of"], self._match["call"].partition("(")[0], window_ms)
        self._next()
        if not self._is(">", ">=", "<", "<="):
            raise self.fault("sign")
        sign = self._match["sign"]
        self._next()
        if self.kind != "number":
            raise self.fault("number")
        limit = float(self._match["number"])
        if limit - limit != 0:
            raise self.fault("number")
        self._next()
        return Compare(quantity, sign, limit)
