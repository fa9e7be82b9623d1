"""Knows how a sensor of any profile behaves on a bus: power, warm-up, starting, odd answers; knows no wire and no node.

What it answers goes into the ledger as the fixed-point number it meant, so that a decoder's mistake can't hide.
"""

import struct
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal

from hw_sim.clock import WorldClock
from hw_sim.ledger import Ledger
from hw_sim.signals import Signal
from protocols import modbus
from protocols.errors import FrameError, RangeError
from protocols.modbus import Request
from protocols.registers import KINDS, MOST, Profile, Register, encode, f32_from_fixed, plan_reads, scaled

_PROMPTNESS = 0.9  # a good device is ready a little before its data sheet says


class SimSensor:
    """One device. `signals`: quantity -> truth in the profile's unit; a quantity without a signal stays 0."""

    latency_ms = 12  # from a question's end to its answer's start: a usual microcontroller

    def __init__(
        self,
        id: str,
        profile: Profile,
        unit_id: int,
        signals: Mapping[str, Signal],
        ledger: Ledger,
        clock: WorldClock,
        powered: bool = True,
    ) -> None:
        self.id = id
        self.unit_id = unit_id
        self.profile = profile
        self._signals = signals
        self._ledger = ledger
        self._clock = clock
        self._by_address = {address: register for register in profile.registers for address in register.addresses()}
        self._readable = _readable(profile)
        self.broken = False  # answers nothing, whatever its power
        self._powered_ms: int | None = None
        self._started_ms: int | None = None
        self._busy_until_ms: int | None = None
        self.power(powered)

    def power(self, on: bool) -> None:
        """Switches the supply. What the device was told to do is forgotten without it."""
        if on and self._powered_ms is not None:
            return
        self._powered_ms = self._clock.monotonic_ms() if on else None
        self._started_ms = None
        self._busy_until_ms = None

    def answer(self, request_pdu: bytes) -> bytes | None:
        """The reply's PDU to a request for this unit, None for silence."""
        now_ms = self._clock.monotonic_ms()
        if self.broken or self._powered_ms is None or now_ms < self._powered_ms + _PROMPTNESS * self.profile.warm_up_ms:
            return None
        try:
            request = modbus.parse_request(self.unit_id, request_pdu)
        except FrameError:
            return None
        except RangeError:
            return self._refuse(request_pdu[0], modbus.ILLEGAL_FUNCTION)
        if self.profile.start is not None and self._is_start(request):
            self._started_ms = now_ms
            return modbus.reply(request)
        if request.function != self.profile.function:
            return self._refuse(request.function, modbus.ILLEGAL_FUNCTION)
        wanted = range(request.address, request.address + request.quantity)
        if not request.quantity or not self._readable.issuperset(wanted):
            return self._refuse(request.function, modbus.ILLEGAL_ADDRESS)
        if self._is_busy(now_ms):
            return modbus.refusal(request.function, modbus.ACKNOWLEDGE)
        return modbus.reply(request, self._words(request, now_ms))

    def _is_start(self, request: Request) -> bool:
        what = request.values[0] if request.function == modbus.WRITE_ONE else request.quantity
        return (request.function, request.address, what) == self.profile.start

    def _refuse(self, function: int, code: int) -> bytes | None:
        return None if self.profile.silent_on_unknown else modbus.refusal(function, code)

    def _is_busy(self, now_ms: int) -> bool:
        """A device with exception 05 measures when it is asked, and has its values for one round of questions."""
        if not self.profile.busy_retry_ms:
            return False
        hold_ms = 5 * self.profile.busy_retry_ms
        if self._busy_until_ms is None or now_ms > self._busy_until_ms + hold_ms:
            self._busy_until_ms = now_ms + self.profile.busy_retry_ms // 2
        return now_ms < self._busy_until_ms

    def _words(self, request: Request, now_ms: int) -> tuple[int, ...]:
        words: dict[int, int] = {}
        first, last = request.address, request.address + request.quantity
        touched = [self._by_address.get(address) for address in range(first, last)]
        for register in dict.fromkeys(register for register in touched if register is not None):
            value = self.value(register, now_ms)
            words |= encode(register, self.profile.order, value, register.decimals)
            if first <= register.address and register.address + register.words <= last:
                self._ledger.note(f"{self.id}.{register.name}", self._clock.unix_ms(), value)
        return tuple(words.get(address, 0) for address in range(first, last))

    def value(self, register: Register, now_ms: int) -> int:
        """What the device shows now, as a fixed-point number: 0 until it has settled, as a real Y520 does
        (recordings/modbus_y520_warmup_traces.csv)."""
        since_ms = self._started_ms if self.profile.start is not None else self._powered_ms
        signal = self._signals.get(register.name)
        if signal is None or since_ms is None or now_ms < since_ms + _PROMPTNESS * self.profile.settle_ms:
            return 0
        return _shown(register, round(signal(now_ms / 1000) * float(10**register.decimals)))


def _shown(register: Register, value: int) -> int:
    """The nearest to a fixed-point `value` that the register can say: it has ends, and a resolution."""
    power = register.exponent + (register.decimals if register.point_at is None else 0)
    if register.kind == "f32":
        held = min(max(value, -MOST), MOST)
        if abs(held) < 1 << 23:
            return held  # a single's 24 bits say it to the last digit
        (single,) = struct.unpack(">f", f32_from_fixed(held, -power).to_bytes(4, "big"))
        return int(Decimal(single).scaleb(power).to_integral_value(ROUND_HALF_UP))  # by no decoder of protocols/
    _, low, high = KINDS[register.kind]
    held = min(max(value, int(low * 10**power)), int(high * 10**power))
    return scaled(scaled(held, -power), power)


def _readable(profile: Profile) -> set[int]:
    """Every declared address, and the holes that one read may bridge: the device answers them with something."""
    reads = plan_reads(profile.registers, 0xFFFF, profile.max_gap)
    return {address for start, count in reads for address in range(start, start + count)}
