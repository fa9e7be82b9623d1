"""What a centre may ask and order of an SL 651 station, and what it may not; in virtual time."""

import asyncio
import random
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from gateway.uplink.sl651.settings import Settings
from hw_sim.clock import run_virtual
from hw_sim.platforms.sl651 import clock_text
from protocols.sl651 import body, functions
from protocols.sl651.body import Body, Item
from tests.gateway.doubles import events
from tests.gateway.sl651.station import ADDRESS, PASSWORD, Station, uplink


def story(steps: Coroutine[Any, Any, None]) -> None:
    run_virtual(steps)


async def asked(station: Station, function: int, *items: Item, clock_ms: int | None = None) -> list[Body]:
    """What was answered within five seconds."""
    before = len(station.ledger.answers)
    station.way.tell(station.centre.ask(ADDRESS, function, items, clock_ms))
    await asyncio.sleep(5)
    return [content for _, content in station.ledger.answers[before:]]


def password(old: str, new: str) -> tuple[Item, Item]:
    return body.raw("03", bytes.fromhex(old)), body.raw("03", bytes.fromhex(new))


def test_the_newest_values_are_told_all_or_those_that_are_named(tmp_path: Path) -> None:
    async def steps() -> None:
        station = Station(tmp_path)
        await station.live(7)
        (answer,) = await asked(station, functions.QUERY_NOW)
        assert [(at, item.id, item.value) for at, item in answer.elements()] == [
            ("2601010807", "39", 3_000_007), ("2601010807", "47", 81),
        ]  # fmt: skip
        (answer,) = await asked(station, functions.QUERY_ELEMENTS, body.wish("47", 0x11), body.wish("20", 0x19))
        assert [item.id for _, item in answer.elements()] == ["47"]
        assert station.ledger.complaints == []

    story(steps())


