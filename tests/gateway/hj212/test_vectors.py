"""Packets that are not ours are read, and written again byte for byte where they are canonical."""

import json
from pathlib import Path

import pytest

from gateway.uplink.hj212.sm4 import cipher, decipher
from protocols.hj212.commands import check
from protocols.hj212.frame import BadPacket, Frames, crc
from protocols.hj212.packet import Read, read, write

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "hj212.json").read_text("utf-8"))
PACKETS = VECTORS["hj212"]


def taken(data: bytes, **how: object) -> Read:
    (framed,) = Frames().feed(data)
    return read(framed, **how)  # type: ignore[arg-type]


@pytest.mark.parametrize("vector", [v for v in PACKETS if v["valid"]], ids=lambda v: f"{v['cn']}-{v['crc']}")
def test_a_valid_packet_is_read_and_written_again(vector: dict[str, str]) -> None:
    data = vector["packet"].encode()
    found = taken(data)
    assert found.packet.cn == vector["cn"]
    again = write(found.packet)
    is_lower = any(oddity.reason == "lower_case" for oddity in found.oddities)
    assert again == (data[:-6] + data[-6:-2].upper() + b"\r\n" if is_lower else data)
    assert is_lower == (data[-6:-2] != data[-6:-2].upper())


@pytest.mark.parametrize("vector", [v for v in PACKETS if not v["valid"]], ids=lambda v: v["crc"])
def test_an_invalid_one_is_refused_with_a_reason(vector: dict[str, str]) -> None:
    with pytest.raises(BadPacket) as caught:
        taken(vector["packet"].encode())
    assert caught.value.reason == "crc" and vector["crc_calc"] in caught.value.found


@pytest.mark.parametrize("vector", [v for v in PACKETS if v["origin"] != "captured"], ids=lambda v: v["crc"])
def test_what_the_standard_prints_has_no_oddities(vector: dict[str, str]) -> None:
    found = taken(vector["packet"].encode(), strict=True)
    asks = vector["cn"] in ("1062", "1064", "2012")
    assert check(found.packet, from_station=not asks) == []


def test_the_check_of_the_annex_is_not_that_of_modbus() -> None:
    segment = PACKETS[13]["segment"].encode()
    assert b"RtdInterval=30" in segment and crc(segment) == 0x1C80


@pytest.mark.parametrize("vector", VECTORS["hj212_2025_sm4"], ids=lambda v: v["crc"])
def test_the_region_of_2025_is_enciphered_as_printed(vector: dict[str, str]) -> None:
    key = bytes.fromhex(vector["key_hex"])
    wire = bytes.fromhex(vector["wire_hex_if_raw_bytes"])
    packet = taken(wire, cipher=decipher(key), strict=True).packet
    assert write(packet) == b"##%04d%s%s\r\n" % (
        vector["length_field"], vector["plain_segment"].encode(), vector["crc"].encode(),
    )  # fmt: skip
    assert write(packet, cipher(key)) == wire
    with pytest.raises(BadPacket):
        taken(wire, cipher=decipher(bytes(16)))


def test_every_factor_of_the_tables_is_there() -> None:
    from protocols.hj212.factors import factors

    wanted = {row["code"]: row for row in VECTORS["hj212_factors"]}
    found = factors()
    assert found.keys() == wanted.keys()
    for code, row in wanted.items():
        assert (found[code].zh, found[code].old) == (row["name_zh"], row["code_2005"])
        form = row["type"] or ""
        assert found[code].decimals == (int(form.partition(".")[2] or 0) if form else None)
    assert [found[code].unit for code in ("w20111", "w01018", "a34004", "a01006", "w01001")] == [
        "ug/L", "mg/L", "ng/m3", "kPa", "pH",
    ]  # fmt: skip
