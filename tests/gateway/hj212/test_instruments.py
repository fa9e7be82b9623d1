"""What a platform may have done to instruments (3011 to 3021), and what it hears of devices (2021, 2041, 2081)."""

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from gateway.control.desk import NotNow
from gateway.faults import SiteError
from gateway.site.hj212 import Hj212Device, Hj212Factor, Hj212Info, Hj212Order
from hw_sim.clock import run_virtual
from protocols import worth
from protocols.hj212.moment import digits, unix_ms
from protocols.hj212.packet import Packet, items_of
from protocols.quality import FEW
from tests.gateway.doubles import RIVER, events, sensor, site
from tests.gateway.hj212.station import DAY_MS, FACTORS, MN, START_MS, Station, channel, statistics
from tests.gateway.hj212.test_orders import refused, request, told
from tests.gateway.hj212.test_station import EPB

PUMP = channel("pump.running", "1", 0)
BOTTLE = channel("sampler.bottle", "1", 0)
MORE: dict[str, Any] = {
    "factors": (
        Hj212Factor(channel="cod.cod", code="w01018", serial="010000A8900016F000169DC1", delay_min=25),
        *FACTORS[1:],
    ),
    "devices": (Hj212Device(number=1, channel="pump.running"),),
    "orders": (
        Hj212Order(cn="3011", code="w01018", sensor="cod", write="calibrate", value=2),
        Hj212Order(cn="3015", sensor="sampler", write="keep", bottle="sampler.bottle"),
        Hj212Order(cn="3016", code="w01018", sensor="cod", write="period_h"),
        Hj212Order(cn="3021", code="w01018", info="i13001", sensor="cod", write="slope"),
    ),
    "infos": (Hj212Info(id="i13002", code="w01018", channel="sampler.bottle"),),
}
OF = ("PolId", "w01018")


def story(steps: Coroutine[Any, Any, None]) -> None:
    run_virtual(steps)


class Plant(Station):
    """With a pump that runs three hours of four, and a sampler at its 7th bottle."""

    def __init__(self, folder: Path, **more: Any) -> None:
        super().__init__(folder, **{**MORE, **more})
        self.pump = self.store.series("sensor pump", [PUMP])
        self.sampler = self.store.series("sensor sampler", [BOTTLE])
        self.pump_days = self.store.series("day", statistics(PUMP, 4))

    def look(self, is_running: int) -> None:
        now_ms = self.clock.unix_ms()
        self.store.add_poll(self.pump, now_ms, [(is_running, 0)])
        self.store.add_poll(self.sampler, now_ms, [(7, 0)])
        self.store.commit()


def test_what_the_site_file_allows_is_done_and_told_and_written_down(tmp_path: Path) -> None:
    async def steps() -> None:
        plant = Plant(tmp_path)
        await plant.live(2)
        plant.look(1)
        assert (await told(plant, "3011", OF))[:2] == ("1", "1")
        _, outcome, (kept,) = await told(plant, "3015")
        assert outcome == "1" and kept.values["VaseNo"] == "7"
        assert (await told(plant, "3016", OF, ("CstartTime", "060000"), ("Ctime", 4)))[:2] == ("1", "1")
        assert (await told(plant, "3017", OF))[2][0].values == {
            "PolId": "w01018", "CstartTime": "060000", "Ctime": "4",
        }  # fmt: skip
        assert (await told(plant, "3021", OF, ("InfoId", "i13001"), ("i13001-Info", "1.25")))[:2] == ("1", "1")
        assert plant.tended == [("3011", 2.0), ("3015", 1.0), ("3016", 4.0), ("3021", 1.25)]
        assert [(one["name"], one["new"]) for _, one in events(tmp_path, "hj212_set")] == [
            ("3011 w01018", "2"), ("3015", "1"), ("3016 w01018", "060000 4"), ("3021 w01018 i13001", "1.25"),
        ]  # fmt: skip
        assert plant.ledger.complaints == []

    story(steps())


def test_what_is_known_of_an_instrument_is_told(tmp_path: Path) -> None:
    async def steps() -> None:
        plant = Plant(tmp_path)
        await plant.live(2)
        assert (await told(plant, "3018", OF))[2][0].values["Stime"] == "25"
        assert (await told(plant, "3019", OF))[2][0].values["w01018-SN"] == "010000A8900016F000169DC1"
        lead = ("PolId", "w20120")
        assert [(await told(plant, cn, lead))[1] for cn in ("3017", "3018", "3019")] == ["100"] * 3
        assert (await told(plant, "3020", OF, ("InfoId", "i13002")))[1] == "100"  # nothing was heard of it yet
        plant.look(1)
        assert (await told(plant, "3020", OF, ("InfoId", "i13002")))[2][0].values["i13002-Info"] == "7"
        assert (await told(plant, "3020", OF, ("InfoId", "i19999")))[1] == "100"
        assert plant.ledger.complaints == []

    story(steps())


