"""The codec of HJ 212 against rubbish, cuts, mutations and its own other direction."""

import os
import resource
from fractions import Fraction

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.uplink.hj212.sm4 import cipher, decipher
from protocols import worth
from protocols.checks import crc16
from protocols.errors import FrameError, RangeError
from protocols.hj212 import commands, marks, moment, readings, units
from protocols.hj212.explain import explain, is_sound
from protocols.hj212.frame import BadPacket, Framed, Frames, crc, frame
from protocols.hj212.packet import V2025, Packet, addressed, flag, items_of, read, write
from protocols.hj212.split import MOST_PACKETS, split
from protocols.quality import CLOCK, INVALID, NO_REPLY, RANGE, WARM_UP

CASES = 100_000 if os.environ.get("HJ212_LONG") else 2_000  # scripts/test runs the short one
MN = "010000A8900016F000169DC0"
SAMPLE = Packet(
    "2051", MN, (*items_of(("DataTime", "20260101080000")), (("w01018-Avg", "12.3"), ("w01018-Flag", "N"))),
    "20260101081000123", "21", "123456", flag(1, True),
)  # fmt: skip
DATA = write(SAMPLE)
MUTATION = st.tuples(st.integers(0, len(DATA) - 1), st.binary(max_size=3), st.integers(0, 4))


def taken(data: bytes) -> list[Packet]:
    """Every reader there is, over what came."""
    found = []
    for framed in Frames().feed(data):
        addressed(framed.segment)
        try:
            packet = read(framed, decipher(bytes(16))).packet
        except BadPacket as error:
            assert error.reason and len(str(error)) < 200
            continue
        commands.check(packet, True)
        commands.check(packet, False)
        readings.readings(packet.items)
        found.append(packet)
    return found


@settings(max_examples=CASES, deadline=None)
@given(st.binary(max_size=400))
@example(b"##0000")
@example(b"##0005CP=&&0000\r\n")
def test_rubbish_raises_nothing_but_the_codecs_own_error(data: bytes) -> None:
    taken(data)
    segment = data.replace(b"\n", b"")
    taken(frame(segment[:1024]))
    taken(frame(b"QN=1;CN=2011;MN=1;CP=&&" + data + b"&&"))
    with pytest.raises(FrameError):
        explain(b"#" + data[:1].replace(b"#", b"x") + data)


@settings(max_examples=CASES, deadline=None)
@given(st.lists(MUTATION, min_size=1, max_size=4), st.booleans())
@example([(84, b"\xb2", 0)], False)  # a digit that is none: the longer run found it
def test_a_mutated_packet_is_refused_or_read(changes: list[tuple[int, bytes, int]], is_checked: bool) -> None:
    data = bytearray(DATA)
    for at, put, taken_away in changes:
        data[at : at + taken_away] = put
    if is_checked:  # with a check that fits, so that the fields are looked at
        data = bytearray(frame(bytes(data[6:-6])[:1024]))
    taken(bytes(data))
    try:
        rows = explain(bytes(data))
    except FrameError:
        return
    told = b"".join(row.data for row in rows)
    assert told and bytes(data).startswith(told) and [row.offset for row in rows] == sorted(row.offset for row in rows)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.integers(1, 60), min_size=1, max_size=40), st.binary(max_size=30))
def test_packets_are_found_however_the_stream_is_cut_and_behind_rubbish(cuts: list[int], rubbish: bytes) -> None:
    rubbish = rubbish.replace(b"#", b"-")
    stream = rubbish + DATA + DATA[: len(DATA) // 2] + b"\r\n" + DATA + DATA
    frames, found, at = Frames(), [], 0
    for size in [*cuts, len(stream)]:
        found += frames.feed(stream[at : at + size])
        at += size
    assert [read(one).packet for one in found] == [SAMPLE] * 3


def test_64_mb_of_rubbish_grow_no_memory() -> None:
    frames = Frames()
    piece = os.urandom(1 << 16) + b"##1024" + b"##0999##" * 100
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range((64 << 20) // len(piece)):
        assert frames.feed(piece) == []
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 8192
    assert frames.rubbish_bytes > 60 << 20
    assert len(frames.feed(b"\r\n" * 600 + DATA)) == 1


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["w01018", "a34004", "w20120"]), st.integers(0, 10**6)), max_size=200))
def test_a_long_message_is_split_and_whole_again(values: list[tuple[str, int]]) -> None:
    pairs = tuple(((f"{code}-Rtd", str(value)),) for code, value in values)
    packet = SAMPLE._replace(cn="2011", items=(*items_of(("DataTime", "20260101080000")), *pairs))
    numbers = (f"202601010810002{n:02d}" for n in range(100))
    try:
        parts = split(packet, lambda: next(numbers))
    except RangeError:
        assert sum(len(f"{name}={value};") for ((name, value),) in pairs) > 900 * (MOST_PACKETS - 1)
        return
    assert all(len(write(part)) <= 1024 + 12 for part in parts)
    assert sum((part.items[1:] for part in parts), ()) == packet.items[1:]
    if len(parts) > 1:
        assert [(part.pnum, part.pno) for part in parts] == [(len(parts), n + 1) for n in range(len(parts))]
        assert len({part.qn for part in parts}) == len(parts)
    for part in parts:
        assert read(Frames().feed(write(part))[0], strict=True).packet == part


