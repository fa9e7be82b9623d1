"""The way to the broker: packets lost in one direction, a broker that restarts, one that drops what it confirmed."""

import asyncio
import json
import statistics
from collections.abc import Callable, Coroutine
from itertools import pairwise
from typing import Any, TypeVar

import pytest

from gateway.ports import LinkDown
from hw_sim.backhaul.backhaul import KEEPALIVE_S, Backhaul, BackhaulPublisher
from hw_sim.backhaul.session import MAX_QUEUED, Session
from hw_sim.clock import run_virtual
from hw_sim.platforms.platform import Platform
from hw_sim.streams import Stream

T = TypeVar("T")


class Room:
    """A backhaul with a connected publisher and a platform that lists what it is told."""

    def __init__(self, seed: int = 1) -> None:
        self.came: list[tuple[float, int]] = []
        self.backhaul = Backhaul(Platform(), Stream(seed, "backhaul"))
        self.backhaul.session = Session(self._take)
        self.publisher: BackhaulPublisher = self.backhaul.publisher()

    def _take(self, topic: str, payload: bytes) -> None:
        self.came.append((now_s(), json.loads(payload)))

    def send(self, number: int) -> "asyncio.Future[None]":
        return self.publisher.publish("t", json.dumps(number).encode())

    @property
    def numbers(self) -> list[int]:
        return [number for _, number in self.came]


def now_s() -> float:
    return asyncio.get_running_loop().time()


def within(story: Callable[[Room], Coroutine[Any, Any, T]], seed: int = 1) -> T:
    async def main() -> T:
        room = Room(seed)
        await room.publisher.connect()
        return await story(room)

    return run_virtual(main())


async def delays_s(room: Room, count: int = 300) -> tuple[list[float], list[float]]:
    """Until a message has come, and from then until its confirmation is back, one after the other."""
    there, back = [], []
    for number in range(count):
        start_s = now_s()
        await room.send(number)
        there.append(room.came[-1][0] - start_s)
        back.append(now_s() - room.came[-1][0])
    return there, back


def test_without_loss_a_message_takes_its_delay_and_its_confirmation_nothing() -> None:
    there, back = within(delays_s)
    assert max(there) <= 0.055 + 1e-6 and max(back) == 0.0


def test_packets_lost_on_the_way_up_delay_messages_and_those_on_the_way_down_confirmations() -> None:
    async def lossy(room: Room) -> tuple[list[float], list[float]]:
        room.backhaul.loss_up, room.backhaul.loss_down = up, down
        return await delays_s(room)

    up, down = 0.2, 0.0
    there, back = within(lossy)
    assert 0.2 < statistics.fmean(there) - 0.05 < 0.5 and max(back) == 0.0  # 1 s for each fifth, 3 s for each of those
    up, down = 0.0, 0.2
    there, back = within(lossy)
    assert max(there) < 0.06 and 0.2 < statistics.fmean(back) < 0.5


def test_what_waits_for_a_lost_packet_comes_behind_it_and_in_order() -> None:
    async def story(room: Room) -> tuple[list[int], list[float]]:
        room.backhaul.loss_up = 0.3
        sent = []
        for number in range(40):
            sent.append(room.send(number))
            await asyncio.sleep(0.01)
        await asyncio.gather(*sent)
        return room.numbers, [time_s for time_s, _ in room.came]

    numbers, times_s = within(story)
    assert numbers == list(range(40)) and times_s == sorted(times_s)
    assert len({round(time_s, 3) for time_s in times_s}) < 30  # a stall ends for many at once


def test_nothing_is_lost_by_lost_packets_while_the_connection_lasts() -> None:
    async def story(room: Room) -> list[int]:
        room.backhaul.loss_up, room.backhaul.loss_down = 0.3, 0.3
        for number in range(60):
            await room.send(number)
        return room.numbers

    assert within(story) == list(range(60))


