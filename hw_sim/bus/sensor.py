"""Knows how a sensor of any profile behaves on a bus: power, warm-up, starting, odd answers; knows no wire and no node.

What it answers goes into the ledger, by no decoder of protocols/, so that a decoder's mistake can't hide: as the number
that it meant; where something is wrong with it (Trouble), as the number that its words say to whoever asks by the site
file.
"""

import struct
import zlib
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

from hw_sim.bus.observer import Observer, Seen
from hw_sim.clock import WorldClock
from hw_sim.ledger import Ledger
from protocols import modbus, modbus_server
from protocols.errors import FrameError, RangeError
from protocols.modbus import Request
from protocols.profile import Profile
from protocols.register_image import RANGES, encode, f32_from_fixed
from protocols.registers import MOST, ORDERS, Register, plan_reads, scaled

_PROMPTNESS = 0.9  # a good device is ready a little before its data sheet says
_LATENCY_MS = 12  # from a question's end to its answer's start: a usual microcontroller
_FRAME_MS = 300  # between two answers that wait: the longest frame at 9600 Bd takes 269 ms
_MOST_WAITING_MS = 50_000  # of answers; what is asked then finds no room in the device's buffer
_FORMS = {"u16": ">H", "i16": ">h", "u32": ">I", "i32": ">i", "f32": ">f"}


class Post(NamedTuple):
    """A unit id on a line, as the site file has it: who answers there is taken for that sensor. `channels` maps the
    registers that are asked for to the names under which their readings are noted."""

    id: str
    profile: Profile
    channels: Mapping[str, str]
    ledger: Ledger


def post(id: str, profile: Profile, registers: tuple[Register, ...], ledger: Ledger) -> Post:
    return Post(id, profile, {register.name: f"{id}.{register.name}" for register in registers}, ledger)


class Trouble:
    """Something that is wrong with a device, asked at every question; this one is nothing. hw_sim/faults/sensors.py"""

    order: str | None = None  # of bytes, instead of the profile's
    offset = 0  # of every register's address
    since_ms = 0  # Unix time

    def sees(self, register: Register, value: float | None, time_s: float) -> float | None:
        """What the device believes, in the register's unit, instead of `value`. None: that it has no value."""
        return value

    def refuses(self) -> int | None:
        """The exception that it answers with."""
        return None

    def delay_ms(self) -> int:
        """How much longer than usual it thinks."""
        return 0

    def clean(self, time_s: float) -> None:
        """Somebody has cleaned the device."""

    def stop(self) -> None:
        """Nothing of it happens any more."""