@settings(deadline=None)
@given(st.binary(min_size=16, max_size=16), st.integers(0, 300))
def test_2025_comes_back_from_its_cipher_whatever_bytes_that_has(key: bytes, length: int) -> None:
    packet = SAMPLE._replace(flag=flag(V2025, True), items=items_of(("w01018-Info", "x" * length)))
    (framed,) = Frames().feed(write(packet, cipher(key)))
    assert read(framed, decipher(key)).packet == packet


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_the_check_has_no_more_than_256_results_so_a_packet_is_believed_for_more(data: bytes) -> None:
    rest = {crc(bytes([value])) & 0xFF for value in range(256)}
    assert len({crc(bytes([value])) for value in range(256)}) == 256 and rest
    assert crc(data + b"\0") in {crc(bytes([value])) for value in range(256)}


TRAPS = [
    (123, 4, "mg/L", "ug/L", 0, "12"),  # lead: 0.0123 mg/L
    (6234, 2, "hPa", "kPa", 3, "6.234"),
    (35, 0, "ug/m3", "ng/m3", 3, "35000.000"),
    (35, 0, "ug/m3", "mg/m3", 3, "0.035"),
    (14, 1, "mS/cm", "uS/cm", 1, "1400.0"),
    (25, 1, "mg/L", "mg/L", 0, "2"),  # half to even
    (-5, 1, "degC", "degC", 0, "0"),
]


@pytest.mark.parametrize(("value", "decimals", "unit", "wanted", "places", "text"), TRAPS)
def test_a_value_is_said_in_the_standards_unit(
    value: int, decimals: int, unit: str, wanted: str, places: int, text: str
) -> None:
    assert units.written(value, decimals, units.scale(unit, wanted), places) == text


def test_units_that_measure_other_things_are_refused() -> None:
    for unit, wanted in (("degC", "mg/L"), ("ppb", "ug/m3"), ("mg/L", "mg/m3")):
        with pytest.raises(RangeError):
            units.scale(unit, wanted)
    assert units.scale("kPa", "hPa") == Fraction(10)


def test_the_mark_is_that_of_the_worst_that_happened() -> None:
    found = [marks.mark(flags) for flags in (0, NO_REPLY, INVALID, RANGE, WARM_UP, CLOCK, RANGE | NO_REPLY)]
    assert found == ["N", "B", "D", "T", "D", "N", "B"]
    judged = (worth.MAINTENANCE, worth.CALIBRATION, worth.FAIL, worth.SUSPECT, worth.MAINTENANCE | RANGE)
    assert [marks.mark(flags) for flags in judged] == ["M", "C", "D", "N", "M"]


@settings(deadline=None)
@given(st.integers(0, 4_102_444_799_999))
def test_moments_are_beijing_time_and_come_back(unix_ms: int) -> None:
    assert moment.unix_ms(moment.request_number(unix_ms)) == unix_ms
    assert moment.digits(0) == "19700101080000"


