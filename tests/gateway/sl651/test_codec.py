"""SL 651's codec alone: streams, rubbish, packets, both forms, numbers."""

import json
import os
import random
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from protocols.sl651 import body, functions, message, number
from protocols.sl651.elements import ELEMENTS
from protocols.sl651.explain import explain, is_sound
from protocols.sl651.frame import ETX, Frame, Sl651Error, decode, encode
from protocols.sl651.packets import Assembly, split
from protocols.sl651.stream import Refused, Stream

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "sl651.json").read_text("utf-8"))
FRAMES = [bytes.fromhex(vector["frame"]) for vector in VECTORS["sl651"]]
CASES = 100_000 if os.environ.get("SL651_LONG") else 2_000  # scripts/test runs the short one
UP = Frame(False, 1, "0012345678", "A000", functions.HOURLY, b"", ETX)


def report(*items: body.Item) -> body.Body:
    return body.Body(7, "260101080000", (body.station("0012345678", "H"), body.time("2601010800"), *items))


def test_frames_are_found_whole_byte_by_byte_and_with_rubbish_between() -> None:
    noise = random.Random(1)
    stuff = b""
    for data in FRAMES:
        stuff += data + noise.randbytes(noise.randrange(30)).replace(b"\x7e", b"\x7f").replace(b"\x01", b"\x02")
    expected = [decode(data) for data in FRAMES]
    assert Stream().feed(stuff) == expected
    stream = Stream()
    assert [one for place in range(len(stuff)) for one in stream.feed(stuff[place : place + 1])] == expected


def test_a_frame_behind_a_cut_one_is_found_and_the_cut_one_is_told() -> None:
    stream = Stream()
    found = stream.feed(FRAMES[0][:40] + FRAMES[1] + FRAMES[2])
    found += stream.idle()
    assert [one for one in found if isinstance(one, Frame)] == [decode(FRAMES[1]), decode(FRAMES[2])]
    assert next(one.reason for one in found if isinstance(one, Refused)) == "crc"


def test_a_begun_frame_is_given_up_when_the_line_is_idle() -> None:
    stream = Stream()
    assert stream.feed(FRAMES[0][:60]) == []
    assert next(one.reason for one in stream.idle() if isinstance(one, Refused)) == "short"
    assert stream.feed(FRAMES[1]) == [decode(FRAMES[1])]


def test_one_flipped_bit_anywhere_is_refused() -> None:
    data = FRAMES[1]
    for bit in range(8 * len(data)):
        harmed = bytearray(data)
        harmed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(Sl651Error):
            decode(bytes(harmed))


def test_64_megabytes_of_rubbish_do_not_grow_memory() -> None:
    noise = random.Random(2)
    block = noise.randbytes(1 << 20)
    stream = Stream()
    tracemalloc.start()
    try:
        for _ in range(64):
            for one in stream.feed(block):
                assert isinstance(one, Refused)
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()
    assert stream.dropped > 63 << 20
    stream.idle()
    assert stream.feed(FRAMES[1]) == [decode(FRAMES[1])]


@st.composite
def harmed_frames(draw: st.DrawFn) -> bytes:
    """A captured frame with bytes changed, cut out or put in; half of them with a right CRC again."""
    data = bytearray(draw(st.sampled_from(FRAMES)))
    for _ in range(draw(st.integers(1, 6))):
        place = draw(st.integers(0, max(len(data) - 1, 0)))
        kind = draw(st.integers(0, 2))
        if kind == 0 and data:
            data[place] = draw(st.integers(0, 255))
        elif kind == 1:
            del data[place : place + draw(st.integers(1, 9))]
        else:
            data[place:place] = draw(st.binary(min_size=1, max_size=9))
    if draw(st.booleans()) and len(data) > 17:
        length = len(data) - 17
        data[11], data[12] = data[11] & 0xF0 | length >> 8 & 0xF, length & 0xFF
        data[-2:] = body_crc(bytes(data[:-2]))
    return bytes(data)


def body_crc(data: bytes) -> bytes:
    from protocols.checks import crc16

    return crc16(data).to_bytes(2, "big")


def look(data: bytes) -> None:
    """All that reads what came from outside: only Sl651Error may come of it."""
    try:
        frame = decode(data)
    except Sl651Error:
        return
    assert encode(frame) == data or frame.is_ascii  # lower case is read and not written
    try:
        content = message.read(frame)
        if not frame.is_ascii:
            assert message.packed(frame, content) == frame.body
        assert b"".join(row.data for row in explain(data)) == data
    except Sl651Error:
        return
    for item in content.items:
        if item.kind == body.ELEMENT:
            assert item.value is None or isinstance(item.value, int)


@settings(max_examples=CASES, deadline=None)
@given(harmed_frames())
@example(b"")
@example(b"\x01" + b"0" * 40)
def test_harmed_frames_raise_nothing_but_their_own_error(data: bytes) -> None:
    look(data)
    stream = Stream()
    found = stream.feed(data) + stream.idle()
    assert len(found) <= len(data) + 1
    assert all(isinstance(one, Frame | Refused) for one in found)