class SimSensor:
    """One device. `signals`: quantity -> what its probe sees, in the profile's unit; a quantity without one stays 0.

    `posts` are the unit ids of its line, to whose readings its own count while it answers there. `latency_ms` is how
    long after the question the last answer leaves.
    """

    def __init__(
        self,
        id: str,
        profile: Profile,
        unit_id: int,
        signals: Mapping[str, Seen],
        ledger: Ledger,
        clock: WorldClock,
        powered: bool = True,
    ) -> None:
        self.id = id
        self.unit_id = self.home_id = unit_id
        self.profile = profile
        self.posts: Mapping[int, Post] = {unit_id: post(id, profile, profile.registers, ledger)}
        self.latency_ms = _LATENCY_MS
        self.troubles: dict[object, Trouble] = {}  # by what brought them
        self._signals = signals
        self._clock = clock
        self._free_ms = 0  # when the answers that wait have left
        self._told: dict[int, int] = {}  # address -> the last word told, while something is wrong
        self._by_address = {address: register for register in profile.registers for address in register.addresses()}
        self._readable = _readable(profile)
        self._met: dict[tuple[int, int], tuple[tuple[Register, bool], ...]] = {}
        self.broken = False  # answers nothing, whatever its power
        self._powered_ms: int | None = None
        self._started_ms: int | None = None
        self._wiped_ms: int | None = None
        self._busy_until_ms: int | None = None
        self.power(powered)

    def now_ms(self) -> int:
        return self._clock.monotonic_ms()

    def power(self, on: bool) -> None:
        """Switches the supply. What the device was told to do is forgotten without it."""
        if on and self._powered_ms is not None:
            return
        self._powered_ms = self._clock.monotonic_ms() if on else None
        self._started_ms = None
        self._wiped_ms = None
        self._busy_until_ms = None

    def reset(self) -> None:
        """Its processor starts anew."""
        if self._powered_ms is not None:
            self.power(False)
            self.power(True)

    def clean(self) -> None:
        """Its window is wiped."""
        time_s = self._clock.monotonic_ms() / 1000
        for signal in self._signals.values():
            if isinstance(signal, Observer):
                signal.clean(time_s)
        for trouble in self.troubles.values():
            trouble.clean(time_s)

    def answer(self, request_pdu: bytes) -> bytes | None:
        """The reply's PDU to a request for this unit, None for silence."""
        now_ms = self._clock.monotonic_ms()
        if self.broken or self._powered_ms is None or now_ms < self._powered_ms + _PROMPTNESS * self.profile.warm_up_ms:
            return None
        try:
            request = modbus_server.parse_request(self.unit_id, request_pdu)
        except FrameError:
            return None
        except RangeError:
            return self._refuse(request_pdu[0], modbus_server.ILLEGAL_FUNCTION)
        if self.troubles or self._free_ms > now_ms:
            if not self._queue(now_ms):
                return None
            code = next((code for trouble in self.troubles.values() if (code := trouble.refuses()) is not None), None)
            if code is not None:
                return modbus_server.refusal(request.function, code)
        else:
            self.latency_ms = _LATENCY_MS
        if self._is_told(request, self.profile.wipe):
            self._wiped_ms = now_ms
            self.clean()
            return modbus_server.reply(request)
        if self._is_told(request, self.profile.start):
            self._started_ms = now_ms
            return modbus_server.reply(request)
        if self._is_told(request, self.profile.serial):
            text = serial_number(self.id, self.profile, 2 * request.quantity)
            return modbus_server.reply(request, struct.unpack(f">{request.quantity}H", text.encode()))
        if request.function != self.profile.function:
            return self._refuse(request.function, modbus_server.ILLEGAL_FUNCTION)
        wanted = range(request.address, request.address + request.quantity)
        if not request.quantity or not self._is_readable(wanted):
            return self._refuse(request.function, modbus_server.ILLEGAL_ADDRESS)
        if self._is_busy(now_ms):
            return modbus_server.refusal(request.function, modbus.ACKNOWLEDGE)
        words = self._words(request, now_ms)
        return (
            self._refuse(request.function, modbus_server.DEVICE_FAILURE)
            if words is None
            else modbus_server.reply(request, words)
        )

    def _queue(self, now_ms: int) -> bool:
        """It answers one question after the other, in their order; False: this one it never heard."""
        delay_ms = _LATENCY_MS + sum(trouble.delay_ms() for trouble in self.troubles.values())
        leaves_ms = max(now_ms, self._free_ms) + delay_ms
        if leaves_ms > now_ms + _MOST_WAITING_MS:
            return False
        self._free_ms = leaves_ms + _FRAME_MS if delay_ms > _LATENCY_MS else leaves_ms
        self.latency_ms = leaves_ms - now_ms
        return True

    @staticmethod
    def _is_told(request: Request, told: tuple[int, int, int] | None) -> bool:
        what = request.values[0] if request.function == modbus.WRITE_ONE else request.quantity
        return (request.function, request.address, what) == told

    def _refuse(self, function: int, code: int) -> bytes | None:
        return None if self.profile.silent_on_unknown else modbus_server.refusal(function, code)

    def _is_busy(self, now_ms: int) -> bool:
        """A device with exception 05 measures when it is asked, and has its values for one round of questions."""
        if not self.profile.busy_retry_ms:
            return False
        hold_ms = 5 * self.profile.busy_retry_ms
        if self._busy_until_ms is None or now_ms > self._busy_until_ms + hold_ms:
            self._busy_until_ms = now_ms + self.profile.busy_retry_ms // 2
        return now_ms < self._busy_until_ms

    def _is_readable(self, addresses: range) -> bool:
        """A map that has moved answers at its old addresses, too: something stands there."""
        if self._readable.issuperset(addresses):
            return True
        offset = self._offset()
        return all(address in self._readable or address - offset in self._readable for address in addresses)

    def _offset(self) -> int:
        return sum(trouble.offset for trouble in self.troubles.values())

    def _words(self, request: Request, now_ms: int) -> tuple[int, ...] | None:
        """What it tells, noted in the ledger; None: it would have to say "no value" and can't."""
        post = self.posts.get(self.unit_id)
        is_sound = not self.troubles and post is not None and post.profile is self.profile
        offset, order = 0, self.profile.order
        if self.troubles:
            offset = self._offset()
            order = next((trouble.order for trouble in self.troubles.values() if trouble.order is not None), order)
        words: dict[int, int] = {}
        first, last = request.address, request.address + request.quantity
        for register, is_whole in self._touched(first - offset, request.quantity):
            value = self.value(register, now_ms)
            if value is None and not says_no_value(register):
                return None
            words |= encode(register, order, value, register.decimals)
            if is_sound and is_whole and value is not None:
                assert post is not None
                channel = post.channels.get(register.name)
                if channel is not None:
                    post.ledger.note(channel, self._clock.unix_ms(), value)
        if order != self.profile.order:
            words = _reordered(words, self.profile.order, order, self._by_address)
        told = tuple(words.get(address - offset, 0) for address in range(first, last))
        if not is_sound and post is not None:
            self._note(post, request, told)
        return told

    def _touched(self, first: int, count: int) -> tuple[tuple[Register, bool], ...]:
        """The registers that such a question meets, and whether all of their words: the same come again and again."""
        touched = self._met.get((first, count))
        if touched is None:
            found = {register: None for i in range(count) if (register := self._by_address.get(first + i)) is not None}
            touched = self._met[first, count] = tuple(
                (register, first <= register.address and register.address + register.words <= first + count)
                for register in found
            )
        return touched

    def _note(self, post: Post, request: Request, told: tuple[int, ...]) -> None:
        """What the words say to whoever takes this device for the one that the site file has here."""
        self._told |= {request.address + i: word for i, word in enumerate(told)}
        last = request.address + request.quantity
        for register in post.profile.registers:
            channel = post.channels.get(register.name)
            if channel is None or register.address < request.address or register.address + register.words > last:
                continue
            value = _read(register, post.profile.order, self._told)
            if value is not None:
                post.ledger.note(channel, self._clock.unix_ms(), value)

    def value(self, register: Register, now_ms: int) -> int | None:
        """What the device shows now, as a fixed-point number, None for "no value": 0 until it has settled, as a real
        Y520 does (recordings/modbus_y520_warmup_traces.csv)."""
        since_ms = self._started_ms if self.profile.start is not None else self._powered_ms
        signal = self._signals.get(register.name)
        if self._wiped_ms is not None and now_ms < self._wiped_ms + _PROMPTNESS * self.profile.wipe_ms:
            return 0  # the brush is in the light (ours)
        if since_ms is None or now_ms < since_ms + _PROMPTNESS * self.profile.settle_ms:
            return 0
        seen = signal(now_ms / 1000) if signal is not None else 0.0
        for trouble in self.troubles.values():
            seen = trouble.sees(register, seen, now_ms / 1000)
        return None if seen is None else _shown(register, round(seen * float(10**register.decimals)))


