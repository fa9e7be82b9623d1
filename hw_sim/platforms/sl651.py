"""Knows an SL 651 centre that checks strictly, keeps a ledger and misbehaves on order; knows no socket and no gateway.

It reads what the gateway's own files write, so what both get wrong it does not see: tests/vectors/sl651.json does.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from protocols.sl651 import body, functions, message
from protocols.sl651.body import Body, Item
from protocols.sl651.elements import BLOCKS, ELEMENTS
from protocols.sl651.frame import ENQ, EOT, NAK, Frame, Sl651Error, encode
from protocols.sl651.packets import Assembly
from protocols.sl651.stream import Refused, Stream

BEIJING_MS = 8 * 3_600_000
_REMEMBERED = 32  # serial numbers
_CLOCK_MS = 300_000  # off by more than that, the centre sets the clock (draft 6.3)


@dataclass
class Faults:
    """What is wrong with it just now; each `*_next` counts down by one message."""

    silent: bool = False
    late_s: float = 0.0
    wrong_crc_next: int = 0
    cut_next: int = 0  # closes the connection in the middle of its answer
    wrong_password_next: int = 0
    nak_next: int = 0
    nak_packet_next: int = 0  # asks for the second packet of a message again
    forget_next: int = 0  # takes a report and says nothing: its reply was lost
    clock_off_ms: int = 0  # what it believes is the time, less what it is


class Said(NamedTuple):
    """What the centre sends: after `delay_s`, then hangs up or not."""

    data: bytes
    delay_s: float = 0.0
    hangs_up: bool = False


class Value(NamedTuple):
    """A line of the ledger. `value` is hex for blocks and what is no number."""

    at_ms: int  # when it came
    function: int
    observed: str  # YYMMDDhhmm, Beijing
    element: str
    value: int | None
    decimals: int
    raw: str


@dataclass
class Ledger:
    values: list[Value] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    frames: int = 0
    received_bytes: int = 0
    repeated: int = 0  # with the same serial and time: another try
    pictures: list[bytes] = field(default_factory=list)
    answers: list[tuple[int, Body]] = field(default_factory=list)

    def of(self, element: str, function: int | None = None) -> list[Value]:
        return [one for one in self.values if one.element == element and function in (None, one.function)]


class Centre:
    """`stations`: address -> password. `now_ms`: its own clock."""

    def __init__(self, address: int, stations: dict[str, str], now_ms: Callable[[], int], mode: str = "M2") -> None:
        self.address = address
        self.stations = stations
        self.faults = Faults()
        self.ledger = Ledger()
        self._true_ms = now_ms
        self._mode = mode
        self.form = "hex"  # of what it asks; replies have that of the station
        self._stream = Stream()
        self._assembly = Assembly()
        self._seen: dict[str, dict[int, bytes]] = {}  # station -> the last serials and what was said under them
        self._serial = 0
        self._open: set[int] = set()  # functions that were asked

    def _now_ms(self) -> int:
        return self._true_ms() + self.faults.clock_off_ms

    def connected(self) -> None:
        """A new connection: nothing of the last one is remembered but the ledger."""
        self._stream = Stream()
        self._assembly = Assembly()

    def feed(self, data: bytes) -> list[Said]:
        self.ledger.received_bytes += len(data)
        said: list[Said] = []
        for found in self._stream.feed(data):
            self.ledger.frames += 1
            if isinstance(found, Refused):
                self.ledger.complaints.append(f"refused: {found}")
                continue
            said += self._hear(found)
        return said

    def _hear(self, frame: Frame) -> list[Said]:
        if frame.is_down or frame.centre != self.address or frame.password != self.stations.get(frame.station, ""):
            self.ledger.complaints.append(f"not for us: {frame.station} {frame.centre} {frame.password}")
            return []
        faults = self.faults
        if faults.silent:
            return []
        if frame.packet is not None and frame.packet[1] == 2 and faults.nak_packet_next:
            faults.nak_packet_next -= 1
            return [self._say(frame, self._serial_of(frame), NAK, frame.packet)]
        try:
            whole = self._assembly.add(frame)
            content = None if whole is None else message.read(whole)
        except Sl651Error as error:
            self.ledger.complaints.append(str(error))
            return []
        return [] if whole is None or content is None else self._take(whole, content)

    def _serial_of(self, frame: Frame) -> int:
        """Of a packet behind the first: unknown, so that of the message before, and one."""
        return max(self._seen.get(frame.station, {0: b""})) + 1

    def _take(self, frame: Frame, content: Body) -> list[Said]:
        faults = self.faults
        if frame.function == functions.KEEP_ALIVE:
            return []
        if faults.nak_next:
            faults.nak_next -= 1
            return [self._say(frame, content.serial, NAK)]
        if frame.function in functions.REPORTS:
            self._book(frame, content)
            if faults.forget_next:
                faults.forget_next -= 1
                return []
            if self._mode == "M1":
                return []
            return [self._say(frame, content.serial, EOT)]
        self.ledger.answers.append((frame.function, content))
        self.ledger.pictures += [item.data for item in content.items if item.kind == body.PICTURE]
        if frame.function not in (*self._open, functions.PICTURE):  # a station may report one by itself
            self.ledger.complaints.append(f"{frame.function:02X} was not asked")
        self._open.discard(frame.function)
        if frame.function in (functions.PICTURE, functions.QUERY_PERIOD):
            return [self._say(frame, content.serial, EOT)]
        return []

    def _book(self, frame: Frame, content: Body) -> None:
        seen = self._seen.setdefault(frame.station, {})
        said = bytes((frame.function,)) + b"".join(item.lead + item.data for item in content.items)
        if seen.get(content.serial) == said:
            self.ledger.repeated += 1
            return
        seen[content.serial] = said
        while len(seen) > _REMEMBERED:
            del seen[next(iter(seen))]
        self._check(frame, content)
        now_ms = self._true_ms()
        for observed, item in content.elements():
            value = None if item.id in BLOCKS else item.value
            self.ledger.values.append(
                Value(now_ms, frame.function, observed, item.id, value, item.decimals, item.data.hex().upper())
            )

    def _check(self, frame: Frame, content: Body) -> None:
        complain = self.ledger.complaints.append
        if not 1 <= content.serial <= 65_535:
            complain(f"serial {content.serial}")
        if not content.station_type:
            complain("no station type")
        for observed, item in content.elements():
            if not observed:
                complain(f"{item.id} without a time")
                continue
            if moment_ms(observed) > self._true_ms() + _CLOCK_MS:
                complain(f"{item.id} of {observed} is not yet")
            if frame.function == functions.HOURLY and item.id not in BLOCKS and not observed.endswith("00"):
                complain(f"hourly {item.id} at {observed}")
            if item.id in ELEMENTS and item.decimals != ELEMENTS[item.id].decimals:
                complain(f"{item.id} with {item.decimals} decimals")

    def _say(
        self, frame: Frame, serial: int, end: int, packet: tuple[int, int] | None = None, items: tuple[Item, ...] = ()
    ) -> Said:
        faults = self.faults
        password = frame.password
        if faults.wrong_password_next:
            faults.wrong_password_next -= 1
            password = "DEAD"
        reply = Frame(
            True, self.address, frame.station, password, frame.function, b"", end, packet, is_ascii=frame.is_ascii
        )
        data = encode(message.written(reply, Body(serial, clock_text(self._now_ms()), items)))
        if faults.wrong_crc_next:
            faults.wrong_crc_next -= 1
            data = data[:-1] + bytes((data[-1] ^ 1,))
        if faults.cut_next:
            faults.cut_next -= 1
            return Said(data[: len(data) // 2], faults.late_s, hangs_up=True)
        return Said(data, faults.late_s)

    # --- what it asks -------------------------------------------------------------------------------------------------

    def ask(self, station: str, function: int, items: tuple[Item, ...] = (), clock_ms: int | None = None) -> Said:
        """A query or an order. `clock_ms`: what it takes for the time (a clock that is set, right or wrong)."""
        self._serial = self._serial % 65_535 + 1
        self._open.add(function)
        frame = Frame(
            True, self.address, station, self.stations[station], function, b"", ENQ, is_ascii=self.form == "ascii"
        )
        if self.faults.wrong_password_next:
            self.faults.wrong_password_next -= 1
            frame = frame._replace(password="DEAD")
        told = clock_text(self._now_ms() if clock_ms is None else clock_ms)
        data = encode(message.written(frame, Body(self._serial, told, items)))
        if self.faults.wrong_crc_next:
            self.faults.wrong_crc_next -= 1
            data = data[:-1] + bytes((data[-1] ^ 1,))
        return Said(data)


def clock_text(unix_ms: int) -> str:
    """Beijing time as YYMMDDhhmmss."""
    return datetime.fromtimestamp((unix_ms + BEIJING_MS) / 1000, UTC).strftime("%y%m%d%H%M%S")


def moment_ms(observed: str) -> int:
    """Of YYMMDDhhmm."""
    return int(datetime.strptime(observed, "%y%m%d%H%M").replace(tzinfo=UTC).timestamp() * 1000) - BEIJING_MS
