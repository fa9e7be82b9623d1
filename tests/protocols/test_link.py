"""Node and gateway over a channel that loses, doubles, delays, cuts, damages and replays what it carries."""

from protocols import framing, link
from protocols.command import EMERGENCY, Command
from protocols.errors import AuthError, FrameError
from protocols.gateway_session import GatewaySession, Received, Refused, decode_range, encode_answer
from protocols.link import ACK, BATCH, HELLO, Acked, Answer, GaveUp, NodeSession
from tests.firmware.doubles import MICROPYTHON, Dice, raises

KEY = bytes(range(32))
SEEDS = 15 if MICROPYTHON else 250
ANSWER = Answer(41, 1_700_000_000_250, link.CLOCK_TRUSTED, -97)


class Counter:
    def __init__(self, start=1):
        self.next = start

    def __call__(self):
        self.next += 1
        return self.next - 1


def node(counter=None, jitter=lambda below: below // 2, **options):
    return NodeSession(17, KEY, counter or Counter(), jitter, **options)


def gateway(counters=None):
    return GatewaySession({17: KEY, 18: bytes(32)}, counters or {})


def test_a_body_goes_over_and_its_answer_comes_back():
    here, there = node(), gateway()
    here.send(BATCH, b"body", 1000)
    wire = here.data_to_send(1000)
    (event,) = there.receive(wire)
    assert isinstance(event, Received)
    assert (event.kind, event.node, event.counter, event.body) == (BATCH, 17, 1, b"body")
    assert link.parse(event.raw).body == b"body"
    here.receive(there.acknowledge(event, ANSWER), 1300)
    ended = here.next_event()
    assert isinstance(ended, Acked) and ended.sent_ms == 1000 and ended.answer.have == 41
    assert here.next_event() is None and here.next_deadline() is None
    assert here.data_to_send(99_999) == b"" and here.refused == 0


def test_an_answer_keeps_time_to_a_256th_of_a_second():
    for ms in (0, 1, 3, 4, 499, 500, 998, 999):
        answer = Answer(7, 1_700_000_000_000 + ms, 3, -128)
        back = link.parse_answer(encode_answer(answer))
        assert 0 <= answer.unix_ms - back.unix_ms <= 4 or 0 <= back.unix_ms - answer.unix_ms <= 4
        assert (back.have, back.flags, back.rssi_dbm) == (7, 3, -128)
    raises(FrameError, link.parse_answer, encode_answer(ANSWER) + b"\x00")


def test_a_lost_answer_is_asked_for_with_a_new_counter_and_the_old_answer_no_longer_counts():
    here, there = node(), gateway()
    here.send(BATCH, b"body", 0)
    (first,) = there.receive(here.data_to_send(0))
    late_answer = there.acknowledge(first, ANSWER)
    assert here.data_to_send(1499) == b"" and here.data_to_send(1500) == b""
    again_ms = here.next_deadline()
    (second,) = there.receive(here.data_to_send(again_ms))
    assert second.body == first.body and second.counter > first.counter
    here.receive(late_answer, again_ms + 1)
    assert here.next_event() is None and here.refused == 1
    here.receive(there.acknowledge(second, ANSWER), again_ms + 2)
    assert isinstance(here.next_event(), Acked)


def test_the_answer_may_come_while_the_next_try_is_waiting():
    here, there = node(), gateway()
    here.send(BATCH, b"body", 0)
    (event,) = there.receive(here.data_to_send(0))
    assert here.data_to_send(1500) == b""
    here.receive(there.acknowledge(event, ANSWER), 1600)
    assert isinstance(here.next_event(), Acked) and here.data_to_send(60_000) == b""


def test_retries_end_in_bounded_jittered_time():
    for draw in range(5):
        here = node(jitter=lambda below, draw=draw: (below - 1) * draw // 4)
        here.send(HELLO, b"", 0)
        now_ms, sent = 0, []
        while here.next_deadline() is not None:
            now_ms = max(now_ms, here.next_deadline())
            if here.data_to_send(now_ms):
                sent.append(now_ms)
        assert isinstance(here.next_event(), GaveUp)
        assert len(sent) == 3 and 4500 <= now_ms <= 9000
        assert sent[1] - 1500 == 1499 * draw // 4 and sent[2] - sent[1] - 1500 == 2999 * draw // 4


def test_a_replayed_frame_is_refused_even_after_a_restart_of_the_gateway():
    here, there = node(), gateway()
    here.send(BATCH, b"body", 0)
    wire = here.data_to_send(0)
    (event,) = there.receive(wire)
    assert there.receive(wire) == [Refused(17, "replay", b"body")]
    assert gateway({17: event.counter}).receive(wire) == [Refused(17, "replay", b"body")]
    assert isinstance(gateway({17: event.counter - 1}).receive(wire)[0], Received)


def test_each_kind_of_stranger_is_refused_by_its_name():
    there = gateway()

    def refusal(frame):
        (event,) = there.receive(framing.stuff(frame))
        return event

    good = link.seal(KEY, BATCH, 17, 5, b"body")
    assert refusal(link.seal(KEY, BATCH, 99, 5, b"body")) == Refused(99, "unknown_node")
    assert refusal(link.seal(KEY, BATCH, 18, 5, b"body")) == Refused(18, "tag")
    assert refusal(link.seal(KEY, ACK, 17, 5, encode_answer(ANSWER))) == Refused(17, "frame")
    assert refusal(b"short") == Refused(None, "frame")
    assert there.receive(b"\x00\x09\x01\x00") == [Refused(None, "frame")]
    for bit in range(8, 8 * len(good)):  # the first byte is the kind: another one is refused as such
        forged = bytearray(good)
        forged[bit // 8] ^= 1 << bit % 8
        assert isinstance(refusal(bytes(forged)), Refused)
    raises(AuthError, link.check, KEY, good[:-1] + bytes((good[-1] ^ 1,)))
    assert isinstance(refusal(good), Received)


def test_a_node_takes_nothing_but_the_answer_to_its_own_frame():
    here = node()
    here.send(BATCH, b"body", 0)
    wire = here.data_to_send(0)
    good = link.seal(KEY, ACK, 17, 1, encode_answer(ANSWER))
    for frame in (
        link.seal(KEY, ACK, 17, 0, encode_answer(ANSWER)),
        link.seal(KEY, ACK, 17, 2, encode_answer(ANSWER)),
        link.seal(bytes(32), ACK, 17, 1, encode_answer(ANSWER)),
        link.seal(KEY, ACK, 17, 1, encode_answer(ANSWER) + b"\x00"),
        good[:-1],
        b"x",
    ):
        before = here.refused
        here.receive(framing.stuff(frame), 10)
        assert here.next_event() is None and here.refused == before + 1
    here.receive(wire, 11)  # its own echo
    here.receive(framing.stuff(link.seal(bytes(32), ACK, 18, 1, encode_answer(ANSWER))), 12)  # for a neighbour
    assert here.next_event() is None and here.refused == before + 1
    here.receive(framing.stuff(good), 13)
    assert isinstance(here.next_event(), Acked)


class Channel:
    """Radio in both directions: what is put in comes out late, damaged, twice, cut, never, or again much later."""

    def __init__(self, dice, trouble):
        self._dice = dice
        self._trouble = trouble  # 0: none; n: one message in n is hit
        self._coming = []
        self._heard = []

    def put(self, now_ms, data):
        dice = self._dice
        self._heard.append(data)
        times = [now_ms + 100]
        if self._trouble and dice.one_in(self._trouble):
            kind = dice.below(7)
            at = dice.below(len(data))
            if kind == 0:
                return
            if kind == 1:
                times.append(now_ms + dice.below(9000))
            elif kind == 2:
                times = [now_ms + dice.below(9000)]
            elif kind == 3:
                data = data[:at]
            elif kind == 4:
                data = data[:at] + bytes((data[at] ^ (1 + dice.below(255)),)) + data[at + 1 :]
            elif kind == 5:
                data = dice.data(9) + data + dice.data(9)
            else:
                self._coming.append((now_ms + dice.below(3000), self._heard[dice.below(len(self._heard))]))
        self._coming += [(when, data) for when in times]

    def take(self, now_ms):
        due = sorted([item for item in self._coming if item[0] <= now_ms])
        self._coming = [item for item in self._coming if item[0] > now_ms]
        return b"".join([data for _, data in due])

    def next_ms(self):
        return min([when for when, _ in self._coming]) if self._coming else None


def story(seed):
    """Twelve bodies through a bad channel, with restarts of both ends: (bodies as accepted, frames refused)."""
    dice = Dice(seed)
    trouble = (0, 2, 3, 6)[dice.below(4)]
    up, down = Channel(dice, trouble), Channel(dice, trouble)
    counter = Counter()
    here, there = node(counter, dice.below), gateway()
    held, counters, refused, now_ms = [], {}, 0, 0
    for i in range(12):
        body = bytes((i,)) + dice.data(dice.below(200))
        tries = 0
        while True:
            here.send(BATCH, body, now_ms)
            tries += 1
            assert tries < 60
            event = None
            while event is None:
                data = here.data_to_send(now_ms)
                if data:
                    up.put(now_ms, data)
                for got in there.receive(up.take(now_ms)):
                    if isinstance(got, Refused):
                        refused += 1
                        continue
                    assert got.counter > counters.get(17, -1)
                    counters[17] = got.counter
                    held.append(got.body)
                    if dice.one_in(5):
                        there = gateway(counters)  # killed after the commit, before the answer
                    else:
                        down.put(now_ms, there.acknowledge(got, Answer(i, now_ms)))
                here.receive(down.take(now_ms), now_ms)
                event = here.next_event()
                if event is None:
                    waits = [here.next_deadline(), up.next_ms(), down.next_ms()]
                    now_ms = max(now_ms, min([when for when in waits if when is not None]))
            if isinstance(event, Acked):
                assert held[-1] == body and event.answer.have == i, "an answer to another frame was believed"
                break
        if dice.one_in(4):
            refused += here.refused
            here = node(counter, dice.below)  # the node starts again; its counter goes on
    bodies = []
    for body in held:
        if not bodies or bodies[-1] != body:
            bodies.append(body)
    assert [body[0] for body in bodies] == list(range(12)), "lost, forged or out of order"
    return trouble, refused + here.refused


def test_every_body_arrives_in_order_and_nothing_else_does_whatever_the_channel_does():
    quiet = noisy = 0
    for seed in range(SEEDS):
        trouble, refused = story(seed)
        if trouble:
            noisy += refused
        else:
            quiet += refused
    assert quiet == 0 and noisy > SEEDS


def brief_pair(schema=0xBEEF, known=0xBEEF):
    here = node()
    there = GatewaySession({17: KEY}, {}, {17: known})
    here.send(BATCH, bytes((schema >> 8, schema & 0xFF)) + b"rest", 1000, 1_700_000_000_000)
    return here, there


def test_the_first_try_leaves_out_what_both_know_and_the_second_does_not():
    here, there = brief_pair()
    wire = here.data_to_send(1000)
    assert len(wire) == 2 + link.OVERHEAD + 4 and wire[0] != 0  # code and zero, and no schema
    (event,) = there.receive(wire)
    assert (event.kind, event.body, event.brief) == (BATCH, b"\xbe\xefrest", True)
    here.data_to_send(2500)
    again_ms = here.next_deadline()
    wire = here.data_to_send(again_ms)
    assert len(wire) == 3 + link.OVERHEAD + 6 and wire[0] == 0
    (event,) = there.receive(wire)
    assert (event.kind, event.body, event.brief) == (BATCH, b"\xbe\xefrest", False)


def test_a_brief_batch_of_another_slice_is_not_believed_and_its_second_try_is():
    here, there = brief_pair(known=0xBEEE)
    assert there.receive(here.data_to_send(1000)) == [Refused(17, "tag")]
    here.data_to_send(2500)
    (event,) = there.receive(here.data_to_send(here.next_deadline()))
    assert event.body == b"\xbe\xefrest"


def test_a_brief_answer_tells_the_time_to_a_sixteenth_of_a_second():
    for ahead_ms in (0, 62, 63, 999, -1_900_000, 1_900_000):
        here, there = brief_pair()
        (event,) = there.receive(here.data_to_send(1000))
        unix_ms = 1_700_000_001_000 + ahead_ms
        data = there.acknowledge(event, Answer(None, unix_ms, link.CLOCK_TRUSTED | link.SLOW_DOWN, -97))
        here.receive(data, 1000)
        answer = here.next_event().answer
        assert abs(answer.unix_ms - unix_ms) <= 32 and answer.have is None
        assert (answer.flags, answer.rssi_dbm) == (link.CLOCK_TRUSTED | link.SLOW_DOWN, -97)
    plain = there.acknowledge(event, Answer(None, unix_ms))
    assert len(plain) == 2 + link.OVERHEAD + 2


def test_a_time_that_a_brief_answer_can_not_tell_is_refused_instead_of_guessed():
    here, there = brief_pair()
    (event,) = there.receive(here.data_to_send(1000))
    for ahead_ms in (2_200_000, -2_200_000, 86_400_000):
        before = here.refused
        here.receive(there.acknowledge(event, Answer(None, 1_700_000_001_000 + ahead_ms)), 1000)
        assert here.next_event() is None and here.refused == before + 1


def test_every_bit_of_a_brief_frame_is_under_the_tag():
    here, there = brief_pair()
    wire = here.data_to_send(1000)
    frame = framing.unstuff(wire[:-1])
    for bit in range(8 * len(frame)):
        forged = bytearray(frame)
        forged[bit // 8] ^= 1 << bit % 8
        assert isinstance(there.receive(framing.stuff(bytes(forged)))[0], Refused)
    (event,) = there.receive(wire)
    answer = framing.unstuff(there.acknowledge(event, Answer(None, 1_700_000_001_000))[:-1])
    for bit in range(8 * len(answer)):
        forged = bytearray(answer)
        forged[bit // 8] ^= 1 << bit % 8
        here.receive(framing.stuff(bytes(forged)), 1000)
        assert here.next_event() is None
    here.receive(framing.stuff(answer), 1000)
    assert isinstance(here.next_event(), Acked)


def test_a_full_question_is_never_answered_by_a_brief_answer():
    here, there = node(), gateway()
    here.send(BATCH, b"\xbe\xefrest", 1000)
    (event,) = there.receive(here.data_to_send(1000))
    here.receive(there.acknowledge(event, Answer(None, 1_700_000_001_000)), 1000)
    assert here.next_event() is None and here.refused == 1


def test_each_part_of_an_answer_comes_back_and_a_plain_one_has_none():
    assert len(encode_answer(Answer(7, 1_700_000_000_000))) == 10
    commands = (Command(7, EMERGENCY, -600), Command(65535, 255, 2**20))
    holes = ((1, 1), (40, 70), (2**31, 2**32 - 1))
    for rssi_dbm in (None, -128, 0):
        for some in ((), holes):
            for more in ((), commands):
                answer = Answer(7, 1_700_000_000_000, 5, rssi_dbm, some, more)
                body = encode_answer(answer)
                assert link.parse_answer(body) == answer
                for length in range(len(body)):
                    raises(FrameError, link.parse_answer, body[:length])
                raises(FrameError, link.parse_answer, body + b"\x00")


def test_a_range_comes_back_and_what_is_none_is_refused():
    assert decode_range(link.encode_range(3, 70_000)) == (3, 70_000)
    for body in (b"", bytes(8), link.encode_range(5, 4), link.encode_range(5, 5) + b"\x00"):
        raises(FrameError, decode_range, body)


def test_a_try_that_passes_unsent_counts_as_one():
    here = node()
    here.send(BATCH, b"body", 0)
    for _ in range(3):
        now_ms = here.next_deadline()
        assert here.is_due(now_ms)
        here.forgo(now_ms)
    assert isinstance(here.next_event(), GaveUp) and here.next_deadline() is None


def test_the_level_behind_each_packet_goes_with_its_frame():
    here, there = node(), GatewaySession({17: KEY}, {}, rssi_byte=True)
    here.send(BATCH, b"body", 0)
    first = here.data_to_send(0)
    here.send(BATCH, b"more", 0)
    second = here.data_to_send(0)
    for data in (first + bytes((256 - 97,)) + b"\x30no\x00\x77" + second + bytes((256 - 41,)),):
        for cuts in (len(data), 1):
            there = GatewaySession({17: KEY}, {}, rssi_byte=True)
            events = []
            for at in range(0, len(data), cuts):
                events += there.receive(data[at : at + cuts])
            good = [event for event in events if isinstance(event, Received)]
            assert [event.rssi_dbm for event in good] == [-97, -41] and len(events) == 3
