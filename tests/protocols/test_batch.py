from protocols import batch, batch_reading, varint
from protocols.batch import Batch, NodeRecord
from protocols.bits import BitWriter
from protocols.errors import FrameError, RangeError
from tests.firmware.doubles import MICROPYTHON, Dice, raises

RUNS = 40 if MICROPYTHON else 200


def random_batch(dice):
    channels = dice.below(9)
    number, time_s = dice.below(2**20) * 2 ** dice.below(12), 1_700_000_000 + dice.below(2**22)
    irregular, marked = dice.below(3), dice.below(3)
    step = dice.below(4000)
    records = []
    for _ in range(1 + dice.below(12) * (1 + 4 * dice.below(2))):
        cells = []
        for _ in range(channels):
            value = dice.below(2 ** (1 + dice.below(22))) * 2 ** (12 * dice.below(2)) * (1 - 2 * dice.below(2))
            mark = dice.below(128) if marked and dice.one_in(3) else 0
            cells.append((None if marked and dice.one_in(4) else value, mark))
        records.append(NodeRecord(number, time_s, tuple(cells)))
        number += 1
        time_s += step
        if irregular and dice.one_in(4):
            number += dice.below(1000)
            time_s += dice.below(2000) - 1000  # the clock may have been set back
    return channels, Batch(dice.below(0x10000), tuple(records), dice.below(0x10000) if dice.one_in(3) else None)


def test_every_batch_comes_back_as_it_was():
    for seed in range(RUNS):
        channels, original = random_batch(Dice(seed))
        body = batch.encode(original)
        assert batch_reading.decode(body, channels) == original
        assert batch_reading.schema_of(body) == original.schema


def test_a_batch_cut_short_anywhere_or_too_long_is_a_frame_error():
    for seed in range(RUNS // 8):
        channels, original = random_batch(Dice(seed))
        body = batch.encode(original)
        for length in range(len(body)):
            raises(FrameError, batch_reading.decode, body[:length], channels)
        raises(FrameError, batch_reading.decode, body + b"\x00", channels)
    raises(FrameError, batch_reading.schema_of, b"\x01")


def test_damaged_bodies_are_a_batch_or_a_frame_error():
    refused = 0
    for seed in range(RUNS * 5):
        dice = Dice(seed)
        channels, original = random_batch(Dice(seed % 20))
        body = bytearray(batch.encode(original))
        for _ in range(1 + dice.below(3)):
            body[dice.below(len(body))] = dice.below(256)
        try:
            batch.encode(batch_reading.decode(bytes(body), channels))
        except FrameError:
            refused += 1
        except RangeError:
            pass  # decoded to something that no node would send
    assert refused


def test_rubbish_is_a_batch_or_a_frame_error():
    for seed in range(RUNS * 5):
        dice = Dice(seed)
        try:
            batch_reading.decode(dice.data(dice.below(60)), dice.below(9))
        except FrameError:
            pass


def test_a_huge_count_costs_neither_memory_nor_time():
    def body(*parts):
        out = BitWriter()
        for value, width in parts:
            out.raw(value, width)
        return b"\x00\x01" + out.done()

    huge = ((0xFF, 8), (2**37 - 1, 37))  # a number of any order
    one = ((0, 3), (0, 14), (6, 4), (0, 21), (0, 1))  # a record more, number 0, step 60 s, time 0
    for wrong in (
        ((0, 3),) + huge,  # records
        ((1, 3),) + one + huge,  # marks
        ((1, 3),) + one + ((0, 3),) + huge,  # the distance of a mark
        ((0, 3), (0, 3)) + huge + ((6, 4), (0, 22)),  # the first number
        ((0, 3), (0, 3), (0, 14), (15, 4)) + huge + ((1, 21), (0, 1)),  # the step
    ):
        raises(FrameError, batch_reading.decode, body(*wrong) + bytes(40), 40)


def test_what_does_not_fit_its_field_is_refused_instead_of_wrapped():
    def of(*records, schema=1, boot=None):
        return Batch(schema, records, boot)

    good = NodeRecord(5, 1_700_000_000, ((1, 0),))
    for wrong in (
        of(),
        of(*[NodeRecord(i, i, ()) for i in range(256)]),
        of(good, NodeRecord(5, 1_700_000_001, ((1, 0),))),
        of(good, NodeRecord(6, 1_700_000_001, ((1, 0), (2, 0)))),
        of(NodeRecord(5, 2**32, ((1, 0),))),
        of(NodeRecord(5, -1, ((1, 0),))),
        of(NodeRecord(5, 1, ((1, 0x80),))),
        of(NodeRecord(5, 1, ((None, 0x81),))),
        of(good, schema=0x10000),
        of(good, boot=0x10000),
        of(NodeRecord(5, 1, ((1 << 37, 0),))),
    ):
        raises(RangeError, batch.encode, wrong)


def test_cells_of_a_record_come_back_from_flash():
    for seed in range(RUNS):
        dice = Dice(seed)
        channels, original = random_batch(dice)
        cells = original.records[0].cells
        out = bytearray(b"ab")
        batch.put_cells(out, cells)
        reader = varint.Reader(bytes(out[2:]))
        assert batch.take_cells(reader, channels) == cells
        reader.end()
        for length in range(len(out) - 2):
            raises(FrameError, batch.take_cells, varint.Reader(bytes(out[2 : 2 + length])), channels)
    raises(RangeError, batch.put_cells, bytearray(), ((1, 0x80),))


def test_of_a_batch_of_any_slice_the_numbers_can_be_told():
    for seed in range(RUNS // 4):
        _, original = random_batch(Dice(seed))
        assert batch_reading.numbers_of(batch.encode(original)) == [record.number for record in original.records]
    raises(FrameError, batch_reading.numbers_of, b"\x00\x01")


def test_what_follows_the_rule_costs_next_to_nothing():
    def bits(records):
        return 8 * len(batch.encode(Batch(0xBEEF, tuple(records))))

    def row(i, *cells):
        return NodeRecord(100 + i, 1_767_225_600 + 900 * i, cells)

    quiet = [row(i, (812, 0), (-5, 0)) for i in range(41)]
    assert bits(quiet) - bits(quiet[:1]) <= 80 + 24  # two values, forty times
    silent = [row(i, (812, 0), (None, 1)) for i in range(41)]
    assert bits(silent) - bits(quiet) <= 40 + 16  # two bits for a mark that is as the one before


def test_an_hourly_batch_of_a_water_station_fits_one_frame():
    dice = Dice(5)
    values = [812, 73401, 7912, 31234, 1520]  # oxygen, conductivity, pH, level, temperature, as at Franklin Basin
    records = []
    for i in range(4):
        values = [value + dice.below(21) - 10 for value in values]
        records.append(NodeRecord(4711 + i, 1_700_000_100 + 900 * i, tuple([(value, 0) for value in values])))
    assert len(batch.encode(Batch(0xBEEF, tuple(records)))) <= 34
