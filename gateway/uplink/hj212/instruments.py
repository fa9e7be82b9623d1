"""Knows what a platform may have done to a station's instruments (3011 to 3021), and what it is told of them; knows no
packet and no bus.

What can be done stands in the site file as [[uplink.order]]: a value written to a sensor, or a node's wiper. What does
not stand there is refused with 9011. HJ 212-2017, annex C, tables C.28 to C.49.
"""

import json
import re
from collections.abc import Awaitable, Callable

from gateway.control.desk import NotNow
from gateway.site.hj212 import Hj212Factor, Hj212Order, Hj212Uplink
from gateway.store import Store
from gateway.uplink.hj212.plan import Plan
from gateway.uplink.hj212.settings import Settings
from protocols.hj212 import moment
from protocols.hj212.commands import BAD_CONDITION, DONE, NO_DATA
from protocols.hj212.packet import Items, Packet, items_of

ASKED = ("3017", "3018", "3019", "3020")
ORDERED = ("3011", "3012", "3013", "3014", "3015", "3016", "3021")
_LOGS = {"i11": "sensor", "i21": ""}  # first letters of an InfoId: the log of an instrument, of the logger itself
_LOG_BYTES = 880  # of one message: 890 with its // (HJ 212-2017, table 9)
_MOST_EVENTS, _LINES = 1000, 20  # looked at; told if no time is named: ours
_UNFIT = re.compile(r"/{2,}|&{2,}|[\x00-\x1f\x7f]+")  # what would end the text, or the region
Tell = Callable[[str, Items], Awaitable[None]]
Tend = Callable[[Hj212Order, float], Awaitable[object]]  # NotNow: it can't be done now


async def _nothing(order: Hj212Order, value: float) -> None:
    raise NotNow("nobody does it")


class Instruments:
    """One platform's. `tend` does an order; `note(kind, name, old, new)` writes down what was changed."""

    def __init__(
        self,
        uplink: Hj212Uplink,
        plan: Plan,
        settings: Settings,
        store: Store,
        note: Callable[[str, str, str], None],
        tend: Tend = _nothing,
    ) -> None:
        self._uplink = uplink
        self._plan = plan
        self._settings = settings
        self._store = store
        self._note = note
        self._tend = tend

    def can(self, asked: Packet) -> bool:
        """Whether it can be done at all: by an order of the site file, for a factor of ours."""
        told = asked.values
        if asked.cn in ASKED:
            return self._factor(told["PolId"]) is not None
        return asked.cn in ORDERED and self._order(asked.cn, told) is not None

    def _factor(self, code: str) -> Hj212Factor | None:
        return next((factor for factor in self._uplink.factors if factor.code == code), None)

    def _order(self, cn: str, told: dict[str, str]) -> Hj212Order | None:
        for order in self._uplink.orders:
            if order.cn == cn and order.code in (None, told.get("PolId")) and order.info in (None, told.get("InfoId")):
                return order
        return None

    async def obey(self, asked: Packet, now_ms: int, tell: Tell) -> int:
        """ExeRtn. Only what can() allows."""
        told = asked.values
        if asked.cn == "3020":
            return await self._information(told, now_ms, tell)
        if asked.cn in ASKED:
            said = self._told(asked.cn, told, now_ms)
            if said is None:
                return NO_DATA
            await tell(asked.cn, said)
            return DONE
        order = self._order(asked.cn, told)
        assert order is not None
        value = self._value(order, told)
        if value is None:
            return BAD_CONDITION
        try:
            await self._tend(order, value)
        except NotNow:
            return BAD_CONDITION
        self._remember(asked.cn, told, value)
        if asked.cn == "3015":
            bottle = self._plan.newest(order.bottle or "")
            if bottle is not None:
                await tell("3015", items_of(("DataTime", moment.digits(now_ms)), ("VaseNo", bottle)))
        return DONE

    def _value(self, order: Hj212Order, told: dict[str, str]) -> float | None:
        if order.value is not None:
            return order.value
        said = next((value for name, value in told.items() if name.endswith("-Info")), told.get("Ctime", "1"))
        try:
            return float(said)
        except ValueError:
            return None  # a text is nothing to write

    def _remember(self, cn: str, told: dict[str, str], value: float) -> None:
        if cn != "3016":
            self._note(" ".join((cn, *(told[name] for name in ("PolId", "InfoId") if name in told))), "", f"{value:g}")
            return
        name, new = f"3016 {told['PolId']}", f"{told['CstartTime']} {told['Ctime']}"
        self._note(name, self._settings.get(name), new)
        self._settings.set(name, new)

    def _told(self, cn: str, told: dict[str, str], now_ms: int) -> Items | None:
        code = told["PolId"]
        factor = self._factor(code)
        assert factor is not None
        if cn == "3017":
            start, _, hours = self._settings.get(f"3016 {code}").partition(" ")
            return items_of(("PolId", code), ("CstartTime", start), ("Ctime", hours)) if start else None
        if cn == "3018":
            known = factor.delay_min
            return None if known is None else items_of(("PolId", code), ("Stime", known))
        if factor.serial is None:
            return None
        return items_of(("DataTime", moment.digits(now_ms)), ("PolId", code), (f"{code}-SN", factor.serial))

    # --- field information --------------------------------------------------------------------------------------------

    async def _information(self, told: dict[str, str], now_ms: int, tell: Tell) -> int:
        """A channel that the site file names for it, else a log: events, as many as a message holds."""
        code, id = told["PolId"], told["InfoId"]
        for info in self._uplink.infos:
            if (info.id, info.code) == (id, code):
                value = self._plan.newest(info.channel)
                if value is None:
                    return NO_DATA
                await tell("3020", self._said(now_ms, code, id, value))
                return DONE
        if id[:3] not in _LOGS:
            return NO_DATA
        span = None
        if "BeginTime" in told:
            span = moment.unix_ms(told["BeginTime"]), moment.unix_ms(told["EndTime"])
        factor = self._factor(code)
        of = factor.channel.partition(".")[0] if factor is not None and _LOGS[id[:3]] else ""
        lines = self._log(of, span)
        for at_ms, text in lines:
            await tell("3020", self._said(at_ms, code, id, f"//{text}//"))
        return DONE if lines else NO_DATA

    @staticmethod
    def _said(at_ms: int, code: str, id: str, value: str) -> Items:
        return items_of(("DataTime", moment.digits(at_ms)), ("PolId", code), (f"{id}-Info", value))

    def _log(self, sensor: str, span: tuple[int, int] | None) -> list[tuple[int, str]]:
        """(when, text) of events, oldest first; `sensor`: only those that name it."""
        found = []
        for unix_ms, kind, detail in self._store.last_events(_MOST_EVENTS):
            if span is not None and not span[0] <= unix_ms <= span[1]:
                continue
            said = json.loads(detail)
            if sensor and said.get("sensor") != sensor:
                continue
            words = " ".join(f"{name} {value}" for name, value in said.items() if isinstance(value, str | int | float))
            text = _UNFIT.sub(lambda match: match[0][0] if match[0][0] in "/&" else " ", f"{kind} {words}".strip())
            found.append((unix_ms, text.encode("utf-8")[:_LOG_BYTES].decode("utf-8", "ignore")))
            if span is None and len(found) == _LINES:
                break
        return found[::-1]