def serial_number(id: str, profile: Profile, length: int) -> str:
    """As its maker might have printed it: the model where that says it, and digits of its own."""
    own = f"SIM00{zlib.crc32(id.encode()):010d}"
    shape = profile.serial_model or ""
    return "".join(b if a == "?" else a for a, b in zip(shape.ljust(length, "?"), own.ljust(length, "0"), strict=False))


def says_no_value(register: Register) -> bool:
    """Whether the model has a code for it."""
    return bool(register.invalid) or register.kind == "f32"


def _reordered(words: dict[int, int], usual: str, order: str, registers: Mapping[int, Register]) -> dict[int, int]:
    """A device with its bytes the other way round has them so in single words as well."""
    if (ORDERS[usual][0] < ORDERS[usual][1]) == (ORDERS[order][0] < ORDERS[order][1]):
        return words
    single = {address for address in words if registers[address].words == 1 or registers[address].point_at == address}
    return {address: (word & 0xFF) << 8 | word >> 8 if address in single else word for address, word in words.items()}


def _read(register: Register, order: str, words: Mapping[int, int]) -> int | None:
    """The fixed-point number that words say, by no decoder of protocols/; None: none, or nobody could tell."""
    raw = words[register.address].to_bytes(2, "big")
    if register.words == 2:
        raw += words[register.address + 1].to_bytes(2, "big")
        raw = bytes(raw[place] for place in ORDERS[order])
    number = raw[0] if register.kind == "u8" else struct.unpack(_FORMS[register.kind], raw)[0]
    code = int.from_bytes(raw, "big") if register.kind == "f32" else number
    exponent = register.exponent
    if register.point_at is not None:
        point = words.get(register.point_at)
        if point is None or point > 9:  # protocols/registers.py: decode()
            return None
        exponent -= point
    exact = Decimal(number)
    if code in register.invalid or not exact.is_finite():
        return None
    value = int(exact.scaleb(exponent + register.decimals).to_integral_value(ROUND_HALF_UP))
    return value if abs(value) <= MOST else None


def _shown(register: Register, value: int) -> int:
    """The nearest to a fixed-point `value` that the register can say: it has ends, and a resolution."""
    power = register.exponent + (register.decimals if register.point_at is None else 0)
    if register.kind == "f32":
        held = min(max(value, -MOST), MOST)
        if abs(held) < 1 << 23:
            return held  # a single's 24 bits say it to the last digit
        (single,) = struct.unpack(">f", f32_from_fixed(held, -power).to_bytes(4, "big"))
        return int(Decimal(single).scaleb(power).to_integral_value(ROUND_HALF_UP))  # by no decoder of protocols/
    low, high = RANGES[register.kind]
    held = min(max(value, int(low * 10**power)), int(high * 10**power))
    return scaled(scaled(held, -power), power)


def _readable(profile: Profile) -> set[int]:
    """Every declared address, and the holes that one read may bridge: the device answers them with something."""
    reads = plan_reads(profile.registers, 0xFFFF, profile.max_gap)
    return {address for start, count in reads for address in range(start, start + count)}
