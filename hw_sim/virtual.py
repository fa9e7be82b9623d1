"""Knows how a whole station lives in virtual time, gateway core included, and is judged; knows no screen."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from gateway import config
from gateway.app import Gateway
from hw_sim import judge
from hw_sim.clock import world_clock
from hw_sim.interpreter import Interpreter
from hw_sim.judge import Verdict
from hw_sim.outside import Backhaul, WorldOutside
from hw_sim.platform import Platform
from hw_sim.scenario import Scenario
from hw_sim.witness import Witness
from hw_sim.world import World

_TOLERANCE_MS = {True: 100, False: 1500}  # a poll is stamped when it is asked; a wake in whole seconds


class VirtualStation:
    """One scenario on the running (virtual) loop, its store in `folder`."""

    def __init__(
        self,
        scenario: Scenario,
        folder: Path,
        seed: int,
        seconds_per_row: float,
        interpreters: Mapping[str, Interpreter] | None = None,
        overrides: Mapping[str, str] | None = None,
    ) -> None:
        self.site = config.load(scenario.site_path, {"store.path": str(folder / "store.db"), **(overrides or {})})
        self.clock = world_clock()
        self.platform = Platform()
        self.world = World(self.site, scenario.signals(seconds_per_row), self.clock, seed, interpreters or {})
        self.backhaul = Backhaul(self.platform)
        self.witness = Witness(Path(self.site.store.path))
        self.kills_ms: list[int] = []
        self._stop = asyncio.Event()
        self._nodes = self.world.start()
        self._gateway = self._start_gateway()

    def _start_gateway(self) -> "asyncio.Task[None]":
        core = Gateway(self.site, WorldOutside(self.world, self.backhaul))
        return asyncio.create_task(core.run(self._stop), name="gateway")

    async def kill_gateway(self) -> None:
        """Everything that was only in its memory is gone."""
        self._gateway.cancel()
        await asyncio.gather(self._gateway, return_exceptions=True)
        self.kills_ms.append(self.clock.unix_ms())
        self._gateway = self._start_gateway()

    async def finish(self, drain_s: float = 600.0) -> Verdict:
        """Judges what was measured up to now, once it has arrived or `drain_s` have passed; then stops everything."""
        until_ms = self.clock.unix_ms()
        for _ in range(round(drain_s)):
            verdict = self.verdict(until_ms)
            if verdict.delivered + verdict.cut_at_kill >= verdict.measured:
                break
            await asyncio.sleep(1)
        self._stop.set()
        for node in self._nodes:
            node.cancel()
        await asyncio.gather(self._gateway, *self._nodes, return_exceptions=True)
        return self.verdict(until_ms)

    def verdict(self, until_ms: int) -> Verdict:
        self.witness.look()
        return judge.judge_station(
            self.site, self.world.ledger, self.platform, self.witness, until_ms, self.kills_ms, _TOLERANCE_MS
        )
