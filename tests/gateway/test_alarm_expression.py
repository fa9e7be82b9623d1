"""The language of rules: what it says, where it is wrong, and what holds when something is not known."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.process.alarm.expression import (
    All,
    Any,
    Compare,
    Expression,
    Not,
    Other,
    Quantity,
    RuleError,
    others,
    parse,
    quantities,
)
from gateway.process.alarm.truth import holds

LEVEL = Quantity("level.level")
HIGH = Compare(LEVEL, ">", 1500.0)

SOUND = (
    ("level.level > 1500", HIGH),
    ("(level.level>1.5e3)", HIGH),
    ("  level.level  >  1500  ", HIGH),
    ("not level.level > 1500", Not(HIGH)),
    ("r.ph < 6 or r.ph > 9", Any((Compare(Quantity("r.ph"), "<", 6.0), Compare(Quantity("r.ph"), ">", 9.0)))),
    (
        "level.level > 1500 and change(level.level, 1h) >= -300",
        All((HIGH, Compare(Quantity("level.level", "change", 3_600_000), ">=", -300.0))),
    ),
    ("mean( air.pm2_5 , 90min ) <= 5", Compare(Quantity("air.pm2_5", "mean", 5_400_000), "<=", 5.0)),
    ("hour/river.ph:max > 9", Compare(Quantity("hour/river.ph:max"), ">", 9.0)),
    ("alarm(upstream-2/flood) and not alarm(rain)", All((Other("upstream-2/flood"), Not(Other("rain"))))),
    # "and" binds closer than "or"
    (
        "alarm(a) or alarm(b) and alarm(c)",
        Any((Other("a"), All((Other("b"), Other("c"))))),
    ),
    ("(alarm(a) or alarm(b)) and alarm(c)", All((Any((Other("a"), Other("b"))), Other("c")))),
)  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), SOUND)
def test_what_a_rule_says(text: str, expected: Expression) -> None:
    assert parse(text) == expected


FAULTS = (
    ("", 1, "", "condition"),
    ("level.level", 12, "", "sign"),
    ("level.level >", 14, "", "number"),
    ("level.level > high", 15, "high", "number"),
    ("level.level > 1e999", 15, "1e999", "number"),
    ("level > 5", 1, "level", "condition"),
    ("level.level = 5", 13, "=", "sign"),
    ("level.level > 5 and", 20, "", "condition"),
    ("level.level > 5 level.level < 3", 17, "level.level", "end"),
    ("(level.level > 5", 17, "", "bracket"),
    ("level.level > 5)", 16, ")", "end"),
    ("change(level.level, 0h) > 5", 1, "change(level.level,", "time"),
    ("change(level.level, 90d) > 5", 1, "change(level.level,", "time"),
    ("change(level.level) > 5", 1, "change(level.level)", "condition"),
    ("__import__('os')", 1, "__import__('os')", "condition"),
    ("not " * 17 + "alarm(a)", 65, "not", "less"),
)


@pytest.mark.parametrize(("text", "column", "found", "wanted"), FAULTS)
def test_a_fault_says_where_it_is_and_what_is_due(text: str, column: int, found: str, wanted: str) -> None:
    with pytest.raises(RuleError) as caught:
        parse(text)
    assert (caught.value.column, caught.value.found, caught.value.wanted) == (column, found, wanted)


PIECES = st.sampled_from(
    [
        "level.level",
        ">",
        "<=",
        "5",
        "-1.5",
        "and",
        "or",
        "not",
        "(",
        ")",
        "alarm(a)",
        "mean(a.b, 1h)",
        " ",
        "x",
        "é",
        "1e9",
    ]
)


@settings(max_examples=300)
@given(st.lists(PIECES, max_size=14).map(" ".join) | st.text(max_size=40))
def test_any_text_is_a_rule_or_a_fault_within_it(text: str) -> None:
    try:
        parse(text)
    except RuleError as error:
        assert 1 <= error.column <= len(text) + 1


def test_what_a_rule_looks_at_is_found_however_deep() -> None:
    one = parse("not (a.b > 1 and (alarm(x) or mean(c.d, 1h) < 2)) or alarm(s/y)")
    assert list(quantities(one)) == [Quantity("a.b"), Quantity("c.d", "mean", 3_600_000)]
    assert list(others(one)) == ["x", "s/y"]


# (text, value of a.a, whether alarm(x) stands, answer)
KNOWN = (
    ("a.a > 5", 6.0, None, True),
    ("a.a > 5", 5.0, None, False),
    ("a.a >= 5", 5.0, None, True),
    ("a.a > 5", None, None, None),
    ("not a.a > 5", None, None, None),
    ("a.a > 5 and alarm(x)", None, False, False),
    ("a.a > 5 and alarm(x)", None, True, None),
    ("a.a > 5 or alarm(x)", None, True, True),
    ("a.a > 5 or alarm(x)", None, False, None),
    ("a.a > 5 or alarm(x)", 4.0, None, None),
)


@pytest.mark.parametrize(("text", "value", "stands", "expected"), KNOWN)
def test_what_is_not_known_decides_nothing(
    text: str, value: float | None, stands: bool | None, expected: bool | None
) -> None:
    assert holds(parse(text), lambda _: value, lambda _: stands) is expected


@pytest.mark.parametrize(
    ("text", "eased"),
    [("a.a > 5", 4.5), ("a.a >= 5", 4.0), ("a.a < 5", 5.5), ("not a.a < 5", 4.5), ("not a.a > 5", 5.5)],
)
def test_hysteresis_eases_each_limit_its_own_way(text: str, eased: float) -> None:
    one = parse(text)
    assert holds(one, lambda _: eased, lambda _: None, relief=1.0) is True
    assert holds(one, lambda _: eased, lambda _: None) is False
