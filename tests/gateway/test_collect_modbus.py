"""Each sensor of a bus is asked at its own period, whatever its neighbours do; in virtual time."""

from collections.abc import Coroutine
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from hw_sim.bus.sensor import SimSensor
from hw_sim.clock import run_virtual
from protocols import quality
from tests.gateway.doubles import START_MS, events, sensor
from tests.gateway.polled_bus import Bus

PRESSURE = 'quantities = ["pressure"]\n'


class LateSensor(SimSensor):
    """Every third answer comes about when its question is given up and asked again; one answer after the other."""

    asked = 0
    free_ms = 0

    @property
    def latency_ms(self) -> int:  # type: ignore[override]
        self.asked += 1
        now_ms = self._clock.monotonic_ms()
        latency_ms = max(300 + self.asked % 50 if self.asked % 3 == 0 else 12, self.free_ms - now_ms)
        self.free_ms = now_ms + latency_ms + 15  # with the time of the answer on the wire
        return latency_ms

    @latency_ms.setter
    def latency_ms(self, _usual_ms: int) -> None:
        """What a sensor takes otherwise is not asked."""


class DeafSensor(SimSensor):
    """Does not hear the second question of all."""

    asked = 0

    def answer(self, request_pdu: bytes) -> bytes | None:
        self.asked += 1
        return None if self.asked == 2 else super().answer(request_pdu)


def story(steps: Coroutine[Any, Any, None]) -> None:
    run_virtual(steps)


def test_every_sensor_is_asked_at_the_whole_multiples_of_its_period(tmp_path: Path) -> None:
    async def steps() -> None:
        bus = Bus(tmp_path, sensor("fast", 1, 1), sensor("slow", 2, 3), sensor("slower", 3, 10))
        await bus.until(30.9)
        assert bus.seconds("fast") == list(range(1, 31))
        assert bus.seconds("slow") == list(range(3, 31, 3))
        assert bus.seconds("slower") == [10, 20, 30]
        # a sensor waits for those before it on the same wire, and for nothing else
        assert max(at % 1000 for id in bus.devices for at, _, _ in bus.rows(id)) < 200

    story(steps())


def test_a_dead_sensor_costs_its_own_slots_only(tmp_path: Path) -> None:
    async def steps() -> None:
        bus = Bus(tmp_path, sensor("dead", 1), sensor("a", 2), sensor("b", 3))
        bus.devices["dead"].power(False)
        await bus.until(120.9)
        assert bus.seconds("a") == bus.seconds("b") == list(range(1, 121))
        assert bus.rows("dead")[0][1:] == ([None, None], [quality.NO_REPLY] * 2)
        assert len(bus.rows("dead")) < 12, "it is asked ever more rarely, and every question is on record"

    story(steps())


def test_a_silent_sensor_is_asked_ever_more_rarely_and_told_of_once_when_it_goes_and_once_when_it_returns(
    tmp_path: Path,
) -> None:
    async def steps() -> None:
        bus = Bus(tmp_path, sensor("level", 1), sensor("other", 2))
        await bus.until(10.5)
        bus.devices["level"].power(False)
        await bus.until(200.5)
        asked = [at - START_MS for at, data in bus.ear.heard if data[0] == 1 and at > START_MS + 10_500]
        pauses = [round((b - a) / 1000) for a, b in pairwise(asked) if b - a > 900]
        # 32 periods at most, once more where it still owes answers of every shape (protocols/modbus_client.py)
        assert pauses[0] <= 2 and max(pauses) <= 64 and len(asked) < 16, pauses
        bus.devices["level"].power(True)
        await bus.until(290.5)
        told = events(tmp_path)
        assert [kind for kind, _ in told] == ["sensor_silent", "sensor_back"]
        assert told[0][1] == {"sensor": "level"} and told[1][1]["sensor"] == "level"
        back = next(second for second in bus.seconds("level") if second > 11)
        assert 200 < back <= 200 + 64
        assert bus.seconds("level") == [*range(1, 11), *range(back, 291)]  # its own period again at once

    story(steps())


def test_a_lost_line_is_opened_again_and_told_of_once_each_way(tmp_path: Path) -> None:
    async def steps() -> None:
        bus = Bus(tmp_path, sensor("level", 1))
        bus.plug.pulled = True
        await bus.until(20.5)
        assert bus.seconds("level") == [] and 8 <= bus.plug.tries <= 11
        bus.plug.pulled = False
        await bus.until(40.5)
        bus.plug.pulled = True  # in the middle of its work
        await bus.until(60.5)
        bus.plug.pulled = False
        await bus.until(80.5)
        assert [kind for kind, _ in events(tmp_path)] == ["bus_lost", "bus_back"] * 2
        found = bus.seconds("level")
        assert {*range(23, 41), *range(63, 81)} <= set(found) and not set(found) & {*range(20), *range(41, 61)}

    story(steps())


