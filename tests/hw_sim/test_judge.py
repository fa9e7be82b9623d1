"""The judge counts each kind of harm once, and calls nothing harm that is none."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hw_sim.judge.pairing import Arrival, common_order, match
from hw_sim.judge.readings import Memory, Verdict, judge
from hw_sim.ledger import Cut, Ledger, Reading
from protocols import quality

T = 1_767_225_600_000
SECOND = 1000
Rows = Sequence[tuple[int, int]]


def verdict(
    truth: dict[str, Rows],
    delivered: dict[str, Rows],
    stored: dict[str, Rows] | None = None,
    polled: Sequence[str] = (),
    until: int = 10**9,
    kills: Sequence[int] = (),
    duplicates: int = 0,
    failed: dict[str, list[int]] | None = None,
    cuts: dict[str, list[tuple[int, int]]] | None = None,
    memory: Memory | None = None,
    retry: dict[str, int] | None = None,
) -> Verdict:
    """Times are milliseconds after T. What is delivered is stored, unless said otherwise. `cuts`: when, and when flash
    had taken something last."""
    ledger = Ledger()
    for channel, rows in truth.items():
        for ms, value in rows:
            ledger.note(channel, T + ms, value)

    def dated(channels: dict[str, Rows]) -> dict[str, list[Arrival]]:
        return {channel: arrivals(rows) for channel, rows in channels.items()}

    return judge(
        ledger,
        dated(delivered),
        dated(delivered if stored is None else stored),
        frozenset(polled),
        until_ms=T + until,
        kills_ms=[T + kill for kill in kills],
        commit_delay_ms=2000,
        duplicates=duplicates,
        tolerance_ms={True: 100, False: 700},
        failed={channel: [T + ms for ms in times] for channel, times in (failed or {}).items()},
        cuts={channel: [Cut(T + at, T + kept) for at, kept in rows] for channel, rows in (cuts or {}).items()},
        retry_ms=retry,
        memory=memory,
    )


def arrivals(rows: Rows, flags: int = 0, seq: int = 0) -> list[Arrival]:
    return [(T + ms, value, flags, seq + place) for place, (ms, value) in enumerate(rows)]


def harm(result: Verdict) -> tuple[int, int, int, int]:
    return result.lost, result.wrong_values, result.wrong_times, result.duplicates


ROWS = [(i * SECOND, 500 + 7 * i) for i in range(10)]
TRUTH: dict[str, Rows] = {"do.t": ROWS}


def test_what_arrived_as_it_was_is_sound() -> None:
    result = verdict({**TRUTH, "ph": ROWS[:3]}, {**TRUTH, "ph": ROWS[:3]})
    assert result == Verdict(13, 13, 13, 0, 0, 0, 0, 0, 0, 0, 13)
    assert result.sound


def test_nothing_is_sound() -> None:
    assert verdict({}, {}) == Verdict(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)


@pytest.mark.parametrize("missing", [0, 4, 9])
def test_one_that_never_came_is_lost(missing: int) -> None:
    result = verdict(TRUTH, {"do.t": ROWS[:missing] + ROWS[missing + 1 :]})
    assert harm(result) == (1, 0, 0, 0) and not result.sound
    assert (result.measured, result.stored, result.delivered) == (10, 9, 9)


def test_one_that_is_stored_but_not_delivered_is_lost() -> None:
    result = verdict(TRUTH, {"do.t": ROWS[1:]}, stored=TRUTH)
    assert (result.stored, result.delivered, result.lost) == (10, 9, 1)


def test_a_channel_of_which_nothing_came_is_lost_as_a_whole() -> None:
    assert harm(verdict(TRUTH, {})) == (10, 0, 0, 0)


@pytest.mark.parametrize("off", [-1, 1, 1000])
def test_a_value_that_is_off_is_a_wrong_value_and_not_lost_as_well(off: int) -> None:
    result = verdict(TRUTH, {"do.t": [*ROWS[:4], (4000, ROWS[4][1] + off), *ROWS[5:]]})
    assert harm(result) == (0, 1, 0, 0) and not result.sound


def test_a_decoder_that_is_always_off_by_one_makes_every_value_wrong() -> None:
    assert harm(verdict(TRUTH, {"do.t": [(ms, value + 1) for ms, value in ROWS]})) == (0, 10, 0, 0)


@pytest.mark.parametrize("shift", [-701, 701, 5000, 3_500_000, -3_500_000])
def test_a_time_beyond_the_tolerance_is_a_wrong_time(shift: int) -> None:
    result = verdict(TRUTH, {"do.t": [*ROWS[:4], (4000 + shift, ROWS[4][1]), *ROWS[5:]]})
    assert harm(result) == (0, 0, 1, 0) and not result.sound


@pytest.mark.parametrize("shift", [-700, -1, 1, 700])
def test_a_time_within_the_tolerance_is_right(shift: int) -> None:
    assert verdict(TRUTH, {"do.t": [(ms + shift, value) for ms, value in ROWS]}).sound


def test_polled_channels_have_the_tolerance_of_polled_channels() -> None:
    shifted = {"do.t": [(ms + 101, value) for ms, value in ROWS]}
    assert harm(verdict(TRUTH, shifted, polled=["do.t"])) == (0, 0, 10, 0)
    assert harm(verdict(TRUTH, shifted, polled=["other"])) == (0, 0, 0, 0)


def test_a_whole_clock_that_is_off_makes_every_time_wrong() -> None:
    assert harm(verdict(TRUTH, {"do.t": [(ms + 60_000, value) for ms, value in ROWS]})) == (0, 0, 10, 0)


def test_a_time_more_than_an_hour_off_is_no_reading_at_all_and_the_true_one_is_lost() -> None:
    assert harm(verdict(TRUTH, {"do.t": [*ROWS[1:], (4_000_000, ROWS[0][1])]})) == (1, 1, 0, 0)


def test_a_value_that_comes_twice_under_two_numbers_is_not_taken_for_another_reading() -> None:
    """(station, seq) differs, so the receiver's rule keeps both; nothing was measured the second time."""
    result = verdict(TRUTH, {"do.t": [*ROWS, ROWS[3]]})
    assert harm(result) == (0, 1, 0, 0) and not result.sound


