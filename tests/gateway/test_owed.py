"""What goes next over an uplink: urgent rows, live ones, then the backlog from its oldest."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.store.ranges import union
from gateway.uplink.owed import BACKLOG, LIVE, LIVE_MS, URGENT, Chosen, Owed


def test_a_backlog_leaves_oldest_first_in_pieces() -> None:
    owed = Owed(((0, 10),), 100)
    sent = []
    while (chosen := owed.choose(40)) is not None:
        sent.append(chosen)
        owed.send(chosen.rows)
    assert sent == [Chosen((11, 50), BACKLOG), Chosen((51, 90), BACKLOG), Chosen((91, 100), BACKLOG)]


def test_rows_that_come_while_a_backlog_waits_go_before_it() -> None:
    owed = Owed(((0, 0),), 1000)
    owed.come(1003, 5000)
    assert owed.choose(50) == Chosen((1001, 1003), LIVE)
    owed.send((1001, 1003))
    assert owed.choose(50) == Chosen((1, 50), BACKLOG)


def test_what_could_not_leave_in_time_is_no_longer_live() -> None:
    owed = Owed(((0, 0),), 1000)
    owed.come(1003, 5000)
    owed.come(1004, 6000)
    owed.come(1004, 5000 + LIVE_MS + 1)
    assert owed.choose(50) == Chosen((1004, 1004), LIVE)
    owed.come(1004, 6000 + LIVE_MS + 1)
    assert owed.choose(50) == Chosen((1, 50), BACKLOG)


def test_what_came_before_the_connection_is_backlog_however_young() -> None:
    owed = Owed(((0, 0),), 5)
    owed.come(8, 100)
    owed.begin(20)
    owed.come(21, 200)
    assert owed.choose(9) == Chosen((21, 21), LIVE)
    owed.send((21, 21))
    assert owed.choose(9) == Chosen((1, 9), BACKLOG)


def test_urgent_rows_go_before_all_others_and_once() -> None:
    owed = Owed(((0, 0),), 1000)
    owed.come(1002, 0)
    owed.urgent = ((7, 8), (1001, 1001))
    assert owed.choose(50) == Chosen((7, 8), URGENT)
    owed.send((7, 8))
    assert owed.choose(50) == Chosen((1001, 1001), URGENT)
    owed.send((1001, 1001))
    assert owed.choose(50) == Chosen((1002, 1002), LIVE)


def test_a_new_connection_sends_again_what_was_not_confirmed_and_nothing_else() -> None:
    owed = Owed(((0, 0),), 30)
    for rows in ((1, 10), (11, 20), (21, 30)):
        owed.send(rows)
    owed.confirm((11, 20))
    assert owed.choose(50) is None and owed.complete == 0
    owed.begin(30)
    assert owed.waiting == ((1, 10), (21, 30))
    owed.confirm((1, 10))
    assert owed.complete == 20


def test_opened_rows_wait_again_and_complete_says_so() -> None:
    owed = Owed(((0, 100),), 120)
    assert owed.open(((40, 45), (99, 110), (500, 600))) == ((40, 45), (99, 100))  # the others were never confirmed
    assert owed.complete == 39 and owed.choose(50) == Chosen((40, 45), BACKLOG)
    owed.confirm((40, 45))
    assert owed.complete == 98


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("come"), st.integers(1, 30)),
        st.tuples(st.just("send"), st.integers(1, 20)),
        st.tuples(st.just("confirm"), st.integers(0, 9)),
        st.tuples(st.just("open"), st.integers(1, 200)),
        st.tuples(st.just("begin"), st.just(0)),
    ),
    max_size=60,
)


@given(ACTIONS)
def test_whatever_happens_every_row_is_confirmed_under_way_or_waiting_and_all_arrive_in_the_end(
    actions: list[tuple[str, int]],
) -> None:
    owed, newest, now_ms = Owed(((0, 0),), 0), 0, 0
    under_way: list[tuple[int, int]] = []
    for action, number in actions:
        now_ms += 500
        if action == "come":
            newest += number
            owed.come(newest, now_ms)
        elif action == "send" and (chosen := owed.choose(number)):
            assert 1 <= chosen.rows[1] - chosen.rows[0] + 1 <= number
            owed.send(chosen.rows)
            under_way.append(chosen.rows)
        elif action == "confirm" and under_way:
            owed.confirm(under_way.pop(number % len(under_way)))
        elif action == "open":
            owed.open(((number, number + 5),))
        elif action == "begin":
            owed.begin(newest)
            under_way.clear()
        assert union([*owed.confirmed, *under_way, *owed.waiting]) == ((0, newest),)
        assert all(not first <= owed.complete + 1 <= last for first, last in owed.confirmed)
    for rows in under_way:
        owed.confirm(rows)
    while (chosen := owed.choose(50)) is not None:
        owed.send(chosen.rows)
        owed.confirm(chosen.rows)
    assert owed.confirmed == ((0, newest),)
