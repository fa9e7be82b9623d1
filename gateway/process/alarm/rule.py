"""Knows all that a rule says; decides nothing."""

from typing import NamedTuple

from gateway.process.alarm.expression import Expression, others, quantities

# From the lightest: the four colours of Chinese warnings, 蓝 黄 橙 红 (Emergency Response Law of 2007, article 42).
LEVELS = ("blue", "yellow", "orange", "red")


class Rule(NamedTuple):
    """An alarm stands when `when` held for `delay_ms` and, where there is `confirm`, that held too within the last
    `confirm_ms`. It is over when `when`, its limits eased by `hysteresis`, or if given when `clear` has ended it for
    `off_delay_ms`. A channel not heard of for `stale_ms` is unknown.

    `counts_beyond`: a value outside its sensor's range is believed: a detector over its full scale is no reason for
    silence. `suppress`: while that holds the alarm is silent by design. `escalate_ms`: after so long without
    acknowledgement each. `travel_ms`: how long what another station saw takes to get here. `emergency`: nodes that are
    to measure densely while it stands.
    """

    id: str
    level: str
    when: Expression
    clear: Expression | None = None
    hysteresis: float = 0.0
    delay_ms: int = 0
    off_delay_ms: int = 0
    confirm: Expression | None = None
    confirm_ms: int = 0
    suppress: Expression | None = None
    stale_ms: int = 3_600_000
    counts_beyond: bool = False
    is_latched: bool = False
    is_acknowledged: bool = True
    escalate_ms: tuple[int, ...] = ()
    travel_ms: int = 0
    emergency: tuple[int, ...] = ()

    @property
    def expressions(self) -> tuple[Expression, ...]:
        return tuple(one for one in (self.when, self.clear, self.confirm, self.suppress) if one is not None)

    @property
    def channels(self) -> set[str]:
        return {quantity.channel for one in self.expressions for quantity in quantities(one)}

    @property
    def window_ms(self) -> int:
        """How far back it looks."""
        return max((quantity.window_ms for one in self.expressions for quantity in quantities(one)), default=0)

    @property
    def others(self) -> set[str]:
        return {name for one in self.expressions for name in others(one)}


def circle(rules: dict[str, set[str]]) -> tuple[str, ...]:
    """Rules that wait for each other, by id -> ids of those asked for; empty: there are none."""
    done: set[str] = set()

    def follow(rule: str, way: tuple[str, ...]) -> tuple[str, ...]:
        if rule in way:
            return way[way.index(rule) :]
        if rule in done:
            return ()
        for other in sorted(rules.get(rule, ())):
            found = follow(other, (*way, rule))
            if found:
                return found
        done.add(rule)
        return ()

    for rule in rules:
        found = follow(rule, ())
        if found:
            return found
    return ()
