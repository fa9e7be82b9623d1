"""Knows how gateways follow each other in one process, until it is told to end; knows nothing of their parts."""

import asyncio
import contextlib
import logging
import signal
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from gateway.app.gateway import Gateway
from gateway.app.outside import Outside
from gateway.app.supervision import cancel
from gateway.capture import Capture
from gateway.collect.device import Memory
from gateway.machine.service import Notify, keep_fed, look_s, notifier
from gateway.site.config import Sensor, Site
from gateway.site.configuration import Configuration, Refusal

log = logging.getLogger(__name__)


async def serve(
    configuration: Configuration,
    site: Site,
    outside: Outside,
    stop: asyncio.Event,
    notes: Path | None = None,
    notify: Notify = lambda text: None,
    begun: Callable[[Gateway], None] = lambda gateway: None,
) -> None:
    """One gateway after another, until `stop`: the first of `site`, the next of the site file as it is by then. Notes
    of its lines go to the folder `notes`, which exists; `begun` is told of each gateway."""
    capture = None if notes is None else Capture(notes, outside.clock)
    memories: Sequence[tuple[Sensor, Memory]] = ()
    while True:
        gateway = Gateway(site, outside, capture, configuration, memories)
        begun(gateway)
        feeder = asyncio.create_task(keep_fed(notify, gateway.stuck, look_s(), asyncio.sleep))
        try:
            await gateway.run(stop)
        finally:
            await cancel([feeder])
        if stop.is_set() or not gateway.starts_again:
            return
        log.info("starting again")
        memories = gateway.memories
        site = configuration.begin()


async def serve_process(configuration: Configuration, site: Site, notes: Path | None) -> None:
    """The gateway process: until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    notify = notifier()

    def end() -> None:
        notify("STOPPING=1")
        stop.set()

    gateways: deque[Gateway] = deque(maxlen=1)  # the one that runs

    def reload() -> None:
        with contextlib.suppress(Refusal):  # told already
            gateways[-1].reload()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    loop.add_signal_handler(signal.SIGHUP, reload)
    await serve(configuration, site, Outside(), stop, notes, notify, gateways.append)