def test_duplicates_of_the_receivers_rule_are_passed_on() -> None:
    result = verdict(TRUTH, TRUTH, duplicates=2)
    assert harm(result) == (0, 0, 0, 2) and not result.sound


def test_a_channel_that_no_sensor_has_is_wrong() -> None:
    assert harm(verdict(TRUTH, {**TRUTH, "ghost": [(0, 1), (1000, 1)]})) == (0, 2, 0, 0)


def test_equal_values_repeated_are_counted_one_by_one() -> None:
    flat = [(i * SECOND, 42) for i in range(20)]
    assert verdict({"co": flat}, {"co": [(ms + 300, value) for ms, value in flat]}).sound
    for missing in (0, 7, 19):
        result = verdict({"co": flat}, {"co": flat[:missing] + flat[missing + 1 :]})
        assert (harm(result), result.distinct_values) == ((1, 0, 0, 0), 1)
    assert harm(verdict({"co": flat}, {"co": [*flat, (5000, 42)]})) == (0, 1, 0, 0)


def test_readings_after_the_end_are_not_judged_whether_they_came_or_not() -> None:
    result = verdict(TRUTH, {"do.t": ROWS[:7]}, until=5000)
    assert (result.measured, result.stored, result.delivered) == (6, 6, 6) and result.sound
    assert verdict(TRUTH, {"do.t": ROWS[:5]}, until=5000).lost == 1


# --- kills: commit delay 2000 ms, slack 100 ms ----------------------------------------------------------------------


def test_what_was_polled_just_before_a_kill_and_not_stored_is_cut_not_lost() -> None:
    came = {"do.t": [*ROWS[:4], *ROWS[7:]]}  # 4000, 5000 and 6000 are missing
    result = verdict(TRUTH, came, polled=["do.t"], kills=[6050])
    assert (result.cut_at_kill, result.lost, result.measured, result.delivered) == (3, 0, 10, 7) and result.sound


@pytest.mark.parametrize(("kill", "cut"), [(3999, 0), (4000, 1), (6100, 1), (6101, 0)])
def test_only_the_commit_delay_before_a_kill_excuses(kill: int, cut: int) -> None:
    came = {"do.t": [*ROWS[:4], *ROWS[5:]]}  # 4000 is missing
    result = verdict(TRUTH, came, polled=["do.t"], kills=[kill])
    assert (result.cut_at_kill, result.lost) == (cut, 1 - cut)


