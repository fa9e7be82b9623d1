"""An HJ 212 uplink against the simulated platform, in virtual time: reports, faults, positions."""

import asyncio
from collections.abc import Coroutine
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from gateway.store.ranges import count
from hw_sim.clock import run_virtual
from hw_sim.platforms.hj212 import Value
from hw_sim.platforms.sl651 import Said
from protocols import quality
from protocols.hj212.moment import digits
from protocols.hj212.packet import Packet, write
from protocols.quality import FEW
from tests.gateway.doubles import events
from tests.gateway.hj212.station import DAY_MS, HOUR_MS, MINUTE_MS, MN, OLD_MN, PASSWORD, START_MS, Station


def story(steps: Coroutine[Any, Any, None]) -> None:
    run_virtual(steps)


def moments(values: list[Value]) -> list[int]:
    return [value.moment_ms for value in values]


def of(station: Station, cn: str) -> list[Value]:
    return station.ledger.of("w01018", cn)


def test_real_time_and_period_values_arrive_with_the_standards_units_and_decimals(tmp_path: Path) -> None:
    async def steps() -> None:
        station = Station(tmp_path)
        await station.live(135)
        first = of(station, "2011")[0]
        assert first.values == {"Rtd": "12.3"} and first.mark == "N"  # 12.34 mg/L with one decimal
        assert station.ledger.of("w20120", "2011")[0].values == {"Rtd": "12"}  # 0.0123 mg/L are 12 ug/L
        assert station.ledger.of("a34004", "2011")[0].values == {"Rtd": "35.500"}
        hours = of(station, "2061")
        assert moments(hours) == [START_MS, START_MS + HOUR_MS]
        assert hours[0].values == {"Min": "9.5", "Avg": "10.0", "Max": "10.5"} and hours[0].mark == "N"
        assert station.ledger.of("w20120", "2061")[0].values == {"Min": "12", "Avg": "12", "Max": "13"}
        assert moments(of(station, "2051")) == [START_MS + MINUTE_MS * n for n in range(13)]
        assert station.ledger.complaints == [] and station.forwarder.waiting_rows == 0
        assert station.store.position("epb") >= station.store.last_seq - 3

    story(steps())


def test_real_time_values_are_newer_than_the_last_and_never_owed(tmp_path: Path) -> None:
    async def steps() -> None:
        station = Station(tmp_path, realtime_s=30)
        await station.live(10)
        told = moments(of(station, "2011"))
        assert len(told) == len(set(told)) == 10  # polled each minute, asked for twice a minute
        station.way.up = False
        station.way.cut()
        await station.live(30)
        assert 3 <= station.forwarder.waiting_rows <= 4  # the minutes; the newest poll was not looked at yet
        station.way.up = True
        await station.live(5)
        missed = [at for at in moments(of(station, "2011")) if at > told[-1]]
        assert len(missed) <= 6
        assert station.ledger.complaints == []

    story(steps())


def test_the_position_moves_only_by_the_platforms_answer(tmp_path: Path) -> None:
    async def steps() -> None:
        station = Station(tmp_path)
        station.platform.faults.silent = True
        await station.live(35)
        assert station.store.position("epb") < 12 and 3 <= station.forwarder.waiting_rows <= 4
        station.platform.faults.silent = False
        await station.live(10)
        assert station.forwarder.waiting_rows == 0
        assert moments(of(station, "2051")) == [START_MS + MINUTE_MS * n for n in range(4)]

    story(steps())