def test_a_sensor_that_must_be_started_is_started_again_after_silence_and_not_believed_before_it_has_settled(
    tmp_path: Path,
) -> None:
    async def steps() -> None:
        bus = Bus(tmp_path, sensor("ec", 1, profile="yosemitech_y520"))
        await bus.until(30.5)
        assert [(at - START_MS) // 1000 for at in bus.ear.questions(1, 16)] == [1, 2]  # at first it is still booting
        bus.devices["ec"].power(False)
        await bus.until(40.5)
        bus.devices["ec"].power(True)
        await bus.until(90.5)
        bus.plug.pulled = True
        await bus.until(95.5)
        bus.plug.pulled = False
        await bus.until(130.5)
        assert len(bus.ear.questions(1, 16)) > 3
        seen = {tuple(values) for _, values, _ in bus.rows("ec")}
        assert seen == {(None, None), (115, 72500)}  # never its 0.000 of the first seconds
        assert {flags[0] for _, v, flags in bus.rows("ec") if v[0] is None} == {quality.WARM_UP, quality.NO_REPLY}
        told = events(tmp_path, "sensor_silent", "sensor_back")
        assert [kind for kind, _ in told] == ["sensor_silent", "sensor_back"]

    story(steps())


@pytest.mark.parametrize("latency_ms", [1, 12, 290])
def test_the_time_of_a_reading_is_when_its_question_had_been_sent(tmp_path: Path, latency_ms: int) -> None:
    async def steps() -> None:
        bus = Bus(tmp_path, sensor("level", 1) + PRESSURE)
        bus.devices["level"].latency_ms = latency_ms
        await bus.until(20.9)
        stamps = [START_MS + at for at, _, _ in bus.rows("level")]
        assert len(stamps) == 20
        assert all(abs(a - b) <= 1 for a, b in zip(stamps, bus.ear.questions(1), strict=True))

    story(steps())


def test_a_late_reply_is_never_stored_as_the_value_of_the_next_question(tmp_path: Path) -> None:
    async def steps() -> None:
        bus = Bus(tmp_path, sensor("level", 1) + PRESSURE, sensor("other", 2) + PRESSURE, kind=LateSensor)
        await bus.until(99.9)
        for id in bus.devices:
            good = [(at, values[0]) for at, values, _ in bus.rows(id) if values[0]]  # 0 before it has settled
            assert len(good) > 30
            assert all(abs(value / 100 - at) <= 2 for at, value in good), [
                g for g in good if abs(g[1] / 100 - g[0]) > 2
            ]

    story(steps())


def test_a_row_has_the_time_in_the_middle_of_its_first_and_last_answer(tmp_path: Path) -> None:
    """Three blocks; the second one has to be asked for again, after a time-out and a harmless question between."""

    async def steps() -> None:
        bus = Bus(tmp_path, sensor("acid", 1, 60, "yosemitech_y532"), kind=DeafSensor)
        await bus.until(61)
        ((at, values, _),) = bus.rows("acid")
        asked = [when - START_MS for when in bus.ear.questions(1)]
        assert None not in values and len(asked) == 5 and asked[-1] - asked[0] > 300
        assert abs(at - (asked[0] + asked[-1]) // 2) <= 5

    story(steps())


@pytest.mark.parametrize("at_s", [20.01, 20.5, 20.97])
def test_another_poller_goes_on_where_the_one_before_was(tmp_path: Path, at_s: float) -> None:
    """Its probe, which must be started and settles, goes on measuring; no slot is lost, not even one that was running
    or fell into the pause."""

    async def steps() -> None:
        bus = Bus(tmp_path, sensor("ec", 1, 1, "yosemitech_y520"))
        await bus.until(at_s)
        await bus.begin_again(0.2)
        await bus.until(30.9)
        rows = bus.rows("ec")
        assert [at // 1000 for at, _, flags in rows if not flags] == list(range(13, 31))
        await bus.begin_again(0.2, with_memories=False)
        await bus.until(36.9)
        assert [flags for _, _, flags in bus.rows("ec")][-3] != []  # it was started anew

    run_virtual(steps())
