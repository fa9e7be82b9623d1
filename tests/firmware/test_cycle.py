"""The whole node on doubles: sensors on a line, a gateway on the radio, a clock that only its waiting moves."""

import sys

from firmware.cycle import Cycle
from firmware.main import plan_of
from protocols import command, link, quality
from protocols.checks import crc16
from protocols.command import Command
from tests.firmware import slices
from tests.firmware.doubles import MICROPYTHON, Clock, DeskBoard, Dice, RamFlash, Sensor, SlowBoard, Wire, run
from tests.firmware.far_end import UNIX_MS, Gateway, values

SELDOM = ("firmware.emergency", "firmware.orders", "firmware.wishes", "protocols.command")
RADIO_MS = 300  # the longest frame at 9600 baud: what one message may hold a slot up


class World:
    """A node with sensors 1 and 2 on one line; each shows the second of the gateway's clock at which it was asked."""

    def __init__(
        self, *sensors, trouble=None, report_s=10, channels=None, no_rails=(), kind=DeskBoard, wire=Wire, **more
    ):
        self.gateway = Gateway(channels or len(sensors))
        self.flash = RamFlash(32, 1024)
        self.slice = slices.encoded(slices.node(*sensors, report_s=report_s, **more))
        self.trouble = trouble or (lambda request: None)
        self.no_rails = no_rails
        self.kind = kind
        self.wire = wire
        self.boots = []  # the boards of all boots
        self.start()

    def start(self):
        """Power on; the world's clock goes on."""
        self.clock = Clock()
        devices = [Sensor(unit_id, {0: 0}, self.shown, delay_ms=20) for unit_id in (1, 2)]
        self.devices = devices
        self.line = self.wire(self.clock, *devices)
        self.radio = self.wire(self.clock, self.gateway)
        self.board = self.kind(self.clock, self.flash, self.slice, self.radio, {"uart1": self.line})
        self.board.no_rails = self.no_rails
        self.boots.append(self.board)
        self.cycle = Cycle(self.board, plan_of(self.board))

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


def test_a_processor_that_takes_its_time_misses_no_slot():
    profile = {"rail": "probes", "warm_up_ms": 400, "settle_ms": 8000, "start": [3, 0x2500, 0]}
    for takes_ms in range(1, 8):
        SlowBoard.takes_ms = takes_ms
        world = World(slices.sensor(period_s=30, **profile), report_s=120, kind=SlowBoard)
        times = [time_s for _, time_s, _, _ in world.live(700)]
        assert len(times) >= 17 and all(b - a == 30 for a, b in zip(times[2:], times[3:])), (takes_ms, times)


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


# --- energy -----------------------------------------------------------------------------------------------------------


class Garbling(Wire):
    """Half of what anybody says is spoilt, and strangers talk between."""

    dice = Dice(5)
    is_calm = False

    def say(self, at_ms, data):
        dice = self.dice
        if self.is_calm or dice.one_in(2):
            return super().say(at_ms, data)
        spoilt = bytearray(data)
        kind = dice.below(5)
        if kind == 0:
            for _ in range(1 + dice.below(3)):
                spoilt[dice.below(len(spoilt))] ^= 1 << dice.below(8)
        elif kind == 1:
            spoilt = spoilt[: dice.below(len(spoilt))]
        elif kind == 2:
            spoilt = spoilt + spoilt
        elif kind == 3:
            spoilt = dice.data(1 + dice.below(300))
        else:
            super().say(at_ms + dice.below(3000), data)  # late, and noise in its place
            spoilt = dice.data(1 + dice.below(8))
        if len(spoilt):
            super().say(at_ms, spoilt)
        return None


def test_garbage_on_bus_and_radio_is_counted_and_ends_nothing():
    world = World(slices.sensor("a", 1, 5), slices.sensor("b", 2, 5), report_s=10, wire=Garbling)
    world.live(3600)
    uplink = world.cycle.uplink
    seen = [uplink._session.refused + uplink._session.deframer.damaged, world.cycle.probes[0]._client.damaged]
    assert min(seen) > 20, seen
    Garbling.is_calm = True
    world.live(3700)
    assert len(world.gateway.records) > 700
    assert numbers(world.gateway) == list(range(1, len(world.gateway.records) + 1))
    marked = 0
    for _, time_s, _, cells in world.gateway.records:
        for value, flags in cells:
            marked += flags != 0
            assert flags or value is not None
            assert value is None or flags or (value - time_s) % 50_000 in (49_998, 49_999, 0, 1)
    assert marked > 100  # what could not be read says so


