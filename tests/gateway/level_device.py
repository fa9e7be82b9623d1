"""Two simulated level sensors behind a Modbus TCP server, in a thread of their own, for gateways that are processes."""

import asyncio
import threading

from hw_sim.bus.sensor import SimSensor
from hw_sim.bus.tcp_units import serve
from hw_sim.clock import world_clock
from hw_sim.ledger import Ledger
from hw_sim.station import free_ports
from protocols.profiles import load


class LevelDevice:
    """Answers at `port` while it is entered: unit 1 and 2, whose pressure rises."""

    def __init__(self) -> None:
        (self.port,) = free_ports(1)
        self._ready = threading.Event()
        self._thread = threading.Thread(target=asyncio.run, args=(self._serve(),), daemon=True)

    async def _serve(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        truth = {"pressure": lambda time_s: time_s % 100 / 10, "temperature": lambda _: 4.5}
        profile = load("keller_acculevel")
        sensors = [SimSensor(f"level{unit}", profile, unit, truth, Ledger(), world_clock()) for unit in (1, 2)]
        server = await serve(sensors, "127.0.0.1", self.port)
        self._ready.set()
        await self._end.wait()
        await server.shutdown()

    def __enter__(self) -> "LevelDevice":
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(10)
