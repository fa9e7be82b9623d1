"""The uplink of a node, alone with its journal, a clock moved by hand and the gateway's half of the link."""

from firmware import config
from firmware.journal import Journal
from firmware.uplink import Uplink, pack_record
from protocols import batch, batch_reading, link
from tests.firmware import slices
from tests.firmware.doubles import Clock, DeskBoard, Dice, RamFlash, Wire, run
from tests.firmware.far_end import UNIX_MS, Gateway, values


class Node:
    """An uplink on a flash; restart() is a power cycle."""

    def __init__(self, gateway, channels=2, flash=None, schema=0x1234):
        self.flash = flash or RamFlash(16)
        self._gateway = gateway
        registers = [slices.register("r%d" % i, i) for i in range(channels)]
        self._slice = slices.encoded(slices.node(slices.sensor(registers=registers)))
        self.channels = channels
        self._schema = schema
        self.serial = 0
        self.restart()

    def restart(self):
        self.clock = Clock()
        self.wire = Wire(self.clock, self._gateway)
        board = DeskBoard(self.clock, self.flash, self._slice, self.wire, {})
        self.journal = Journal(self.flash, self._schema, self.channels)
        self.uplink = Uplink(board, config.parse(self._slice), self.journal)

    def measure(self, count, step_ms=10_000, value=None):
        for _ in range(count):
            self.clock.ms += step_ms
            self.serial += 1
            cells = ((self.serial if value is None else value, 0),) * (self.channels - 1) + ((None, 1),)
            self.journal.append(pack_record(self.clock.ms, cells))

    def report(self):
        """One report, from begin() to its end, as the cycle drives it."""
        self.uplink.begin()
        while self.uplink.next_ms is not None:
            wait_ms = self.uplink.next_ms - self.clock.ms
            if wait_ms > 0:
                self.uplink.hear(run(self.wire.read(wait_ms)))
            run(self.uplink.advance())


def test_everything_arrives_in_order_over_several_batches():
    gateway = Gateway()
    node = Node(gateway)
    node.measure(130)
    node.report()
    assert values(gateway) == list(range(1, 131))
    assert gateway.kinds[0] == link.HELLO and gateway.kinds.count(link.BATCH) >= 3
    assert node.journal.unsent(1) == []
    node.measure(2)
    node.report()
    assert values(gateway) == list(range(1, 133)) and gateway.kinds.count(link.HELLO) == 1


def test_cells_keep_their_values_and_marks():
    gateway = Gateway()
    node = Node(gateway)
    node.journal.append(pack_record(0, ((-5, 4), (None, 8))))
    node.report()
    assert gateway.records[0][3] == ((-5, 4), (None, 8))


def test_the_first_answer_dates_the_records_made_before_it():
    gateway = Gateway()
    node = Node(gateway)
    node.measure(3)
    node.report()
    assert [(time_s, boot) for _, time_s, boot, _ in gateway.records] == [
        (UNIX_MS // 1000 + 10, None),
        (UNIX_MS // 1000 + 20, None),
        (UNIX_MS // 1000 + 30, None),
    ]


def test_a_gateway_that_knows_no_time_gets_time_since_boot():
    gateway = Gateway(flags=0)
    node = Node(gateway)
    node.measure(2)
    node.report()
    node.restart()
    node.measure(1)
    node.report()
    assert [(time_s, boot) for _, time_s, boot, _ in gateway.records] == [(10, 1), (20, 1), (10, 2)]


def test_two_boots_without_the_time_never_share_a_batch():
    gateway = Gateway(flags=0)
    node = Node(gateway)
    node.measure(2)
    node.restart()
    node.measure(1)
    node.report()
    assert [(time_s, boot) for _, time_s, boot, _ in gateway.records] == [(10, 1), (20, 1), (10, 2)]


def test_an_undated_boot_and_a_dated_one_never_share_a_batch():
    gateway = Gateway(flags=0)
    node = Node(gateway)
    node.measure(2)  # this boot never learns the time
    node.restart()
    node.measure(2)
    gateway.flags = link.CLOCK_TRUSTED
    node.report()
    assert [(time_s, boot) for _, time_s, boot, _ in gateway.records] == [
        (10, 1),
        (20, 1),
        (UNIX_MS // 1000 + 10, None),
        (UNIX_MS // 1000 + 20, None),
    ]


def test_silence_ends_a_report_and_the_next_one_brings_everything():
    gateway = Gateway()
    node = Node(gateway)
    gateway.deaf = lambda: True
    node.measure(3)
    for _ in range(5):
        started_ms = node.clock.ms
        node.report()
        assert node.clock.ms - started_ms < 15_000
        node.measure(3)
    gateway.deaf = lambda: False
    node.report()
    assert values(gateway) == list(range(1, 19))


def test_frames_and_answers_lost_at_random_lose_and_forge_nothing():
    for seed in range(12):
        dice = Dice(seed)
        gateway = Gateway()
        gateway.deaf = lambda dice=dice: dice.one_in(3)
        gateway.mute = lambda dice=dice: dice.one_in(3)
        node = Node(gateway)
        for _ in range(12):
            node.measure(dice.below(12))
            node.report()
            if dice.one_in(3):
                node.restart()
        gateway.deaf = gateway.mute = lambda: False
        node.report()
        assert values(gateway) == list(range(1, node.serial + 1))
        assert [number for number, _, _, _ in gateway.records] == sorted([row[0] for row in gateway.records])


def test_a_gateway_in_trouble_gets_one_message_a_report():
    gateway = Gateway(flags=link.CLOCK_TRUSTED | link.SLOW_DOWN)
    node = Node(gateway)
    node.measure(130)
    node.report()
    assert gateway.kinds == [link.HELLO]
    node.report()
    assert gateway.kinds == [link.HELLO, link.BATCH]


def test_a_restarted_node_sends_only_what_the_gateway_does_not_hold():
    gateway = Gateway()
    node = Node(gateway)
    node.measure(20)
    node.report()
    node.restart()
    node.measure(2)
    before = len(gateway.kinds)
    node.report()
    assert values(gateway) == list(range(1, 23))
    assert gateway.kinds[before:] == [link.HELLO, link.BATCH]


def test_the_largest_records_go_one_by_one():
    gateway = Gateway(channels=batch.MAX_CHANNELS)
    node = Node(gateway, channels=batch.MAX_CHANNELS)
    for i in range(6):
        node.measure(1, value=(-1) ** i * (2**34 - 1))
    node.report()
    assert len(gateway.records) == 6


def test_records_of_an_older_slice_go_out_under_that_slice():
    gateway = Gateway()
    old = Node(gateway, channels=5, schema=0x4321)
    old.measure(4)
    node = Node(gateway, flash=old.flash)
    node.measure(4)
    node.report()
    assert [schema for schema, _ in gateway.bodies] == [0x4321, 0x1234]
    read = [batch_reading.decode(body, channels) for (_, body), channels in zip(gateway.bodies, (5, 2))]
    assert [len(carried.records) for carried in read] == [4, 4]
    assert values(gateway) == [1, 2, 3, 4]