def test_what_was_stored_before_the_kill_and_never_delivered_is_lost() -> None:
    came = {"do.t": [*ROWS[:4], *ROWS[5:]]}
    result = verdict(TRUTH, came, stored=TRUTH, polled=["do.t"], kills=[4050])
    assert (result.cut_at_kill, result.lost) == (0, 1)


def test_a_kill_excuses_nothing_of_a_node() -> None:
    came = {"do.t": [*ROWS[:4], *ROWS[5:]]}
    result = verdict(TRUTH, came, polled=["level"], kills=[4050])
    assert (result.cut_at_kill, result.lost) == (0, 1)


# --- cuts of a node's power ------------------------------------------------------------------------------------------


def test_what_a_node_had_read_and_not_yet_kept_when_its_power_went_is_cut_not_lost() -> None:
    came = {"do.t": [*ROWS[:4], *ROWS[5:]], "ph": ROWS[:4]}  # 4000 is missing of both
    result = verdict({**TRUTH, "ph": ROWS[:5]}, came, cuts={"do.t": [(4300, 3200)], "ph": [(4300, 3200)]})
    assert (result.cut_in_wake, result.lost, result.measured, result.delivered) == (2, 0, 15, 13) and result.sound
    assert result.complete


@pytest.mark.parametrize(("cut", "kept"), [(4300, 4000), (4300, 4200), (3999, 3200), (5100, 3200)])
def test_what_a_node_had_kept_or_read_in_another_wake_is_lost(cut: int, kept: int) -> None:
    result = verdict(TRUTH, {"do.t": [*ROWS[:4], *ROWS[5:]]}, cuts={"do.t": [(cut, kept)]})
    assert (result.cut_in_wake, result.lost) == (0, 1) and not result.sound


def test_a_node_that_keeps_nothing_for_hours_is_excused_for_one_wake_only() -> None:
    result = verdict(TRUTH, {"do.t": [*ROWS[:2], *ROWS[8:]]}, cuts={"do.t": [(7500, 1200)]})
    assert (result.cut_in_wake, result.lost) == (1, 5)


def test_a_cut_excuses_nothing_of_another_node_and_nothing_polled() -> None:
    came = {"do.t": [*ROWS[:4], *ROWS[5:]]}
    assert verdict(TRUTH, came, cuts={"ph": [(4300, 3200)]}).lost == 1
    assert verdict(TRUTH, came, cuts={"do.t": [(4300, 3200)]}, polled=["do.t"]).lost == 1


# --- what was no finished poll or wake --------------------------------------------------------------------------------


def test_an_answer_that_did_not_get_through_and_was_asked_for_again_at_once_is_not_measured() -> None:
    truth = {"do.t": [(0, 500), (1000, 507), (1350, 508), (2000, 514)]}
    came = {"do.t": [(0, 500), (1350, 508), (2000, 514)]}
    result = verdict(truth, came, polled=["do.t"])
    assert (result.measured, result.stored, result.delivered, result.lost) == (3, 3, 3, 0)


def test_of_equal_answers_to_one_question_the_nearer_one_has_arrived() -> None:
    truth = {"do.t": [(0, 500), (150, 500), (2000, 514)]}
    result = verdict(truth, {"do.t": [(140, 500), (2000, 514)]})
    assert (result.measured, result.delivered, result.lost) == (2, 2, 0)


def test_of_equal_answers_to_one_question_either_may_be_the_one_that_arrived() -> None:
    truth = {"do.t": [(0, 500), (150, 500), (2000, 514)]}
    result = verdict(truth, {"do.t": [(10, 500), (2000, 514)]}, polled=["do.t"])
    assert (result.measured, result.delivered, result.lost) == (2, 2, 0)
    assert verdict(truth, {"do.t": [(2000, 514)]}, polled=["do.t"]).lost == 1


def test_of_three_equal_answers_to_one_question_any_may_be_the_one_that_arrived() -> None:
    truth: dict[str, Rows] = {"do.t": [(0, 500), (320, 500), (360, 500)]}
    for said in (0, 320, 360):
        result = verdict(truth, {"do.t": [(said, 500)]})
        assert harm(result) == (0, 0, 0, 0) and result.measured == result.delivered == 1
    assert harm(verdict(truth, {"do.t": []})) == (1, 0, 0, 0)


