from protocols import varint
from protocols.errors import FrameError, RangeError
from tests.firmware.doubles import Dice, raises

EDGES = (0, 1, 63, 64, 127, 128, 16383, 16384, 2**31 - 1, 2**31, 2**32, 2**53, 2**62, 2**63 - 1)


def test_every_integer_comes_back_with_its_sign():
    for edge in EDGES:
        for number in (edge, -edge, -edge - 1):
            out = bytearray()
            varint.put_signed(out, number)
            reader = varint.Reader(bytes(out))
            assert reader.signed() == number
            reader.end()


def test_known_bytes():
    for number, code in ((0, b"\x00"), (127, b"\x7f"), (128, b"\x80\x01"), (624485, b"\xe5\x8e\x26")):  # DWARF 5, 7.6
        out = bytearray()
        varint.put(out, number)
        assert bytes(out) == code
    out = bytearray()
    for number in (0, -1, 1, -2):
        varint.put_signed(out, number)
    assert bytes(out) == b"\x00\x01\x02\x03"


def test_a_negative_number_has_no_unsigned_form():
    raises(RangeError, varint.put, bytearray(), -1)


def test_every_early_end_is_a_frame_error():
    raises(FrameError, varint.Reader(b"").byte)
    raises(FrameError, varint.Reader(b"ab").take, 3)
    for count in range(1, 10):
        raises(FrameError, varint.Reader(b"\x80" * count).number)
    raises(FrameError, varint.Reader(b"\x00").end)


def test_an_integer_without_end_is_refused():
    raises(FrameError, varint.Reader(b"\xff" * 1000).number)


def test_any_bytes_are_numbers_or_a_frame_error():
    for seed in range(300):
        reader = varint.Reader(Dice(seed).data(24))
        try:
            while True:
                assert abs(reader.signed()) < 2**70
        except FrameError:
            pass
