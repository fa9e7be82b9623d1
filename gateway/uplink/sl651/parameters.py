"""Knows the parameters that a centre may read and set (functions 40-43, 49): which we hold, which can be changed from
afar; knows no connection.

Centres, station address, channels and mode stand in the site file and are not changed from afar: the answer tells what
they are, so that the centre sees it. Numbers of parameters: draft, annex D; seen in captured frames.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction

from gateway.site.sl651 import Sl651Element, Sl651Uplink
from gateway.uplink.sl651.plan import Limits, Plan, limits
from gateway.uplink.sl651.settings import PASSWORD, TIMED_H, Settings
from protocols.sl651 import body, number
from protocols.sl651.body import Item
from protocols.sl651.parameters import PARAMETERS

_BASES = {f"{0x28 + place:02X}": f"F{5 + place:X}" for place in range(8)}  # parameter -> block of relative levels
_LIMITS = {f"{0x38 + place:02X}": f"F{5 + place:X}" for place in range(8)}  # parameter -> block of the level
_RAIN, _ABOVE, _BELOW = "27", "40", "41"
Change = tuple[str, str, str]  # (parameter, old, new), in hex
_IPV4 = "02"  # type of channel


class Parameters:
    """One uplink's. What is set counts at once."""

    def __init__(self, uplink: Sl651Uplink, settings: Settings, plan: Plan) -> None:
        self._uplink = uplink
        self._settings = settings
        self._plan = plan
        self.apply()

    def apply(self) -> None:
        timed_s = self._settings.timed_s
        self._plan.timed_ms = None if timed_s is None else 1000 * timed_s
        for parameter, block in _BASES.items():
            held = self._settings.get(parameter)
            value = None if held is None else number.decode(bytes.fromhex(held[2:]))
            if held is not None and value is not None:
                self._plan.bases_m[block] = value / 10 ** number.decimals_of(int(held[:2], 16))
        self._plan.limits = {one.element: self._limits(one) for one in self._uplink.elements}

    def _limits(self, element: Sl651Element) -> Limits:
        """What counts for one element: what a centre has set, else what the site file says."""
        found = limits([element])[element.element]
        block = element.five_minute
        if block == "F4":
            rain = self._number(_RAIN)
            return found if rain is None else found._replace(change=rain, change_above=rain)
        if block is None:
            return found
        limit = next((self._number(id) for id, of in _LIMITS.items() if of == block), None)
        if limit is not None:
            found = found._replace(above=limit + Fraction(str(self._plan.base_m(element))))
        above, below = self._number(_ABOVE), self._number(_BELOW)
        return found._replace(
            change=found.change if below is None else below, change_above=found.change_above if above is None else above
        )

    def _number(self, id: str) -> Fraction | None:
        """What a centre has set, in the parameter's unit; 0 turns it off."""
        held = self._settings.get(id)
        value = None if held is None else number.decode(bytes.fromhex(held[2:]))
        if held is None or not value:
            return None
        return Fraction(value, 10 ** number.decimals_of(int(held[:2], 16)))

    def read(self, wished: Sequence[str]) -> list[Item]:
        """Those of the wished ones that we hold."""
        found = (self._one(id) for id in wished)
        return [item for item in found if item is not None]

    def _one(self, id: str) -> Item | None:
        uplink = self._uplink
        if id in _BASES:
            held = self._settings.get(id)
            if held is not None:
                return Item(body.ELEMENT, bytes.fromhex(id + held[:2]), bytes.fromhex(held[2:]))
            base = [one.base_m for one in uplink.elements if one.five_minute == _BASES[id]]
            return body.element(id, round(base[0] * 1000), 7, 3) if base else None
        if id in _LIMITS or id in (_RAIN, _ABOVE, _BELOW):
            return self._limit(id)
        makers: dict[str, Callable[[], Item | None]] = {
            "01": lambda: body.raw("01", bytes([*(one.address for one in uplink.centres[:4]), 0, 0, 0, 0])[:4]),
            "02": lambda: body.raw("02", bytes.fromhex(uplink.station_address)),
            "03": lambda: body.raw("03", bytes.fromhex(self._settings.password)),
            "0C": lambda: body.raw("0C", bytes((int(uplink.mode[1]),))),
            TIMED_H: lambda: body.element(TIMED_H, (self._settings.timed_s or 0) // 3600, 2, 0),
        }
        ways = [way for centre in uplink.centres[:4] for way in (centre.tcp, centre.backup_tcp)]
        if "04" <= id <= f"{3 + len(ways):02X}":
            return _channel(id, ways[int(id, 16) - 4])
        return makers[id]() if id in makers else None

    def _limit(self, id: str) -> Item | None:
        held = self._settings.get(id)
        if held is not None:
            return Item(body.ELEMENT, bytes.fromhex(id + held[:2]), bytes.fromhex(held[2:]))
        form = PARAMETERS[id]
        for element in self._uplink.elements:
            of, base_m = self._plan.limits[element.element], Fraction(str(self._plan.base_m(element)))
            above = None if of.above is None else of.above - base_m
            is_rain = element.five_minute == "F4"
            found = {
                _RAIN: of.change if is_rain else None,
                _ABOVE: None if is_rain or element.five_minute is None else of.change_above,
                _BELOW: None if is_rain or element.five_minute is None else of.change,
            }.get(id, above if _LIMITS.get(id) == element.five_minute and element.five_minute is not None else None)
            if found is not None:
                return body.element(id, round(found * 10**form.decimals), form.digits, form.decimals)
        return None

    def set(self, items: Sequence[Item]) -> tuple[list[Change], list[str]]:
        """(what has changed, which were refused)."""
        changes: list[Change] = []
        refused: list[str] = []
        for item in items:
            before = self._one(item.id)
            data = self._settled(item)
            if data is None:
                if before is None or before.data != item.data:
                    refused.append(item.id)
                continue
            old = "" if before is None else before.data.hex().upper()
            self._settings.set(item.id, data)
            changes.append((item.id, old, item.data.hex().upper()))
        self.apply()
        return changes, refused

    def _settled(self, item: Item) -> str | None:
        """What is kept of it; None: it can't be that."""
        value = item.value
        if item.id == PASSWORD and len(item.data) == 2:
            return item.data.hex().upper()
        if item.id == TIMED_H and item.decimals == 0 and value is not None and 1 <= value <= 24 and 24 % value == 0:
            return str(value)
        known = item.id in _BASES or item.id in _LIMITS or item.id in (_RAIN, _ABOVE, _BELOW)
        if known and value is not None and (item.id in _BASES or value >= 0):
            return f"{item.lead[-1]:02X}{item.data.hex().upper()}"
        return None


def _channel(id: str, way: str | None) -> Item | None:
    """A channel's type, address and port as BCD; only IPv4 addresses have that form."""
    host, _, port = (way or "").rpartition(":")
    parts = host.split(".")
    if len(parts) != 4 or not all(part.isdecimal() and int(part) < 256 for part in parts):
        return None
    return body.raw(id, bytes.fromhex(_IPV4 + "".join(f"{int(part):03d}" for part in parts) + f"{int(port):06d}"))