def test_a_connection_on_which_everything_is_lost_is_dead_after_the_keep_alive() -> None:
    async def story(room: Room) -> tuple[float, list[int]]:
        room.backhaul.loss_up = 1.0
        start_s = now_s()
        with pytest.raises(LinkDown, match="keep-alive"):
            await room.send(1)
        took_s = now_s() - start_s
        with pytest.raises(LinkDown, match="no answer"):
            await room.publisher.connect()
        room.backhaul.loss_up = 0.0
        await room.publisher.connect()
        await room.send(2)
        await asyncio.sleep(100.0)
        return took_s, room.numbers

    took_s, numbers = within(story)
    assert took_s == pytest.approx(KEEPALIVE_S) and numbers == [2]


def test_a_message_whose_confirmations_all_are_lost_has_come_all_the_same() -> None:
    async def story(room: Room) -> list[int]:
        room.backhaul.loss_down = 1.0
        with pytest.raises(LinkDown, match="keep-alive"):
            await room.send(1)
        return room.numbers

    assert within(story) == [1]


def test_the_same_seed_loses_the_same() -> None:
    async def story(room: Room) -> list[tuple[float, int]]:
        room.backhaul.loss_up = 0.25
        for number in range(30):
            await room.send(number)
        return room.came

    assert within(story, 1) == within(story, 1) != within(story, 2)


# --- what a broker keeps --------------------------------------------------------------------------------------------


def test_a_default_broker_confirms_all_and_keeps_a_thousand_for_a_platform_that_is_away() -> None:
    async def story(room: Room) -> tuple[int, list[int], int]:
        session = room.backhaul.session
        session.set_pace(0)
        for number in range(3000):
            await room.send(number)  # each is confirmed
        queued = session.queued
        session.set_pace(None)
        return queued, room.numbers, session.dropped

    queued, numbers, dropped = within(story)
    assert queued == MAX_QUEUED == 1000
    assert numbers == list(range(1000)) and dropped == 2000


def test_a_broker_without_a_limit_keeps_everything() -> None:
    async def story(room: Room) -> tuple[list[int], int]:
        room.backhaul.session.max_queued = 0
        room.backhaul.session.set_pace(0)
        for number in range(1500):
            await room.send(number)
        room.backhaul.session.set_pace(None)
        return room.numbers, room.backhaul.session.dropped

    assert within(story) == (list(range(1500)), 0)


def test_a_platform_that_is_too_slow_loses_as_well_and_gets_the_rest_at_its_pace() -> None:
    async def story(room: Room) -> tuple[int, int, list[float]]:
        session = room.backhaul.session
        session.max_queued = 50
        session.set_pace(10.0)
        for number in range(200):
            await room.send(number)
        await asyncio.sleep(30.0)
        return len(room.came), session.dropped, [time_s for time_s, _ in room.came]

    came, dropped, times_s = within(story)
    assert came + dropped == 200 and dropped > 20
    assert min(b - a for a, b in pairwise(times_s)) == pytest.approx(0.1, abs=1e-3)


def test_what_waits_for_a_slow_platform_comes_in_order_when_it_is_fast_again() -> None:
    async def story(room: Room) -> list[int]:
        room.backhaul.session.set_pace(1.0)
        for number in range(30):
            await room.send(number)
        room.backhaul.session.set_pace(None)
        await room.send(30)
        await asyncio.sleep(60.0)
        return room.numbers

    assert within(story) == list(range(31))


def test_a_restarted_broker_has_forgotten_what_waited_and_confirms_what_nobody_subscribes_to() -> None:
    async def story(room: Room) -> tuple[list[int], int]:
        session = room.backhaul.session
        session.set_pace(0)
        await room.send(1)
        session.forget()
        session.set_pace(None)
        await room.send(2)
        session.subscribe()
        await room.send(3)
        return room.numbers, session.dropped

    assert within(story) == ([3], 2)


def test_a_cut_loses_what_is_under_way_and_everybody_notices() -> None:
    async def story(room: Room) -> list[int]:
        sent = room.send(1)
        room.backhaul.cut()
        with pytest.raises(LinkDown, match="disconnected"):
            await sent
        with pytest.raises(LinkDown):
            await room.publisher.connect()
        room.backhaul.restore()
        await room.publisher.connect()
        await room.send(2)
        return room.numbers

    assert within(story) == [2]
