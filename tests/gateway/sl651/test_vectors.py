"""SL 651 against frames that others wrote: tests/vectors/sl651.json."""

import json
from pathlib import Path

import pytest

from protocols.sl651 import body, message, number
from protocols.sl651.elements import ELEMENTS
from protocols.sl651.frame import Sl651Error, decode, encode

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "sl651.json").read_text("utf-8"))


@pytest.mark.parametrize("vector", VECTORS["sl651"], ids=lambda vector: vector["frame"][:60])
def test_a_captured_frame_is_read_as_its_source_says_and_written_again_byte_for_byte(vector: dict) -> None:
    data = bytes.fromhex(vector["frame"])
    frame = decode(data)
    assert encode(frame) == data
    told = vector["decoded"]
    assert (frame.is_down, frame.centre, frame.station) == (
        told["direction"] == "down", told["center"], told["station"],
    )  # fmt: skip
    assert (frame.password, frame.function, frame.end) == (
        told["password"], int(told["func"], 16), int(told["end"], 16),
    )  # fmt: skip
    assert frame.packet == ((told["pkt_total"], told["pkt_no"]) if "pkt_no" in told else None)
    content = message.read(frame)
    assert message.packed(frame, content) == frame.body
    if "serial" in told:
        assert (content.serial, content.sent) == (told["serial"], told["send_time"])
    if "rest_hex" in told:
        rest = b"".join(item.lead + item.data for item in content.items).hex().upper()
        assert rest.startswith(told["rest_hex"])
    if "elements" in told:
        assert content.station_type == told["station_type"]
        assert _plain(content) == [_told(one) for one in told["elements"]]


def _plain(content: body.Body) -> list[tuple]:
    found = []
    for item in content.items:
        if item.kind == body.TIME:
            found.append(("F0F0", item.data.hex()))
        elif item.kind == body.ELEMENT:
            found.append((item.id, item.lead[-1], item.data.hex().upper()))
    return found


def _told(one: dict) -> tuple:
    if one["id"] == "F0F0":
        return ("F0F0", one["observe_time"])
    return (one["id"], int(one["datadef"], 16), one["hex"]) if "datadef" in one else (one["id"],)


def test_values_of_captured_elements_are_those_their_sources_tell() -> None:
    compared = 0
    for vector in VECTORS["sl651"]:
        told = [one for one in vector["decoded"].get("elements", ()) if one["id"] != "F0F0"]
        items = [item for _, item in message.read(decode(bytes.fromhex(vector["frame"]))).elements()] if told else []
        for one, item in zip(told, items, strict=True):
            blocks = one.get("values_0.1mm") or one.get("values_cm")
            if blocks:
                assert body.counts_of(item) == blocks
            elif "value" in one and one["value"] is not None and not one["value"].startswith("non-BCD"):
                assert item.value is not None and item.value == round(float(one["value"]) * 10**item.decimals)
            elif "value" in one:
                assert item.value is None
            compared += 1
    assert compared > 40


@pytest.mark.parametrize("vector", VECTORS["sl651_bad_crc"], ids=lambda vector: vector["crc"])
def test_a_captured_frame_with_a_wrong_crc_is_refused(vector: dict) -> None:
    with pytest.raises(Sl651Error) as refused:
        decode(bytes.fromhex(vector["frame"]))
    assert (refused.value.reason, refused.value.detail) == ("crc", vector["crc_calc"])


@pytest.mark.parametrize("vector", VECTORS["sl651_negative"], ids=lambda vector: vector["encoded"])
def test_a_negative_value_is_written_with_its_leading_ff(vector: dict) -> None:
    known = ELEMENTS[vector["id"]]
    value = round(float(vector["value"]) * 10**known.decimals)
    item = body.standard(vector["id"], value)
    assert (item.lead + item.data).hex().upper() == vector["encoded"]
    assert number.decode(item.data) == value


def test_the_elements_of_the_draft_are_sent_as_it_defines_them() -> None:
    for row in VECTORS["sl651_elements"]:
        if row["id"] in ELEMENTS and row.get("datadef"):
            assert body.standard(row["id"], None).lead.hex().upper() == row["id"] + row["datadef"], row
    assert len(ELEMENTS) > 110
