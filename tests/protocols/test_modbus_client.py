"""The client against devices that answer late: no older answer is ever returned for the question asked last."""

from protocols import modbus, modbus_client, modbus_server, modbus_tcp
from protocols.errors import DeviceError, FrameError, NoReply
from protocols.modbus import Request
from protocols.polling_client import PollingClient
from protocols.tcp_client import TcpClient
from tests.firmware.doubles import MICROPYTHON, Clock, Dice, Sensor, Wire, raises, run

SEEDS = 150 if MICROPYTHON else 1500
MODES = ("queue", "overrun", "refuse")  # keeps every question; loses those that come while it thinks; refuses late


def words_of(address, quantity, question):
    """What the device shows: each word tells its own address and the question at which it was read."""
    return tuple([((address + i) & 63) << 10 | question & 1023 for i in range(quantity)])


class Late:
    """Answers every few questions late: before the next one, during it, or several later; always in order."""

    def __init__(self, dice, tcp=False):
        self._dice = dice
        self._tcp = tcp
        self._mode = MODES[dice.below(3)]
        self._every = 2 + dice.below(4)
        self._inputs = ("answer", "refuse", "silent")[dice.below(3)]  # to function 4
        self._free_ms = 0
        self.questions = 0

    def hear(self, frame, now_ms):
        if self._tcp:
            ((transaction, unit_id, pdu),) = modbus_tcp.TcpFrames().feed(frame)
        else:
            unit_id, pdu = frame[0], frame[1:-2]
        self.questions += 1
        request = modbus_server.parse_request(unit_id, pdu)
        dice = self._dice
        late = dice.one_in(self._every)
        at_ms = now_ms + (200 + dice.below((400, 1500, 8000)[dice.below(3)]) if late else 5 + dice.below(100))
        if self._mode == "overrun" and now_ms < self._free_ms:
            return []
        if not self._tcp:  # one processor: it answers in the order in which it was asked
            at_ms = max(at_ms, self._free_ms + 4)
        self._free_ms = at_ms
        answer = modbus_server.reply(request, words_of(request.address, request.quantity, self.questions))
        if late and self._mode == "refuse":
            answer = modbus_server.refusal(request.function, modbus.BUSY)
        if request.function == modbus.READ_INPUT and self._inputs != "answer":
            if self._inputs == "silent":
                return []
            answer = modbus_server.refusal(request.function, modbus_server.ILLEGAL_FUNCTION)
        answer = modbus_tcp.tcp(transaction, unit_id, answer) if self._tcp else modbus.rtu(unit_id, answer)
        cut = dice.below(len(answer))
        return [(at_ms - now_ms, answer[:cut]), (at_ms - now_ms + dice.below(3), answer[cut:])]


class Naive:
    """Drains the line, asks, takes the first whole reply that fits: what most masters do."""

    def __init__(self, line, now_ms):
        self._line = line
        self._now_ms = now_ms

    async def ask(self, request):
        self._line.pending()
        await self._line.write(modbus.rtu(request.unit_id, request.pdu()))
        deadline_ms = self._now_ms() + 330
        reply = modbus.RtuReply(request)
        while self._now_ms() < deadline_ms:
            pdu = reply.feed(await self._line.read(deadline_ms - self._now_ms()))
            if pdu is not None:
                return request.accept(pdu)
        raise NoReply("silence")


def story(seed, tcp, client_of):
    """(right answers, stale answers, failures) of one seed."""
    dice = Dice(seed)
    clock = Clock()
    device = Late(dice, tcp)
    wire = Wire(clock, device)
    client = client_of(wire, clock.now_ms)
    quantities = (1, 2, 4) if dice.one_in(2) else ((1, 2, 7)[dice.below(3)],)
    right = stale = failed = 0
    for _ in range(12):
        request = Request(1, 3, dice.below(3) * 8, quantities[dice.below(len(quantities))])
        try:
            words = run(client.ask(request))
            if words == words_of(request.address, request.quantity, device.questions):
                right += 1
            else:
                stale += 1
        except (NoReply, FrameError, DeviceError):
            failed += 1
        clock.ms += dice.below((20, 1000, 5000)[dice.below(3)])
    return right, stale, failed


