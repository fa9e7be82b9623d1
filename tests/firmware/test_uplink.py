"""The uplink of a node, alone with its journal, a clock moved by hand and the gateway's half of the link."""

from firmware import slice_form
from firmware.journal import Journal
from firmware.pace import Pace
from firmware.uplink import Uplink, pack_record
from protocols import batch, batch_reading, command, link
from protocols.command import Command
from tests.firmware import slices
from tests.firmware.doubles import Clock, DeskBoard, Dice, RamFlash, Wire, run
from tests.firmware.far_end import UNIX_MS, Gateway, values


class Sure(Pace):
    """The pace of a clock that is never doubted."""

    is_unsure = False


class Node:
    """An uplink on a flash; restart() is a power cycle."""

    def __init__(self, gateway, channels=2, flash=None, schema=0x1234, max_frame=250, obey=None, pace=Sure):
        self._pace = pace
        self.flash = flash or RamFlash(16)
        self._gateway = gateway
        registers = [slices.register("r%d" % i, i) for i in range(channels)]
        plain = slices.node(slices.sensor(registers=registers))
        plain["max_frame"] = max_frame
        self._slice = slices.encoded(plain)
        self._obey = obey or (lambda waiting: command.UNKNOWN)
        self.channels = channels
        self._schema = schema
        self.serial = 0
        self.restart()

    def restart(self):
        self.clock = Clock()
        self.wire = Wire(self.clock, self._gateway)
        board = DeskBoard(self.clock, self.flash, self._slice, self.wire, {})
        self.journal = Journal(self.flash, self._schema, self.channels)
        plan = slice_form.parse(self._slice)
        self.uplink = Uplink(board, plan, self.journal, self._obey, self._pace(board.monotonic_ms))

    def measure(self, count, step_ms=10_000, value=None):
        for _ in range(count):
            self.clock.ms += step_ms
            self.serial += 1
            cells = ((self.serial if value is None else value, 0),) * (self.channels - 1) + ((None, 1),)
            self.journal.append(pack_record(self.uplink.pace.now_ms(), cells))

    def report(self):
        """One report, from begin() to its end, as the cycle drives it."""
        self.uplink.begin()
        while self.uplink.next_ms is not None:
            wait_ms = self.uplink.next_ms - self.uplink.pace.now_ms()
            if wait_ms > 0:
                self.uplink.hear(run(self.wire.read(self.uplink.pace.own_span(wait_ms))))
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


def test_a_node_that_greets_in_each_report_still_gets_rid_of_its_records_while_its_gateway_is_in_trouble():
    """A greeting alone would bring nothing, for as long as the trouble lasts: where the sleep clock is no crystal."""
    gateway = Gateway()
    node = Node(gateway, pace=Pace)
    node.report()
    gateway.flags |= link.SLOW_DOWN
    node.measure(20)
    node.report()
    assert gateway.kinds == [link.HELLO, link.HELLO, link.BATCH] and len(gateway.records) == 20


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


def test_a_usual_batch_and_its_answer_are_brief_and_say_all_once_something_was_lost():
    gateway = Gateway()
    node = Node(gateway)
    node.measure(4)
    node.report()
    assert gateway.kinds == [link.HELLO, link.BATCH] and gateway.brief == [False, True]
    node.measure(1)
    silent = [True, False]
    gateway.mute = lambda: silent.pop(0)
    node.report()
    assert gateway.brief[2:] == [True, False] and values(gateway) == [1, 2, 3, 4, 5]


def test_a_gateway_whose_clock_has_jumped_is_believed_at_the_second_try():
    gateway = Gateway()
    node = Node(gateway)
    node.measure(1)
    node.report()
    gateway.unix_ms += 5 * 3_600_000  # more than a brief answer can tell
    node.measure(1)
    node.report()
    assert gateway.brief == [False, True, True, False] and node.uplink.next_ms is None
    assert abs(node.journal.state.clock_ms - gateway.unix_ms) < 1000


def test_a_gateway_of_another_slice_is_told_the_schema_each_time():
    gateway = Gateway(flags=link.CLOCK_TRUSTED | link.OTHER_SLICE)
    node = Node(gateway)
    for _ in range(2):
        node.measure(1)
        node.report()
    assert gateway.kinds == [link.HELLO, link.BATCH, link.BATCH] and gateway.brief == [False] * 3


def test_what_the_gateway_lacks_is_sent_again_after_what_is_new():
    gateway = Gateway()
    node = Node(gateway)
    node.measure(20)
    node.report()
    gateway.records = [row for row in gateway.records if not 5 <= row[0] <= 9 and row[0] != 12]
    gateway.holes = [(5, 9), (12, 12)]
    node.measure(1)
    node.report()
    assert sorted(values(gateway)) == list(range(1, 22)) and gateway.gone == []
    assert [row[0] for row in gateway.records[-7:]] == [21, 5, 6, 7, 8, 9, 12]


