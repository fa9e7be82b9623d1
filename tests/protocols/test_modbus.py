import json
from binascii import unhexlify

from protocols import modbus, modbus_server, modbus_tcp, spoilt
from protocols.checks import crc16
from protocols.errors import DeviceError, FrameError, RangeError
from protocols.modbus import Request, RtuReply
from protocols.modbus_server import RtuRequests
from protocols.modbus_tcp import TcpFrames
from tests.firmware.doubles import Dice, raises


def captured():
    """(kind, frame, crc_ok) of every captured frame in the two files of vectors."""
    with open("tests/vectors/modbus.json") as file:
        for entry in json.load(file)["modbus_frames"]:
            yield "reply" if "reply" in entry["what"] else "request", unhexlify(entry["frame"]), entry["crc_ok"]
    with open("tests/vectors/modbus_captured_frames.csv") as file:
        for line in list(file)[1:]:
            _, _, kind, code, crc_ok, _ = line.split(",", 5)
            yield "reply" if "rsp" in kind else "request", unhexlify(code.replace(" ", "")), crc_ok == "1"


def question_of(frame):
    """The read that a captured reply answers."""
    return Request(frame[0], frame[1], 0, min(frame[2] // 2, 125))


def ways(data):
    """The same bytes whole, one by one, and in two parts."""
    yield [data]
    yield [data[i : i + 1] for i in range(len(data))]
    for cut in range(1, len(data)):
        yield [data[:cut], data[cut:]]


def found(request, parts):
    finder = RtuReply(request)
    for part in parts:
        pdu = finder.feed(part)
        if pdu is not None:
            return pdu
    return None


def test_every_captured_reply_is_found_even_behind_noise():
    replies = [frame for kind, frame, crc_ok in captured() if kind == "reply" and crc_ok]
    assert len(replies) == 8
    for frame in replies:
        request = question_of(frame)
        for noise in (b"", b"\x00", b"\xff\xff", frame[:1], frame[:3], frame[:-1], frame[:2] * 3, bytes(300)):
            for parts in ways(noise + frame + b"\x00\xff") if len(noise) < 9 else [[noise, frame]]:
                assert found(request, parts) == frame[1:-2]
        words = request.accept(frame[1:-2])
        assert modbus.rtu(frame[0], modbus_server.reply(request, words)) == frame


def test_captured_garbage_is_never_a_reply():
    garbage = [frame for _, frame, crc_ok in captured() if not crc_ok]
    assert len(garbage) == 2
    for frame in garbage:
        assert not modbus.rtu_ok(frame)
        for unit_id in range(256):
            for function in (3, 4):
                for quantity in range(8):
                    assert found(Request(unit_id, function, 0, quantity), [frame]) is None


def test_every_captured_request_is_cut_out_of_the_stream_and_said_again():
    requests = [frame for kind, frame, _ in captured() if kind == "request"]
    assert len(requests) == 9
    for frame in requests:
        for parts in ways(frame):
            server = RtuRequests()
            assert sum([server.feed(part) for part in parts], []) == [frame]
        request = modbus_server.parse_request(frame[0], frame[1:-2])
        assert modbus.rtu(request.unit_id, request.pdu()) == frame
    server = RtuRequests()
    assert server.feed(b"".join(requests)) == requests


def test_rubbish_before_a_request_is_gone_once_the_line_was_quiet():
    frame = unhexlify("010300000002C40B")
    for seed in range(100):
        server = RtuRequests()
        for byte in Dice(seed).data(seed % 40):
            assert server.feed(bytes((byte,))) == []
        server.idle()
        assert server.feed(frame + b"\x01\x03") == [frame]
        server.idle()
        assert server.feed(frame) == [frame]


def test_unit_function_byte_count_length_and_crc_are_each_checked():
    request = Request(1, 3, 0x20, 2)
    good = modbus.rtu(1, b"\x03\x04\x00\x01\x00\x02")
    assert found(request, [good]) == good[1:-2]
    for wrong in (
        modbus.rtu(2, b"\x03\x04\x00\x01\x00\x02"),
        modbus.rtu(1, b"\x04\x04\x00\x01\x00\x02"),
        modbus.rtu(1, b"\x03\x02\x00\x01\x00\x02"),
        modbus.rtu(1, b"\x03\x02\x00\x01"),
        modbus.rtu(1, b"\x03\x06\x00\x01\x00\x02\x00\x03"),
        modbus.rtu(1, b"\x03\x04\x00\x01\x00\x02\x00"),
        modbus.rtu(1, b"\x03\x04\x00\x01\x00"),
        modbus.rtu(1, b"\x84\x02"),
        modbus.rtu(2, b"\x83\x02"),
        modbus.rtu(1, request.pdu()),  # our own question, come back as an echo
        good[:-1],
        good[:-2] + bytes((good[-1], good[-2])),
    ):
        assert found(request, [wrong]) is None, wrong
    for bit in range(8 * len(good)):
        damaged = bytearray(good)
        damaged[bit // 8] ^= 1 << bit % 8
        assert found(request, [bytes(damaged)]) is None


def test_a_pdu_that_does_not_answer_the_request_is_refused():
    request = Request(1, 3, 0, 2)
    assert request.accept(b"\x03\x04\x00\x01\x00\x02") == (1, 2)
    for pdu in (
        b"",
        b"\x03",
        b"\x83",
        b"\x84\x02",
        b"\x83\x02\x00",
        b"\x04\x04\x00\x01\x00\x02",
        b"\x03\x02\x00\x01\x00\x02",
        b"\x03\x04\x00\x01\x00",
        b"\x03\x04\x00\x01\x00\x02\x00",
    ):
        raises(FrameError, request.accept, pdu)
    assert raises(DeviceError, request.accept, b"\x83\x05").code == modbus.ACKNOWLEDGE
    write = Request(1, 16, 7, 2, (1, 2))
    assert write.accept(b"\x10\x00\x07\x00\x02") == ()
    raises(FrameError, write.accept, b"\x10\x00\x07\x00\x01")
    raises(FrameError, write.accept, b"\x10\x00\x08\x00\x02")


def test_a_start_by_quantity_0_has_its_own_reply_of_both_kinds():
    # EnviroDIY/YosemitechModbus: FC16 at 0x1C00 for most probes, FC03 at 0x2500 for older ones
    write, read = Request(1, 16, 0x1C00, 0), Request(1, 3, 0x2500, 0)
    assert modbus.rtu(1, write.pdu()) == unhexlify("01101C00000000D892".replace(" ", ""))
    assert read.pdu() == b"\x03\x25\x00\x00\x00"
    for request, pdu in ((write, b"\x10\x1c\x00\x00\x00"), (read, b"\x03\x00")):
        assert modbus_server.reply(request) == pdu
        frame = modbus.rtu(1, pdu)
        for parts in ways(b"\x00" + frame):
            assert found(request, parts) == pdu
        assert request.accept(pdu) == ()
        assert modbus_server.parse_request(1, request.pdu()) == request
    raises(FrameError, read.accept, b"\x03\x02\x00\x00")


def test_requests_that_no_frame_can_carry_are_refused():
    for wrong in (
        (256, 3, 0, 1),
        (-1, 3, 0, 1),
        (1, 3, 0x10000, 1),
        (1, 3, 0, 126),
        (1, 3, 0, -1),
        (1, 5, 0, 1),
        (1, 16, 0, 1, (0x10000,)),
        (1, 16, 0, 2, (1,)),
        (1, 16, 0, 0, (1,)),
        (1, 6, 0, 1),
        (1, 6, 0, 1, (1, 2)),
        (1, 3, 0, 1, (1,)),
    ):
        raises(RangeError, Request, *wrong)


def test_request_pdus_of_the_wrong_length_are_frame_errors():
    for pdu in (b"", b"\x03", b"\x03\x00\x00\x00", b"\x03\x00\x00\x00\x01\x00", b"\x10\x00\x00\x00\x01\x02\x00",
                b"\x10\x00\x00\x00\x01\x04\x00\x01", b"\x10\x00\x00\x00"):  # fmt: skip
        raises(FrameError, modbus_server.parse_request, 1, pdu)
    raises(RangeError, modbus_server.parse_request, 1, b"\x2b\x0e\x01\x00")


def test_any_bytes_are_a_request_or_a_typed_error():
    for seed in range(500):
        dice = Dice(seed)
        pdu = bytes(((3, 4, 6, 16, 1)[dice.below(5)],)) + dice.data(dice.below(12))
        try:
            request = modbus_server.parse_request(1, pdu)
            assert request.pdu() == pdu
        except (FrameError, RangeError):
            pass


def test_tcp_frames_come_out_of_any_stream():
    frames = [(seed, seed % 256, Dice(seed).data(1 + seed % 253)) for seed in range(40)]
    stream = b"".join([modbus_tcp.tcp(*frame) for frame in frames])
    assert TcpFrames().feed(stream) == frames
    cutter, out = TcpFrames(), []
    for byte in stream:
        out += cutter.feed(bytes((byte,)))
    assert out == frames


def test_a_stream_that_is_no_modbus_tcp_is_refused():
    for head in (
        b"\x00\x01\x00\x01\x00\x03\x01\x03",
        b"\x00\x01\x00\x00\x00\x01\x01\x03",
        b"\x00\x01\x00\x00\x00\xff\x01\x03",
    ):
        raises(FrameError, TcpFrames().feed, head)


def test_a_diagnosis_says_what_came_instead():
    for data, words in (
        (b"", "silence"),
        (b"\x00\x01", "noise or damaged frame"),
        (modbus.rtu(2, b"\x03\x02\x00\x01"), "answer of unit 2"),
        (modbus.rtu(1, b"\x04\x02\x00\x01"), "answer to another request"),
    ):
        assert spoilt.diagnosis(Request(1, 3, 0, 1), bytearray(data)) == words
    assert crc16(bytes(8)) != 0  # a shorted line is no frame