def test_the_log_is_what_happened_to_an_instrument_or_to_the_logger(tmp_path: Path) -> None:
    async def steps() -> None:
        plant = Plant(tmp_path)
        await plant.live(2)
        plant.store.event("sensor_silent", {"sensor": "cod", "text": "a//b && c\n清洗"})
        plant.store.event("sensor_silent", {"sensor": "pump"})
        (found,) = (await told(plant, "3020", OF, ("InfoId", "i11001")))[2]
        assert found.values["i11001-Info"] == "//sensor_silent sensor cod text a/b & c 清洗//"
        assert len((await told(plant, "3020", OF, ("InfoId", "i21001")))[2]) >= 2
        long_ago = (("BeginTime", digits(START_MS - DAY_MS)), ("EndTime", digits(START_MS - DAY_MS + 1000)))
        assert (await told(plant, "3020", OF, ("InfoId", "i11001"), *long_ago))[1] == "100"
        assert plant.ledger.complaints == []

    story(steps())


@pytest.mark.parametrize(
    ("trouble", "outcome"),
    [(NotNow("busy"), "3"), (TimeoutError(), "4"), (OSError(5, "disk"), "6"), (ValueError("x"), "2")],
)
def test_an_instrument_that_does_not_obey_is_told_with_its_code(
    tmp_path: Path, trouble: Exception, outcome: str
) -> None:
    async def steps() -> None:
        plant = Plant(tmp_path)
        await plant.live(2)
        plant.trouble = trouble
        assert (await told(plant, "3011", OF))[:2] == ("1", outcome)
        assert events(tmp_path, "hj212_set") == []

    story(steps())


def test_more_requests_than_can_wait_are_told_that_the_station_is_busy(tmp_path: Path) -> None:
    async def steps() -> None:
        plant = Plant(tmp_path)
        await plant.live(2)
        asked = [plant.platform.ask(MN, "1061") for _ in range(40)]
        asked[0] = asked[0]._replace(data=b"".join(one.data for one in asked))
        plant.way.tell(asked[0])
        await asyncio.sleep(30)
        outcomes = [one.values["ExeRtn"] for one in plant.ledger.said("9012")]
        assert len(outcomes) == 40 and set(outcomes) == {"1", "5"}

    story(steps())


@pytest.mark.parametrize(
    "other",
    [
        {"cn": "3011", "items": items_of(("PolId", "w20120"))},
        {"cn": "3012", "items": items_of(OF)},
        {"cn": "3021", "items": items_of(OF, ("InfoId", "i13009"), ("i13009-Info", "1"))},
        {"cn": "3019", "items": items_of(("PolId", "a34002"))},
    ],
)
def test_what_the_site_file_does_not_allow_is_refused(tmp_path: Path, other: dict[str, Any]) -> None:
    async def steps() -> None:
        plant = Plant(tmp_path)
        await plant.live(2)
        assert await refused(plant, request(**other)) == "2"
        assert plant.tended == []

    story(steps())


@pytest.mark.parametrize("flag", [6, 13, 255])
def test_a_wrong_flag_is_answered_with_six(tmp_path: Path, flag: int) -> None:
    async def steps() -> None:
        plant = Plant(tmp_path)
        await plant.live(2)
        before: list[Packet] = list(plant.ledger.answers)
        packet = request(flag=flag)
        if packet.wants_answer:
            assert await refused(plant, packet) == "6"
        else:
            from hw_sim.platforms.sl651 import Said
            from protocols.hj212.packet import write

            plant.way.tell(Said(write(packet)))
            await asyncio.sleep(5)
            assert plant.ledger.answers == before  # nobody wants one, and nothing is done
        assert events(tmp_path, "hj212_set") == []
        assert [one["reason"] for _, one in events(tmp_path, "hj212_refused")] == ["flag"]

    story(steps())


def test_the_start_of_the_logger_is_told_once_and_when_it_is_asked_for(tmp_path: Path) -> None:
    async def steps() -> None:
        plant = Plant(tmp_path)
        await plant.live(2)
        plant.way.cut()
        await plant.live(3)
        (told_by_itself,) = plant.ledger.starts
        assert abs(unix_ms(told_by_itself) - START_MS) < 5000
        (answer,) = (await told(plant, "2081"))[2]
        assert answer.values["RestartTime"] == told_by_itself
        assert plant.ledger.complaints == []

    story(steps())


