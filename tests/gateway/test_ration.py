"""What goes first on a small channel, and how often."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gateway.uplink.ration import ALARM, BACKLOG, NEWEST, Piece, Ration, fill, ranked, sizes, waiting

pieces = st.lists(
    st.builds(
        Piece,
        what=st.integers(),
        channel=st.sampled_from("abc"),
        at_ms=st.integers(0, 50),
        is_alarm=st.booleans(),
        size_bytes=st.integers(1, 40),
        group=st.integers(0, 3),
        group_bytes=st.just(7),
    ),
    max_size=12,
)


def test_alarms_go_first_then_the_newest_of_each_channel_then_the_oldest() -> None:
    every = [Piece(n, "a", n, False, 10) for n in range(4)] + [Piece(9, "b", 1, False, 10), Piece(8, "b", 0, True, 10)]
    assert [(kind, piece.what) for kind, piece in ranked(every)] == [
        (ALARM, 8), (NEWEST, 9), (NEWEST, 3), (BACKLOG, 0), (BACKLOG, 1), (BACKLOG, 2),
    ]  # fmt: skip
    assert [piece.what for piece in fill(every, 45)] == [8, 9, 3, 0]
    assert [piece.what for piece in fill(every, 45, with_backlog=False)] == [8, 9, 3]
    assert waiting(every) == (1, 2, 3, 0)


def test_a_piece_that_fits_nowhere_goes_alone_and_is_not_in_the_way_for_ever() -> None:
    assert [piece.what for piece in fill([Piece(1, "a", 1, False, 500), Piece(2, "b", 2, False, 5)], 60)] == [1]


@given(pieces, st.integers(60, 120))
def test_a_message_never_has_more_than_its_room(every: list[Piece[int]], room: int) -> None:
    chosen = fill(every, room)
    assert sizes(chosen) <= room
    assert bool(chosen) == bool(every)


def test_messages_keep_their_distance_and_their_number_an_hour() -> None:
    ration, sent = Ration(60, 60, 0), []
    now_ms = 0
    while now_ms < 7_200_000:
        wait_ms = ration.wait_ms(False, now_ms)
        if wait_ms:
            now_ms += wait_ms
        else:
            ration.use(now_ms)
            sent.append(now_ms)
    assert len(sent) == 120 and min(b - a for a, b in pairwise(sent)) >= 60_000


def test_a_backlog_leaves_a_quarter_of_an_hours_messages_for_alarms() -> None:
    ration, now_ms = Ration(12, 0, 0), 3_600_000
    while not ration.wait_ms(True, now_ms):
        ration.use(now_ms)
    alarms = 0
    while not ration.wait_ms(False, now_ms):
        ration.use(now_ms)
        alarms += 1
    assert alarms == 3