SEGMENT = DATA[6:-6]
MET = [  # (segment as it is met in the field, code, value, what of it is odd)
    (b"ST=32;CN=2011;PW=123456;MN=88888880000001;CP=&&DataTime=20040516021000;011-Rtd=12.5,011-Flag=N&&", "011", "12.5",
     {"missing"}),
    (b"ST=32;CN=2011;PW=123456;MN=88888880000001;CP=&&DataTime=20040516021000;B01-Rtd=1.5;060-Rtd=3&&", "060", "3",
     {"missing"}),
    (b"QN=1; ST=32;CN=2011 ;PW=;MN=a1;Flag=4;CP=&&DataTime=20260101080000; w01018-Rtd= 7 &&", "w01018", "7",
     {"blank", "form", "order"}),
    (b"QN=20260101080000123;ST=21;CN=2011;PW=123456;MN=" + MN.encode() + b";Flag=4;CP=&&DataTime=20210305003817000;"
     b"x99999-Rtd=1&&", "x99999", "1", set()),
    (b"QN=20260101080000123;ST=21;CN=2011;PW=123456;MN=" + MN.encode() + b";Flag=7;PNUM=12;PNO=11;CP=&&DataTime="
     b"20260101080000;w01018-Rtd=1&&", "w01018", "1", set()),
    (b"QN=20260101080000123;ST=21;CN=3020;PW=123456;MN=" + MN.encode() + ";Flag=4;CP=&&DataTime="
     "20260101080000;i11001-Info=//校准;完成//&&".encode("gb18030"), "i11001", "//校准;完成//", {"not_utf8", "order"}),
]  # fmt: skip


@pytest.mark.parametrize(("segment", "code", "value", "odd"), MET, ids=[str(place) for place in range(len(MET))])
def test_what_is_met_in_the_field_is_read_with_its_oddities_named(
    segment: bytes, code: str, value: str, odd: set[str]
) -> None:
    whole = frame(segment)
    for data in (whole, whole[:-2], whole[:-6] + whole[-6:-2].lower() + b"\r\n", whole[:-2] + b"\n"):
        (framed,) = Frames().feed(data)
        found = read(framed)
        _, values = readings.readings(found.packet.items)
        assert [one.values[0][1] for one in values if one.code == code] == [value]
        assert {one.reason for one in found.oddities} - {"lower_case"} == odd
        rows = explain(data)
        assert b"".join(row.data for row in rows) == data and any(value in row.value for row in rows)


def test_packets_without_their_tail_are_found_in_a_stream_and_a_strict_reader_refuses_them() -> None:
    bare = DATA[:-2]
    for stream, count in ((bare + bare + DATA, 3), (bare + b"\n" + DATA, 2), (b"-" + bare, 1)):
        for step in (1, 7, len(stream)):
            frames = Frames()
            found = [one for at in range(0, len(stream), step) for one in frames.feed(stream[at : at + step])]
            assert [read(one).packet for one in found] == [SAMPLE] * count and frames.rubbish_bytes <= 1
    assert Frames(wants_tail=True).feed(bare) == []
    assert Frames().feed(bare[:-4] + b"0000") == []


@pytest.mark.parametrize(
    ("data", "field"),
    [
        (DATA.replace(b"12.3", b"12.4"), "hj212_crc_wrong"),
        (frame(SEGMENT, crc16(SEGMENT)), "hj212_crc_modbus"),
        (DATA[:2] + b"0999" + DATA[6:], "hj212_length_wrong"),
        (DATA[:60], "hj212_cut"),
        (frame(SEGMENT[:-2]), "hj212_open_region"),
        (frame(SEGMENT.replace(b"CP=&&", b"CX=")), "hj212_no_region"),
        (frame(SEGMENT.replace(b"QN=2026", b"QN=x026")), "hj212_refused"),
    ],
)
def test_what_is_wrong_with_a_packet_is_told_and_the_rest_is_explained(data: bytes, field: str) -> None:
    rows = explain(data)
    assert field in [row.field for row in rows] and not is_sound(rows)
    assert "hj212_mn" in [row.field for row in rows] or data == DATA[:60]


def test_a_packet_of_2025_is_explained_with_its_key_and_without() -> None:
    key = bytes(range(16))
    packet = SAMPLE._replace(flag=flag(V2025, True))
    data = write(packet, cipher(key))
    assert "hj212_cipher" in [row.field for row in explain(data)] and is_sound(explain(data))
    told = {row.field: row.value for row in explain(data, decipher(key))}
    assert told["hj212_avg"] == "w01018 化学需氧量 COD 12.3 mg/L" and "hj212_cipher" not in told
    assert "hj212_cipher" in [row.field for row in explain(data, decipher(bytes(16)))]


def test_a_damaged_length_costs_one_packet() -> None:
    stream = DATA[:4] + b"99" + DATA[6:] + DATA
    assert [read(one).packet for one in Frames().feed(stream)] == [SAMPLE]


def test_what_a_damaged_packet_says_of_its_sender_can_be_read() -> None:
    assert addressed(DATA[6:-6])["QN"] == SAMPLE.qn
    with pytest.raises(BadPacket) as error:
        read(Framed(DATA[6:-6], "0000"))
    assert error.value.reason == "crc"