FAULTS = {
    "wrong_crc_next": "crc", "cut_next": "", "wrong_password_next": "password", "wrong_mn_next": "mn",
    "forget_next": "",
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_platform_costs_no_report_and_doubles_none(tmp_path: Path, fault: str) -> None:
    async def steps() -> None:
        station = Station(tmp_path, realtime_s=None)
        await station.live(21)
        setattr(station.platform.faults, fault, 1)
        await station.live(60)
        assert getattr(station.platform.faults, fault) == 0  # it has happened
        assert moments(of(station, "2051")) == [START_MS + MINUTE_MS * n for n in range(8)]
        assert station.ledger.complaints == [] and station.forwarder.waiting_rows == 0
        reasons = [detail["reason"] for _, detail in events(tmp_path, "hj212_refused")]
        assert reasons == ([FAULTS[fault]] if FAULTS[fault] else [])

    story(steps())


def test_a_late_answer_is_waited_for_and_one_that_is_too_late_is_sent_for_again(tmp_path: Path) -> None:
    async def steps() -> None:
        station = Station(tmp_path, realtime_s=None)
        station.platform.faults.late_s = 8.0
        await station.live(21)
        assert station.ledger.repeated == 0 and len(of(station, "2051")) == 2
        station.platform.faults.late_s = 12.0
        await station.live(21)
        assert station.ledger.repeated > 0 and station.ledger.complaints == [] and len(of(station, "2051")) == 4

    story(steps())


def test_overtime_and_recount_are_kept_before_the_connection_is_given_up(tmp_path: Path) -> None:
    async def steps() -> None:
        station = Station(tmp_path, realtime_s=None, overtime_s=7, recount=2)
        station.platform.faults.silent = True
        await station.live(12)
        tries = [at for at, _ in station.way.sent][1:4]  # behind the 2081
        assert [round(b - a) for a, b in pairwise(tries)] == [7, 7]
        assert station.way.opened > 1 and "2051" in station.forwarder.state.trouble

    story(steps())


@pytest.mark.parametrize("version", ["2005", "2017", "2025"])
def test_after_two_weeks_without_a_platform_every_hour_and_day_arrives_once_in_order_and_live_values_do_not_wait(
    tmp_path: Path, version: str
) -> None:
    async def steps() -> None:
        days = 14 if version == "2017" else 3
        more = {"mn": OLD_MN} if version == "2005" else {}
        station = Station(tmp_path, version=version, realtime_s=300, **more)
        await station.live(150, step_s=300)
        station.way.up = False
        station.way.cut()
        await station.live(days * 24 * 60, step_s=300)
        station.way.up = True
        station.way.delay_s = 0.5 if days == 14 else 3.0  # the backlog takes more than half an hour
        back_ms = station.clock.unix_ms()
        await station.live(24 * 60, step_s=300)
        ended_ms = station.clock.unix_ms() - 60_000
        for cn, length_ms in (("2051", MINUTE_MS), ("2061", HOUR_MS), ("2031", DAY_MS)):
            first_ms = START_MS if cn != "2031" else START_MS + 16 * HOUR_MS  # a day of Beijing
            wanted = list(range(first_ms, ended_ms - length_ms, length_ms))
            found = of(station, cn)
            assert sorted(moments(found)) == wanted  # each once
            late = [one for one in found if one.moment_ms + length_ms < back_ms - 60_000]
            assert len(late) > 1 and moments(late) == sorted(moments(late))
            assert [one.is_late for one in late[-1:]] == [version == "2025"]
            live = [one for one in found if one.moment_ms + length_ms > back_ms]
            assert live and not any(one.is_late for one in live)
            for one in live:
                assert one.at_ms - (one.moment_ms + length_ms) < length_ms
        assert all(one.at_ms - one.moment_ms < 300_000 for one in of(station, "2011") if one.at_ms > back_ms)
        assert station.ledger.complaints == []

    story(steps())


def test_a_killed_gateway_sends_what_had_no_answer_and_nothing_else(tmp_path: Path) -> None:
    async def steps() -> None:
        station = Station(tmp_path)
        await station.live(33)
        await station.kill()
        await asyncio.sleep(600)
        station.start()
        await station.live(22)
        assert moments(of(station, "2051")) == [START_MS + MINUTE_MS * n for n in (0, 1, 2, 3, 4, 5)]

    story(steps())


def test_a_corrected_period_is_sent_again_and_the_newest_row_counts(tmp_path: Path) -> None:
    async def steps() -> None:
        station = Station(tmp_path, version="2025")
        await station.live(65)
        station.period("hour", START_MS, 777)
        await station.live(130)
        first, second = (one for one in of(station, "2061") if one.moment_ms == START_MS)
        assert (first.values["Avg"], second.values["Avg"]) == ("10.0", "77.7")
        assert station.ledger.complaints == []

    story(steps())


def test_shorter_minutes_become_one_of_the_wanted_length(tmp_path: Path) -> None:
    async def steps() -> None:
        station = Station(tmp_path, minute=30, realtime_s=None)
        await station.live(65, step_s=20)
        one, two = of(station, "2051")
        assert moments([one, two]) == [START_MS, START_MS + 3 * MINUTE_MS]
        assert one.values == {"Min": "9.5", "Avg": "10.1", "Max": "10.7"}  # of 10.0, 10.1, 10.2
        station.period("minute", START_MS + MINUTE_MS, 191)  # late: the whole is made anew
        await station.live(5)
        assert of(station, "2051")[2].values == {"Min": "9.5", "Avg": "13.1", "Max": "19.6"}

    story(steps())


MARKS = {
    0: "N", quality.NO_REPLY: "N", FEW: "B", FEW | quality.NO_REPLY: "B", FEW | quality.INVALID: "D",
    FEW | quality.RANGE: "T",
}  # fmt: skip


def test_the_mark_of_a_period_tells_what_kept_its_readings_away(tmp_path: Path) -> None:
    async def steps() -> None:
        station = Station(tmp_path, realtime_s=None)
        for place, flags in enumerate(MARKS):
            station.period("hour", START_MS - (9 - place) * HOUR_MS, 100, flags)
        await asyncio.sleep(60)
        assert [one.mark for one in of(station, "2061")] == list(MARKS.values())

    story(steps())


def test_the_mark_of_a_reading_says_why_it_has_no_value(tmp_path: Path) -> None:
    async def steps() -> None:
        station = Station(tmp_path)
        station.poll(None, quality.NO_REPLY)
        await asyncio.sleep(61)
        station.poll(99_999, quality.RANGE)
        await asyncio.sleep(61)
        assert [(one.values.get("Rtd"), one.mark) for one in of(station, "2011")] == [(None, "B"), ("1000.0", "T")]

    story(steps())


def test_nothing_is_sent_or_confirmed_while_the_store_has_no_file(tmp_path: Path) -> None:
    async def steps() -> None:
        station = Station(tmp_path)
        await station.live(15)
        station.period("minute", START_MS + MINUTE_MS, 101)  # of a time to come: it waits to be due
        await asyncio.sleep(5)
        assert station.forwarder.waiting_rows == 1
        station.store.database.is_open = False
        held, packets = station.store.confirmed("epb"), station.ledger.packets
        await asyncio.sleep(600)
        assert station.ledger.packets == packets and station.store.confirmed("epb") == held
        station.store.database.is_open = True
        await station.live(15)
        assert station.ledger.packets > packets and count(station.store.confirmed("epb")) > count(held)

    story(steps())


def test_2025_enciphers_what_it_must_and_keeps_the_connection_alive(tmp_path: Path) -> None:
    async def steps() -> None:
        station = Station(tmp_path, version="2025", realtime_s=None)
        await station.live(25)
        assert len(of(station, "2051")) == 2 and station.ledger.complaints == []
        assert len(station.ledger.notices) >= 20 and set(station.ledger.notices) == {"9015"}
        station.platform.faults.silent = True
        opened = station.way.opened
        await asyncio.sleep(180)
        assert station.way.opened > opened  # a dead line is noticed

    story(steps())


def test_several_platforms_have_a_position_each(tmp_path: Path) -> None:
    async def steps() -> None:
        station = Station(tmp_path)
        (tmp_path / "other").mkdir()
        other = Station(tmp_path / "other", id="city", mn="F" * 24, st="32", version="2025", hour=False)
        await other.kill()
        other.store, other.periods, other.polled = station.store, station.periods, station.polled
        other.start()
        other.platform.faults.silent = True
        await station.live(75)
        assert station.forwarder.waiting_rows == 0 and 7 <= other.forwarder.waiting_rows <= 8
        other.platform.faults.silent = False
        await station.live(25)
        assert other.forwarder.waiting_rows == 0 and of(other, "2061") == [] and len(of(other, "2051")) == 9
        assert {one.mn for one in other.ledger.values} == {"F" * 24} and other.ledger.complaints == []
        assert station.store.position("epb") > 0 < station.store.position("city")
        await other.kill()

    story(steps())


def test_data_time_is_beijing_time_and_the_start_of_the_period(tmp_path: Path) -> None:
    async def steps() -> None:
        station = Station(tmp_path)
        await station.live(65)
        assert of(station, "2061")[0].moment == "20260101080000" == digits(START_MS)

    story(steps())


def test_an_answer_to_another_packet_confirms_nothing(tmp_path: Path) -> None:
    async def steps() -> None:
        station = Station(tmp_path, realtime_s=None)
        station.platform.faults.silent = True
        await station.live(11)
        waiting = station.forwarder.waiting_rows
        for _ in range(30):
            station.way.tell(Said(write(Packet("9014", MN, (), "20200101000000000", "91", PASSWORD, 4))))
            await asyncio.sleep(2)
        assert waiting >= 1 and station.forwarder.waiting_rows == waiting

    story(steps())


def test_a_packet_keeps_its_number_over_connections_so_that_the_platform_knows_it(tmp_path: Path) -> None:
    async def steps() -> None:
        station = Station(tmp_path, realtime_s=None)
        station.platform.faults.forget_next = 4  # every try of one connection
        await station.live(21)
        assert station.way.opened == 2 and station.ledger.repeated == 4
        assert moments(of(station, "2051")) == [START_MS, START_MS + MINUTE_MS]

    story(steps())


def test_a_small_channel_keeps_its_ration_and_everything_owed_arrives_live_values_among_it(tmp_path: Path) -> None:
    async def steps() -> None:
        station = Station(tmp_path, messages_per_hour=30, spacing_s=60, message_bytes=400)
        await station.kill()
        station.way.up = False
        station.start()
        await station.live(3 * 60)
        station.way.up = True
        up_ms = station.clock.unix_ms()
        await station.live(5)
        assert station.forwarder.state.waits["backlog"] and station.forwarder.state.waits["next_message_ms"] > 0
        await station.live(4 * 60)
        uploads = [at for at, _ in station.way.sent][1:]  # behind the 2081, which waits for nothing
        assert min(b - a for a, b in pairwise(uploads)) >= 59.9
        assert max(size for _, size in station.way.sent) <= 400
        for begin in range(3600, 3 * 3600, 600):  # what was saved while there was no way is gone by then
            assert sum(begin <= at - uploads[0] < begin + 3600 for at in uploads) <= 31
        minutes = moments(of(station, "2051"))
        assert len(set(minutes)) == len(minutes) >= 6 * 7 - 2 and len(of(station, "2061")) >= 6
        live = [one for one in of(station, "2051") if one.moment_ms > up_ms]
        assert live and max(one.at_ms - one.moment_ms for one in live) < 2 * MINUTE_MS + 300_000
        assert len(of(station, "2011")) > 20 and station.ledger.complaints == []

    story(steps())
