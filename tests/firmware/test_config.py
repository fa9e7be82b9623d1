import json
import sys

from firmware import slice_form
from firmware.config import ConfigError, NodeConfig, Wiper
from firmware.main import live, plan_of
from protocols.registers import Register, plan_reads
from tests.firmware import slices
from tests.firmware.doubles import MICROPYTHON, Clock, DeskBoard, Dice, RamFlash, raises, run

SLICE = slices.node(
    slices.sensor(
        "do", 5, 60, "sensors",
        [["oxygen", 0x2602, "f32", 2, 0, 0, 20.5, [65535], 7], slices.register("t", 0x2600, "f32", 2)],
        order="DCBA", start=[16, 0x1C00, 0], warm_up_ms=500, settle_ms=8000, max_gap=1,
    ),
    slices.sensor("level"),
    order=[1, 0],
    wipers=[[0, 16, 0x3100, 0, 15_000, 86_400]],
    battery={"warm_mv": [[12920, 13040], [12640, 12920], [12200, 12640]],
             "cold_mv": [[13040, 13160], [12920, 13040], [12200, 12640]], "cold_dc": 0, "charge_dc": 0},
    emergency_s=10,
    limits=[[0, -1, 400], [2, 1, 65_000]],
)  # fmt: skip


def test_a_slice_becomes_a_configuration():
    parsed = slice_form.parse(slices.encoded(SLICE))
    assert (parsed.node, parsed.name, parsed.schema, parsed.key) == (17, "water", 0x1234, slices.KEY)
    assert parsed.report_ms == 10_000 and parsed.buses == (("uart1", 9600, "N", 1),)
    oxygen, level = parsed.sensors
    assert (oxygen.id, oxygen.bus, oxygen.unit_id, oxygen.period_ms, oxygen.rail) == ("do", 0, 5, 60_000, "sensors")
    assert oxygen.registers[0] == Register("oxygen", 0x2602, "f32", "", 0, 20.5, 2, 0, (65535,), 7)
    assert (oxygen.profile.order, oxygen.profile.start, oxygen.profile.settle_ms) == ("DCBA", (16, 0x1C00, 0), 8000)
    assert level.rail is None and level.profile.start is None
    assert parsed.order == (1, 0) and parsed.wipers == {0: Wiper(16, 0x3100, 0, 15_000, 86_400_000)}
    assert parsed.battery.cold_mv[2] == (12200, 12640) and parsed.battery.charge_dc == 0
    assert parsed.emergency_ms == 10_000 and parsed.limits == ((0, -1, 400), (2, 1, 65_000))


def places(tree, path=()):
    """The path of every value in a tree of dicts and lists."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        yield path + (key,)
        yield from places(value, path + (key,))


def copy_with(path, value=None, drop=False):
    """The slice with one place changed or left out, encoded."""
    plain = json.loads(json.dumps(SLICE))
    container = plain
    for key in path[:-1]:
        container = container[key]
    if drop:
        container.pop(path[-1])
    else:
        container[path[-1]] = value
    return slices.encoded(plain)


def test_a_missing_value_anywhere_is_a_config_error():
    for path in places(SLICE):
        if isinstance(path[-1], str):  # a list may be shorter
            raises(ConfigError, slice_form.parse, copy_with(path, drop=True))


def test_a_value_of_the_wrong_type_anywhere_is_a_config_error():
    for path in places(SLICE):
        for value in ([[]], {"x": 1}, None, True, 1.5, "x", -(2**40), 2**40):
            try:
                usable(slice_form.parse(copy_with(path, value)))
            except ConfigError:
                continue
            assert value not in ([[]], {"x": 1}), path


def usable(parsed):
    """What the rest of the firmware does with a configuration does not raise."""
    assert isinstance(parsed, NodeConfig) and parsed.report_ms > 0
    assert len(parsed.order) == len(parsed.sensors) and not [i for i in parsed.order if parsed.sensors[i] is None]
    channels = sum([len(sensor.registers) for sensor in parsed.sensors])
    assert not [row for row in parsed.limits if not (row[0] < channels and row[1] in (-1, 1))]
    assert parsed.battery is None or len(parsed.battery.warm_mv) == len(parsed.battery.cold_mv) == 3
    for sensor in parsed.sensors:
        assert sensor.period_ms > 0 and parsed.buses[sensor.bus]
        for address, count in plan_reads(sensor.registers, sensor.profile.max_words, sensor.profile.max_gap):
            assert 0 <= address <= 0xFFFF and 1 <= count <= 125


def test_a_slice_cut_short_is_a_config_error():
    data = slices.encoded(SLICE)
    for length in range(len(data)):
        raises(ConfigError, slice_form.parse, data[:length])


def test_damaged_slices_are_usable_or_a_config_error():
    data = slices.encoded(SLICE)
    refused = 0
    for seed in range(400 if MICROPYTHON else 3000):
        dice = Dice(seed)
        damaged = bytearray(data)
        for _ in range(1 + dice.below(2)):
            at = dice.below(len(damaged))
            damaged[at] = (damaged[at] ^ 1 << dice.below(8), dice.below(256), 0x30 + dice.below(10))[dice.below(3)]
        try:
            usable(slice_form.parse(bytes(damaged)))
        except ConfigError:
            refused += 1
    assert refused


def test_another_version_is_refused_in_words():
    error = raises(ConfigError, slice_form.parse, copy_with(("version",), 3))
    assert "version 3" in str(error)
    for data in (b"", b"\xff" * 64, b"[]", b"null", b"17", b'"slice"', b"{}"):
        raises(ConfigError, slice_form.parse, data)


def test_the_code_that_reads_a_slice_does_not_stay_in_memory():
    board = DeskBoard(Clock(), RamFlash(), slices.encoded(SLICE), None, {})
    for _ in range(2):
        assert plan_of(board).node == 17
        assert not MICROPYTHON or "firmware.slice_form" not in sys.modules


class Enough(Exception):
    pass


class Rotten(DeskBoard):
    """A board whose battery is safe after an hour; its life ends where its buses are opened."""

    def config(self, mend=False):
        self.asked.append((self.clock.ms, mend))
        return self._config

    def battery_mv(self):
        return 13_300 if self.clock.ms >= 3_600_000 else 12_000

    def line(self, bus, baud, parity, stop_bits):
        raise Enough


def test_what_a_node_keeps_twice_is_mended_at_each_boot_once_the_voltage_is_safe():
    board = Rotten(Clock(), RamFlash(), slices.encoded(SLICE), None, {})
    board.asked = []
    raises(Enough, run, live(board))
    assert board.asked == [(0, False), (3_600_000, True)]
