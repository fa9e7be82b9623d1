"""Our alarms in element 45 and additional reports; thresholds that a centre sets."""

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from gateway.faults import SiteError
from gateway.process.alarm import rows, states
from gateway.site.sl651 import Sl651Element, Sl651Status
from hw_sim.clock import run_virtual
from protocols.sl651 import body, functions
from tests.gateway.doubles import RIVER, events, sensor, site
from tests.gateway.sl651.station import ELEMENTS, Station, channel, uplink
from tests.gateway.sl651.test_orders import asked
from tests.gateway.sl651.test_station import HYDRO

BITS = (
    Sl651Status(bit="level", rule="flood"),
    Sl651Status(bit="mains", channel="box.mains_off"),
    Sl651Status(bit="quota", rule="other"),
)


def story(steps: Coroutine[Any, Any, None]) -> None:
    run_virtual(steps)


class Alarmed(Station):
    def say(self, event: str, state: str, at_ms: int | None = None) -> None:
        """A transition of the rule "flood", as the gateway's alarms write it."""
        named = rows.channels("flood")
        series = self.store.series("alarm", [channel(name, unit, decimals) for name, unit, decimals in named])
        cells = [(rows.EVENTS.index(event), 0), (states.ALL.index(state), 0), (4, 0), (1500, 0), (None, 0), (0, 0)]
        self.store.add_poll(series, self.clock.unix_ms() if at_ms is None else at_ms, cells)
        self.store.commit()

    @property
    def bits(self) -> list[str]:
        """Of each additional report."""
        return [one.raw for one in self.ledger.of("45", functions.ADDITIONAL)]


def test_an_alarm_that_begins_or_ends_is_an_additional_report_with_its_bit(tmp_path: Path) -> None:
    async def steps() -> None:
        station = Alarmed(tmp_path, uplink(statuses=BITS))
        await station.live(2)
        for event, state in (("raised", states.UNACKNOWLEDGED), ("acknowledged", states.ACKNOWLEDGED),
                             ("cleared", states.NORMAL)):  # fmt: skip
            station.say(event, state)
            await station.live(1)
        assert station.bits == ["00000004", "00000000"]  # that somebody knows is no news for a centre
        (first, _) = station.ledger.of("39", functions.ADDITIONAL)
        assert first.value == 3_000_002  # with the values as they are then
        assert station.ledger.complaints == []

    story(steps())


def test_a_channel_can_be_a_bit_too_and_the_status_is_told_when_it_is_asked_for(tmp_path: Path) -> None:
    async def steps() -> None:
        station = Alarmed(tmp_path, uplink(statuses=BITS))
        mains = station.store.series("sensor box", [channel("box.mains_off", "1", 0)])
        await station.live(1)
        station.store.add_poll(mains, station.clock.unix_ms(), [(1, 0)])
        station.say("raised", states.UNACKNOWLEDGED)
        await station.live(1)
        (answer,) = await asked(station, functions.QUERY_STATUS)
        assert [item.data for _, item in answer.elements()] == [bytes((0, 0, 0, 0b101))]

    story(steps())


def test_an_alarm_that_stands_is_known_after_a_restart(tmp_path: Path) -> None:
    async def steps() -> None:
        station = Alarmed(tmp_path, uplink(statuses=BITS))
        await station.live(1)
        station.say("raised", states.UNACKNOWLEDGED)
        await station.live(8)
        await station.kill()
        station.start()
        await station.live(1)
        (answer,) = await asked(station, functions.QUERY_STATUS)
        assert [item.data[-1] for _, item in answer.elements()] == [4]
        assert station.bits == ["00000004"]

    story(steps())


def test_an_alarm_that_is_sent_once_more_does_not_stand_again(tmp_path: Path) -> None:
    async def steps() -> None:
        station = Alarmed(tmp_path, uplink(statuses=BITS))
        await station.live(1)
        station.say("raised", states.UNACKNOWLEDGED)
        raised = station.store.last_seq
        await station.live(2)
        station.say("cleared", states.NORMAL)
        await station.live(6)
        station.forwarder.resend(((raised, station.store.last_seq),))
        await station.live(1)
        assert station.bits == ["00000004", "00000000"] * 2
        (answer,) = await asked(station, functions.QUERY_STATUS)
        assert [item.data[-1] for _, item in answer.elements()] == [0]

    story(steps())


def test_an_alarm_of_an_outage_is_told_with_the_bits_of_its_time(tmp_path: Path) -> None:
    async def steps() -> None:
        station = Alarmed(tmp_path, uplink(statuses=BITS))
        station.way.up = station.backup.up = False
        await station.live(5)
        station.say("raised", states.UNACKNOWLEDGED)
        await station.live(5)
        station.say("cleared", states.NORMAL)
        station.way.up = True
        await station.live(3)
        assert station.bits == ["00000004", "00000000"]

    story(steps())


def test_a_centre_sets_the_limits_of_additional_reports(tmp_path: Path) -> None:
    async def steps() -> None:
        station = Station(tmp_path)
        await station.live(1)
        wishes = [body.wish(id, 0) for id in ("38", "40", "41", "27")]
        (answer,) = await asked(station, functions.READ_RUNNING, *wishes)
        assert {item.id: item.value for _, item in answer.elements()} == {"38": 150}  # 1.50 m above the base
        limit, change = body.element("38", 80, 4, 2), body.element("40", 10, 3, 2)
        (answer,) = await asked(station, functions.SET_RUNNING, limit, change)
        assert {item.id: item.value for _, item in answer.elements()} == {"38": 80, "40": 10}
        assert [(one["parameter"], one["old"], one["new"]) for _, one in events(tmp_path, "sl651_set")] == [
            ("38", "0150", "0080"), ("40", "", "0010"),
        ]  # fmt: skip
        for level_mm in (700, 850, 900, 960):  # beyond 0.80 m; then not by 0.10 m; then by it
            station.poll(level_mm)
            await asyncio.sleep(3)
        assert [one.value for one in station.ledger.of("39", functions.ADDITIONAL)] == [3_000_850, 3_000_960]
        await station.kill()
        station.start()
        await asyncio.sleep(1)
        (answer,) = await asked(station, functions.READ_RUNNING, body.wish("38", 0))
        assert [item.value for _, item in answer.elements()] == [80]
        assert station.ledger.complaints == []

    story(steps())


def test_a_centre_sets_how_much_rain_is_reported_at_once(tmp_path: Path) -> None:
    async def steps() -> None:
        rain = Sl651Element(channel="level.level", element="26", unit="mm", five_minute="F4")
        station = Station(tmp_path, uplink(elements=(rain, ELEMENTS[1])))
        await station.live(1)
        await asked(station, functions.SET_RUNNING, body.element("27", 5, 2, 0))
        for rain_mm in (1, 4, 7):
            station.poll(rain_mm)
            await asyncio.sleep(3)
        assert [one.value for one in station.ledger.of("26", functions.ADDITIONAL)] == [70]

    story(steps())


@pytest.mark.parametrize(
    ("table", "word"),
    [('{ bit = "level" }', "rule"), ('{ bit = "level", rule = "flod" }', "flod"),
     ('{ bit = "mains", channel = "level.levl" }', "level.pressure"), ('{ bit = "moon", rule = "flood" }', "mains")],
)  # fmt: skip
def test_a_bit_of_nothing_is_named(tmp_path: Path, table: str, word: str) -> None:
    whole = HYDRO.replace("station_address", f"status = [{table}]\nstation_address")
    with pytest.raises(SiteError) as caught:
        site(tmp_path, RIVER, sensor("level", 1), whole)
    assert word in str(caught.value)
