"""A device's clocks: perfect until told otherwise; a counter that drifts and never jumps, a calendar that does."""

import asyncio
from itertools import pairwise

import pytest

from hw_sim.clock import START_UNIX_S, run_virtual, world_clock
from hw_sim.node.device_clock import DeviceClock, crystal, rc
from hw_sim.signals import constant


def test_a_clock_that_nothing_happened_to_is_the_worlds() -> None:
    async def main() -> None:
        world = world_clock()
        clock = DeviceClock(world)
        for wait_s in (0.0004, 1.5, 86_400.0):
            await asyncio.sleep(wait_s)
            assert (clock.monotonic_ms(), clock.unix_ms()) == (world.monotonic_ms(), world.unix_ms())
            assert clock.true_ms(1234) == 1234 and clock.error_ms == 0

    run_virtual(main())


def test_a_step_moves_the_calendar_and_never_the_counter() -> None:
    async def main() -> None:
        world = world_clock()
        clock = DeviceClock(world)
        await asyncio.sleep(100)
        clock.step(28_800)
        assert clock.error_ms == 28_800_000 and clock.monotonic_ms() == 100_000
        assert not clock.is_trusted() and clock.boot_id() == "boot 1"
        clock.lose(946_684_800)
        assert not clock.is_trusted() and clock.boot_id() == "boot 2"
        await asyncio.sleep(5)
        assert clock.unix_ms() == 946_684_805_000
        clock.correct(-619_315_200)
        assert clock.is_trusted()
        assert clock.error_ms == -619_315_200_000
        clock.correct()
        assert clock.error_ms == 0 and clock.monotonic_ms() == 105_000

    run_virtual(main())


@pytest.mark.parametrize(("celsius", "a_day_ms"), [(25.0, 0), (-20.0, -5_949), (-40.0, -12_411), (45.0, -1_176)])
def test_a_watch_crystal_is_slow_in_cold_and_in_heat(celsius: float, a_day_ms: int) -> None:
    """-0.034 ppm/K2 x 45 K squared x 86400 s = -5.949 s."""

    async def main() -> None:
        clock = DeviceClock(world_clock())
        clock.drift(crystal(constant(celsius)))
        await asyncio.sleep(86_400)
        assert clock.error_ms == pytest.approx(a_day_ms, abs=1)
        assert clock.monotonic_ms() - 86_400_000 == pytest.approx(a_day_ms, abs=1)

    run_virtual(main())


def test_an_rc_oscillator_is_minutes_off_within_hours() -> None:
    async def main() -> None:
        clock = DeviceClock(world_clock())
        clock.drift(rc(constant(-25.0)))
        await asyncio.sleep(3600)
        assert clock.error_ms == pytest.approx(3600 * (50 + 15), abs=1)  # 5 %, and 300 ppm/K over 50 K

    run_virtual(main())


def test_who_asks_often_gets_the_same_time_as_who_asks_once() -> None:
    async def main() -> None:
        def temperature(time_s: float) -> float:
            return (time_s % 7919) / 100 - 40

        world = world_clock()
        often, once = DeviceClock(world), DeviceClock(world)
        often.drift(crystal(temperature, 3.0))
        once.drift(crystal(temperature, 3.0))
        for _ in range(5000):
            await asyncio.sleep(17.3)
            often.monotonic_ms()
        assert often.monotonic_ms() == once.monotonic_ms() != world.monotonic_ms()

    run_virtual(main())


@pytest.mark.parametrize("ppm", [3.3, -77.7, 50_000.0, -50_000.0, 1e-6])
def test_a_wait_is_over_when_the_device_believes_so_and_not_a_millisecond_later(ppm: float) -> None:
    async def main() -> None:
        world = world_clock()
        clock = DeviceClock(world)
        await asyncio.sleep(0.4567)
        clock.drift(lambda time_s: ppm * (1 + time_s // 600 % 7))
        for index in range(3000):
            own_ms = 1 + index * 37 % 4000
            end_ms = clock.monotonic_ms() + own_ms
            wait_ms = clock.true_ms(own_ms)
            if wait_ms > 1:
                await asyncio.sleep((wait_ms - 1) / 1000)
                assert clock.monotonic_ms() < end_ms
                await asyncio.sleep(0.001)
            else:
                await asyncio.sleep(wait_ms / 1000)
            assert clock.monotonic_ms() >= end_ms

    run_virtual(main())


def test_drift_that_ends_leaves_what_has_drifted_and_no_jump() -> None:
    async def main() -> None:
        clock = DeviceClock(world_clock())
        seen = []
        for ppm in (constant(50_000.0), None, constant(-50_000.0), None):
            clock.drift(ppm)
            for _ in range(100):
                await asyncio.sleep(0.01)
                seen.append(clock.monotonic_ms())
        assert all(0 <= b - a <= 12 for a, b in pairwise(seen))
        assert clock.error_ms == pytest.approx(0, abs=2)
        assert clock.unix_ms() == START_UNIX_S * 1000 + clock.monotonic_ms()

    run_virtual(main())


def test_a_blocked_processor_is_in_its_future_until_it_settles() -> None:
    async def main() -> None:
        world = world_clock()
        clock = DeviceClock(world)
        await asyncio.sleep(10)
        clock.block(0.5)
        clock.block(0.25)
        assert clock.monotonic_ms() == 10_750 and world.monotonic_ms() == 10_000
        await clock.settle()
        assert world.monotonic_ms() == 10_750 == clock.monotonic_ms()
        await clock.settle()
        clock.block(5)
        clock.free()
        assert clock.monotonic_ms() == 10_750

    run_virtual(main())
