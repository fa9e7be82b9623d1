"""An SL 651 uplink against the simulated centre, in virtual time: reports, faults, positions."""

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from gateway.site.sl651 import Sl651Centre, Sl651Element
from hw_sim.clock import run_virtual
from hw_sim.platforms.sl651 import clock_text, moment_ms
from protocols.sl651 import body, functions
from tests.gateway.doubles import events
from tests.gateway.sl651.station import ADDRESS, HOUR_MS, START_MS, Station, uplink


def story(steps: Coroutine[Any, Any, None]) -> None:
    run_virtual(steps)


def observed(values: list[Any]) -> list[str]:
    return [value.observed for value in values]


def test_timed_and_hourly_reports_arrive_with_the_standards_units_and_beijing_time(tmp_path: Path) -> None:
    async def steps() -> None:
        station = Station(tmp_path)
        await station.live(130)
        timed = station.ledger.of("39", functions.TIMED)
        assert observed(timed)[:3] == ["2601010805", "2601010810", "2601010815"]
        assert timed[0].value == 3_000_005 and timed[0].decimals == 3  # 5 mm over a datum of 3000 m
        assert [one.value for one in station.ledger.of("47", functions.TIMED)[:1]] == [81]  # 8.12 mg/L has one decimal
        hourly = station.ledger.of("39", functions.HOURLY)
        assert [(one.observed, one.value) for one in hourly] == [("2601010900", 3_000_000), ("2601011000", 3_000_001)]
        (first, second) = station.ledger.of("F5", functions.HOURLY)
        assert first.observed == "2601010805" and second.observed == "2601010905"
        counts = [int(second.raw[at : at + 4], 16) for at in range(0, 48, 4)]
        assert counts == [round((60 + 5 * (slot + 1)) / 10 + 1e-9) for slot in range(12)]
        assert station.ledger.complaints == []
        assert station.forwarder.waiting_rows <= 6  # those of the slot that is not due
        assert station.store.position("hydro/5") >= station.store.last_seq - 6

    story(steps())


def test_the_position_moves_only_by_the_centres_reply(tmp_path: Path) -> None:
    async def steps() -> None:
        station = Station(tmp_path)
        station.centre.faults.silent = True
        await station.live(30)
        assert station.store.confirmed("hydro/5") == ((0, 0),)
        station.centre.faults.silent = False
        await station.live(10)
        assert station.store.position("hydro/5") > 25
        timed = observed(station.ledger.of("39", functions.TIMED))
        assert sorted(timed) == [clock_text(START_MS + 300_000 * n)[:10] for n in range(1, 8)]

    story(steps())


FAULTS = ("wrong_crc_next", "cut_next", "wrong_password_next", "nak_next", "forget_next")


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_centre_costs_no_report_and_doubles_none(tmp_path: Path, fault: str) -> None:
    async def steps() -> None:
        station = Station(tmp_path)
        await station.live(21)
        setattr(station.centre.faults, fault, 1)
        await station.live(60)
        assert getattr(station.centre.faults, fault) == 0  # it has happened
        timed = observed(station.ledger.of("39", functions.TIMED))
        assert timed == [clock_text(START_MS + 300_000 * n)[:10] for n in range(1, 17)]
        assert station.ledger.complaints == []
        told = {"wrong_crc_next": "crc", "wrong_password_next": "password"}.get(fault)
        assert [detail["reason"] for _, detail in events(tmp_path, "sl651_refused")] == ([told] if told else [])

    story(steps())


def test_a_late_reply_is_waited_for_and_one_that_is_too_late_is_asked_for_again(tmp_path: Path) -> None:
    async def steps() -> None:
        station = Station(tmp_path)
        station.centre.faults.late_s = 8.0
        await station.live(21)
        assert station.ledger.repeated == 0 and len(station.ledger.of("39", functions.TIMED)) == 4
        station.centre.faults.late_s = 12.0
        await station.live(21)
        assert station.ledger.repeated > 0 and station.ledger.complaints == []

    story(steps())


def test_the_backup_channel_is_taken_when_the_main_one_is_gone_and_left_again(tmp_path: Path) -> None:
    async def steps() -> None:
        station = Station(tmp_path)
        station.way.up = False
        await station.live(20)
        assert station.forwarder.state.waits["channel"] == "backup" and len(station.ledger.of("39")) == 3
        station.way.up = True
        await station.live(20)
        assert station.forwarder.state.waits["channel"] == "main" and station.way.opened > 1

    story(steps())