def test_two_questions_further_apart_than_a_retry_are_two_polls() -> None:
    truth = {"do.t": [(0, 500), (1000, 507), (1801, 508)]}
    assert verdict(truth, {"do.t": [(0, 500), (1801, 508)]}, polled=["do.t"]).lost == 1


def test_a_question_on_record_as_not_answered_is_not_measured_once() -> None:
    came = {"do.t": [*ROWS[:4], *ROWS[6:]]}  # 4000 and 5000 are missing
    result = verdict(TRUTH, came, polled=["do.t"], failed={"do.t": [4050]})
    assert (result.measured, result.lost) == (9, 1)
    assert verdict(TRUTH, came, polled=["do.t"], failed={"do.t": [4050, 5050]}).sound
    assert verdict(TRUTH, came, polled=["do.t"], failed={"do.t": [3850, 5150]}).lost == 2  # those are others
    assert verdict(TRUTH, came, failed={"do.t": [4500]}).lost == 1  # near enough to both, but one question
    assert verdict(TRUTH, came, polled=["do.t"], failed={"ec.t": [4000, 5000]}).lost == 2


def test_a_record_of_failure_hides_nothing_that_arrived() -> None:
    result = verdict(TRUTH, TRUTH, polled=["do.t"], failed={"do.t": [4000]})
    assert (result.measured, result.delivered) == (10, 10)


@pytest.mark.parametrize("through", [0, 1])
def test_of_two_devices_with_one_address_one_at_most_gets_through(through: int) -> None:
    both = [(4000, 528), (4000, 911)]
    truth: dict[str, Rows] = {"do.t": [*ROWS[:4], *both, *ROWS[5:]]}
    result = verdict(truth, {"do.t": [*ROWS[:4], both[through], *ROWS[5:]]}, polled=["do.t"])
    assert (result.measured, result.delivered, result.lost) == (10, 10, 0)


def test_when_neither_of_two_devices_gets_through_one_answer_is_lost_or_on_record() -> None:
    truth: dict[str, Rows] = {"do.t": [*ROWS[:4], (4000, 528), (4000, 911), *ROWS[5:]]}
    came = {"do.t": [*ROWS[:4], *ROWS[5:]]}
    assert verdict(truth, came, polled=["do.t"]).lost == 1
    assert verdict(truth, came, polled=["do.t"], failed={"do.t": [4000]}).sound


# --- match() ---------------------------------------------------------------------------------------------------------


def test_a_reading_is_used_once_and_the_order_of_arrival_does_not_matter() -> None:
    ledger = [Reading(T, 1), Reading(T + 1000, 2), Reading(T + 2000, 1)]
    arrived = arrivals([(2000, 1), (0, 1), (1000, 2)])
    assert match(ledger, arrived, 100) == (3, [], 0, [])
    assert match(ledger, arrived[1:], 100).missing == [Reading(T + 2000, 1)]


def guessed(*rows: tuple[int, int], seq: int = 0) -> list[Arrival]:
    """Their times are of another year."""
    return [(ms, value, quality.CLOCK, seq + place) for place, (ms, value) in enumerate(rows)]


def test_guesses_are_paired_by_value_and_order_whatever_their_times() -> None:
    ledger = [Reading(T + ms, value) for ms, value in ROWS]
    assert match(ledger, guessed(*ROWS), 100) == (10, [], 0, [])
    assert match(ledger, guessed(*ROWS)[::-1], 100) == (10, [], 0, [])  # the order is that of seq, not of arrival
    assert match(ledger, guessed(*ROWS[:3], *ROWS[5:]), 100) == (8, [], 0, ledger[3:5])


def test_a_guess_out_of_order_takes_no_equal_value_of_another_time() -> None:
    """It was made up; the reading with that value, long before, is lost."""
    ledger = [Reading(T + ms, value) for ms, value in ROWS]
    assert match(ledger, guessed(*ROWS[1:], ROWS[0]), 100) == (9, [ROWS[0]], 0, ledger[:1])


