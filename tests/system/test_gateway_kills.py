"""kill -9 at random moments under load, on a link that breaks in every way, as scripts/bench gateway does it 200 times;
power cuts of the store at any write, as it does 10,000 times."""

import asyncio
from pathlib import Path

from hw_sim.bench.gateway_analysis import Arrival, compare, never_polled
from hw_sim.bench.gateway_cuts import Cuts, power_cuts
from hw_sim.bench.gateway_kills import kills
from hw_sim.bench.gateway_load import Load, number_of, reading

LOAD = Load(1, 2)
GIVEN_S = [[1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0]]


def arrived(channel: int, *numbers: int, late_ms: int = 0, of: int | None = None) -> list[Arrival]:
    """Those readings, 2 ms after they were given; `of` another channel."""
    source = channel if of is None else of
    return [(number + 1.5, (number + 1) * 1000 + 2 + late_ms, reading(source, number)) for number in numbers]


def test_the_bench_tells_loss_repetition_order_time_and_a_wrong_place() -> None:
    whole = {0: arrived(0, 0, 1, 2, 3), 1: arrived(1, 0, 1, 2, 3)}
    good = compare(LOAD, GIVEN_S, whole, 0.5)
    assert (good.served, good.lost, good.duplicates, good.wrong, good.disordered) == (8, 0, 0, 0, 0)
    assert round(good.error_ms[-1], 3) == 2 and round(good.latency_s[0], 3) == 0.5
    assert compare(LOAD, GIVEN_S, {0: arrived(0, 0, 1, 3), 1: whole[1]}, 0.5).lost_s == [3.0]
    cut = compare(LOAD, GIVEN_S, {0: arrived(0, 0, 1, 3), 1: whole[1]}, 0.5, [(2.5, 3.5)])
    assert (cut.lost, cut.cut) == (0, [3.0])
    twice = compare(LOAD, GIVEN_S, {**whole, 0: arrived(0, 0, 2, 1, 2, 3)}, 0.5)
    assert (twice.duplicates, twice.disordered, twice.lost) == (1, 1, 0)
    assert compare(LOAD, GIVEN_S, {**whole, 0: arrived(0, 0, 1, 2, 3, late_ms=700)}, 0.5).wrong == 4
    strayed = compare(LOAD, GIVEN_S, {**whole, 0: arrived(0, 0, 1, 2, 3, of=1)}, 0.5)
    assert (strayed.wrong, strayed.lost) == (4, 4)


def test_the_bench_tells_polls_that_never_were() -> None:
    steady = [0.5 + second for second in range(20)]
    assert never_polled(steady, 1.0, [(0.0, 20.0)]) == 0
    assert never_polled(steady[:7] + steady[9:], 1.0, [(0.0, 20.0)]) == 2
    assert never_polled(steady[:15], 1.0, [(0.0, 20.0)]) == 5
    assert never_polled(steady[:7] + steady[9:], 1.0, [(0.0, 7.0), (9.0, 20.0)]) == 0  # it was not awake
    assert never_polled([1.1 * one for one in range(100)], 1.0, [(0.0, 110.0)]) == 9  # late each time, and no gap


def test_all_digits_of_a_reading_change_and_tell_its_number() -> None:
    for channel in (0, 7, 199):
        values = [reading(channel, number) for number in range(1000)]
        assert len(set(values)) == 1000 and all(10_000 <= value < 100_000 for value in values)
        assert [number_of(channel, value) for value in values] == list(range(1000))
    assert number_of(0, 9_999) is None


def test_twenty_kills_lose_repeat_and_falsify_nothing(tmp_path: Path) -> None:
    found = asyncio.run(kills(tmp_path / "kills", 20, 2, print))
    print(found)
    assert (found.lost, found.duplicates, found.wrong, found.unannounced) == (0, 0, 0, 0)
    # the run was one: readings were given, some of them cut, and not most of them
    assert found.kills == 20 and found.served > 1500
    assert 0 < found.cut < found.served * 0.6


def test_five_hundred_power_cuts_break_no_promise(tmp_path: Path) -> None:
    assert power_cuts(tmp_path, 500) == Cuts(cuts=500)