@settings(max_examples=CASES, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(sorted(functions.KNOWN)), st.booleans(), st.booleans())
def test_any_body_is_read_or_refused(data: bytes, function: int, is_down: bool, is_ascii: bool) -> None:
    frame = Frame(is_down, 1, "0012345678", "1234", function, data, 4 if is_down else 3, None, is_ascii)
    assert decode(encode(frame)) == frame
    look(encode(frame))


@settings(deadline=None)
@given(st.integers(-(10**20), 10**20), st.integers(1, 20), st.integers(0, 7))
def test_a_number_comes_back(value: int, digits: int, decimals: int) -> None:
    definition, data = number.encode(value, digits, decimals)
    assert number.octets_of(definition) == len(data) and number.decimals_of(definition) == decimals
    assert number.decode(data) == value


def test_what_is_no_digit_is_no_value() -> None:
    for data in (b"\xff\xff", b"\xaa\xaa", b"\x12\x3a", b"\xff", b"", b"\xff\xaa"):
        assert number.decode(data) is None
    assert number.encode(None, 4, 2) == (0x12, b"\xff\xff")


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        # 04 is the time step: it says how the values behind it lie
        st.tuples(
            st.sampled_from(sorted(ELEMENTS.keys() - {"04"})), st.one_of(st.none(), st.integers(-99_999, 99_999))
        ),
        max_size=12,
    ),
    st.booleans(),
)
def test_a_report_says_the_same_in_both_forms(values: list[tuple[str, int | None]], is_ascii: bool) -> None:
    content = report(*(body.standard(id, value) for id, value in values))
    data = encode(message.written(UP._replace(is_ascii=is_ascii), content))
    again = message.read(decode(data))
    assert [(at, item.id, item.value, item.decimals) for at, item in again.elements()] == [
        ("2601010800", id, value, ELEMENTS[id].decimals) for id, value in values
    ]
    assert (again.serial, again.sent, again.station_type) == (7, "260101080000", "H")


def test_the_ascii_form_is_words_with_a_space_behind_each() -> None:
    frame = message.written(
        UP._replace(is_ascii=True),
        report(body.standard("39", -1234), body.standard("20", None), body.block("F4", [5, None])),
    )
    assert frame.body == b"0007 260101080000 ST 0012345678 H TT 2601010800 Z -1.234 PJ M DRP 05FF "
    assert encode(frame)[:24] == b"\x01010012345678A000340047\x02"
    joined = frame._replace(body=frame.body.replace(b"0007 26", b"000726"))
    assert message.read(joined) == message.read(frame)


def test_a_long_message_goes_in_packets_and_comes_together_in_any_order() -> None:
    picture = random.Random(3).randbytes(5000)
    whole = message.written(UP._replace(function=functions.PICTURE), report(body.picture(picture)))
    packets = split(whole, 220)
    assert all(len(encode(packet)) <= 17 + 220 for packet in packets)
    assert [packet.end for packet in packets[-2:]] == [0x17, 3]
    mixed = packets[:]
    random.Random(4).shuffle(mixed)
    assembly = Assembly()
    gathered = [assembly.add(decode(encode(packet))) for packet in mixed]
    assert gathered[:-1] == [None] * (len(packets) - 1) and gathered[-1] is not None
    assert message.read(gathered[-1]).items[-1].data == picture


def test_an_assembly_says_what_is_missing_and_refuses_what_can_not_be() -> None:
    packets = split(UP._replace(body=bytes(500)), 100)
    assembly = Assembly()
    for packet in packets[:2] + packets[3:]:
        assert assembly.add(packet) is None
    assert assembly.missing == [3]
    with pytest.raises(Sl651Error):
        assembly.add(packets[0]._replace(packet=(4, 5)))


def test_every_byte_of_a_captured_frame_is_explained_once() -> None:
    for data in FRAMES:
        rows = explain(data)
        assert b"".join(row.data for row in rows) == data
        assert [row.offset for row in rows] == [
            sum(len(row.data) for row in rows[:place]) for place in range(len(rows))
        ]
    rows = explain(FRAMES[0])
    told = [row.value for row in rows if row.field == "sl651_element"]
    assert told[3] == "39 Z 瞬时河道水位、潮位 river level, tide 10.490 m"
    assert told[0].startswith("F4 DRP 0.5 0.0 0.0 0.0 2.0 - ")


def test_unknown_elements_are_kept_in_both_forms_and_explained() -> None:
    items = (body.element("78", 152, 10, 2), body.element("FF11", -7, 4, 1), body.element("E9", None, 4, 0),
             body.standard("39", 1))  # fmt: skip
    for is_ascii in (False, True):
        frame = message.written(UP._replace(is_ascii=is_ascii), report(*items))
        again = message.read(decode(encode(frame)))
        assert [(item.id, item.value) for _, item in again.elements()] == [
            ("78", 152), ("FF11", -7), ("E9", None), ("39", 1),
        ]  # fmt: skip
        rows = explain(encode(frame))
        assert is_sound(rows) and [row.field for row in rows].count("sl651_element_unknown") == 3
        assert b"".join(row.data for row in rows) == encode(frame)


