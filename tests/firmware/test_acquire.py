from firmware import slice_form
from firmware.acquire import Probe, Rails
from firmware.config import Wiper
from protocols import quality
from protocols.modbus_client import RtuClient
from tests.firmware import slices
from tests.firmware.doubles import Clock, DeskBoard, RamFlash, Sensor, Wire, run


class Bench:
    """One probe on its rail; until() plays the cycle's part and moves the clock from step to step."""

    def __init__(self, trouble=None, delay_ms=20, wiper=None, **fields):
        self.clock = Clock()
        self.device = Sensor(1, {0: 7, 1: 8}, trouble, delay_ms)
        wire = Wire(self.clock, self.device)
        self.board = DeskBoard(self.clock, RamFlash(), b"", None, {})
        fields.setdefault("rail", "sensors")
        fields.setdefault("registers", [slices.register("x", 0), slices.register("y", 1)])
        sensor = slice_form.parse(slices.encoded(slices.node(slices.sensor(**fields)))).sensors[0]
        client = RtuClient(wire, self.clock.now_ms, 9600)
        self.probe = Probe(sensor, client, Rails(self.board), self.board, self.clock.now_ms, wiper)

    def until(self, slot_ms, wipes=False):
        self.probe.prepare(slot_ms, self.clock.ms, wipes)
        while self.probe.next_ms is not None and (self.probe.next_ms <= slot_ms or self.probe.is_late(self.clock.ms)):
            self.clock.ms = max(self.clock.ms, self.probe.next_ms)
            run(self.probe.advance(self.clock.ms))
        self.clock.ms = max(self.clock.ms, slot_ms)
        return run(self.probe.read())


START = [16, 0x1C00, 0]


def test_a_sensor_is_stable_at_every_slot_and_off_in_between():
    for times in (
        {},
        {"warm_up_ms": 500},
        {"settle_ms": 3000},
        {"warm_up_ms": 500, "settle_ms": 3000, "start": START},
        {"start": START},
    ):
        bench = Bench(period_s=60, **times)
        assert not bench.probe.always_on
        for slot_ms in (60_000, 120_000, 180_000):
            assert bench.until(slot_ms) == [(7, 0), (8, 0)], times
            assert bench.board.rails[-1][1:] == ("sensors", False)
        assert [on for _, _, on in bench.board.rails] == [True, False] * 3


def test_power_comes_on_at_the_last_moment():
    bench = Bench(period_s=60, warm_up_ms=500, settle_ms=3000, start=START)
    bench.until(60_000)
    on_ms = bench.board.rails[0][0]
    assert 60_000 - 4500 <= on_ms <= 60_000 - 3500
    assert bench.board.rails[1][0] - 60_000 < 100


def test_what_is_read_was_measured_after_the_sensor_had_settled():
    bench = Bench(period_s=60, warm_up_ms=500, settle_ms=3000, measure_ms=1700)
    bench.until(60_000)
    assert bench.board.rails[0][0] == 60_000 - 5200


def test_a_start_command_that_nobody_answers_does_not_cost_the_slot():
    bench = Bench(lambda request: b"" if request.function == 16 else None, period_s=60, settle_ms=3000, start=START)
    assert bench.until(60_000) == [(7, 0), (8, 0)]


def test_the_start_command_goes_out_after_the_warm_up():
    bench = Bench(period_s=60, warm_up_ms=500, settle_ms=3000, start=START)
    bench.until(60_000)
    assert [request.function for request in bench.device.asked] == [16, 3]


def test_a_sensor_that_is_not_stable_says_warm_up_and_is_not_asked():
    bench = Bench(period_s=2, warm_up_ms=500, settle_ms=3000)
    assert bench.until(2000) == [(None, quality.WARM_UP)] * 2
    assert bench.device.asked == []
    assert bench.until(4000) == [(7, 0), (8, 0)]


def test_a_sensor_stays_on_when_switching_off_would_not_pay():
    bench = Bench(period_s=7, warm_up_ms=500, settle_ms=3000, start=START)
    assert bench.probe.always_on
    bench.until(7000)
    assert bench.until(14_000) == [(7, 0), (8, 0)]
    assert [on for _, _, on in bench.board.rails] == [True]
    assert [request.function for request in bench.device.asked].count(16) == 1


def test_a_sensor_that_fell_silent_is_started_again():
    bench = Bench(
        lambda request: b"" if 14_000 <= bench.clock.ms < 15_000 else None, period_s=7, settle_ms=3600, start=START
    )
    bench.until(7000)
    assert bench.until(14_000) == [(None, quality.NO_REPLY)] * 2
    assert bench.until(21_000) == [(7, 0), (8, 0)]
    assert [request.function for request in bench.device.asked].count(16) == 2


def test_a_silent_sensor_on_a_switched_rail_is_switched_off_all_the_same():
    bench = Bench(lambda request: b"", period_s=60)
    assert bench.until(60_000) == [(None, quality.NO_REPLY)] * 2
    assert bench.board.rails[-1][1:] == ("sensors", False)


def test_a_rail_is_on_while_anybody_needs_it():
    board = DeskBoard(Clock(), RamFlash(), b"", None, {})
    rails = Rails(board)
    rails.need("a", "x")
    rails.need("a", "x")
    rails.need("a", "y")
    rails.need(None, "z")
    rails.leave("a", "x")
    rails.leave("a", "nobody")
    rails.leave("b", "x")
    rails.leave(None, "z")
    assert board.rails == [(0, "a", True)]
    rails.leave("a", "y")
    assert board.rails == [(0, "a", True), (0, "a", False)]


def _noting(told, clock):
    return lambda request: told.append((clock.ms, request.address))


def test_measuring_starts_when_the_wiper_has_ended_and_both_before_the_slot():
    wiper = Wiper(16, 0x3100, 0, 5000, 0)
    for rail in ("sensors", None):
        told = []
        bench = Bench(period_s=60, settle_ms=3000, start=START, wiper=wiper, rail=rail)
        bench.until(60_000)
        asked = len(bench.device.asked)
        bench.device.trouble = _noting(told, bench.clock)
        assert bench.until(120_000, wipes=True) == [(7, 0), (8, 0)] and bench.clock.ms < 120_200
        assert [address for _, address in told] == [0x3100, 0x1C00, 0] and len(bench.device.asked) == asked + 3
        assert 5000 <= told[1][0] - told[0][0] < 5100 and told[0][0] > 111_500


def test_a_wiper_for_which_there_is_no_time_waits_for_another_slot():
    bench = Bench(period_s=60, settle_ms=3000, wiper=Wiper(16, 0x3100, 0, 5000, 0))
    assert not bench.probe.prepare(4000, 0, True) and bench.probe.prepare(64_000, 0, True)