def test_a_guess_takes_no_reading_from_beyond_those_with_a_known_time() -> None:
    ledger = [Reading(T + ms, value) for ms, value in ROWS]
    known = arrivals([*ROWS[1:4], *ROWS[5:]])
    between = [(ms, value, flags, seq * 10) for ms, value, flags, seq in known]
    late = match(ledger, [*between, *guessed(ROWS[0], seq=35)], 100)
    assert (late.wrong, late.missing) == ([ROWS[0]], [ledger[0], ledger[4]])
    in_place = match(ledger, [*between, *guessed(ROWS[4], seq=25)], 100)
    assert (in_place.wrong, in_place.missing) == ([], [ledger[0]])


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 3), max_size=12), st.lists(st.integers(0, 3), max_size=12))
def test_a_common_order_is_the_longest_there_is(ours: list[int], theirs: list[int]) -> None:
    pairs = common_order(ours, theirs)[::-1]
    assert all(ours[i] == theirs[j] for i, j in pairs)
    assert all(a < c and b < d for (a, b), (c, d) in pairwise(pairs))
    longest = [[0] * (len(theirs) + 1) for _ in range(len(ours) + 1)]
    for i, one in enumerate(ours):
        for j, other in enumerate(theirs):
            longest[i + 1][j + 1] = longest[i][j] + 1 if one == other else max(longest[i][j + 1], longest[i + 1][j])
    assert len(pairs) == longest[-1][-1]


channels = st.dictionaries(
    st.sampled_from(["a.x", "a.y", "b.x"]),
    st.lists(st.tuples(st.integers(801, 20_000), st.integers(-3, 3)), min_size=1, max_size=40),
    min_size=1,
)


def timeline(steps: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """(milliseconds since the last reading, value) -> readings."""
    rows = []
    now = 0
    for step, value in steps:
        now += step
        rows.append((now, value))
    return rows


@settings(max_examples=150, deadline=None)
@given(channels, st.data())
def test_whatever_was_measured_arriving_with_jitter_is_sound_and_one_removed_is_lost_once(
    steps: dict[str, list[tuple[int, int]]], data: st.DataObject
) -> None:
    truth: dict[str, Rows] = {channel: timeline(rows) for channel, rows in steps.items()}
    came = {
        channel: [(ms + data.draw(st.integers(-700, 700)), value) for ms, value in rows]
        for channel, rows in truth.items()
    }
    result = verdict(truth, came)
    count = sum(map(len, truth.values()))
    assert result.sound and (result.measured, result.stored, result.delivered) == (count, count, count)

    channel = data.draw(st.sampled_from(sorted(came)))
    gone = data.draw(st.integers(0, len(came[channel]) - 1))
    result = verdict(truth, {**came, channel: came[channel][:gone] + came[channel][gone + 1 :]})
    assert harm(result) == (1, 0, 0, 0) and result.delivered == count - 1


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(-3, 3), min_size=2, max_size=40), st.data())
def test_one_value_off_by_one_is_never_overlooked(values: list[int], data: st.DataObject) -> None:
    rows = [(i * 5000, value) for i, value in enumerate(values)]
    place = data.draw(st.integers(0, len(rows) - 1))
    ms, value = rows[place]
    result = verdict({"a": rows}, {"a": [*rows[:place], (ms, value + 1), *rows[place + 1 :]]})
    assert not result.sound and result.wrong_values + result.wrong_times == 1


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(200, 3000), st.integers(-2, 2)), max_size=60), st.data())
def test_judging_again_and_again_comes_to_the_same_as_judging_once(
    steps: list[tuple[int, int]], data: st.DataObject
) -> None:
    rows = timeline(steps)
    came = [(ms + data.draw(st.integers(-100, 100)), value) for ms, value in rows if data.draw(st.booleans())]
    memory: Memory = {}
    for share in (0.2, 0.5, 0.9):
        verdict({"a": rows[: round(share * len(rows))]}, {"a": came[: round(share * len(came))]}, memory=memory)
    assert verdict({"a": rows}, {"a": came}, memory=memory) == verdict({"a": rows}, {"a": came})


def test_a_probe_that_is_asked_again_is_no_poll_where_periods_are_long_and_one_where_they_are_short() -> None:
    truth: dict[str, Rows] = {"do.t": [(0, 500), (1010, 507), (60_000, 514)]}
    delivered: dict[str, Rows] = {"do.t": [(1010, 507), (60_000, 514)]}
    assert harm(verdict(truth, delivered, polled=["do.t"], retry={"do.t": 5000})) == (0, 0, 0, 0)
    assert harm(verdict(truth, delivered, polled=["do.t"])) == (1, 0, 0, 0)
