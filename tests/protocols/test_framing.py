from protocols.errors import FrameError
from protocols.framing import MAX_FRAME, Deframer, stuff, unstuff
from tests.firmware.doubles import Dice, raises


def test_frames_of_every_length_come_back():
    for length in range(601):
        for frame in (
            b"\x00" * length,
            b"\x11" * length,
            bytes([i % 255 + 1 for i in range(length)]),
            bytes([i % 2 for i in range(length)]),
            (b"\x11" * (length - 1) + b"\x00")[:length],
        ):
            wire = stuff(frame)
            assert wire[0] == wire[-1] == 0 and 0 not in wire[1:-1]
            assert unstuff(wire[1:-1]) == frame
            assert len(wire) <= length + length // 254 + 4


def test_known_codes():
    # Cheshire and Baker, 1999, and the examples of its RFC drafts
    for frame, code in (
        (b"", b"\x01"),
        (b"\x00", b"\x01\x01"),
        (b"\x11\x22\x00\x33", b"\x03\x11\x22\x02\x33"),
        (bytes(range(1, 255)) + b"\xff", b"\xff" + bytes(range(1, 255)) + b"\x02\xff"),
    ):
        assert stuff(frame)[1:-1] == code
        assert unstuff(code) == frame


def test_a_stream_gives_the_same_frames_whole_and_byte_by_byte():
    frames = [Dice(seed).data(seed % 60 + 1) for seed in range(60)]
    wire = b"".join([stuff(frame) for frame in frames])
    assert Deframer().feed(wire) == frames
    deframer = Deframer()
    found = []
    for byte in wire:
        found += deframer.feed(bytes((byte,)))
    assert found == frames and deframer.damaged == 0


def test_rubbish_around_a_frame_does_not_cost_the_frame():
    for seed in range(300):
        dice = Dice(seed)
        frame = dice.data(dice.below(MAX_FRAME) + 1)
        wire = dice.data(dice.below(40)) + stuff(frame) + dice.data(dice.below(40)) + stuff(frame)
        assert Deframer().feed(wire).count(frame) == 2


def test_damage_costs_only_the_frames_it_touches():
    for seed in range(300):
        dice = Dice(seed)
        frames = [dice.data(20) for _ in range(5)]
        wires = [stuff(frame) for frame in frames]
        hit = bytearray(wires[2])
        kind = dice.below(3)
        at = dice.below(len(hit))
        if kind == 0:
            hit[at] ^= 1 + dice.below(255)
        elif kind == 1:
            hit = hit[:at] + hit[at + 1 :]
        else:
            hit = hit[:at] + dice.data(3) + hit[at:]
        found = Deframer().feed(b"".join(wires[:2]) + bytes(hit) + b"".join(wires[3:]))
        assert [frame for frame in found if frame in (frames[0], frames[1], frames[3], frames[4])] == (
            frames[:2] + frames[3:]
        )


def test_what_is_no_code_is_a_frame_error():
    for code in (b"\x03\x11", b"\x05", b"\x00", b"\x02\x11\x00", b"\xff" + b"\x01" * 200):
        raises(FrameError, unstuff, code)


def test_an_overlong_frame_is_counted_and_costs_no_memory():
    deframer = Deframer()
    for _ in range(100):
        assert deframer.feed(b"\x55" * 1000) == []
    assert len(deframer._buffer) <= MAX_FRAME + 2
    assert deframer.feed(b"\x00") == [] and deframer.damaged == 1
    assert deframer.feed(stuff(b"next")) == [b"next"] and deframer.damaged == 1


def test_the_longest_frame_passes_and_one_byte_more_does_not():
    for limit in (1, 10, MAX_FRAME, 253, 254, 255, 508):
        for filler in (b"\x00", b"\x77"):
            assert Deframer(limit).feed(stuff(filler * limit)) == [filler * limit]
            deframer = Deframer(limit)
            assert deframer.feed(stuff(filler * (limit + 3))) == [] and deframer.damaged == 1