def test_the_state_of_a_device_goes_with_the_real_time_values_until_it_is_stopped(tmp_path: Path) -> None:
    async def steps() -> None:
        plant = Plant(tmp_path)
        for is_running in (1, 0, 1):
            plant.look(is_running)
            await plant.live(1)
        assert [one.values["RS"] for one in plant.ledger.of("SB1", "2021")][-3:] == ["1", "0", "1"]
        before = len(plant.ledger.of("SB1", "2021"))
        assert (await told(plant, "2022"))[:2] == ("1", "1")
        await plant.live(2)
        assert len(plant.ledger.of("SB1", "2021")) == before
        assert (await told(plant, "2021"))[1] == "1"
        assert plant.ledger.complaints == []

    story(steps())


def test_a_days_running_time_goes_with_its_report_and_into_history(tmp_path: Path) -> None:
    async def steps() -> None:
        plant = Plant(tmp_path)
        await plant.live(1)
        plant.store.add_poll(plant.pump_days, START_MS - DAY_MS, [(7500, 0), (0, 0), (1, 0), (1440, 0)])
        plant.store.commit()
        await plant.live(5)
        (one,) = plant.ledger.of("SB1", "2041")
        assert (one.values["RT"], one.moment_ms) == ("18.0", START_MS - DAY_MS)
        span = (("BeginTime", digits(START_MS - DAY_MS)), ("EndTime", digits(START_MS)))
        (again,) = (await told(plant, "2041", *span))[2]
        assert again.values["SB1-RT"] == "18.0"

    story(steps())


def test_what_is_measured_while_the_plant_stands_is_marked_so(tmp_path: Path) -> None:
    async def steps() -> None:
        factors = (Hj212Factor(channel="cod.cod", code="w01018", runs="pump.running"), *FACTORS[1:])
        plant = Plant(tmp_path, factors=factors)
        pump_hours = plant.store.series("hour", statistics(PUMP, 4))
        marks = {}
        for is_running in (1, 0):
            plant.look(is_running)
            await plant.live(2)
            marks[is_running] = [one.mark for one in plant.ledger.of("w01018", "2011")][-1]
        assert marks == {1: "N", 0: "F"} and plant.ledger.of("w20120", "2011")[-1].mark == "N"
        for hour, mean in enumerate((0, 2500)):  # it stood for the whole hour; for a part of it
            start_ms = START_MS - (3 - hour) * 3_600_000
            plant.store.add_poll(pump_hours, start_ms, [(mean, 0), (0, 0), (1, 0), (60, 0)])
            plant.period("hour", start_ms, 100)
        await plant.live(2)
        assert [one.mark for one in plant.ledger.of("w01018", "2061")] == ["F", "N"]
        assert plant.ledger.complaints == []

    story(steps())


@pytest.mark.parametrize("flag", [worth.MAINTENANCE, worth.CALIBRATION])
def test_readings_of_a_sensor_that_is_served_bear_its_mark(tmp_path: Path, flag: int) -> None:
    async def steps() -> None:
        plant = Plant(tmp_path)
        plant.poll(1234, flag)
        await asyncio.sleep(90)
        plant.period("hour", START_MS - 3_600_000, 100, flag | FEW)
        await plant.live(2)
        assert plant.ledger.of("w01018", "2011")[0].mark == ("M" if flag == worth.MAINTENANCE else "C")
        assert plant.ledger.of("w01018", "2061")[0].mark == ("M" if flag == worth.MAINTENANCE else "C")
        assert plant.ledger.complaints == []

    story(steps())


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('device = [{ number = 1, channel = "level.nothing" }]', "level.nothing"),
        ('order = [{ cn = "3013" }]', "sensor"),
        ('order = [{ cn = "3013", node = "ford" }]', "ford"),
        ('order = [{ cn = "3013", sensor = "lavel", write = "wipe" }]', "lavel"),
        ('order = [{ cn = "3013", sensor = "level", write = "boil" }]', "boil"),
        ('info = [{ id = "i1", code = "w01018", channel = "level.level" }]', "6"),
    ],
)
def test_a_table_of_the_site_file_that_does_nothing_is_named(tmp_path: Path, text: str, word: str) -> None:
    whole = EPB.replace("realtime_s", f"{text}\nrealtime_s")
    with pytest.raises(SiteError) as caught:
        site(tmp_path, RIVER, sensor("level", 1), whole)
    assert word in str(caught.value)