def test_the_clock_is_told_and_what_the_centre_says_goes_to_the_gateways_clock_trust(tmp_path: Path) -> None:
    async def steps() -> None:
        station = Station(tmp_path)
        await station.live(1)
        (answer,) = await asked(station, functions.QUERY_CLOCK)
        assert answer.sent == clock_text(station.clock.unix_ms() - 5000 + 50)
        wrong_ms = station.clock.unix_ms() + 7_200_000
        assert len(await asked(station, functions.SET_CLOCK, clock_ms=wrong_ms)) == 1
        assert station.told == [(wrong_ms // 1000 * 1000, "hydro/5")]
        ((_, detail),) = events(tmp_path, "sl651_clock")
        assert detail["centre"] == "hydro/5" and detail["told_ms"] - detail["was_ms"] > 7_190_000

    story(steps())


def test_parameters_are_read_and_set_with_who_and_what_they_were(tmp_path: Path) -> None:
    async def steps() -> None:
        station = Station(tmp_path)
        await station.live(1)
        wishes = [body.wish(id, 0) for id in ("01", "02", "03", "0C", "0F")]
        (answer,) = await asked(station, functions.READ_BASIC, *wishes)
        told = {item.id: item.data.hex().upper() for _, item in answer.elements()}
        assert told == {"01": "05000000", "02": ADDRESS, "03": PASSWORD, "0C": "02"}
        base = body.element("28", 2_990_000, 7, 3)
        (answer,) = await asked(station, functions.SET_RUNNING, body.element("20", 6, 2, 0), base)
        assert {item.id: item.value for _, item in answer.elements()} == {"20": 6, "28": 2_990_000}
        found = [detail for _, detail in events(tmp_path, "sl651_set")]
        assert found == [
            {"centre": "hydro/5", "parameter": "20", "old": "00", "new": "06"},
            {"centre": "hydro/5", "parameter": "28", "old": "03000000", "new": "02990000"},
        ]
        kept = Settings(station.config, tmp_path / "settings.json")
        assert kept.timed_s == 6 * 3600 and kept.get("28") == "2302990000"
        (answer,) = await asked(station, functions.READ_RUNNING, body.wish("20", 0x08), body.wish("28", 0x23))
        assert [item.value for _, item in answer.elements()] == [6, 2_990_000]

    story(steps())


@pytest.mark.parametrize(
    "item",
    [body.raw("02", bytes(5)), body.raw("01", bytes((9, 0, 0, 0))), body.raw("0C", b"\x01"), body.raw("03", b"\0\0")],
)
def test_what_stands_in_the_site_file_is_not_changed_from_afar(tmp_path: Path, item: Item) -> None:
    async def steps() -> None:
        station = Station(tmp_path)
        await station.live(1)
        (answer,) = await asked(station, functions.SET_BASIC, item)
        assert [one.data for _, one in answer.elements()] != [item.data]
        ((_, detail),) = events(tmp_path, "sl651_refused")
        assert detail["reason"] == "parameter" and detail["parameters"] == [item.id]
        assert events(tmp_path, "sl651_set") == []

    story(steps())


def test_a_new_password_counts_from_the_answer_on_and_stays(tmp_path: Path) -> None:
    async def steps() -> None:
        station = Station(tmp_path)
        await station.live(1)
        assert await asked(station, functions.SET_PASSWORD, *password("1111", "03E8")) == []  # the old one is wrong
        assert station.settings.password == PASSWORD
        station.centre.stations[ADDRESS] = PASSWORD
        assert len(await asked(station, functions.SET_PASSWORD, *password(PASSWORD, "03E8"))) == 1
        station.centre.stations[ADDRESS] = "03E8"
        await station.live(6)
        assert [function for function, _ in station.ledger.answers] == [functions.SET_PASSWORD]
        assert len(station.ledger.of("39", functions.TIMED)) == 1 and station.ledger.complaints == []
        assert Settings(station.config, tmp_path / "settings.json").password == "03E8"
        (one,) = [detail for _, detail in events(tmp_path, "sl651_set")]
        assert one == {"centre": "hydro/5", "parameter": "03", "old": "*", "new": "*"}

    story(steps())


@pytest.mark.parametrize("fault", ["wrong_password_next", "wrong_crc_next"])
def test_an_order_that_is_not_to_be_believed_is_not_done_and_not_answered(tmp_path: Path, fault: str) -> None:
    async def steps() -> None:
        station = Station(tmp_path)
        await station.live(1)
        setattr(station.centre.faults, fault, 1)
        assert await asked(station, functions.SET_RUNNING, body.element("20", 6, 2, 0)) == []
        assert station.settings.timed_s == 300
        assert events(tmp_path, "sl651_set") == []
        ((_, detail),) = events(tmp_path, "sl651_refused")
        assert detail["reason"] == {"wrong_password_next": "password", "wrong_crc_next": "crc"}[fault]

    story(steps())


def test_an_order_for_another_station_is_not_done(tmp_path: Path) -> None:
    async def steps() -> None:
        station = Station(tmp_path)
        await station.live(1)
        station.centre.stations["0099999999"] = PASSWORD
        station.way.tell(station.centre.ask("0099999999", functions.SET_RUNNING, (body.element("20", 6, 2, 0),)))
        await asyncio.sleep(5)
        assert station.ledger.answers == [] and station.settings.timed_s == 300
        ((_, detail),) = events(tmp_path, "sl651_refused")
        assert detail["reason"] == "station"

    story(steps())


@pytest.mark.parametrize("function", [functions.INITIALISE, functions.RESTORE, functions.PUMP, functions.GATE])
def test_what_a_station_can_not_do_is_told_and_not_answered(tmp_path: Path, function: int) -> None:
    async def steps() -> None:
        station = Station(tmp_path)
        await station.live(1)
        assert await asked(station, function, body.raw("97", b"")) == []
        ((_, detail),) = events(tmp_path, "sl651_refused")
        assert (detail["reason"], detail["function"]) == ("function", f"{function:02X}")

    story(steps())


def test_a_picture_goes_in_packets_and_the_one_that_is_wanted_again_goes_again(tmp_path: Path) -> None:
    async def steps() -> None:
        image = random.Random(5).randbytes(6000)
        (tmp_path / "camera.jpg").write_bytes(image)
        station = Station(tmp_path, uplink(picture=str(tmp_path / "camera.jpg")))
        await station.live(1)
        station.centre.faults.nak_packet_next = 1
        (answer,) = await asked(station, functions.PICTURE)
        assert station.ledger.pictures == [image] and answer.station_type == "H"
        (tmp_path / "camera.jpg").unlink()
        assert await asked(station, functions.PICTURE) == []
        ((_, detail),) = events(tmp_path, "sl651_refused")
        assert detail["reason"] == "picture"

    story(steps())


def test_a_picture_comes_from_a_command(tmp_path: Path) -> None:
    from gateway.uplink.sl651.orders import picture

    assert asyncio.run(picture(uplink(picture_command=("printf", "JPEG")))) == b"JPEG"
    with pytest.raises(ValueError):
        asyncio.run(picture(uplink(picture_command=("true",))))


@pytest.mark.parametrize("form", ["hex", "ascii"])
def test_pictures_are_reported_by_themselves_and_none_is_owed(tmp_path: Path, form: str) -> None:
    async def steps() -> None:
        photo = random.Random(6).randbytes(5000)
        (tmp_path / "photo.jpg").write_bytes(photo)
        station = Station(tmp_path, uplink(picture=str(tmp_path / "photo.jpg"), picture_s=600, form=form))
        await station.live(21)
        assert station.ledger.pictures == [photo] * 2
        station.centre.faults.nak_packet_next = 1
        await station.live(10)
        assert len(station.ledger.pictures) == 3 and station.forwarder._dialogue.resent == 1
        station.way.up = station.backup.up = False
        station.way.cut()
        await station.live(40)
        station.way.up = True
        await station.live(3)
        assert len(station.ledger.pictures) == 4  # the newest, not those of the outage
        (tmp_path / "photo.jpg").unlink()
        await station.live(20)
        assert len(station.ledger.pictures) == 4
        assert [one["reason"] for _, one in events(tmp_path, "sl651_refused")] == ["picture"] * 2
        assert len(station.ledger.of("39", functions.TIMED)) >= 17 and station.ledger.complaints == []

    story(steps())
