from protocols import modbus, modbus_server, poll, polling_client, quality
from protocols.errors import DeviceError, NoReply
from protocols.modbus_client import RtuClient
from protocols.profile import Profile
from protocols.register_image import encode
from protocols.registers import Register
from tests.firmware.doubles import Clock, Sensor, Wire, raises, run

TWO_BLOCKS = (Register("a", 0, "u16", "1"), Register("b", 1, "u16", "1"), Register("c", 50, "u16", "1"))


def profile(registers=TWO_BLOCKS, **quirks):
    return Profile("m", "t", "t", "water", registers, confidence="note", source="invented", **quirks)


class Bench:
    """One sensor on a line; read() polls it."""

    def __init__(self, profile, words, trouble=None):
        self.clock = Clock()
        self.profile = profile
        self.slept = []
        self.sensor = Sensor(1, words, trouble)
        self.wire = Wire(self.clock, self.sensor)
        self.client = RtuClient(self.wire, self.clock.now_ms, 9600)

    async def sleep_ms(self, duration_ms):
        self.slept.append(duration_ms)
        self.clock.ms += duration_ms

    def read(self, **options):
        return run(poll.read(self.client, 1, self.profile, self.profile.registers, self.sleep_ms, **options))


def test_a_poll_reads_each_block_once_and_decodes_it():
    bench = Bench(profile(), {0: 7, 1: 8, 50: 9})
    assert bench.read() == [(7, 0), (8, 0), (9, 0)]
    assert [(request.address, request.quantity) for request in bench.sensor.asked] == [(0, 2), (50, 1)]


def test_the_byte_order_of_the_profile_is_used():
    registers = (
        Register("temperature", 0x2600, "f32", "Cel", decimals=2),
        Register("do", 0x2602, "f32", "mg/L", decimals=2),
    )
    words = encode(registers[0], "DCBA", 1234)
    words.update(encode(registers[1], "DCBA", 812))
    assert Bench(profile(registers, order="DCBA"), words).read() == [(1234, 0), (812, 0)]


def test_a_silent_sensor_is_not_asked_for_the_rest():
    bench = Bench(profile(), {}, lambda request: b"")
    assert bench.read() == [(None, quality.NO_REPLY)] * 3
    assert [request.address for request in bench.sensor.asked] == [0, 0]  # twice for the first block, never for c
    bench.sensor.asked = []
    bench = Bench(profile(), {}, lambda request: b"")
    assert bench.read(tries=1) == [(None, quality.NO_REPLY)] * 3
    assert len(bench.sensor.asked) == 1


def test_a_sensor_that_falls_silent_keeps_what_it_said():
    bench = Bench(profile(), {0: 7, 1: 8, 50: 9}, lambda request: b"" if request.address == 50 else None)
    assert bench.read() == [(7, 0), (8, 0), (None, quality.NO_REPLY)]


def test_a_refused_block_costs_only_itself():
    bench = Bench(profile(), {50: 9})
    assert bench.read() == [(None, quality.INVALID)] * 2 + [(9, 0)]
    assert len(bench.sensor.asked) == 2  # a refusal is an answer: no second try


def test_a_lost_reply_is_asked_for_again():
    bench = Bench(profile(), {0: 7, 1: 8, 50: 9}, lambda request: b"" if len(bench.sensor.asked) == 1 else None)
    assert bench.read() == [(7, 0), (8, 0), (9, 0)]


def test_a_sensor_that_acknowledges_first_is_asked_again_until_it_has_data():
    # GroPoint Profile: exception 05 on the first read, data after the measurement
    def trouble(request):
        return (
            modbus_server.refusal(request.function, modbus.ACKNOWLEDGE) if len(bench.sensor.asked) <= patience else None
        )

    registers = (Register("m1", 0, "i16", "%", exponent=-1, decimals=1),)
    for patience in (1, 5):
        bench = Bench(profile(registers, busy_retry_ms=200, function=4), {0: 314})
        bench.sensor.trouble = trouble
        assert bench.read() == [(314, 0)]
        assert bench.slept == [200] * patience
        assert {request.function for request in bench.sensor.asked} == {4}


def test_a_sensor_that_stays_busy_is_given_up():
    bench = Bench(profile(busy_retry_ms=200), {}, lambda request: modbus_server.refusal(3, modbus.BUSY))
    assert bench.read() == [(None, quality.INVALID)] * 3
    assert len(bench.sensor.asked) < 40


def test_busy_without_that_quirk_is_a_refusal():
    bench = Bench(profile(), {50: 9}, lambda request: modbus_server.refusal(3, 5) if request.address == 0 else None)
    assert bench.read() == [(None, quality.INVALID)] * 2 + [(9, 0)]
    assert bench.slept == []


def test_a_start_by_quantity_0_is_sent_and_confirmed():
    for start in ((16, 0x1C00, 0), (3, 0x2500, 0)):
        bench = Bench(profile(start=start), {0: 1, 1: 2, 50: 3})
        run(polling_client.start(bench.client, 1, bench.profile))
        asked = bench.sensor.asked[0]
        assert (asked.function, asked.address, asked.quantity) == start
        assert bench.read() == [(1, 0), (2, 0), (3, 0)]
    bench = Bench(profile(), {})
    run(polling_client.start(bench.client, 1, bench.profile))
    assert bench.sensor.asked == []


def test_a_start_that_fails_says_so():
    bench = Bench(profile(start=(16, 0x1C00, 0)), {}, lambda request: b"")
    raises(NoReply, run, polling_client.start(bench.client, 1, bench.profile))
    bench = Bench(profile(start=(3, 0x2500, 0)), {}, lambda request: modbus_server.refusal(3, 2))
    raises(DeviceError, run, polling_client.start(bench.client, 1, bench.profile))


def test_a_lost_confirmation_of_the_start_does_not_cost_the_reading():
    for start in ((16, 0x1C00, 0), (3, 0x2500, 0)):
        bench = Bench(profile(start=start), {0: 1, 1: 2, 50: 3}, lambda request: b"" if not request.quantity else None)
        raises(NoReply, run, polling_client.start(bench.client, 1, bench.profile))
        assert bench.read() == [(1, 0), (2, 0), (3, 0)]
