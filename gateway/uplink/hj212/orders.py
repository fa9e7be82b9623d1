"""Knows what a platform may ask and order, does it, and what is answered; knows no connection.

9011 says whether a request can be done, then comes what was asked for, then 9012 says how it went (HJ 212-2017, 6.1).
What is not for us, or not to be believed, gets its code and is not done.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from gateway.site.hj212 import Hj212Uplink
from gateway.store import Store
from gateway.uplink.hj212.instruments import ASKED, ORDERED, Instruments, Tend
from gateway.uplink.hj212.plan import MINUTE_MS, SOURCES, Key, Plan
from gateway.uplink.hj212.settings import SECRET, Settings
from gateway.uplink.hj212.sm4 import key_of
from protocols.hj212 import commands, moment
from protocols.hj212.commands import (
    ACCEPTED,
    BAD_CN,
    BAD_CONDITION,
    BAD_FLAG,
    BAD_MN,
    BAD_PASSWORD,
    BAD_QN,
    BAD_ST,
    DONE,
    NO_DATA,
    REFUSED,
)  # fmt: skip
from protocols.hj212.packet import V2025, VERSIONS, Items, Packet, items_of
from protocols.hj212.readings import DAY

_PART = 20_000  # rows looked at before others get a turn; as gateway/control/actions.py
_MOST_MS = timedelta(days=31) // timedelta(milliseconds=1)  # of one history request; ours
_CLOCK_MS = 60_000  # who tells another time than a clock that can be trusted is told that it is not taken; ours
EMERGENCY_S = 21_600  # nodes measure densely so long after a platform has asked for it: their batteries; ours
_SYSTEM = "91"
RUNNING = "2041"  # goes with a day's report
Tell = Callable[[str, Items], Awaitable[None]]  # (CN, region) under the request's QN


class Orders:
    """One platform's. `time_told(unix_ms, who)`: it has told us the time; whether it is believed. `emergency(seconds)`
    has the nodes measure densely, 0 ends it. `tend` does what the site file lets it do to instruments, `started_ms()`
    is when this gateway began."""

    def __init__(
        self,
        uplink: Hj212Uplink,
        plan: Plan,
        settings: Settings,
        store: Store,
        password: Callable[[], str],
        time_told: Callable[[int, str], bool],
        emergency: Callable[[int], Awaitable[None]],
        least_minute_s: int = 60,
        tend: Tend | None = None,
        started_ms: Callable[[], int] = lambda: 0,
    ) -> None:
        self._uplink = uplink
        self._plan = plan
        self._settings = settings
        self._store = store
        self._password = password
        self._time_told = time_told
        self._emergency = emergency
        self._least_minute_s = least_minute_s
        self._started_ms = started_ms
        tending = {} if tend is None else {"tend": tend}
        self._instruments = Instruments(uplink, plan, settings, store, self._tell_change, **tending)
        self.apply()

    def apply(self) -> None:
        if self._uplink.minute is not None:
            self._plan.minute_ms = self._settings.number("MinInterval") * MINUTE_MS

    # --- whether ------------------------------------------------------------------------------------------------------

    def verdict(self, asked: Packet) -> tuple[int, str]:
        """(QnRtn, why not)."""
        if asked.mn != self._settings.get("NewMN"):
            return BAD_MN, "mn"
        if asked.pw != self._password():
            return BAD_PASSWORD, "password"
        if asked.st not in (self._uplink.st, _SYSTEM, None):
            return BAD_ST, "st"
        if asked.qn is None or len(asked.qn) != 17:
            return BAD_QN, "qn"
        if asked.version > V2025 or asked.is_split != (None not in (asked.pnum, asked.pno)):
            return BAD_FLAG, "flag"
        for oddity in commands.check(asked, from_station=False):
            if oddity.reason == "unknown_command":
                return BAD_CN, "command"
            return REFUSED, f"{oddity.reason} {oddity.name}".strip()
        is_able = asked.cn in self._able() or self._instruments.can(asked)
        return (ACCEPTED, "") if is_able else (REFUSED, "command")

    def _able(self) -> set[str]:
        able = {"1000", "1011", "1012", "1061", "1062", "1063", "1064", "1072", "2011", "2012", "2081"}
        able |= set(SOURCES.values())
        if self._uplink.devices:
            able |= {"2021", "2022", RUNNING}
        return able | {"1001", "1002", "1014"} if VERSIONS[self._uplink.version] >= V2025 else able

    # --- doing --------------------------------------------------------------------------------------------------------

    async def obey(self, asked: Packet, now_ms: int, tell: Tell) -> int:
        """ExeRtn. Only what `verdict` accepted."""
        told = asked.values
        if asked.cn in SOURCES.values() or asked.cn == RUNNING:
            return await self._history(asked.cn, told, tell)
        if asked.cn in (*ASKED, *ORDERED):
            return await self._instruments.obey(asked, now_ms, tell)
        if asked.cn == "1012":
            return self._clock(moment.unix_ms(told["SystemTime"]), now_ms)
        if asked.cn in ("2011", "2012"):
            return await self._stream("realtime", "2011", asked.cn, lambda: self._plan.realtime(again=True), tell)
        if asked.cn in ("2021", "2022"):
            return await self._stream("states", "2021", asked.cn, self._plan.states, tell)
        if asked.cn == "2081":
            await tell("2081", self.started(now_ms))
            return DONE
        if asked.cn in ("1011", "1061", "1063", "1001"):
            await tell(asked.cn, self._answered(asked.cn, told, now_ms))
            return DONE
        return await self._set(told)

    def _answered(self, cn: str, told: dict[str, str], now_ms: int) -> Items:
        if cn == "1011":
            own = [("PolId", told["PolId"])] if "PolId" in told else []
            return items_of(*own, ("SystemTime", moment.digits(now_ms)))
        if cn == "1001":
            return ()  # what a process may read of the machine is no serial number of a logger
        name = "RtdInterval" if cn == "1061" else "MinInterval"
        return items_of((name, self._settings.get(name)))

    def _clock(self, told_ms: int, now_ms: int) -> int:
        is_taken = self._uplink.sets_clock and self._time_told(told_ms, self._uplink.id)
        self._event("hj212_clock", was_ms=now_ms, told_ms=told_ms, taken=is_taken)
        return DONE if is_taken or abs(told_ms - now_ms) <= _CLOCK_MS else BAD_CONDITION

    def started(self, now_ms: int) -> Items:
        """What a 2081 says: since when the logger runs."""
        return items_of(("DataTime", moment.digits(now_ms)), ("RestartTime", moment.digits(self._started_ms())))

    async def _stream(self, name: str, data: str, cn: str, newest: Callable[[], Items | None], tell: Tell) -> int:
        """Turns what is sent by itself on or off."""
        self._change(name, "1" if cn == data else "0")
        if cn == data:
            found = newest()
            if found is None:
                return NO_DATA
            await tell(data, found)
        return DONE

    async def _set(self, told: dict[str, str]) -> int:
        if "MinInterval" in told and int(told["MinInterval"]) * 60 % self._least_minute_s:
            return BAD_CONDITION  # shorter minutes are not in the store
        if "NewKey" in told and key_of(told["NewKey"]) is None:
            return BAD_CONDITION
        for name, value in told.items():
            self._change(name, value)
        self.apply()
        if "RtdInterval" in told:
            wished, usual = int(told["RtdInterval"]), self._uplink.realtime_s or 60
            await self._emergency(EMERGENCY_S if wished < usual else 0)
        return DONE

    def _change(self, name: str, value: str) -> None:
        old = self._settings.get(name)
        if old != value:
            self._settings.set(name, value)
            is_secret = name in SECRET
            self._tell_change(name, "*" if is_secret else old, "*" if is_secret else value)

    def _tell_change(self, name: str, old: str, new: str) -> None:
        self._event("hj212_set", name=name, old=old, new=new)

    def _event(self, kind: str, **detail: object) -> None:
        self._store.event(kind, {"uplink": self._uplink.id, **detail})

    # --- history ------------------------------------------------------------------------------------------------------

    async def _history(self, wanted: str, told: dict[str, str], tell: Tell) -> int:
        """Each period that begins within the span, oldest first; without a span the newest."""
        cn = DAY if wanted == RUNNING else wanted
        if "BeginTime" not in told:
            newest = [row for row in self._store.newest() if row.seq and self._plan.key_of(row, cn) is not None]
            if not newest:
                return NO_DATA
            from_ms = to_ms = max(row.unix_ms for row in newest)
        else:
            from_ms, to_ms = moment.unix_ms(told["BeginTime"]), moment.unix_ms(told["EndTime"])
        if not 0 <= to_ms - from_ms <= _MOST_MS:
            return BAD_CONDITION
        keys: dict[Key, list[tuple[int, int]]] = {}
        for first in range(1, self._store.last_seq + 1, _PART):
            found = self._store.measured_within(from_ms, to_ms, first, first + _PART - 1)
            for place in range(0, len(found), 500):
                part = found[place : place + 500]
                within = set(part)
                for row in self._store.rows_within(part[0], part[-1]):
                    key = self._plan.key_of(row, cn) if row.seq in within else None
                    if key is not None:
                        keys.setdefault(key, []).append((row.seq, row.seq))
                await asyncio.sleep(0)
        sent = 0
        for key in sorted(keys):
            rows = tuple(keys[key])
            said = self._plan.running(key, rows) if wanted == RUNNING else self._plan.report(key, rows)
            if said is not None:
                await tell(wanted, said)
                sent += 1
                await asyncio.sleep(0)
        return DONE if sent else NO_DATA
