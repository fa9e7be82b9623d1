"""Knows whether an expression holds: yes, no, or None where that cannot be known; remembers nothing.

Three-valued after Kleene (1938): a missing channel leaves "or" true if the other side is true and "and" false if the
other side is false; in all else it is unknown. Nothing unknown raises an alarm, and nothing unknown ends one.
"""

from collections.abc import Callable

from gateway.process.alarm.expression import All, Any, Compare, Expression, Not, Quantity

ValueOf = Callable[[Quantity], float | None]
HoldsOf = Callable[[str], bool | None]


def holds(one: Expression, value_of: ValueOf, holds_of: HoldsOf, relief: float = 0.0) -> bool | None:
    """`relief` is the hysteresis of an alarm that stands: each limit is moved by it so that the condition holds
    longer. Under a "not" it is moved the other way."""
    if isinstance(one, Compare):
        value = value_of(one.quantity)
        if value is None:
            return None
        return _COMPARE[one.sign](value, one.limit, relief)
    if isinstance(one, Not):
        inner = holds(one.one, value_of, holds_of, -relief)
        return None if inner is None else not inner
    if isinstance(one, All | Any):
        decisive = isinstance(one, Any)
        unknown = False
        for part in one.ones:
            found = holds(part, value_of, holds_of, relief)
            if found is decisive:
                return decisive
            unknown |= found is None
        return None if unknown else not decisive
    return holds_of(one.name)


_COMPARE: dict[str, Callable[[float, float, float], bool]] = {
    ">": lambda value, limit, relief: value > limit - relief,
    ">=": lambda value, limit, relief: value >= limit - relief,
    "<": lambda value, limit, relief: value < limit + relief,
    "<=": lambda value, limit, relief: value <= limit + relief,
}