def test_passing_a_threshold_is_an_additional_report_at_once(tmp_path: Path) -> None:
    async def steps() -> None:
        station = Station(tmp_path)
        await station.live(2)
        station.poll(1600)
        await asyncio.sleep(3)
        (report,) = station.ledger.of("39", functions.ADDITIONAL)
        assert report.value == 3_001_600 and station.clock.unix_ms() - report.at_ms < 4000
        assert station.forwarder.waiting_rows == 3  # the timed report carries this row, too
        station.poll(1700)  # still beyond: nothing new
        await asyncio.sleep(3)
        assert len(station.ledger.of("39", functions.ADDITIONAL)) == 1

    story(steps())


def test_after_two_weeks_without_a_centre_every_hour_arrives_once_in_order_and_live_values_do_not_wait(
    tmp_path: Path,
) -> None:
    async def steps() -> None:
        station = Station(tmp_path)
        await station.live(150, step_s=300)
        station.way.up = station.backup.up = False
        station.way.cut()
        await station.live(14 * 24 * 60, step_s=300)
        station.way.up = True
        station.way.delay_s = 0.5  # the backlog takes more than half an hour
        back_ms = station.clock.unix_ms()
        await station.live(24 * 60, step_s=300)
        hourly = station.ledger.of("39", functions.HOURLY)
        wanted = [clock_text(START_MS + HOUR_MS * n)[:10] for n in range(1, 2 + 15 * 24 + 1)]
        assert sorted(observed(hourly)) == wanted  # each once
        late = [one for one in hourly if moment_ms(one.observed) < back_ms - HOUR_MS]
        assert observed(late) == sorted(observed(late))
        live = [one for one in station.ledger.of("39") if moment_ms(one.observed) > back_ms]
        assert len(live) > 280
        for one in live:
            period_ms = HOUR_MS if one.function == functions.HOURLY else 300_000
            assert one.at_ms - moment_ms(one.observed) < period_ms
        assert len(station.ledger.of("39", functions.TIMED)) > 14 * 288
        assert station.ledger.complaints == []

    story(steps())


def test_a_killed_gateway_sends_what_had_no_reply_and_nothing_else(tmp_path: Path) -> None:
    async def steps() -> None:
        station = Station(tmp_path)
        await station.live(33)
        await station.kill()
        for minute in range(5):
            await asyncio.sleep(60)
            station.poll(minute)
        station.start()
        await station.live(22)
        timed = observed(station.ledger.of("39", functions.TIMED))
        assert timed == [clock_text(START_MS + 300_000 * n)[:10] for n in range(1, 12)]

    story(steps())


def test_a_corrected_hour_is_sent_again_and_the_newest_row_counts(tmp_path: Path) -> None:
    async def steps() -> None:
        station = Station(tmp_path)
        await station.live(61)
        station.hour(START_MS, 77)
        await station.live(2)
        assert [one.value for one in station.ledger.of("39", functions.HOURLY)] == [3_000_000, 3_000_077]

    story(steps())


def test_m3_sends_a_long_report_in_packets_and_again_the_one_that_is_wanted_again(tmp_path: Path) -> None:
    async def steps() -> None:
        many = tuple(
            Sl651Element(channel="level.level", element=f"{0x39 + place:02X}", five_minute=f"F{5 + place:X}")
            for place in range(8)
        )
        station = Station(tmp_path, uplink(mode="M3", timed_s=None, elements=many))
        station.centre.faults.nak_packet_next = 2
        await station.live(61)
        assert station.centre.faults.nak_packet_next == 0
        assert [len(station.ledger.of(f"F{5 + place:X}")) for place in range(8)] == [1] * 8
        await asyncio.sleep(1)
        assert station.ledger.complaints == [] and station.forwarder.waiting_rows == 0

    story(steps())


@pytest.mark.parametrize("form", ["hex", "ascii"])
def test_both_forms_arrive(tmp_path: Path, form: str) -> None:
    async def steps() -> None:
        station = Station(tmp_path, uplink(form=form))
        await station.live(70)
        assert len(station.ledger.of("39", functions.HOURLY)) == 1 and len(station.ledger.of("F5")) == 1
        assert station.ledger.complaints == []

    story(steps())


def test_m1_waits_for_no_reply(tmp_path: Path) -> None:
    async def steps() -> None:
        station = Station(tmp_path, uplink(mode="M1"))
        await station.live(21)
        assert len(station.ledger.of("39", functions.TIMED)) == 4 and station.forwarder.waiting_rows < 7

    story(steps())