def test_the_radio_is_awake_for_reports_only_and_they_come_at_the_nodes_turn():
    world = World(slices.sensor(period_s=60), report_s=300)
    world.live(1500)
    awake = world.radio.awake
    assert [on for _, on in awake] == [False] + [True, False] * ((len(awake) - 1) // 2) and len(awake) == 11
    for (on_ms, _), (off_ms, _) in zip(awake[1::2], awake[2::2]):
        assert (UNIX_MS + on_ms) // 1000 % 300 in (54, 53)  # node 17: the eighteenth turn of three seconds
        assert off_ms - on_ms < 1000


def test_sensors_of_one_slot_become_ready_together_and_the_dear_rail_goes_off_first():
    slow = slices.sensor("a", 1, period_s=60, rail="cheap", settle_ms=20_000, start=[16, 0x1C00, 0])
    fast = slices.sensor("b", 2, period_s=60, rail="dear", warm_up_ms=1000)
    world = World(slow, fast, order=[1, 0])
    records = world.live(190)
    good = [cells for _, _, _, cells in records if cells[0][1] == cells[1][1] == quality.GOOD]
    assert len(good) == len(records) == 3
    on = [row for row in world.board.rails if row[2]]
    off = [row for row in world.board.rails if not row[2]]
    assert [name for _, name, _ in on[-2:]] == ["cheap", "dear"] and 18_900 <= on[-1][0] - on[-2][0] <= 19_100
    assert [name for _, name, _ in off[-2:]] == ["dear", "cheap"] and 20 <= off[-1][0] - off[-2][0] <= 100
    assert off[-1][0] - on[-2][0] < 20_200  # what the sensor needs, and its neighbour's answer


def test_a_wiper_has_wiped_before_its_reading_once_each_of_its_periods_and_at_a_command():
    wiper = [0, 16, 0x3100, 0, 5000, 600]
    world = World(slices.sensor(period_s=60, rail="r", settle_ms=3000), wipers=[wiper])
    records = world.live(1500)
    wiped = [ms for ms, data in world.line.written if data[1] == 16]
    assert len(wiped) == 2 and abs(wiped[1] - wiped[0] - 600_000) < 50
    assert all(cells[0][1] == quality.GOOD for _, _, _, cells in records) and len(records) >= 24
    for ms in wiped:
        slot_ms = -(-(UNIX_MS + ms) // 60_000) * 60_000 - UNIX_MS
        assert 8000 <= slot_ms - ms < 8200
    world.gateway.commands = [Command(5, command.WIPE)]
    world.live(1650)
    assert len([ms for ms, data in world.line.written if data[1] == 16]) == 3
    assert world.gateway.results == [(5, command.DONE)]


BATTERY = {"warm_mv": [[12920, 13040], [12640, 12920], [12200, 12640]], "cold_dc": 0, "charge_dc": 0}
BATTERY["cold_mv"] = BATTERY["warm_mv"]


class Fetches:
    """An update on its way that has nothing to ask for."""

    ready = False

    def begin_report(self):
        pass

    def question(self):
        return None


def test_a_weak_battery_is_read_less_and_an_empty_one_writes_nothing():
    world = World(slices.sensor(period_s=60), report_s=60, battery=BATTERY, wipers=[[0, 16, 0x3100, 0, 5000, 60]])

    def counted(mv, seconds=3600):
        world.board.mv = mv
        world.live(world.clock.ms // 1000 + 960)  # it looks every 900 s
        records = world.cycle.journal.next_number
        reports = len(world.radio.awake) // 2
        wiped = len([1 for _, data in world.line.written if data[1] == 16])
        flash = crc16(world.flash.data)
        world.live(world.clock.ms // 1000 + seconds)
        wiped = len([1 for _, data in world.line.written if data[1] == 16]) - wiped
        changed = flash != crc16(world.flash.data)
        return world.cycle.journal.next_number - records, len(world.radio.awake) // 2 - reports, wiped > 0, changed

    world.board.mv, world.board.dc = 13_300, 200
    assert counted(13_300) == (60, 60, True, True)
    assert counted(12_800) == (30, 30, True, True)
    assert counted(12_500) == (15, 8, False, True) or counted(12_500) == (15, 7, False, True)
    world.gateway.commands = [Command(5, command.WIPE), Command(6, command.EMERGENCY, 600)]
    assert not counted(12_500)[2] and world.gateway.results == [(5, command.REFUSED), (6, command.REFUSED)]
    world.cycle.uplink.fetcher = Fetches()
    world.board.mv = 12_000
    until_ms = world.clock.ms + 7_200_000
    written = []
    measured = world.board.battery_mv

    def mv():
        written.append(crc16(world.flash.data))
        return 12_000 if world.clock.ms < until_ms else measured()

    world.board.battery_mv = mv
    world.board.mv = 13_300
    world.live(world.clock.ms // 1000 + 9000)
    assert len(written) >= 8 and len(set(written[1:8])) == 1 and world.cycle.uplink.fetcher is None
    assert counted(13_300) == (60, 60, True, True)


class Gated(Exception):
    """The supply is gone."""


class GatedBoard(DeskBoard):
    """Its clock with a battery is the gateway's; `volts` hold for all its boots."""

    gated = True
    volts = 13_300

    def clock_ms(self):
        return self.radio._devices[0].unix_ms + self.clock.ms

    def battery_mv(self):
        return GatedBoard.volts

    async def power_down(self, duration_ms):
        raise Gated(duration_ms)


def test_a_gated_node_has_its_tier_from_the_boot_before():
    world = World(slices.sensor(period_s=60), report_s=600, battery=BATTERY, kind=GatedBoard)

    def readings_in_an_hour(mv):
        GatedBoard.volts = mv
        for _ in (1, 2):  # in the first hour it learns of it
            first = world.cycle.journal.next_number
            until_ms = world.board.clock_ms() + 3_600_000
            while world.board.clock_ms() < until_ms:
                try:
                    run(world.cycle.step())
                except Gated as off:
                    world.restart(off.args[0])
        return world.cycle.journal.next_number - first

    assert readings_in_an_hour(13_300) == 60 and len(world.boots) > 100
    assert [readings_in_an_hour(mv) for mv in (12_919, 13_039, 13_040)] == [30, 30, 60]
    assert [readings_in_an_hour(mv) for mv in (12_500, 12_919, 12_920, 13_040)] == [15, 15, 30, 60]


def test_a_limit_that_is_passed_makes_readings_dense_and_is_reported_at_once():
    world = World(slices.sensor(period_s=300), report_s=3600, emergency_s=10, limits=[[0, 1, 40_000]])
    world.live(1000)
    world.shown = lambda request: None
    for device in world.devices:
        device.trouble = None
        device.words[0] = 41_000
    at_ms = world.clock.ms
    world.live(1600)
    rows = [row for row in world.gateway.records if row[3][0][0] == 41_000]
    first_s = rows[0][1] - UNIX_MS // 1000
    assert len(rows) >= 25 and {b[1] - a[1] for a, b in zip(rows, rows[1:])} == {10}
    reports = [ms for ms, on in world.radio.awake if on and ms > at_ms]
    assert 0 <= reports[0] / 1000 - first_s < 1.5 and 50 < (reports[2] - reports[1]) / 1000 < 70
    for device in world.devices:
        device.words[0] = 30_000
    world.live(1700)
    number = world.cycle.journal.next_number
    world.live(3500)
    assert world.cycle.journal.next_number - number == 6


def test_a_gated_node_that_was_told_to_end_an_emergency_does_not_begin_it_again():
    GatedBoard.volts = 13_300
    world = World(slices.sensor(period_s=60), report_s=60, emergency_s=10, limits=[[0, 1, 400]], kind=GatedBoard)
    world.gateway.commands = [Command(5, command.EMERGENCY, 0)]

    def dense_in_ten_minutes():
        seen = []
        until_ms = world.board.clock_ms() + 600_000
        while world.board.clock_ms() < until_ms:
            for device in world.devices:
                device.trouble = None
                device.words[0] = 500
            try:
                run(world.cycle.step())
            except Gated as off:
                world.restart(off.args[0])
            seen.append(world.cycle.is_dense)
        return seen

    dense_in_ten_minutes()
    world.gateway.commands = [Command(6, command.EMERGENCY, 0)]
    dense_in_ten_minutes()
    assert not any(dense_in_ten_minutes())


def test_what_an_emergency_needs_is_in_memory_only_as_long_as_a_limit_is_passed():
    world = World(slices.sensor(period_s=60), report_s=60, emergency_s=10, limits=[[0, 1, 40_000]])

    def held(shown, until_s):
        for device in world.devices:
            device.trouble = None
            device.words[0] = shown
        world.live(until_s)
        return world.cycle.emergency is not None, world.cycle.is_dense

    assert held(40_000, 300) == (False, False)
    assert held(40_001, 400) == (True, True)
    assert held(30_000, 600) == (False, False)
    assert not MICROPYTHON or "firmware.emergency" not in sys.modules
    assert held(40_001, 700) == (True, True)


def test_an_emergency_ends_at_the_command_of_a_gateway_in_trouble():
    """With "send less" the report ends with the command, before anything else is done."""
    world = World(slices.sensor(period_s=60), report_s=30)
    world.live(100)
    world.gateway.commands = [Command(10, command.EMERGENCY, 3600)]
    world.live(200)
    assert world.cycle.is_dense
    world.gateway.flags |= link.SLOW_DOWN
    world.gateway.commands = [Command(11, command.EMERGENCY, 0)]
    slept, world.radio.read = world.radio.read, None

    async def late(timeout_ms):
        """The node is busy with something else while the answer comes."""
        await world.board.sleep_ms(timeout_ms)
        return b""

    world.radio.read = late
    world.live(300)
    world.radio.read = slept
    world.live(400)
    assert not world.cycle.is_dense


def test_after_an_empty_battery_readings_are_on_their_slots_again():
    world = World(slices.sensor(period_s=60, rail="probes", warm_up_ms=2000), report_s=60, battery=BATTERY)
    world.board.mv, world.board.dc = 13_300, 200
    world.live(960)
    world.board.mv = 12_000
    measured, until_ms = world.board.battery_mv, world.clock.ms + 7_217_000

    def recovering():
        if world.clock.ms >= until_ms:
            world.board.mv = 13_300
        return measured()

    world.board.battery_mv = recovering
    world.live(12_000)
    on_ms = [ms for ms, _, on in world.board.rails if on and ms > until_ms]
    off_s = {(ms + 2000 + UNIX_MS) // 1000 % 60 for ms in on_ms}
    assert len(on_ms) > 40 and off_s <= {59, 0}, on_ms[:3]


def test_commands_are_obeyed_or_refused():
    world = World(slices.sensor(period_s=60), report_s=30)
    world.live(100)
    given = [(command.EMERGENCY, 120), (command.WIPE, 0), (command.REPORT, 90_000), (command.UPDATE, 1), (77, 0)]
    world.gateway.commands = [Command(10 + i, kind, argument) for i, (kind, argument) in enumerate(given)]
    world.live(140)
    refused = command.REFUSED
    assert world.gateway.results[:5] == [(10, 0), (11, refused), (12, refused), (13, refused), (14, 2)]
    world.gateway.commands = [Command(20, command.REPORT, 300), Command(21, command.RESTART)]
    before = len(world.radio.awake)
    world.live(400)
    assert world.board.restarts >= 1 and len(world.radio.awake) - before <= 6


def test_a_node_tells_its_batterys_voltage_in_steps_and_changes_nothing_else():
    world = World(slices.sensor(period_s=60), report_s=30)
    world.live(100)

    def told(id, mv, *steps_mv):
        world.board.mv = mv
        world.gateway.commands = [Command(id + i, command.BATTERY, step_mv) for i, step_mv in enumerate(steps_mv)]
        world.live(world.clock.ms // 1000 + 40)
        return [result for given, result in world.gateway.results if id <= given < id + 10]

    assert told(10, 13_290, 67, 64, 1000) == [198, 208, 13]  # 13.266, 13.312 and 13 V: the nearest steps
    refused = command.REFUSED
    assert told(20, 13_290, 10, 10_000, 0, -5) == [255, 3, refused, refused], "what is a voltage is never another word"
    assert told(30, None, 67) == [refused], "its board can't measure it"
    dense = world.cycle.is_dense, world.cycle.reports_ms, world.cycle.restarts
    assert dense == (False, 0, False)


def test_what_a_command_needs_leaves_memory_when_the_report_has_ended():
    world = World(slices.sensor(period_s=60), report_s=30)
    world.live(100)
    world.board.mv = 13_290
    seen = []
    obey = world.cycle.uplink._obey

    def obeyed(given):
        result = obey(given)
        seen.append([name for name in SELDOM if name in sys.modules])
        return result

    world.cycle.uplink._obey = obeyed
    for id in (10, 11):
        world.gateway.commands = [Command(id, command.EMERGENCY, 10), Command(id + 10, command.BATTERY, 67)]
        world.live(world.clock.ms // 1000 + 90)
    assert seen == [list(SELDOM)] * 4, "both are obeyed, once each"
    assert world.gateway.results == [(10, 0), (20, 198), (11, 0), (21, 198)]
    assert not (MICROPYTHON and [name for name in SELDOM if name in sys.modules]) and world.cycle.emergency is None
    world.gateway.commands = [Command(21, command.BATTERY, 67)]
    world.live(world.clock.ms // 1000 + 90)
    assert len(seen) == 4, "what was obeyed in another report is only told again"
    assert world.gateway.results[4:] == [(21, 198)]


def test_what_the_board_does_not_have_is_counted_and_the_rest_is_read():
    world = World(
        slices.sensor("a", 1, period_s=60, rail="gone"),
        slices.sensor("b", 2, period_s=60, bus=1),
        slices.sensor("c", 2, period_s=60, registers=[slices.register(address=0xFFFF, kind="u32")]),
        slices.sensor("d", 2, period_s=60),
        buses=[{"id": id, "baud": 9600, "parity": "N", "stop_bits": 1} for id in ("uart1", "uart7")],
        no_rails=("gone",),
    )
    records = world.live(130)
    assert len(records) == 2 and world.cycle.rails.missing == 3
    flags = [flag for _, flag in records[-1][3]]
    assert flags[1] == quality.NO_REPLY and flags[2] & quality.INVALID and flags[3] == quality.GOOD
