"""Named random streams: pinned numbers, and no stream that disturbs another."""

import math
from collections import Counter

import pytest

from hw_sim.streams import Stream, Streams


def draws(stream: Stream, count: int = 8) -> list[int]:
    return [stream.below(1000) for _ in range(count)]


@pytest.mark.parametrize(
    ("seed", "name", "first"),
    [
        (1, "river", [940, 791, 506, 494, 688, 595, 173, 305]),
        (1, "lake", [397, 616, 941, 633, 117, 770, 802, 1]),
        (2, "river", [252, 443, 530, 987, 878, 669, 783, 501]),
    ],
)
def test_the_first_numbers_of_a_stream_never_change(seed: int, name: str, first: list[int]) -> None:
    assert draws(Streams(seed)[name]) == first


def test_every_distribution_is_made_of_the_same_sequence_for_ever() -> None:
    stream = Streams(1)["river"]
    shown = [stream.uniform(-1, 1), stream.exponential(2.0), stream.normal(5.0, 0.5), stream.random()]
    assert shown == pytest.approx(
        [0.8809826676529247, 3.1401604194443453, 4.405794617235478, 0.688020436648156], rel=1e-12
    )


def test_drawing_from_one_stream_never_moves_another() -> None:
    alone, beside = Streams(7), Streams(7)
    expected = draws(alone["radio"])
    for number in expected:
        draws(beside["lightning"], 3)
        assert beside["radio"].below(1000) == number


def test_a_name_is_one_stream() -> None:
    streams = Streams(7)
    assert streams["radio"] is streams["radio"]
    assert draws(streams["radio"]) != draws(streams["radio"])


def test_names_and_seeds_do_not_run_into_each_other() -> None:
    kinds = [(1, "1"), (11, ""), (1, "/1"), (-1, "1"), (1, "1 ")]
    assert len({tuple(draws(Streams(seed)[name])) for seed, name in kinds}) == len(kinds)


COUNT = 20_000


def test_below_is_even() -> None:
    stream = Streams(3)["below"]
    counts = Counter(stream.below(10) for _ in range(COUNT))
    assert set(counts) == set(range(10))
    chi_squared = sum((count - COUNT / 10) ** 2 / (COUNT / 10) for count in counts.values())
    assert chi_squared < 27.9  # 9 degrees of freedom, one in a thousand


def test_chance_happens_as_often_as_it_says() -> None:
    stream = Streams(3)["chance"]
    hits = sum(stream.chance(0.1) for _ in range(COUNT))
    assert abs(hits - 0.1 * COUNT) < 3.3 * math.sqrt(0.09 * COUNT)
    assert not any(stream.chance(0.0) for _ in range(100))
    assert all(stream.chance(1.0) for _ in range(100))


def test_uniform_stays_inside_and_has_its_middle() -> None:
    stream = Streams(3)["uniform"]
    values = [stream.uniform(-2.0, 6.0) for _ in range(COUNT)]
    assert -2.0 <= min(values) < -1.99 and 5.99 < max(values) < 6.0
    assert sum(values) / COUNT == pytest.approx(2.0, abs=0.06)


def test_exponential_has_its_mean_and_its_tail() -> None:
    stream = Streams(3)["exponential"]
    values = [stream.exponential(4.0) for _ in range(COUNT)]
    assert min(values) >= 0
    assert sum(values) / COUNT == pytest.approx(4.0, rel=0.03)
    assert sum(value > 8.0 for value in values) / COUNT == pytest.approx(math.exp(-2), rel=0.07)


def test_normal_has_its_mean_and_deviation() -> None:
    stream = Streams(3)["normal"]
    values = [stream.normal(10.0, 2.0) for _ in range(COUNT)]
    mean = sum(values) / COUNT
    assert mean == pytest.approx(10.0, abs=0.05)
    assert math.sqrt(sum((value - mean) ** 2 for value in values) / COUNT) == pytest.approx(2.0, rel=0.02)
    assert sum(abs(value - 10.0) < 2.0 for value in values) / COUNT == pytest.approx(0.6827, abs=0.011)
