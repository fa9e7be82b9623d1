"""Numbers that options take, at their ends, and the sentence for those that they don't."""

from argparse import ArgumentTypeError
from collections.abc import Callable, Iterator

import pytest

from gateway import messages, option_values


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    messages.set_language("en")
    yield
    messages.set_language(None)


@pytest.mark.parametrize(
    ("taken", "text", "value"),
    [
        (option_values.span_s, "0.5", 0.5),
        (option_values.moment_s, "0", 0),
        (option_values.days, "0.001", 0.001),
        (option_values.seconds_per_row, "1e6", 1e6),
        (option_values.count, "1", 1),
        (option_values.numbers, "none", frozenset()),
        (option_values.numbers, " 1, 4", frozenset({1, 4})),
    ],
)
def test_what_fits_is_taken(taken: Callable[[str], object], text: str, value: object) -> None:
    assert taken(text) == value


@pytest.mark.parametrize(
    ("taken", "text", "told"),
    [
        (option_values.span_s, "-5", "'-5' does not fit; needs a number above 0, up to 316224000"),
        (option_values.span_s, "inf", "'inf' does not fit"),
        (option_values.moment_s, "-1", "'-1' does not fit; needs a number from 0 to 316224000"),
        (option_values.seconds_per_row, "0", "'0' does not fit; needs a number from 0.001 to 1000000"),
        (option_values.days, "nan", "'nan' does not fit"),
        (option_values.count, "0", "'0' does not fit; needs a whole number, 1 or more"),
        (option_values.count, "1.5", "'1.5' does not fit"),
        (option_values.numbers, "x", "'x' does not fit; needs numbers of happenings such as 1,4, or none"),
        (option_values.numbers, "", "'' does not fit"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_would(taken: Callable[[str], object], text: str, told: str) -> None:
    with pytest.raises(ArgumentTypeError) as refused:
        taken(text)
    assert str(refused.value).startswith(told)
