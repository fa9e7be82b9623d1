from firmware.emergency import Emergency


def watched(emergency, *values):
    """Whether it was on after each reading of channel 0."""
    seen = []
    for value in values:
        emergency.watch([(value, 0), (7, 0)])
        seen.append(emergency.is_on(0))
    return seen


def test_a_reading_beyond_a_limit_begins_it_and_three_well_inside_end_it():
    emergency = Emergency(((0, 1, 1000),))
    assert watched(emergency, 1000, 1001, 990, 951, 950, 940, 930) == [False] + [True] * 5 + [False]
    assert watched(emergency, 1001, 950, 950, 2000, 950, 950, 950) == [True] * 6 + [False]


def test_below_is_the_other_side_and_no_value_says_nothing():
    emergency = Emergency(((0, -1, 400), (1, 1, 100)))
    assert watched(emergency, None, 400, 399, None, 421, 421, None, 421) == [False, False] + [True] * 5 + [False]


def test_a_command_lasts_its_time_and_zero_ends_what_a_limit_began():
    emergency = Emergency(((0, 1, 10),))
    emergency.order(60, 1000)
    assert emergency.ends_ms == 61_000 and emergency.is_on(60_999) and not emergency.is_on(61_000)
    watched(emergency, 11)
    assert emergency.is_on(70_000)
    emergency.order(0, 70_000)
    assert watched(emergency, 12, 11) == [False, False]  # it was passed all the time
    watched(emergency, 5, 5, 5)
    assert watched(emergency, 11) == [True]


def test_zero_while_no_limit_is_passed_mutes_nothing():
    emergency = Emergency(((0, 1, 10),))
    emergency.order(600, 0)
    emergency.order(0, 1000)
    assert emergency.is_over and watched(emergency, 11) == [True] and not emergency.is_over
