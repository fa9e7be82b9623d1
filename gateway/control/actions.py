"""Knows what the commands do to store, uplinks, nodes and gateway; knows no operator, no broker and no bus."""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from gateway import updates
from gateway.control.commands import (
    MOST_ROWS,
    Ask,
    Backfill,
    Configure,
    NodeSeconds,
    Nothing,
    OfAlarm,
    OfNode,
    OfSensor,
    Resend,
    Update,
    Upstream,
    Write,
)
from gateway.control.desk import Action, NotNow
from gateway.energy.chemistry import step_mv
from gateway.ports import Clock
from gateway.process.alarm.rows import Heard, Wish
from gateway.site.config import Site
from gateway.store import Store
from gateway.store.ranges import Ranges, count, union
from protocols import command

_PART = 20_000  # rows looked at before others get a turn: some milliseconds on a Raspberry Pi; ours


class Forwarder(Protocol):
    """What a command may ask of an uplink."""

    @property
    def waiting_rows(self) -> int: ...

    def resend(self, rows: Ranges) -> Ranges: ...


class Actions:
    """`forwarders` are by their uplinks' ids. `give` leaves a command for a node (node, kind, argument) and
    returns its id, `write` writes to a sensor, `ask` reads from one, `restart`, `configure` and `reload` begin what
    comes after the answer; None: this gateway can't."""

    def __init__(
        self,
        site: Site,
        store: Store,
        clock: Clock,
        forwarders: Mapping[str, Forwarder],
        give: Callable[[int, int, int], int] | None = None,
        write: Callable[[str, str, float | None, str], Awaitable[dict[str, object]]] | None = None,
        restart: Callable[[], None] | None = None,
        configure: Callable[[str, int], None] | None = None,
        reload: Callable[[], None] | None = None,
        wish: Callable[[Wish | Heard], None] | None = None,
        serve: Callable[[str, str | None, int], None] | None = None,
        ask: Callable[[str, Sequence[tuple[int, int, int]]], Awaitable[list[dict[str, object]]]] | None = None,
    ) -> None:
        self._site = site
        self._nodes = {node.name: node.id for node in site.nodes}
        self._store = store
        self._clock = clock
        self._forwarders = forwarders
        self._give = give
        self._write = write
        self._restart = restart
        self._configure = configure
        self._reload = reload
        self._wish = wish
        self._serve = serve
        sensors = [*site.sensors, *(sensor for node in site.nodes for sensor in node.sensors)]
        self._sensors = {sensor.id for sensor in sensors}
        self._ask = ask
        self._rules = {rule.id for rule in site.rules}

    @property
    def by_name(self) -> dict[str, Action]:
        """Those that this gateway can do."""
        found: dict[str, Action] = {"status": self.status, "resend": self.resend, "backfill": self.backfill}
        if self._give is not None:
            found |= {"emergency": self.emergency, "report": self.report, "wipe": self.wipe, "update": self.update}
            found["battery"] = self.battery
        if self._write is not None:
            found["write"] = self.write
        if self._ask is not None:
            found["ask"] = self.ask
        if self._restart is not None:
            found["restart"] = self.restart
        if self._configure is not None:
            found["configure"] = self.configure
        if self._reload is not None:
            found["reload"] = self.reload
        if self._serve is not None:
            found["service"] = self.service
        if self._wish is not None:
            found |= {"alarm": self.alarm, "upstream": self.upstream}
        return found

    async def status(self, argument: Nothing, uplink: str) -> dict[str, object]:
        waiting = {name: forwarder.waiting_rows for name, forwarder in self._forwarders.items()}
        return {"unix_ms": self._clock.unix_ms(), "last_seq": self._store.last_seq, "waiting": waiting}

    async def resend(self, argument: Resend, uplink: str) -> dict[str, object]:
        return self._open(union(argument.ranges), uplink)

    def _open(self, rows: Ranges, uplink: str) -> dict[str, object]:
        wanted = count(rows)
        if wanted > MOST_ROWS:
            raise NotNow(f"{wanted} rows are more than {MOST_ROWS}")
        if uplink not in self._forwarders:
            raise NotNow(f"which uplink? {', '.join(self._forwarders) or 'there is none'}")
        return {"wanted": wanted, "again": self._forwarders[uplink].resend(rows)}

    async def backfill(self, argument: Backfill, uplink: str) -> dict[str, object]:
        found: list[int] = []
        for first in range(1, self._store.last_seq + 1, _PART):
            found += self._store.measured_within(argument.from_ms, argument.to_ms, first, first + _PART - 1)
            if len(found) > MOST_ROWS:
                raise NotNow(f"more than {MOST_ROWS} rows; ask for less at a time")
            await asyncio.sleep(0)
        return self._open(union((seq, seq) for seq in found), uplink)

    async def emergency(self, argument: NodeSeconds, uplink: str) -> dict[str, object]:
        return self._left(argument.node, command.EMERGENCY, argument.seconds)

    async def report(self, argument: NodeSeconds, uplink: str) -> dict[str, object]:
        return self._left(argument.node, command.REPORT, argument.seconds)

    async def wipe(self, argument: OfNode, uplink: str) -> dict[str, object]:
        return self._left(argument.node, command.WIPE, 0)

    async def battery(self, argument: OfNode, uplink: str) -> dict[str, object]:
        node = next((node for node in self._site.nodes if node.name == argument.node), None)
        if node is None or node.battery is None:
            raise NotNow(f"no node {argument.node} with a battery")
        return self._left(node.name, command.BATTERY, step_mv(node.battery.chemistry, node.battery.cells))

    async def update(self, argument: Update, uplink: str) -> dict[str, object]:
        node = next((node for node in self._site.nodes if node.name == argument.node), None)
        if node is None:
            raise NotNow(f"no node {argument.node}")
        folder = Path(self._site.store.path).parent / updates.FOLDER
        try:
            return {"number": updates.leave(folder, node, base64.b64decode(argument.archive, validate=True))}
        except (updates.BadUpdate, OSError, ValueError) as error:
            raise NotNow(str(error)) from None

    def _left(self, node: str, kind: int, argument: int) -> dict[str, object]:
        if node not in self._nodes:
            raise NotNow(f"no node {node}")
        assert self._give is not None
        return {"left": self._give(self._nodes[node], kind, argument)}

    async def write(self, argument: Write, uplink: str) -> dict[str, object]:
        assert self._write is not None
        return await self._write(argument.sensor, argument.name, argument.value, f"uplink {uplink}")

    async def ask(self, argument: Ask, uplink: str) -> dict[str, object]:
        assert self._ask is not None
        questions = [(one.function, one.address, one.quantity) for one in argument.questions]
        return {"answers": await self._ask(argument.sensor, questions)}

    async def restart(self, argument: Nothing, uplink: str) -> dict[str, object]:
        assert self._restart is not None
        self._restart()
        return {}

    async def service(self, argument: OfSensor, uplink: str) -> dict[str, object]:
        if argument.sensor is not None and argument.sensor not in self._sensors:
            raise NotNow(f"no sensor {argument.sensor}")
        assert self._serve is not None
        state = None if argument.state == "end" else argument.state
        for sensor in sorted(self._sensors) if argument.sensor is None else [argument.sensor]:
            self._serve(sensor, state, 60_000 * argument.minutes)
        return {}

    async def alarm(self, argument: OfAlarm, uplink: str) -> dict[str, object]:
        if argument.rule not in self._rules:
            raise NotNow(f"no rule {argument.rule}")
        assert self._wish is not None
        self._wish(Wish(argument.rule, argument.verb, 60_000 * argument.minutes))
        return {}

    async def upstream(self, argument: Upstream, uplink: str) -> dict[str, object]:
        assert self._wish is not None
        self._wish(Heard(argument.name, argument.raised, argument.since_ms))
        return {}

    async def reload(self, argument: Nothing, uplink: str) -> dict[str, object]:
        assert self._reload is not None
        self._reload()
        return {}

    async def configure(self, argument: Configure, uplink: str) -> dict[str, object]:
        assert self._configure is not None
        self._configure(argument.site, argument.minutes)
        return {"minutes": argument.minutes}
