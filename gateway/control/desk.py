"""Knows how a command is taken, done, answered and noted; knows no broker, and not what a command does.

Whatever comes, nothing here raises: somebody may send anything at any time.
"""

import asyncio
import logging
import sqlite3
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from gateway.control import order
from gateway.control.commands import COMMANDS, may
from gateway.control.order import Order, Refused
from gateway.ports import Clock
from gateway.site.config import Operator
from gateway.store import Store

log = logging.getLogger(__name__)
_LONGEST_S = 60.0  # a write to a slow sensor takes some; ours
_SHOWN = 300  # characters of an argument in an event: a site file is no event

Action = Callable[[Any, str], Awaitable[dict[str, object]]]  # (argument, uplink) -> what the answer says


class NotNow(Exception):
    """An action can't be done; the text says why."""


class Desk:
    """`actions` are by the names of commands; what has none is answered "not_available"."""

    def __init__(
        self, operators: Sequence[Operator], actions: Mapping[str, Action], store: Store, clock: Clock
    ) -> None:
        self._operators = {operator.name: operator for operator in operators}
        self._actions = actions
        self._store = store
        self._clock = clock
        self._counters = {operator.name: store.order_counter(operator.name, operator.secret) for operator in operators}
        self._local = 0
        self._busy = asyncio.Lock()  # uplinks may bring commands at once
        self.done: Counter[str] = Counter()  # by command
        self.refused: Counter[str] = Counter()  # by reason

    async def obey(self, topic: str, message: bytes, uplink: str) -> tuple[str, bytes] | None:
        """What to publish as an answer: what to add to the station's topic, and a payload."""
        async with self._busy:
            try:
                operator, wanted = order.believed(
                    topic, message, self._operators, self._counters, self._clock.unix_ms()
                )
                self._remember(operator, wanted)
                answer = await self._do(operator, wanted, uplink)
            except Refused as refused:
                return self._refuse(refused)
            self.done[wanted.command] += 1
            self._note("command", operator.name, wanted, "done")
            return _answer(wanted, "done", answer)

    async def ask(
        self, user: str, role: str, command: str, argument: object, uplink: str, where: str = "local"
    ) -> dict[str, object]:
        """The same for somebody whom others vouch for: the kernel for one of this machine, a broker for a platform.
        `uplink`: on whose behalf."""
        operator = Operator(name=f"{user}@{where}", role=role, key="0" * 64)  # type: ignore[arg-type]
        async with self._busy:
            self._local += 1
            try:
                wanted = Order(id=f"{where}-{self._local}", counter=1, unix_ms=0, command=command, argument=argument)  # type: ignore[arg-type]
                answer = await self._do(operator, wanted, uplink)
            except Refused as refused:
                self.refused[refused.reason] += 1
                self._note("command_refused", operator.name, refused.order, refused.reason)
                return {"result": "refused", "reason": refused.reason, "detail": refused.detail}
            self.done[command] += 1
            self._note("command", operator.name, wanted, "done")
            return {"result": "done", **answer}

    def refuse(self, reason: str, operator: str) -> None:
        """What came from there is no command at all."""
        self._refuse(Refused(reason, operator))

    def _remember(self, operator: Operator, wanted: Order) -> None:
        """On disk before anything is done: a second time is never. Refused: it can't be written down."""
        try:
            self._store.set_order_counter(operator.name, operator.secret, wanted.counter)
        except sqlite3.Error:
            raise Refused("store", operator.name, wanted) from None
        self._counters[operator.name] = wanted.counter

    async def _do(self, operator: Operator, wanted: Order, uplink: str) -> dict[str, object]:
        command = COMMANDS.get(wanted.command)
        if command is None:
            raise Refused("unknown_command", operator.name, wanted)
        if not may(operator.role, command):
            raise Refused("role", operator.name, wanted)
        try:
            argument: Struct = msgspec.convert(wanted.argument, command.argument)
        except (msgspec.ValidationError, RecursionError) as error:
            raise Refused("argument", operator.name, wanted, str(error)) from None
        action = self._actions.get(wanted.command)
        if action is None:
            raise Refused("not_available", operator.name, wanted)
        try:
            async with asyncio.timeout(_LONGEST_S):
                return await action(argument, uplink)
        except NotNow as error:
            raise Refused("not_now", operator.name, wanted, str(error)) from None
        except TimeoutError:
            raise Refused("too_long", operator.name, wanted) from None
        except Exception as error:
            log.exception("command %s failed", wanted.command)
            raise Refused("failed", operator.name, wanted, type(error).__name__) from None

    def _refuse(self, refused: Refused) -> tuple[str, bytes] | None:
        self.refused[refused.reason] += 1
        if refused.order is None:
            if self.refused[refused.reason] == 1:  # anybody can make thousands of these: the first of a reason tells
                self._note("command_refused", refused.operator, None, refused.reason)
            return None
        self._note("command_refused", refused.operator, refused.order, refused.reason)
        detail: dict[str, object] = {"reason": refused.reason, "unix_ms": self._clock.unix_ms()}
        if refused.detail:
            detail["detail"] = refused.detail
        return _answer(refused.order, "refused", detail)

    def _note(self, kind: str, operator: str, wanted: Order | None, result: str) -> None:
        detail: dict[str, object] = {"operator": operator, "result": result}
        if wanted is not None:
            argument = msgspec.json.encode(wanted.argument).decode()
            detail |= {"id": wanted.id, "command": wanted.command, "argument": argument[:_SHOWN]}
            if wanted.command == "configure":
                del detail["argument"]  # it has the keys of nodes and operators
        log.info("%s %s", kind, detail)
        try:
            self._store.event(kind, detail)
        except sqlite3.Error:
            log.warning("this could not be written down")


def _answer(wanted: Order, result: str, detail: dict[str, object]) -> tuple[str, bytes]:
    said = {"id": wanted.id, "command": wanted.command, "result": result, **detail}
    return f"result/{wanted.id}", msgspec.json.encode(said)
