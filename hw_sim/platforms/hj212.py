"""Knows an HJ 212 platform that checks strictly, keeps a ledger and misbehaves on order; knows no socket, no gateway.

It reads what the gateway's own files write, so what both get wrong it does not see: tests/vectors/hj212.json does.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from hw_sim.platforms.sl651 import Said
from protocols.hj212 import commands, moment
from protocols.hj212.commands import ANSWER, COMMANDS, DATA, NOTIFY
from protocols.hj212.factors import find
from protocols.hj212.frame import BadPacket, Frames
from protocols.hj212.packet import V2005, V2025, Cipher, Items, Packet, flag, items_of, read, write
from protocols.hj212.readings import DAY, HOUR, MINUTE, REAL_TIME, readings

_REMEMBERED = 4096  # QN
_CLOCK_MS = 300_000  # data from further ahead are not yet
_NUMBERS = ("Rtd", "Min", "Avg", "Max")
_STARTS = {HOUR: "0000", DAY: "000000", "2041": "000000", MINUTE: "00"}  # how DataTime ends: a period's start


@dataclass
class Faults:
    """What is wrong with it just now; each `*_next` counts down by one packet."""

    silent: bool = False
    late_s: float = 0.0
    wrong_crc_next: int = 0
    cut_next: int = 0  # closes the connection in the middle of its answer
    wrong_password_next: int = 0
    wrong_mn_next: int = 0
    forget_next: int = 0  # takes data and says nothing: its answer was lost
    clock_off_ms: int = 0  # what it believes is the time, less what it is


class Station(NamedTuple):
    """How one station reports: `version` as the codec counts it, ciphers of 2025 as (in, out) or None."""

    password: str
    st: str = "21"
    version: int = 1
    ciphers: tuple[Cipher, Cipher] | None = None


class Value(NamedTuple):
    """A line of the ledger: one factor of one packet."""

    at_ms: int  # when it came
    cn: str
    moment: str  # DataTime
    code: str
    values: dict[str, str]  # by suffix
    mark: str
    is_late: bool
    mn: str

    @property
    def moment_ms(self) -> int:
        return moment.unix_ms(self.moment)


@dataclass
class Ledger:
    values: list[Value] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    packets: int = 0
    received_bytes: int = 0
    repeated: int = 0  # under the same QN: another try
    answers: list[Packet] = field(default_factory=list)  # 9011, 9012 and what was asked for
    notices: list[str] = field(default_factory=list)  # CN
    starts: list[str] = field(default_factory=list)  # RestartTime of each 2081

    def of(self, code: str, cn: str | None = None) -> list[Value]:
        return [one for one in self.values if one.code == code and cn in (None, one.cn)]

    def said(self, cn: str) -> list[Packet]:
        return [one for one in self.answers if one.cn == cn]


class Platform:
    """`stations`: by MN. `now_ms`: its own clock. `greets`: what it asks first at each
    connection (6.7: clock, overtime, intervals)."""

    def __init__(
        self, stations: dict[str, Station], now_ms: Callable[[], int], greets: "Sequence[tuple[str, Items]]" = ()
    ) -> None:
        self.stations = stations
        self.faults = Faults()
        self.ledger = Ledger()
        self._true_ms = now_ms
        self._greets = greets
        self._frames = Frames(wants_tail=True)
        self._met: set[str] = set()  # on this connection
        self._seen: dict[str, None] = {}
        self._open: set[str] = set()  # QN of requests
        self._last_ms = 0

    def connected(self) -> None:
        """A new connection: nothing of the last one is remembered but the ledger."""
        self._frames = Frames(wants_tail=True)
        self._met = set()

    def _now_ms(self) -> int:
        return self._true_ms() + self.faults.clock_off_ms

    def feed(self, data: bytes) -> list[Said]:
        self.ledger.received_bytes += len(data)
        said: list[Said] = []
        for framed in self._frames.feed(data):
            self.ledger.packets += 1
            packet, why = self._read(framed)
            if packet is None:
                self.ledger.complaints.append(why)
                continue
            said += self._hear(packet)
        return said

    def _read(self, framed: object) -> tuple[Packet | None, str]:
        """Strictly; with each station's key in turn."""
        why = "no station"
        for station in self.stations.values():
            try:
                found = read(framed, station.ciphers and station.ciphers[0], strict=True)  # type: ignore[arg-type]
            except BadPacket as error:
                why = f"refused: {error}"
                continue
            if self.stations.get(found.packet.mn) is not None:
                return found.packet, ""
            why = f"not for us: {found.packet.mn}"
        return None, why

    def _hear(self, packet: Packet) -> list[Said]:
        complain = self.ledger.complaints.append
        station = self.stations[packet.mn]
        if packet.pw != station.password or packet.version != station.version:
            complain(f"not for us: {packet.mn} {packet.pw} {packet.version}")
            return []
        if packet.st not in (station.st, "91"):
            complain(f"ST {packet.st}")
        for oddity in commands.check(packet, from_station=True):
            complain(f"{packet.cn}: {oddity.reason} {oddity.name} {oddity.found}")
        said = []
        if packet.mn not in self._met:
            self._met.add(packet.mn)
            said = [self.ask(packet.mn, cn, self._greeting(cn, items)) for cn, items in self._greets]
        return said + self._answer(packet)

    def _greeting(self, cn: str, items: Items) -> Items:
        return items_of(("SystemTime", moment.digits(self._now_ms()))) if cn == "1012" else items

    def _answer(self, packet: Packet) -> list[Said]:
        command = COMMANDS[packet.cn]
        if command.kind == ANSWER or packet.of_qn in self._open:
            self.ledger.answers.append(packet)
            if packet.cn == "9012":
                self._open.discard(packet.of_qn or "")
            if command.kind == DATA:
                self._book(packet)
            if packet.of_qn not in self._open and packet.cn != "9012":
                self.ledger.complaints.append(f"{packet.cn} was not asked")
            return []
        if self.faults.silent:
            return []
        if command.kind == NOTIFY:
            self.ledger.notices.append(packet.cn)
            told = items_of(("SystemTime", moment.digits(self._now_ms())))
            more = [self.ask(packet.mn, "1012", told)] if packet.cn == "1013" else []
            return [self._said(packet, "9013"), *more]
        if command.kind != DATA:
            self.ledger.complaints.append(f"{packet.cn} was not asked")
            return []
        self._take(packet)
        if self.faults.forget_next and packet.wants_answer:
            self.faults.forget_next -= 1
            return []
        return [self._said(packet, "9014")] if packet.wants_answer else []

    def _take(self, packet: Packet) -> None:
        qn = packet.qn or ""
        if qn in self._seen:
            self.ledger.repeated += 1
            return
        self._seen[qn] = None
        while len(self._seen) > _REMEMBERED:
            del self._seen[next(iter(self._seen))]
        self._book(packet)

    def _book(self, packet: Packet) -> None:
        told, factors = readings(packet.items)
        self._check(packet, told)
        if packet.cn == "2081" and packet.qn not in self._open:
            self.ledger.starts.append(packet.values.get("RestartTime", ""))
        for one in factors:
            known = find(one.code)
            if known is None and not one.code.startswith("SB"):
                self.ledger.complaints.append(f"no factor {one.code}")
            values = dict(one.values)
            places = {len(values[name].partition(".")[2]) for name in _NUMBERS if name in values}
            if known is not None and known.decimals is not None and places - {known.decimals}:
                self.ledger.complaints.append(f"{one.code} with {places} decimals")
            line = Value(self._true_ms(), packet.cn, told, one.code, values, one.mark, packet.is_late, packet.mn)
            self.ledger.values.append(line)

    def _check(self, packet: Packet, told: str) -> None:
        complain = self.ledger.complaints.append
        if not told:
            complain(f"{packet.cn} without DataTime")
            return
        if moment.unix_ms(told) > self._true_ms() + _CLOCK_MS:
            complain(f"{packet.cn} of {told} is not yet")
        if not told.endswith(_STARTS.get(packet.cn, "")):
            complain(f"{packet.cn} of {told}: no start of a period")
        if packet.is_late and (packet.version < V2025 or packet.cn == REAL_TIME):
            complain(f"{packet.cn} with RF")

    # --- what it says -------------------------------------------------------------------------------------------------

    def _said(self, packet: Packet, cn: str) -> Said:
        said = Packet(cn, packet.mn, (), packet.qn, "91", packet.pw, flag(packet.version, False))
        if packet.version == V2005:
            said = said._replace(qn=None, items=items_of(("QN", packet.qn)))
        return self._out(said)

    def _out(self, packet: Packet) -> Said:
        faults = self.faults
        if faults.wrong_password_next:
            faults.wrong_password_next -= 1
            packet = packet._replace(pw="000000")
        if faults.wrong_mn_next:
            faults.wrong_mn_next -= 1
            packet = packet._replace(mn="F" * len(packet.mn))
        ciphers = self.stations[packet.mn].ciphers if packet.mn in self.stations else None
        data = write(packet, ciphers and ciphers[1])
        if faults.wrong_crc_next:
            faults.wrong_crc_next -= 1
            data = data[:-6] + (b"0000" if data[-6:-2] != b"0000" else b"1111") + data[-2:]
        if faults.cut_next:
            faults.cut_next -= 1
            return Said(data[: len(data) // 2], faults.late_s, hangs_up=True)
        return Said(data, faults.late_s)

    def ask(self, mn: str, cn: str, items: Items = (), qn: str | None = None) -> Said:
        """A request; under a QN of its own, or once more under `qn`."""
        if qn is None:
            self._last_ms = max(self._true_ms(), self._last_ms + 1)
            qn = moment.request_number(self._last_ms)
        self._open.add(qn)
        station = self.stations[mn]
        return self._out(Packet(cn, mn, items, qn, station.st, station.password, flag(station.version, True)))
