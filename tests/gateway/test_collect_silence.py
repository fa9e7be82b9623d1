"""An absent or slow device costs its own slot only; in virtual time."""

import asyncio
from itertools import pairwise
from pathlib import Path

import pytest

from hw_sim.bus.cable_faults import LineNoise
from hw_sim.bus.line_faults import LineFaults
from hw_sim.bus.sensor import SimSensor
from hw_sim.clock import run_virtual
from hw_sim.streams import Stream
from protocols import modbus_server, quality
from tests.gateway.doubles import sensor
from tests.gateway.polled_bus import Bus, Thinking

GATEWAY = '[[bus]]\nid = "river"\ntcp = "127.0.0.1:502"\n'
FOUR = [sensor(f"s{i}", i) for i in range(1, 5)]


class Refused(SimSensor):
    """Without power it is refused by the gateway in front of it, not silent."""

    def answer(self, request_pdu: bytes) -> bytes | None:
        return super().answer(request_pdu) or modbus_server.refusal(request_pdu[0], modbus_server.NO_RESPONSE)


def test_a_dead_device_takes_at_most_five_percent_of_its_bus_even_at_first(tmp_path: Path) -> None:
    async def steps() -> None:
        bus = Bus(tmp_path, *FOUR)
        bus.devices["s2"].power(False)
        await bus.until(60.9)
        for id in ("s1", "s3", "s4"):
            assert len(bus.seconds(id)) >= 0.95 * 60, id
        assert bus.told("bus_overloaded") == []

    run_virtual(steps())


def test_a_device_that_dies_takes_nothing_of_its_neighbours(tmp_path: Path) -> None:
    async def steps() -> None:
        bus = Bus(tmp_path, *FOUR)
        await bus.until(100.5)
        bus.devices["s2"].power(False)
        await bus.until(400.9)
        for id in ("s1", "s3", "s4"):
            assert bus.seconds(id) == list(range(1, 401))

    run_virtual(steps())


@pytest.mark.parametrize(("connections", "lost"), [(1, 0.05), (2, 0.0)])
def test_a_dead_unit_behind_a_tcp_gateway_takes_at_most_five_percent_of_the_others(
    tmp_path: Path, connections: int, lost: float
) -> None:
    async def steps() -> None:
        many = [sensor(f"s{i}", i) for i in range(1, 21)]
        bus = Bus(tmp_path, *many, bus=GATEWAY + f"connections = {connections}\n")
        bus.devices["s7"].power(False)
        await bus.until(120.9)
        counts = {id: len(bus.seconds(id)) for id in bus.devices if id != "s7"}
        assert min(counts.values()) >= (1 - lost) * 120, counts
        assert bus.seconds("s7") == [] and 2 <= len(bus.rows("s7")) <= 3  # what it costs is paid for with time

    run_virtual(steps())


def test_no_device_is_asked_over_two_connections_at_once(tmp_path: Path) -> None:
    class Busy(SimSensor):
        at_once = 0

        def answer(self, request_pdu: bytes) -> bytes | None:
            assert not self.at_once
            self.at_once += 1
            asyncio.get_running_loop().call_later(0.5, self._free)
            self.latency_ms = 500
            return modbus_server.reply(modbus_server.parse_request(1, request_pdu), (0, 0, 0, 0))

        def _free(self) -> None:
            self.at_once -= 1

    async def steps() -> None:
        bus = Bus(tmp_path, sensor("a", 1), sensor("b", 2), kind=Busy, bus=GATEWAY + "connections = 8\n")
        await bus.until(60.9)
        assert len(bus.rows("a")) == len(bus.rows("b")) == 60

    run_virtual(steps())


def test_a_unit_that_its_gateway_gives_up_is_silent_not_refusing(tmp_path: Path) -> None:
    async def steps() -> None:
        bus = Bus(tmp_path, sensor("a", 1), sensor("b", 2), kind=Refused, bus=GATEWAY)
        await bus.until(10.5)
        bus.devices["a"].power(False)
        await bus.until(60.9)
        assert bus.told("sensor_silent") == [("sensor_silent", {"sensor": "a"})]
        assert bus.rows("a")[-1][1:] == ([None, None], [quality.NO_REPLY] * 2)
        assert len(bus.rows("a")) < 18 and len(bus.rows("b")) == 60

    run_virtual(steps())


@pytest.mark.parametrize(("latency", "answers"), [("", False), ("latency_ms = 700\n", True)])
def test_how_long_a_device_may_think_is_said_by_the_site(tmp_path: Path, latency: str, answers: bool) -> None:
    async def steps() -> None:
        bus = Bus(tmp_path, sensor("slow", 1, 5) + latency, kind=Thinking)
        bus.think(600)
        await bus.until(60.9)
        assert bool(bus.seconds("slow")) == answers

    run_virtual(steps())


def test_a_probe_is_one_short_question(tmp_path: Path) -> None:
    async def steps() -> None:
        bus = Bus(tmp_path, sensor("acid", 1, 1, "yosemitech_y532"))
        await bus.until(10.5)
        bus.devices["acid"].power(False)
        await bus.until(12.5)
        before = len(bus.ear.questions(1))
        await bus.until(100.5)
        assert len(bus.ear.questions(1)) - before == len(bus.rows("acid")) - 12

    run_virtual(steps())


def test_what_a_sensor_tells_after_silence_is_marked_until_it_has_settled(tmp_path: Path) -> None:
    """A Keller answers 0.000 as good for the five seconds that it needs after its power came."""

    async def steps() -> None:
        bus = Bus(tmp_path, sensor("level", 1))
        await bus.until(10.5)
        assert all(flags == [] for _, _, flags in bus.rows("level"))  # believed at once when the gateway starts
        bus.devices["level"].power(False)
        await bus.until(25.4)
        bus.devices["level"].power(True)  # just before a probe
        await bus.until(60.5)
        told = [(values[0], flags) for at, values, flags in bus.rows("level") if at > 25_400 and values[0] is not None]
        zeros = [flags for value, flags in told if value == 0]
        assert zeros == [[quality.WARM_UP] * 2] * len(zeros) and zeros
        assert all(flags in ([], [quality.WARM_UP] * 2) for _, flags in told) and told[-1][1] == []

    run_virtual(steps())


def test_each_period_is_a_series_of_its_own(tmp_path: Path) -> None:
    async def steps() -> None:
        bus = Bus(tmp_path, sensor("level", 1, 10) + "periods = { pressure = 2 }\n")
        await bus.until(60.9)
        rows = bus.rows("level")
        assert len(rows) == 30 + 6 and all(len(values) == 1 for _, values, _ in rows)
        assert sorted({len(values) for _, values, _ in rows}) == [1]
        assert len(bus.ear.questions(1)) == 36
        assert [second for second in bus.seconds("level") if second % 2 == 0] == sorted(bus.seconds("level"))

    run_virtual(steps())


def test_steady_noise_costs_what_it_damages_and_little_more(tmp_path: Path) -> None:
    """One bit in a thousand: 8 % of the questions and 19 % of the answers, each asked twice."""

    async def steps() -> None:
        bus = Bus(tmp_path, *FOUR)
        LineFaults(bus.wire, Stream(1, "noise"))
        LineNoise(bit_error_rate=1e-3).begin(bus.wire)
        await bus.until(600.9)
        for id in bus.devices:
            seconds = bus.seconds(id)
            assert len(seconds) >= 0.88 * 600, id
            assert max(b - a for a, b in pairwise(seconds)) <= 12, id

    run_virtual(steps())
