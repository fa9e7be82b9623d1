"""What people paste is found and explained, whatever it is dressed in."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import explain
from protocols.hj212.frame import frame

VECTORS = Path(__file__).parents[1] / "vectors"
HJ212 = json.loads((VECTORS / "hj212.json").read_text("utf-8"))
SL651 = json.loads((VECTORS / "sl651.json").read_text("utf-8"))["sl651"]
PACKET = HJ212["hj212"][1]["packet"]
HEX = SL651[0]["frame"]
GBK = "CN=3020;MN=A1;CP=&&i11001-Info=//清洗管路//&&"
ASCII = "\x010100123456781234370018\x020001 260101080000 Z 1.2 \x03"


def found(text: str) -> list[explain.Found]:
    best: list[explain.Found] = []
    for data in explain.meanings(text):
        one, _ = explain.frames(data)
        if one and (not best or (one[0].is_sound and not best[0].is_sound)):
            best = one
    return best


DRESSES = [
    (PACKET, 1),
    (PACKET.strip(), 1),
    (PACKET.replace("\r\n", "\\r\\n"), 1),
    (PACKET + PACKET, 2),
    (f"2026-01-01 08:00:00 recv: {PACKET} ok", 1),
    (PACKET.encode().hex(), 1),
    (f"'{PACKET.strip()}'", 1),
    (HEX.lower(), 1),
    (" ".join(HEX[at : at + 2] for at in range(0, len(HEX), 2)), 1),
    (", ".join("0x" + HEX[at : at + 2] for at in range(0, len(HEX), 2)), 1),
    ("-".join(HEX[at : at + 2] for at in range(0, len(HEX), 2)), 1),
    (f"{HEX}\n{SL651[1]['frame']}\n", 2),
    ("00FF" + HEX + "7E7E", 1),
    (frame(GBK.encode("gb18030")).decode("gb18030"), 1),
]


@pytest.mark.parametrize(("text", "count"), DRESSES, ids=[str(place) for place in range(len(DRESSES))])
def test_sound_frames_are_found_in_any_dress(text: str, count: int) -> None:
    frames = found(text)
    assert [one.is_sound for one in frames] == [True] * count


def test_the_ascii_form_of_sl_651_is_found_with_its_control_characters_written_out() -> None:
    from protocols.checks import crc16

    data = ASCII.encode() + b"%04X" % crc16(ASCII.encode())
    for text in (data.decode(), repr(data)[2:-1], data.decode().replace("\x01", "<SOH>").replace("\x02", "<STX>")
                 .replace("\x03", "<ETX>")):  # fmt: skip
        (one,) = found(text)
        assert one.is_sound and one.protocol == "SL 651"


@pytest.mark.parametrize("vector", [*HJ212["hj212"], *SL651], ids=lambda vector: vector["crc"])
def test_every_vector_is_explained_in_full(vector: dict[str, Any]) -> None:
    (one,) = found(vector.get("packet") or vector["frame"])
    assert one.is_sound == vector["valid"]
    data = vector["packet"].encode() if "packet" in vector else bytes.fromhex(vector["frame"])
    assert b"".join(part for _, part, _, _ in one.rows) == data


def test_what_is_no_frame_is_told_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert [explain.main(text) for text in ("hello", "", "##", "##xx", "7E", "01" * 40)] == [1] * 6
    assert "nothing begins like one" in capsys.readouterr().err


@settings(max_examples=500, deadline=None)
@given(st.one_of(st.text(max_size=60), st.text("0123456789abcdef #7eE&=;\\x\x01", max_size=200)))
def test_anything_pasted_is_answered(text: str) -> None:
    for data in explain.meanings(text):
        for one in explain.frames(data)[0]:
            assert data[one.start : one.end] == b"".join(part for _, part, _, _ in one.rows)