@pytest.mark.parametrize("form", ["hex", "ascii"])
@pytest.mark.parametrize("mode", ["M1", "M2", "M3", "M4"])
def test_every_mode_speaks_both_forms(tmp_path: Path, mode: str, form: str) -> None:
    async def steps() -> None:
        station = Station(tmp_path, uplink(mode=mode, form=form))
        station.centre.form = form
        await station.live(62)
        hours = station.ledger.of("39", functions.HOURLY)
        assert [one.value for one in hours] == ([] if mode == "M4" else [3_000_000])
        before = len(station.ledger.answers)
        for function, wishes in ((functions.QUERY_NOW, ()), (functions.QUERY_ELEMENTS, (body.wish("47", 0x11),))):
            station.way.tell(station.centre.ask(ADDRESS, function, wishes))
            await asyncio.sleep(5)
        now, named = (content for _, content in station.ledger.answers[before:])
        assert {item.id for _, item in now.elements()} == {"39", "47"}
        assert [item.id for _, item in named.elements()] == ["47"]
        assert station.ledger.complaints == []

    story(steps())


def test_m4_reports_nothing_and_counts_as_delivered_what_the_centre_asked_for(tmp_path: Path) -> None:
    async def steps() -> None:
        station = Station(tmp_path, uplink(mode="M4", timed_s=None))
        await station.live(125)
        assert station.ledger.values == [] and station.forwarder.waiting_rows >= 2
        span = body.Item(
            body.SPAN, b"", bytes.fromhex(clock_text(START_MS)[:8] + clock_text(START_MS + 2 * HOUR_MS)[:8])
        )
        step = body.Item(body.ELEMENT, b"\x04\x18", bytes.fromhex("000100"))
        station.way.tell(station.centre.ask(ADDRESS, functions.QUERY_PERIOD, (span, step, body.wish("39", 0x23))))
        await station.live(1)
        ((_, answer),) = station.ledger.answers
        assert [item.value for at, item in answer.elements() if item.id == "39"] == [3_000_000, 3_000_001]
        await asyncio.sleep(1)
        assert station.forwarder.waiting_rows == 0

    story(steps())


def test_a_backlog_waits_while_a_centre_of_higher_priority_has_something_live(tmp_path: Path) -> None:
    async def steps() -> None:
        centre = Sl651Centre(address=5, tcp="nowhere:1", backup_tcp="nowhere:2", priority=2)
        station = Station(tmp_path, uplink(centre=centre))
        station.way.up = station.backup.up = False
        await station.live(60)
        station.precedence.say("other", 1, True)
        station.way.up = True
        await station.live(22)
        assert min(observed(station.ledger.of("39"))) > "2601010855" and len(station.ledger.of("39")) > 3
        station.precedence.say("other", 1, False)
        await station.live(2)
        assert min(observed(station.ledger.of("39"))) == "2601010805"

    story(steps())


def test_a_small_channel_carries_alarms_first_then_the_newest_then_what_fits(tmp_path: Path) -> None:
    async def steps() -> None:
        centre = Sl651Centre(address=5, port="modem", message_bytes=98, messages_per_hour=60, spacing_s=60, reply_s=30)
        station = Station(tmp_path, uplink(centre=centre), delay_s=5.0, message_bytes=98, spacing_s=59.0)
        station.backup = station.way
        await station.kill()
        station.way.up = False
        station.start()
        await station.live(180)
        station.poll(1600)
        station.way.up = True
        await station.live(3)
        assert station.forwarder.state.waits["backlog"] > 0
        await station.live(240)
        assert station.way.dropped == 0 and max(size for _, size in station.way.sent) <= 98
        functions_in_order = [one.function for one in station.ledger.values]
        assert functions_in_order[0] == functions.ADDITIONAL
        timed = station.ledger.of("39", functions.TIMED)
        hourly = station.ledger.of("39", functions.HOURLY)
        first = [one for one in station.ledger.values if one.at_ms == station.ledger.values[0].at_ms]
        assert {one.function for one in first} == {functions.ADDITIONAL}
        second = next(one for one in station.ledger.values if one.function != functions.ADDITIONAL)
        together = [one for one in station.ledger.values if one.at_ms == second.at_ms]
        assert second.at_ms - max(moment_ms(one.observed) for one in together) < 700_000  # the newest, then old ones
        assert len({*observed(timed)}) == len(timed) > 75 and len({*observed(hourly)}) == len(hourly) == 7
        assert station.ledger.complaints == []

    story(steps())
