"""Knows what a centre may ask and order, does it, and what is answered; knows no connection and no packet.

A wrong password, station or CRC is answered with silence: upward SL 651 has no word for a refusal, the centre asks
again and gives up (draft 6.3). What we can't do (pumps, valves, clearing the store) is not done and not answered, with
an event.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from gateway.site.sl651 import Sl651Centre, Sl651Uplink
from gateway.store import Store
from gateway.uplink.sl651.parameters import Parameters
from gateway.uplink.sl651.plan import HOUR_MS, Key, Plan, Reported, digits, items, unix_ms
from protocols.sl651 import body, functions
from protocols.sl651.body import Body, Item
from protocols.sl651.elements import BLOCKS
from protocols.sl651.frame import Sl651Error

_PART = 20_000  # rows looked at before others get a turn; as gateway/control/actions.py
_MOST_HOURS = 31 * 24  # of one answer; ours
_VERSION = b"watertower"
_STEP_OF_HOURS, _STEP_OF_BLOCKS = "000100", "000005"  # DDhhmm
_PICTURE_S, _PICTURE_BYTES = 30.0, 500_000  # ours
Picture = Callable[[], Awaitable[bytes]]


class Orders:
    """One centre's. `time_told(unix_ms, who)`: it has told us the time (4A)."""

    def __init__(
        self,
        uplink: Sl651Uplink,
        centre: Sl651Centre,
        plan: Plan,
        parameters: Parameters,
        store: Store,
        time_told: Callable[[int, str], object],
    ) -> None:
        self._uplink = uplink
        self._who = uplink.name_of(centre)
        self._plan = plan
        self._parameters = parameters
        self._store = store
        self._time_told = time_told
        self.asked: list[Key] = []  # hours that the last answer told, for M4

    async def answer(self, function: int, asked: Body, now_ms: int) -> tuple[Item, ...] | None:
        """The items of the answer's body; None: nothing is answered."""
        address, letter = self._uplink.station_address, self._uplink.station_type
        if function == functions.QUERY_NOW:
            return items(self._plan.newest(), address, letter)
        if function == functions.QUERY_ELEMENTS:
            wished = {item.id for item in asked.items if item.kind == body.WISH}
            return items([one for one in self._plan.newest() if one.item.id in wished], address, letter)
        if function == functions.QUERY_PERIOD:
            return await self._period(asked)
        if function == functions.PICTURE:
            return await self.picture(now_ms)
        return self._short(function, asked, now_ms)

    def _short(self, function: int, asked: Body, now_ms: int) -> tuple[Item, ...] | None:
        own = body.station(self._uplink.station_address)
        if function in (functions.READ_BASIC, functions.READ_RUNNING):
            return (own, *self._parameters.read([item.id for item in asked.items if item.kind == body.WISH]))
        if function in (functions.SET_BASIC, functions.SET_RUNNING):
            return (own, *self._set([item for item in asked.items if item.kind == body.ELEMENT]))
        if function == functions.SET_PASSWORD:
            return self._password(own, [item for item in asked.items if item.id == "03"])
        if function == functions.SET_CLOCK:
            told_ms = unix_ms(asked.sent)
            self._event("sl651_clock", was_ms=now_ms, told_ms=told_ms)
            self._time_told(told_ms, self._who)
            return (own,)
        if function == functions.QUERY_CLOCK:
            return (own,)
        if function == functions.QUERY_VERSION:
            return (own, Item(body.REST, b"", bytes((len(_VERSION),)) + _VERSION))
        if function == functions.QUERY_STATUS:
            return (own, self._plan.standing.item())
        self._event("sl651_refused", reason="function", function=f"{function:02X}")
        return None

    def _event(self, kind: str, **detail: object) -> None:
        self._store.event(kind, {"centre": self._who, **detail})

    def _set(self, wanted: list[Item]) -> list[Item]:
        changes, refused = self._parameters.set([item for item in wanted if item.id != "03"])
        for parameter, old, new in changes:
            self._event("sl651_set", parameter=parameter, old=old, new=new)
        refused += [
            item.id for item in wanted if item.id == "03"
        ]  # a password is changed with 49 alone: it needs the old
        if refused:
            self._event("sl651_refused", reason="parameter", parameters=refused)
        return self._parameters.read([item.id for item in wanted])

    def _password(self, own: Item, told: list[Item]) -> tuple[Item, ...] | None:
        """The old one, then the new one; which they were is not for the log."""
        held = self._parameters.read(["03"])[0]
        if len(told) != 2 or told[0].data != held.data or len(told[1].data) != 2:
            self._event("sl651_refused", reason="password", function="49")
            return None
        self._parameters.set(told[1:])
        self._event("sl651_set", parameter="03", old="*", new="*")
        return (own, *self._parameters.read(["03"]))

    async def _period(self, asked: Body) -> tuple[Item, ...] | None:
        """One element's values between two hours, both told, one behind the other from the first that is there; for
        blocks of five minutes each hour has twelve (captured answers)."""
        span = next((item.data.hex() for item in asked.items if item.kind == body.SPAN), "")
        wished = next((item.id for item in asked.items if item.kind == body.WISH), "")
        try:
            from_ms, to_ms = unix_ms(span[:8]), unix_ms(span[8:])
        except ValueError:
            raise Sl651Error("time", span) from None
        told: dict[int, Reported] = {}  # by the hour's end
        self.asked = []
        for key, seq in sorted((await self._hours(from_ms, to_ms)).items())[:_MOST_HOURS]:
            self.asked.append(key)
            for one in self._plan.report(key, ((seq, seq),)):
                if one.item.id == wished:
                    told[key.at_ms] = one
        own = body.station(self._uplink.station_address, self._uplink.station_type)
        if not told:
            return (own,)
        first, last = min(told), max(told)
        every = [told.get(at_ms) for at_ms in range(first, last + HOUR_MS, HOUR_MS)]
        step = body.raw(body.STEP, bytes.fromhex(_STEP_OF_BLOCKS if wished in BLOCKS else _STEP_OF_HOURS))
        begin = body.time(digits(told[first].observed_ms, 10))
        return (own, begin, step, body.series([None if one is None else one.item for one in every]))

    async def _hours(self, from_ms: int, to_ms: int) -> dict[Key, int]:
        """The newest row of each hour that ends in that time."""
        found: dict[Key, int] = {}
        for first in range(1, self._store.last_seq + 1, _PART):
            last = first + _PART - 1
            for seq in self._store.measured_within(from_ms - HOUR_MS, to_ms - HOUR_MS, first, last):
                for row in self._store.rows_within(seq, seq):
                    found |= dict.fromkeys(self._plan.hourly(row), seq)
            await asyncio.sleep(0)
        return found

    async def picture(self, now_ms: int) -> tuple[Item, ...] | None:
        """None, with an event: the camera gives none."""
        try:
            data = await picture(self._uplink)
        except (OSError, TimeoutError, ValueError) as error:
            self._event("sl651_refused", reason="picture", error=str(error))
            return None
        own = body.station(self._uplink.station_address, self._uplink.station_type)
        return (own, body.time(digits(now_ms, 10)), body.picture(data))


async def picture(uplink: Sl651Uplink) -> bytes:
    """From the camera's command or the file. ValueError: there is none."""
    if uplink.picture_command:
        child = await asyncio.create_subprocess_exec(*uplink.picture_command, stdout=asyncio.subprocess.PIPE)
        try:
            async with asyncio.timeout(_PICTURE_S):
                data, _ = await child.communicate()
        except TimeoutError:
            child.kill()
            await child.wait()
            raise
    elif uplink.picture is not None:
        data = Path(uplink.picture).read_bytes()
    else:
        raise ValueError("no camera")
    if not 0 < len(data) <= _PICTURE_BYTES:
        raise ValueError(f"{len(data)} bytes")
    return data