def test_words_of_the_ascii_form_that_nobody_knows_cost_no_value() -> None:
    frame = UP._replace(is_ascii=True, body=b"0007 260101080000 ST 0012345678 H TT 2601010800 QQQ Z 1.234 ")
    assert [(item.id, item.value) for _, item in message.read(frame).elements()] == [("39", 1234)]
    rows = explain(encode(frame))
    assert [row.data for row in rows if row.field == "sl651_rest"] == [b"QQQ "]


def test_a_query_of_named_elements_is_read_in_both_forms() -> None:
    asked = body.Body(3, "260101080000", (body.wish("39", 0x23), body.wish("20", 0x19)))
    for is_ascii in (False, True):
        frame = Frame(True, 1, "0012345678", "A000", functions.QUERY_ELEMENTS, b"", 5, is_ascii=is_ascii)
        assert message.read(decode(encode(message.written(frame, asked)))) == asked


@pytest.mark.parametrize("is_ascii", [False, True])
@pytest.mark.parametrize(
    ("harm", "field"),
    [
        (lambda data, tail: data[:-1] + b"!", "sl651_crc_wrong"),
        (lambda data, tail: data[: -tail - 9], "sl651_cut"),
        (lambda data, tail: data[: -tail - 1] + b"\x05" + data[-tail:], "sl651_direction_end"),
        (lambda data, tail: data[: -tail - 1] + b"x" + data[-tail:], "sl651_end_wrong"),
    ],
)
def test_what_is_wrong_with_a_frame_is_told_and_the_rest_is_explained(harm, field, is_ascii) -> None:  # type: ignore
    data = encode(message.written(UP._replace(is_ascii=is_ascii), report(body.standard("39", 1234))))
    harmed = harm(data, 4 if is_ascii else 2)
    rows = explain(harmed)
    assert field in [row.field for row in rows] and not is_sound(rows)
    assert b"".join(row.data for row in rows) == harmed
    assert ("sl651_station", "0012345678") in [(row.field, row.value) for row in rows]


def test_the_alarms_in_the_status_are_told_one_by_one() -> None:
    frame = message.written(UP, report(body.raw("45", (0b1000_0000_0101).to_bytes(4, "big"))))
    assert [row.field for row in explain(encode(frame)) if "status" in row.field] == [
        "sl651_status_0", "sl651_status_2", "sl651_status_11",
    ]  # fmt: skip


@settings(max_examples=CASES, deadline=None)
@given(harmed_frames())
def test_harmed_frames_are_explained_byte_for_byte_or_refused(data: bytes) -> None:
    try:
        rows = explain(data)
    except Sl651Error:
        return
    told = b"".join(row.data for row in rows)
    assert told and data.startswith(told)
    if is_sound(rows):
        decode(told)


def test_values_behind_a_time_step_are_one_element_with_a_time_each() -> None:
    # the shape of captured reports of function 31 and answers to 38: one identifier, many values
    values = [122, None, -285, 10_490]
    parts = [None if value is None else body.standard("39", value) for value in values]
    for function in (functions.UNIFORM, functions.QUERY_PERIOD):
        step = body.raw(body.STEP, bytes.fromhex("000005"))
        content = report(step, body.series(parts), body.time("2601010900"), body.standard("20", 15))
        for is_ascii in (False, True):
            frame = message.written(UP._replace(function=function, is_ascii=is_ascii), content)
            again = message.read(decode(encode(frame)))
            told = [(at, item.value) for at, item in again.elements() if item.id == "39"]
            assert told == [("2601010800", 122), ("2601010805", None), ("2601010810", -285), ("2601010815", 10_490)]
            assert [(at, item.value) for at, item in again.elements() if item.id == "20"] == [("2601010900", 15)]
            rows = explain(encode(frame))
            assert is_sound(rows) and b"".join(row.data for row in rows) == encode(frame)
            said = next(row.value for row in rows if row.field == "sl651_series")
            assert " 4: 0.122 m; - (" in said and said.endswith("; -0.285 m; 10.490 m")


def test_blocks_behind_a_time_step_are_an_hour_each() -> None:
    blocks = [body.block("F4", [hour] * 12) for hour in range(3)]
    content = report(body.raw(body.STEP, bytes(3)), body.series(blocks))
    frame = message.written(UP._replace(function=functions.QUERY_PERIOD), content)
    again = message.read(decode(encode(frame)))
    assert [at for at, item in again.elements() if item.id == "F4"] == ["2601010800", "2601010900", "2601011000"]
    assert [body.counts_of(item)[0] for _, item in again.elements() if item.id == "F4"] == [0, 1, 2]


@given(st.lists(st.one_of(st.none(), st.integers(-(10**9), 10**9)), min_size=1, max_size=30))
@settings(deadline=None)
def test_a_series_comes_back(values: list[int | None]) -> None:
    values.append(5)
    parts = [None if value is None else body.element("39", value, 4, 3) for value in values]
    assert [part.value for part in body.series(parts).parts] == values
