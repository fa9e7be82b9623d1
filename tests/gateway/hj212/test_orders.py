"""What a platform may ask and order: codes, settings, history; what is not to be believed is not done."""

import asyncio
import json
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from hw_sim.clock import run_virtual
from hw_sim.platforms.sl651 import Said
from protocols.hj212.frame import frame
from protocols.hj212.moment import digits, unix_ms
from protocols.hj212.packet import Items, Packet, flag, items_of, write
from tests.gateway.doubles import events
from tests.gateway.hj212.station import HOUR_MS, MINUTE_MS, MN, OLD_MN, PASSWORD, START_MS, Station

QN = "20260101093000123"
THIRTY = items_of(("RtdInterval", 30))


def story(steps: Coroutine[Any, Any, None]) -> None:
    run_virtual(steps)


async def told(station: Station, cn: str, *pairs: tuple[str, object]) -> tuple[str, str, list[Packet]]:
    """(QnRtn, ExeRtn, what came between)."""
    before = len(station.ledger.answers)
    station.way.tell(station.platform.ask(MN, cn, items_of(*pairs)))
    await asyncio.sleep(5)
    first, *between, last = station.ledger.answers[before:]
    assert (first.cn, last.cn) == ("9011", "9012") and first.st == last.st == "91"
    return first.values["QnRtn"], last.values["ExeRtn"], between


async def refused(station: Station, packet: Packet) -> str:
    """The one answer to a request that is not done."""
    before = len(station.ledger.answers)
    station.platform._open.add(packet.qn or "")
    station.way.tell(Said(write(packet)))
    await asyncio.sleep(5)
    (answer,) = station.ledger.answers[before:]
    assert answer.cn == "9011" and answer.qn == packet.qn
    return answer.values["QnRtn"]


def request(cn: str = "1062", items: Items = THIRTY, **other: Any) -> Packet:
    return Packet(cn, MN, items, QN, "21", PASSWORD, flag(1, True))._replace(**other)


def test_intervals_are_asked_for_set_logged_and_kept(tmp_path: Path) -> None:
    async def steps() -> None:
        station = Station(tmp_path)
        await station.live(5)
        assert (await told(station, "1061"))[2][0].values == {"RtdInterval": "60"}
        assert (await told(station, "1062", ("RtdInterval", 30)))[:2] == ("1", "1")
        assert (await told(station, "1064", ("MinInterval", 20)))[:2] == ("1", "1")
        assert (await told(station, "1063"))[2][0].values == {"MinInterval": "20"}
        assert (await told(station, "1000", ("OverTime", 5), ("ReCount", 2)))[:2] == ("1", "1")
        changed = [detail for _, detail in events(tmp_path, "hj212_set")]
        assert {"uplink": "epb", "name": "RtdInterval", "old": "60", "new": "30"} in changed
        assert [one["name"] for one in changed] == ["RtdInterval", "MinInterval", "OverTime", "ReCount"]
        assert station.emergencies == [21_600]  # nodes measure densely, too
        assert (await told(station, "1062", ("RtdInterval", 60)))[:2] == ("1", "1")
        assert station.emergencies == [21_600, 0]
        await station.kill()
        station.start()
        await station.live(50)
        assert (await told(station, "1063"))[2][0].values == {"MinInterval": "20"}
        assert [one.moment_ms % (2 * MINUTE_MS) for one in station.ledger.of("w01018", "2051")][-1:] == [0]
        assert station.ledger.complaints == []

    story(steps())


