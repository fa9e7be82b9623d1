"""The whole node on doubles: sensors on a line, a gateway on the radio, a clock that only its waiting moves."""

from firmware.cycle import Cycle
from protocols import link, quality
from tests.firmware import slices
from tests.firmware.doubles import Clock, DeskBoard, RamFlash, Sensor, Wire, run
from tests.firmware.far_end import UNIX_MS, Gateway, values

RADIO_MS = 300  # the longest frame at 9600 baud: what one message may hold a slot up


class World:
    """A node with sensors 1 and 2 on one line; each shows the second of the gateway's clock at which it was asked."""

    def __init__(self, *sensors, trouble=None, report_s=10, channels=None):
        self.gateway = Gateway(channels or len(sensors))
        self.flash = RamFlash(32, 1024)
        self.slice = slices.encoded(slices.node(*sensors, report_s=report_s))
        self.trouble = trouble or (lambda request: None)
        self.boots = []  # the boards of all boots
        self.start()

    def start(self):
        """Power on; the world's clock goes on."""
        self.clock = Clock()
        devices = [Sensor(unit_id, {0: 0}, self.shown, delay_ms=20) for unit_id in (1, 2)]
        self.devices = devices
        self.line = Wire(self.clock, *devices)
        self.radio = Wire(self.clock, self.gateway)
        self.board = DeskBoard(self.clock, self.flash, self.slice, self.radio, {"uart1": self.line})
        self.boots.append(self.board)
        self.cycle = Cycle(self.board)

    def restart(self, dead_ms=5000):
        self.gateway.unix_ms += self.clock.ms + dead_ms
        self.start()

    def shown(self, request):
        for device in self.devices:
            device.words[0] = (self.gateway.unix_ms + self.clock.ms) // 1000 % 50_000
        return self.trouble(request)

    def live(self, until_s):
        while self.clock.ms < until_s * 1000:
            run(self.cycle.step())
        return self.gateway.records


def numbers(gateway):
    return [number for number, _, _, _ in gateway.records]


def check_times(records):
    """Each value tells the second at which it was read: the record must say the same."""
    for _, time_s, boot, cells in records:
        for value, flag in cells:
            if value is not None:
                assert boot is None and (value - time_s) % 50_000 in (49_999, 0, 1), (time_s, value, flag)