def played(tcp, client_of):
    right = stale = failed = 0
    for seed in range(SEEDS):
        scores = story(seed, tcp, client_of)
        right, stale, failed = right + scores[0], stale + scores[1], failed + scores[2]
    print("%d right, %d stale, %d failed" % (right, stale, failed))
    return right, stale, failed


def rtu_client(wire, now_ms):
    return PollingClient(wire, now_ms, 9600)


def test_no_late_reply_on_rtu_is_ever_taken_for_the_answer():
    right, stale, failed = played(False, rtu_client)
    assert stale == 0
    assert right > failed // 2  # and the client does not hide in silence


def test_no_late_reply_on_tcp_is_ever_taken_for_the_answer():
    right, stale, failed = played(True, lambda wire, now_ms: TcpClient(wire, now_ms, 330))
    assert stale == 0
    assert right > failed


def test_a_naive_client_takes_late_replies_for_answers():
    assert played(False, Naive)[1] > SEEDS // 10


def test_an_answer_in_time_gives_its_words_and_the_time_of_the_question():
    clock = Clock()
    wire = Wire(clock, Sensor(5, {0x26: 0x41BC, 0x27: 0x0000}))
    client = rtu_client(wire, clock.now_ms)
    assert run(client.ask(Request(5, 3, 0x26, 2))) == (0x41BC, 0)
    assert client.asked_ms == wire.written[-1][0]
    assert raises(DeviceError, run, client.ask(Request(5, 3, 0x99, 1))).code == modbus_server.ILLEGAL_ADDRESS


def test_silence_ends_after_the_frames_and_the_latency():
    clock = Clock()
    client = rtu_client(Wire(clock), clock.now_ms)
    raises(NoReply, run, client.ask(Request(5, 3, 0, 2)))
    assert 300 < clock.ms < 350


def test_noise_is_told_from_silence_and_a_good_frame_behind_it_is_found():
    clock = Clock()
    wire = Wire(clock, Sensor(1, {0: 7}))
    client = rtu_client(wire, clock.now_ms)
    wire.say(12, b"\x01\x03\xff")
    assert run(client.ask(Request(1, 3, 0, 1))) == (7,)
    wire.say(clock.ms + 12, b"\x55\xaa")
    raises(FrameError, run, client.ask(Request(2, 3, 0, 1)))


class Babbler:
    """A line that never falls silent."""

    def __init__(self, clock, data):
        self._clock = clock
        self._data = data

    async def write(self, data):
        self._clock.ms += 8

    async def read(self, timeout_ms):
        self._clock.ms += 1
        assert self._clock.ms < 10_000, "the client hangs"
        return self._data

    def pending(self):
        return self._data


def test_a_babbling_line_does_not_hold_the_client():
    clock = Clock()
    raises(FrameError, run, rtu_client(Babbler(clock, b"\x55"), clock.now_ms).ask(Request(1, 3, 0, 1)))
    foreign = modbus_tcp.tcp(999, 1, b"\x03\x02\x00\x01")
    raises(NoReply, run, TcpClient(Babbler(clock, foreign), clock.now_ms, 500).ask(Request(1, 3, 0, 1)))


def one_lost_reply(quantity, inputs, lost):
    """Asks two questions; the device loses the first or spoils it; it answers function 4 as told by `inputs`."""
    clock = Clock()

    def trouble(request):
        if request.function == modbus.READ_INPUT:
            return {"refuse": modbus_server.refusal(4, 1), "silent": b""}[inputs]
        return lost if len(device.asked) == 1 else None

    device = Sensor(1, {address: address + 1 for address in range(20)}, trouble)
    client = rtu_client(Wire(clock, device), clock.now_ms)
    raises((NoReply, FrameError), run, client.ask(Request(1, 3, 4, quantity)))
    return run(client.ask(Request(1, 3, 4, quantity)))


def test_one_lost_reply_does_not_silence_a_sensor_that_refuses_function_4():
    for quantity in (1, 2, 5):
        assert one_lost_reply(quantity, "refuse", b"") == tuple(range(5, 5 + quantity))