@pytest.mark.parametrize(
    ("other", "code", "reason"),
    [
        ({"pw": "654321"}, "3", "password"),
        ({"st": "32"}, "5", "st"),
        ({"cn": "1999"}, "8", "command"),
        ({"cn": "3011", "items": items_of(("PolId", "w01018"))}, "2", "command"),
        ({"items": items_of(("RtdInterval", 5))}, "2", "form RtdInterval"),
        ({"items": ()}, "2", "missing RtdInterval"),
    ],
)
def test_a_request_that_is_not_to_be_done_gets_its_code_and_an_event_and_is_not_done(
    tmp_path: Path, other: dict[str, Any], code: str, reason: str
) -> None:
    async def steps() -> None:
        station = Station(tmp_path)
        await station.live(2)
        packet = request(**other)
        assert await refused(station, packet) == code
        await refused(station, packet._replace(qn="20260101093000124"))
        assert events(tmp_path, "hj212_set") == [] and station.emergencies == []
        assert [detail["reason"] for _, detail in events(tmp_path, "hj212_refused")] == [reason]  # told once
        assert (await told(station, "1061"))[2][0].values == {"RtdInterval": "60"}

    story(steps())


def test_a_request_number_that_is_none_is_not_obeyed(tmp_path: Path) -> None:
    async def steps() -> None:
        station = Station(tmp_path)
        await station.live(2)
        station.way.tell(Said(write(request(qn="2026"))))
        await asyncio.sleep(5)
        assert events(tmp_path, "hj212_set") == []
        assert [detail["reason"] for _, detail in events(tmp_path, "hj212_refused")] == ["qn"]
        assert "form" in station.ledger.complaints[-1] or "QN" in station.ledger.complaints[-1]

    story(steps())


def test_another_mn_is_answered_with_its_code(tmp_path: Path) -> None:
    async def steps() -> None:
        station = Station(tmp_path)
        await station.live(2)
        assert await refused(station, request(mn="0" * 24)) == "4"
        assert events(tmp_path, "hj212_set") == []

    story(steps())


def test_a_damaged_request_is_answered_with_nine_and_not_done(tmp_path: Path) -> None:
    async def steps() -> None:
        station = Station(tmp_path)
        await station.live(2)
        before = len(station.ledger.answers)
        data = write(request())
        station.platform._open.add(QN)
        station.way.tell(Said(frame(data[6:-6].replace(b"RtdInterval=30", b"RtdInterval=40"), int(data[-6:-2], 16))))
        await asyncio.sleep(5)
        assert [one.values for one in station.ledger.answers[before:]] == [{"QnRtn": "9"}]
        assert events(tmp_path, "hj212_set") == []
        ((_, event),) = events(tmp_path, "hj212_refused")
        assert event["reason"] == "crc"

    story(steps())


def test_a_repeated_request_gets_its_old_answer_and_is_not_done_again(tmp_path: Path) -> None:
    async def steps() -> None:
        station = Station(tmp_path)
        await station.live(2)
        for interval in (30, 45, 30):
            station.way.tell(station.platform.ask(MN, "1062", items_of(("RtdInterval", interval)), qn=QN))
            await asyncio.sleep(5)
        assert [one.cn for one in station.ledger.answers] == ["9011", "9012"] * 3
        assert len(events(tmp_path, "hj212_set")) == 1 and station.emergencies == [21_600]

    story(steps())


def test_a_new_password_counts_from_the_next_message_on_and_is_in_no_log(tmp_path: Path) -> None:
    async def steps() -> None:
        station = Station(tmp_path)
        await station.live(2)
        assert (await told(station, "1072", ("NewPW", "abc987")))[:2] == ("1", "1")
        ((_, event),) = events(tmp_path, "hj212_set")
        assert (event["old"], event["new"]) == ("*", "*")
        station.platform.stations[MN] = station.platform.stations[MN]._replace(password="abc987")
        station.ledger.complaints.clear()
        await station.live(12)
        assert station.ledger.complaints == [] and station.ledger.of("w01018", "2051")
        assert json.loads((tmp_path / "settings.json").read_text()) == {"NewPW": "abc987"}
        assert (tmp_path / "settings.json").stat().st_mode & 0o077 == 0

    story(steps())


