"""Knows how a part of the gateway is kept running, alone and from when; knows no part."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from gateway.store import Store

log = logging.getLogger(__name__)
_FIRST_RESTART_S, _LAST_RESTART_S = 1.0, 60.0

Run = Callable[[], Awaitable[None]]  # a part, until it fails


def supervised(store: Store, name: str, run: Run) -> asyncio.Task[None]:
    """Runs one part for ever: what fails is told and started again, more and more rarely; the others go on."""
    return asyncio.create_task(_supervise(store, name, run), name=name)


async def _supervise(store: Store, name: str, run: Run) -> None:
    wait_s = _FIRST_RESTART_S
    while True:
        started_ms = store.clock.monotonic_ms()
        try:
            await run()
        except Exception as error:
            log.exception("%s failed", name)
            with contextlib.suppress(Exception):  # the store itself may be what fails
                store.event("part_failed", {"part": name, "error": repr(error)})
        if store.clock.monotonic_ms() - started_ms > _LAST_RESTART_S * 1000:
            wait_s = _FIRST_RESTART_S
        await asyncio.sleep(wait_s)
        wait_s = min(2 * wait_s, _LAST_RESTART_S)


def with_file(store: Store, make: Callable[[], Run]) -> Run:
    """A part that is made only once the store has its file: it asks what is there."""
    made: list[Run] = [make()] if store.is_open else []

    async def run() -> None:
        await store.opened()
        if not made:
            made.append(make())
        await made[0]()

    return run


async def cancel(tasks: Sequence[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