def test_one_lost_reply_does_not_silence_a_sensor_that_knows_no_function_4():
    for quantity in (2, 5):
        assert one_lost_reply(quantity, "silent", b"\x03\x00\x00") == tuple(range(5, 5 + quantity))
    clock = Clock()
    device = Sensor(1, {4: 5, 5: 6}, lambda request: b"" if request.function == 4 or len(device.asked) == 1 else None)
    client = rtu_client(Wire(clock, device), clock.now_ms)
    raises(NoReply, run, client.ask(Request(1, 3, 4, 1)))
    raises(NoReply, run, client.ask(Request(1, 3, 4, 1)))
    assert run(client.ask(Request(1, 3, 4, 1))) == (5,)  # a question for two words proved it to be up to date


class Slow:
    """Answers its n-th question at `times_ms[n]`, with the words of `values[n]` or, for None, a refusal."""

    def __init__(self, *script):
        self._script = list(script)

    def hear(self, frame, now_ms):
        if not self._script:
            return []
        (at_ms, value), self._script = self._script[0], self._script[1:]
        request = modbus_server.parse_request(frame[0], frame[1:-2])
        pdu = (
            modbus_server.refusal(3, 6) if value is None else modbus_server.reply(request, (value,) * request.quantity)
        )
        return [(at_ms - now_ms, modbus.rtu(frame[0], pdu))]


def test_one_late_refusal_does_not_pay_for_two_questions():
    clock = Clock()
    client = rtu_client(Wire(clock, Slow((800, None), (1020, 1), (1050, 2))), clock.now_ms)
    raises(NoReply, run, client.ask(Request(1, 3, 0, 4)))  # refused at 800
    raises(NoReply, run, client.ask(Request(1, 3, 0, 4)))  # asks for 3 words instead; answered at 1020
    clock.ms = 1000
    assert client.late_replies == 0
    raises((NoReply, FrameError), run, client.ask(Request(1, 3, 8, 3)))  # the 3 words of 1020 are not its answer
    assert client.late_replies == 1


def test_a_unit_that_owed_answers_is_believed_again_after_a_minute():
    clock = Clock()
    device = Sensor(1, {0: 7}, lambda request: b"" if clock.ms < 5000 else None)
    client = rtu_client(Wire(clock, device), clock.now_ms)
    for _ in range(10):
        raises(NoReply, run, client.ask(Request(1, 3, 0, 1)))
    clock.ms += modbus_client.FORGET_MS
    assert run(client.ask(Request(1, 3, 0, 1))) == (7,)


def test_a_refusal_is_believed_when_nothing_of_its_function_is_owed():
    clock = Clock()
    answers = {16: b"", 3: modbus_server.refusal(3, modbus.ACKNOWLEDGE)}
    client = rtu_client(Wire(clock, Sensor(1, {}, lambda request: answers[request.function])), clock.now_ms)
    raises(NoReply, run, client.ask(Request(1, 16, 0x1C00, 0)))
    assert raises(DeviceError, run, client.ask(Request(1, 3, 0, 2))).code == modbus.ACKNOWLEDGE


def test_units_do_not_stand_in_for_each_other():
    clock = Clock()
    slow = Sensor(1, {0: 1}, delay_ms=400)
    client = rtu_client(Wire(clock, slow, Sensor(2, {0: 2})), clock.now_ms)
    raises(NoReply, run, client.ask(Request(1, 3, 0, 1)))
    assert run(client.ask(Request(2, 3, 0, 1))) == (2,)


class Noisy:
    """A line whose noise turns bits over in what devices say and hear."""

    def __init__(self, device, dice, one_in):
        self._device = device
        self._dice = dice
        self._one_in = one_in

    def _spoilt(self, data):
        return bytes([byte ^ (1 << self._dice.below(8)) if self._dice.one_in(self._one_in) else byte for byte in data])

    def hear(self, frame, now_ms):
        heard = self._spoilt(frame)
        if not modbus.rtu_ok(heard):
            return []
        return [(at_ms, self._spoilt(data)) for at_ms, data in self._device.hear(heard, now_ms)]