def test_history_is_answered_from_the_store(tmp_path: Path) -> None:
    async def steps() -> None:
        station = Station(tmp_path, realtime_s=None)
        await station.live(5 * 60)
        span = (("BeginTime", digits(START_MS + HOUR_MS)), ("EndTime", digits(START_MS + 3 * HOUR_MS)))
        qn_rtn, outcome, found = await told(station, "2061", *span)
        assert (qn_rtn, outcome) == ("1", "1")
        assert [unix_ms(one.values["DataTime"]) for one in found] == [START_MS + n * HOUR_MS for n in (1, 2, 3)]
        assert found[0].values["w01018-Avg"] == "10.1" and len({one.qn for one in found}) == 1
        assert len((await told(station, "2051", *span))[2]) == 13
        nothing = (("BeginTime", digits(START_MS - 9 * HOUR_MS)), ("EndTime", digits(START_MS - 8 * HOUR_MS)))
        assert (await told(station, "2061", *nothing))[:2] == ("1", "100")
        wrong_way = (span[1][1], span[0][1])
        assert (await told(station, "2061", ("BeginTime", wrong_way[0]), ("EndTime", wrong_way[1])))[:2] == ("1", "3")
        assert len((await told(station, "2061"))[2]) == 1
        assert station.ledger.complaints == [] and station.forwarder.waiting_rows <= 1

    story(steps())


def test_real_time_values_stop_and_go_on_as_the_platform_wishes(tmp_path: Path) -> None:
    async def steps() -> None:
        station = Station(tmp_path)
        await station.live(5)
        assert (await told(station, "2012"))[:2] == ("1", "1")
        before = len(station.ledger.of("w01018", "2011"))
        await station.live(15)
        assert len(station.ledger.of("w01018", "2011")) == before and station.ledger.of("w01018", "2051")
        assert (await told(station, "2011"))[1] == "1"
        await station.live(5)
        assert len(station.ledger.of("w01018", "2011")) > before + 3
        assert station.ledger.complaints == []

    story(steps())


def test_the_time_is_asked_for_and_told(tmp_path: Path) -> None:
    async def steps() -> None:
        station = Station(tmp_path)
        await station.live(2)
        (own,) = (await told(station, "1011"))[2]
        assert abs(unix_ms(own.values["SystemTime"]) - station.clock.unix_ms()) < 10_000

    story(steps())


def test_a_platform_whose_clock_is_wrong_does_not_move_one_that_can_be_trusted(tmp_path: Path) -> None:
    async def steps() -> None:
        station = Station(tmp_path)
        await station.live(2)
        station.platform.faults.clock_off_ms = 3 * HOUR_MS
        wrong = digits(station.clock.unix_ms() + 3 * HOUR_MS)
        assert (await told(station, "1012", ("SystemTime", wrong)))[:2] == ("1", "3")
        right = digits(station.clock.unix_ms())
        assert (await told(station, "1012", ("SystemTime", right)))[:2] == ("1", "1")
        assert [detail["taken"] for _, detail in events(tmp_path, "hj212_clock")] == [False, False]
        await station.live(12)
        assert abs(station.store.clock.unix_ms() - station.clock.unix_ms()) < 10
        assert station.ledger.complaints == []

    story(steps())


def test_answers_of_2005_have_the_request_number_in_their_region(tmp_path: Path) -> None:
    async def steps() -> None:
        station = Station(tmp_path, version="2005", mn=OLD_MN)
        await station.live(12)
        assert station.ledger.of("w01018", "2051")  # the platform's 9014 was understood
        before = len(station.ledger.answers)
        station.way.tell(station.platform.ask(OLD_MN, "1061"))
        await asyncio.sleep(5)
        first, told_it, last = station.ledger.answers[before:]
        assert (first.qn, first.of_qn) == (None, told_it.qn) and last.values == {"QN": told_it.qn, "ExeRtn": "1"}
        assert station.ledger.complaints == []

    story(steps())