def test_what_the_node_no_longer_holds_it_says_and_is_not_asked_again():
    gateway = Gateway()
    node = Node(gateway, flash=RamFlash(4))
    node.measure(190)  # more than the ring holds
    node.report()
    first = gateway.records[0][0]
    assert first > 2
    gateway.holes = [(1, first - 1)]
    node.measure(1)
    node.report()
    assert gateway.gone == [(1, first - 1)] and gateway.kinds.count(link.GONE) == 1
    gateway.records = [row for row in gateway.records if row[0] != first]
    gateway.holes = [(first - 2, first)]  # its end is there
    node.measure(1)
    node.report()
    assert gateway.gone[1:] == [(first - 2, first - 1)]


def test_a_gateway_that_asks_for_the_same_again_and_again_gets_it_once_a_report():
    gateway = Gateway()
    node = Node(gateway)
    node.measure(3)
    node.report()
    node.measure(1)
    gateway.holes = [(90, 95)]
    before = len(gateway.kinds)
    whole = list(gateway.holes)
    heard = gateway.hear

    def stubborn(data, now_ms):
        gateway.holes = whole
        answers = heard(data, now_ms)
        gateway.holes = whole
        return answers

    gateway.hear = stubborn
    node.report()
    assert len(gateway.kinds) - before <= 3 and len(gateway.gone) == 1
    node.measure(1)
    node.report()
    assert gateway.gone == [(90, 95)] * 2


def test_a_command_is_obeyed_once_and_its_result_told_until_it_is_heard():
    obeyed = []

    def obey(waiting):
        obeyed.append((waiting.id, waiting.kind, waiting.argument))
        return command.DONE if waiting.kind == command.EMERGENCY else command.REFUSED

    gateway = Gateway()
    node = Node(gateway, obey=obey)
    gateway.commands = [Command(7, command.EMERGENCY, 600), Command(8, command.WIPE)]
    node.measure(1)
    dumb = [False, True, True, True]  # the answers to HELLO and to all three tries of DONE
    gateway.mute = lambda: dumb.pop(0) if dumb else False
    keep = gateway.commands
    node.report()
    assert gateway.kinds.count(link.DONE) == 3
    assert obeyed == [(7, command.EMERGENCY, 600), (8, command.WIPE, 0)] and node.uplink.owes_results
    node.report()
    gateway.commands, gateway.results = keep, []  # the gateway forgot what it heard: the same commands come again
    node.measure(1)
    node.report()
    assert len(obeyed) == 2 and not node.uplink.owes_results and gateway.commands == []
    assert gateway.results[-2:] == [(7, command.DONE), (8, command.REFUSED)] and values(gateway) == [1, 2]


def test_a_result_that_was_not_heard_is_told_after_a_greeting_too():
    gateway = Gateway()
    node = Node(gateway, obey=lambda waiting: command.DONE, pace=Pace)
    gateway.commands = [Command(7, command.WIPE)]
    node.measure(1)
    dumb = [False, True, True, True]  # the answers to HELLO and to all three tries of DONE
    gateway.mute = lambda: dumb.pop(0) if dumb else False
    node.report()
    gateway.commands, gateway.results = [], []  # the gateway forgot both
    node.clock.ms += 60_000
    node.report()
    assert gateway.kinds[-3:-1] == [link.HELLO, link.DONE] and gateway.results == [(7, command.DONE)]


def test_the_level_at_which_the_gateway_heard_it_is_kept():
    gateway = Gateway()
    gateway.rssi_dbm = -117
    node = Node(gateway)
    node.measure(1)
    assert node.uplink.rssi_dbm is None
    node.report()
    assert node.uplink.rssi_dbm == -117


def test_a_taken_channel_is_waited_for_and_never_sent_into():
    gateway = Gateway()
    node = Node(gateway)
    node.measure(1)
    until_ms = node.clock.ms + 3000
    node.wire.busy = lambda: node.clock.ms < until_ms
    node.report()
    assert values(gateway) == [1] and node.uplink.taken > 5
    assert min([when for when, _ in node.wire.written]) >= until_ms
    node.wire.busy = lambda: True
    node.measure(1)
    sent, started_ms = len(node.wire.written), node.clock.ms
    node.report()
    assert len(node.wire.written) == sent and 12_000 < node.clock.ms - started_ms < 25_000
    node.wire.busy = lambda: False
    node.report()
    assert values(gateway) == [1, 2]


def test_no_frame_is_longer_than_the_slice_allows():
    for most in (60, 96, 194):
        gateway = Gateway()
        node = Node(gateway, max_frame=most)
        said = [(i * i * 7919) % 60_000 for i in range(100)]
        for value in said:
            node.measure(1, value=value)
        node.report()
        assert values(gateway) == said
        assert most - 12 < max([len(data) for _, data in node.wire.written]) <= most + 3


def test_a_journal_entry_that_no_sensor_could_have_made_is_passed_over():
    gateway = Gateway()
    node = Node(gateway)
    node.journal.append(pack_record(0, ((2**45, 0), (None, 1))))
    node.measure(1)
    node.report()
    assert values(gateway) == [1] and gateway.records[0][0] == 2


def test_a_clock_that_may_be_off_is_set_before_records_are_dated():
    gateway = Gateway()
    node = Node(gateway, pace=Pace)
    node.report()
    node.measure(3)
    node.report()
    assert gateway.kinds == [link.HELLO, link.HELLO, link.BATCH]