def test_no_late_reply_is_taken_for_the_answer_on_a_noisy_line_either():
    right = stale = 0
    for seed in range(SEEDS):
        dice = Dice(seed)
        clock = Clock()
        device = Late(dice)
        wire = Wire(clock, Noisy(device, dice, 20 + dice.below(200)))
        client = rtu_client(wire, clock.now_ms)
        quantities = ((1, 2, 4), (1, 2), (2,))[dice.below(3)]
        for _ in range(12):
            request = Request(1, 3, dice.below(3) * 8, quantities[dice.below(len(quantities))])
            try:
                if dice.one_in(4):
                    run(client.is_there(request))
                    continue
                words = run(client.ask(request))
                fresh = words == words_of(request.address, request.quantity, device.questions)
                right, stale = right + fresh, stale + (not fresh)
            except (NoReply, FrameError, DeviceError):
                pass
            clock.ms += dice.below((20, 1000, 5000)[dice.below(3)])
    assert stale == 0
    assert right > SEEDS


def test_a_damaged_answer_is_no_debt_and_ends_the_waiting():
    clock = Clock()
    device = Sensor(1, {0: 7, 1: 8})
    wire = Wire(clock, device)
    client = rtu_client(wire, clock.now_ms)
    good = modbus.rtu(1, modbus_server.reply(Request(1, 3, 0, 2), (7, 8)))
    device.hear = lambda frame, now_ms: [(20, good[:4] + b"\x55" + good[5:])]
    raises(FrameError, run, client.ask(Request(1, 3, 0, 2)))
    assert client.damaged == 1 and clock.ms < 60
    del device.hear
    assert run(client.ask(Request(1, 3, 0, 2))) == (7, 8)
    assert [request.quantity for request in device.asked] == [2]  # and nothing of another shape before


def test_a_damaged_answer_is_not_believed_to_be_one_while_another_unit_owes():
    clock = Clock()
    device = Sensor(1, {0: 7, 1: 8})
    wire = Wire(clock, device)
    client = rtu_client(wire, clock.now_ms)
    raises(NoReply, run, client.ask(Request(2, 3, 0, 2)))
    good = modbus.rtu(1, modbus_server.reply(Request(1, 3, 0, 2), (7, 8)))
    device.hear = lambda frame, now_ms: [(20, good[:4] + b"\x55" + good[5:])]
    raises(FrameError, run, client.ask(Request(1, 3, 0, 2)))
    del device.hear
    assert run(client.ask(Request(1, 3, 0, 2))) == (7, 8)
    assert [request.quantity for request in device.asked] == [1, 2]


def test_a_dead_unit_may_be_asked_whether_it_is_there_for_ever_and_is_read_at_once_when_it_is():
    clock = Clock()
    device = Sensor(1, {address: address for address in range(4)}, lambda request: b"" if clock.ms < 30_000 else None)
    client = rtu_client(Wire(clock, device), clock.now_ms)
    raises(NoReply, run, client.ask(Request(1, 3, 0, 4)))
    for _ in range(20):
        assert not run(client.is_there(Request(1, 3, 0, 2)))
        clock.ms += 1000
    clock.ms = 30_000
    assert run(client.is_there(Request(1, 3, 0, 2)))
    assert run(client.ask(Request(1, 3, 0, 2))) == (0, 1)
    assert run(client.ask(Request(1, 3, 0, 4))) == (0, 1, 2, 3)


def test_a_unit_that_its_tcp_gateway_gets_no_answer_from_is_silent():
    class Gateway:
        asked = 0

        def hear(self, frame, now_ms):
            ((transaction, unit_id, pdu),) = modbus_tcp.TcpFrames().feed(frame)
            self.asked += 1
            return [(5, modbus_tcp.tcp(transaction, unit_id, modbus_server.refusal(pdu[0], self.code)))]

    clock = Clock()
    gateway = Gateway()
    client = TcpClient(Wire(clock, gateway), clock.now_ms)
    for gateway.code in (modbus_server.NO_PATH, modbus_server.NO_RESPONSE):
        raises(NoReply, run, client.ask(Request(1, 3, 0, 1)))
        assert not run(client.is_there(Request(1, 3, 0, 1)))
    assert gateway.asked == 8  # each twice: noise on its line is nothing rare
    gateway.code = modbus_server.ILLEGAL_ADDRESS
    assert raises(DeviceError, run, client.ask(Request(1, 3, 0, 1))).code == modbus_server.ILLEGAL_ADDRESS
    assert run(client.is_there(Request(1, 3, 0, 1)))