def test_records_appear_on_the_slots_of_unix_time_and_reach_the_gateway():
    world = World(slices.sensor("a", 1, period_s=2), slices.sensor("b", 2, period_s=6))
    world.gateway.unix_ms += 1300  # the node's zero is no whole second
    records = world.live(60)
    check_times(records)
    assert numbers(world.gateway) == list(range(1, len(records) + 1)) and len(records) >= 24
    dated = [row for row in records if row[1] > UNIX_MS // 1000 + 8]  # slots moved once the clock was known
    assert [row[1] % 2 for row in dated] == [0] * len(dated)
    for _, time_s, _, (a, b) in dated:
        assert a[0] is not None
        assert (b == (None, 0)) == (time_s % 6 != 0)  # not due is no reading at all


def test_every_slot_has_its_record():
    world = World(slices.sensor(period_s=1), report_s=3)
    times = [time_s for _, time_s, _, _ in world.live(60)]
    assert len(times) >= 54
    assert [late for late in [b - a for a, b in zip(times, times[1:])] if late != 1] in ([], [2])


def test_rails_are_on_only_around_the_slots():
    world = World(slices.sensor(period_s=30, rail="sensors", warm_up_ms=500, settle_ms=2000, start=[16, 0x1C00, 0]))
    records = world.live(200)
    check_times(records)
    assert len(records) >= 5 and all(cells[0][1] == quality.GOOD for _, _, _, cells in records)
    rails = world.board.rails
    assert [on for _, _, on in rails[:10]] == [True, False] * 5
    for (on_ms, _, _), (off_ms, _, _) in zip(rails[::2], rails[1::2]):
        assert 2500 <= off_ms - on_ms <= 3500


def test_a_sensor_of_a_short_period_stays_on_and_says_warm_up_first():
    world = World(slices.sensor(period_s=2, rail="sensors", warm_up_ms=1000, settle_ms=4000))
    records = world.live(30)
    assert world.board.rails == [(0, "sensors", True)]
    flags = [cells[0][1] for _, _, _, cells in records]
    warming = flags.count(quality.WARM_UP)
    assert warming in (2, 3) and flags == [quality.WARM_UP] * warming + [quality.GOOD] * (len(flags) - warming)


def test_a_dead_gateway_never_delays_a_slot():
    world = World(slices.sensor(period_s=2))
    world.gateway.deaf = lambda: True
    asked = []
    world.trouble = lambda request: asked.append(world.clock.ms)
    world.live(120)
    assert len(asked) == 59 or len(asked) == 60
    assert max([(ms - 9) % 2000 for ms in asked]) <= RADIO_MS


def test_a_gateway_that_comes_back_gets_everything_in_order_and_dated():
    world = World(slices.sensor(period_s=2))
    world.gateway.deaf = lambda: world.clock.ms < 100_000
    records = world.live(130)
    assert numbers(world.gateway) == list(range(1, len(records) + 1)) and len(records) > 55
    check_times(records)


def test_a_restart_loses_nothing():
    world = World(slices.sensor(period_s=2))
    world.live(30)
    world.gateway.deaf = lambda: True
    world.live(60)
    held = len(world.gateway.records)
    world.restart()
    world.gateway.deaf = lambda: False
    records = world.live(40)
    assert numbers(world.gateway) == list(range(1, len(records) + 1))
    assert len(records) >= held + 12 + 15
    check_times(records)


def test_a_boot_that_never_heard_the_time_sends_undated_records():
    world = World(slices.sensor(period_s=2))
    world.gateway.deaf = lambda: True
    world.live(9)
    world.restart()
    world.gateway.deaf = lambda: False
    records = world.live(30)
    assert [(time_s, boot) for _, time_s, boot, _ in records[:4]] == [(2, 1), (4, 1), (6, 1), (8, 1)]
    assert [boot for _, _, boot, _ in records[4:]] == [None] * (len(records) - 4)
    check_times(records[4:])


def test_a_silent_sensor_costs_its_neighbour_nothing():
    world = World(slices.sensor("a", 1, period_s=2), slices.sensor("b", 2, period_s=2))
    world.trouble = lambda request: b"" if request.unit_id == 1 else None
    records = world.live(60)
    assert len(records) >= 24
    for _, _, _, (a, b) in records:
        assert a == (None, quality.NO_REPLY) and b[1] == quality.GOOD
    check_times(records)


def test_a_line_that_keeps_the_node_busy_does_not_starve_the_radio():
    world = World(*[slices.sensor("s%d" % i, 3 + i, period_s=1) for i in range(4)], channels=4)  # nobody is there
    records = world.live(60)
    assert len(records) > 10


def test_a_step_of_the_gateways_clock_moves_the_slots_and_dates_what_follows():
    world = World(slices.sensor(period_s=5))
    world.live(30)
    before = len(world.gateway.records)
    world.gateway.unix_ms += 7000
    records = world.live(60)
    check_times(records[before + 4 :])
    assert {time_s % 5 for _, time_s, _, _ in records[before + 4 :]} == {0}


def test_noise_on_the_radio_is_not_taken_for_answers():
    world = World(slices.sensor(period_s=2))
    for at_ms in range(0, 60_000, 170):
        world.radio.say(at_ms, b"\x00\x05\x91\x00\x11\x07\x00" if at_ms % 3 else b"\x55" * 20)
    records = world.live(60)
    assert len(records) >= 24 and values(world.gateway)[0] is not None
    check_times(records)
    assert link.HELLO in world.gateway.kinds
