"""Knows what goes wrong inside a sensor; knows no line, no hands and no supply.

The ledger keeps what a faulty sensor put on the wire all the same: nobody between sensor and platform may change it. A
fault that makes readings differ from the truth labels its span in the ledger, for those who judge quality control.
"""

import asyncio
import math
from typing import Annotated, Literal

from msgspec import Meta

from hw_sim.bus.observer import film
from hw_sim.bus.sensor import SimSensor, Trouble
from hw_sim.faults.base import Fault, Stage
from hw_sim.streams import Stream
from protocols import modbus
from protocols.registers import Register

Text = Annotated[str, Meta(min_length=1)]
Share = Annotated[float, Meta(ge=0.0, le=1.0)]
_DAY_S = 86_400.0
# recordings/water_lro_franklinbasin_2014.csv, rows with code 5 (ice): -0.01 to -0.02 degC, turbidity 3 to 184 NTU
_ICE_C, _ICE_NTU = -0.02, (3.0, 184.0)
# What quantities read in air, in their profiles' unit. Conductivity: the same file, code 7 (out of water), 10 to 17
# uS/cm of a wet cell. Oxygen: saturated at 5 degC and 600 hPa. Pressure, level, depth: no water above. The rest: ours.
_IN_AIR = {
    "conductivity": 0.012,
    "dissolved_oxygen": 7.5,
    "oxygen_saturation": 100.0,
    "pressure": 0.0,
    "level": 0.0,
    "depth": 0.0,
    "turbidity": 0.3,
    "chlorophyll": 0.0,
    "blue_green_algae": 0.0,
    "cod": 0.0,
}


class SensorTrouble(Fault, frozen=True, kw_only=True):
    """One Trouble in one sensor."""

    sensor: Text

    def begin(self, stage: Stage) -> None:
        device = stage.world.sensors[self.sensor]
        stream = Stream(stage.world.streams.seed, f"{self.kind} {self.sensor} {device.now_ms()}")
        trouble = self.trouble(device, stream)
        trouble.since_ms = stage.world.clock.unix_ms()
        device.troubles[self] = trouble

    def end(self, stage: Stage) -> None:
        device = stage.world.sensors[self.sensor]
        trouble = device.troubles.pop(self)
        trouble.stop()
        if self.is_labelled:
            label(stage, device, self.kind, trouble.since_ms, self.labelled)

    def trouble(self, device: SimSensor, stream: Stream) -> Trouble:
        raise NotImplementedError

    @property
    def kind(self) -> str:
        """As the scenario file calls it."""
        return str(self.__struct_config__.tag)

    @property
    def is_labelled(self) -> bool:
        """Whether its readings differ from the truth."""
        return True

    @property
    def labelled(self) -> str | None:
        """The only quantity that it touches; None: all."""
        return None


class ValueTrouble(SensorTrouble, frozen=True, kw_only=True):
    """A trouble of one `quantity`, or, without it, of all that the sensor has."""

    quantity: Text | None = None

    @property
    def labelled(self) -> str | None:
        return self.quantity


def label(stage: Stage, device: SimSensor, kind: str, since_ms: int, quantity: str | None = None) -> None:
    """Labels what a device has told since then, under the name of whom the site file has at its unit id."""
    post = device.posts.get(device.unit_id)
    if post is not None:
        for name, channel in post.channels.items():
            if quantity in (None, name):
                post.ledger.label(channel, kind, since_ms, stage.world.clock.unix_ms())


class _Holds(Trouble):
    """Shows for ever what it saw when it was asked first."""

    def __init__(self, quantity: str | None = None) -> None:
        self._quantity = quantity
        self._held: dict[str, float | None] = {}

    def sees(self, register: Register, value: float | None, time_s: float) -> float | None:
        if self._quantity in (None, register.name):
            return self._held.setdefault(register.name, value)
        return value


# --- what it sees -----------------------------------------------------------------------------------------------------


class SensorFrozen(SensorTrouble, frozen=True, kw_only=True, tag="sensor_frozen"):
    """A probe in the ice: temperature stays at the freezing point, turbidity jumps, everything else stands still."""

    def trouble(self, device: SimSensor, stream: Stream) -> Trouble:
        return _Frozen(stream)


class _Frozen(_Holds):
    def __init__(self, stream: Stream) -> None:
        super().__init__()
        self._stream = stream

    def sees(self, register: Register, value: float | None, time_s: float) -> float | None:
        if register.name == "temperature":
            return _ICE_C
        if register.name == "turbidity":
            return math.exp(self._stream.uniform(math.log(_ICE_NTU[0]), math.log(_ICE_NTU[1])))
        return super().sees(register, value, time_s)


class SensorStuck(ValueTrouble, frozen=True, kw_only=True, tag="sensor_stuck"):
    """A converter or a program that hangs: the same number again and again."""

    def trouble(self, device: SimSensor, stream: Stream) -> Trouble:
        return _Holds(self.quantity)


class SensorDry(SensorTrouble, frozen=True, kw_only=True, tag="sensor_dry"):
    """The water has fallen below the probe, or it was washed ashore: it measures the air, of `air_c`."""

    air_c: Annotated[float, Meta(ge=-60.0, le=60.0, extra={"unit": "degC"})] = 5.0

    def trouble(self, device: SimSensor, stream: Stream) -> Trouble:
        return InAir(self.air_c)


class InAir(_Holds):
    """What reads otherwise in air does so; the rest, an electrode that keeps a film of water, stands still."""

    def __init__(self, air_c: float) -> None:
        super().__init__()
        self._air_c = air_c

    def sees(self, register: Register, value: float | None, time_s: float) -> float | None:
        if register.name == "temperature":
            return self._air_c
        dry = _IN_AIR.get(register.name)
        return super().sees(register, value, time_s) if dry is None else dry


class SensorDrifted(ValueTrouble, frozen=True, kw_only=True, tag="sensor_drifted"):
    """A membrane that ages, a calibration that was none: off by `jump` at once and by `per_day` more each day, in the
    channel's unit."""

    jump: Annotated[float, Meta(ge=-1e9, le=1e9)] = 0.0
    per_day: Annotated[float, Meta(ge=-1e9, le=1e9)] = 0.0

    def trouble(self, device: SimSensor, stream: Stream) -> Trouble:
        return _Drifted(self, device.now_ms() / 1000)


class _Drifted(Trouble):
    def __init__(self, fault: SensorDrifted, begin_s: float) -> None:
        self._fault = fault
        self._begin_s = begin_s

    def sees(self, register: Register, value: float | None, time_s: float) -> float | None:
        fault = self._fault
        if value is None or fault.quantity not in (None, register.name):
            return value
        return value + fault.jump + fault.per_day * (time_s - self._begin_s) / _DAY_S


class SensorFouled(ValueTrouble, frozen=True, kw_only=True, tag="sensor_fouled"):
    """Algae, a leaf, silt on the window: a growing share of the reading is lost (negative: added), up to `most`.
    Cleaning removes it; then it begins to grow anew."""

    per_day: Annotated[float, Meta(ge=-24.0, le=24.0)] = 0.05
    most: Annotated[float, Meta(ge=0.001, le=1.0)] = 0.5

    def trouble(self, device: SimSensor, stream: Stream) -> Trouble:
        return _Fouled(self, device.now_ms() / 1000)


class _Fouled(Trouble):
    def __init__(self, fault: SensorFouled, begin_s: float) -> None:
        self._fault = fault
        self._since_clean_s = begin_s

    def sees(self, register: Register, value: float | None, time_s: float) -> float | None:
        fault = self._fault
        if value is None or register.name == "temperature" or fault.quantity not in (None, register.name):
            return value
        return value * (1.0 - film(fault.per_day, fault.most, time_s - self._since_clean_s))

    def clean(self, time_s: float) -> None:
        self._since_clean_s = time_s


class SensorErratic(ValueTrouble, frozen=True, kw_only=True, tag="sensor_erratic"):
    """A lamp at its end, water in a plug: a `share` of the readings is anything within the measuring range."""

    share: Share = 0.3

    def trouble(self, device: SimSensor, stream: Stream) -> Trouble:
        return _Erratic(self, stream)


class _Erratic(Trouble):
    def __init__(self, fault: SensorErratic, stream: Stream) -> None:
        self._fault = fault
        self._stream = stream

    def sees(self, register: Register, value: float | None, time_s: float) -> float | None:
        if self._fault.quantity not in (None, register.name) or not self._stream.chance(self._fault.share):
            return value
        low, high = _span(register, value)
        return self._stream.uniform(low, high)


def _span(register: Register, value: float | None) -> tuple[float, float]:
    """The measuring range; for who has none, about so much as there is."""
    low = 0.0 if register.low is None else float(register.low)
    return low, max(2.0 * abs(value or 1.0), low + 1.0) if register.high is None else float(register.high)


class SensorLying(ValueTrouble, frozen=True, kw_only=True, tag="sensor_lying"):
    """A program in its test mode, a status that is always good: numbers that look like the place and have nothing to do
    with it."""

    def trouble(self, device: SimSensor, stream: Stream) -> Trouble:
        return _Lying(self.quantity, stream)


class _Lying(_Holds):
    """About what it was, with a day of its own."""

    def __init__(self, quantity: str | None, stream: Stream) -> None:
        super().__init__(quantity)
        self._stream = stream
        self._phase = stream.uniform(0.0, math.tau)
        self._period_s = stream.uniform(0.25, 1.0) * _DAY_S

    def sees(self, register: Register, value: float | None, time_s: float) -> float | None:
        if self._quantity not in (None, register.name):
            return value
        middle = super().sees(register, value, time_s) or 0.1 * _span(register, value)[1]
        wave = 0.05 * math.sin(math.tau * time_s / self._period_s + self._phase)
        return middle * (1.0 + wave + 0.002 * self._stream.normal())


class SensorNoValue(ValueTrouble, frozen=True, kw_only=True, tag="sensor_no_value"):
    """A broken element that the device knows of: it says "no value" as its model does, or refuses (exception 04) where
    the model has no code for that."""

    def trouble(self, device: SimSensor, stream: Stream) -> Trouble:
        return _NoValue(self.quantity)

    @property
    def is_labelled(self) -> bool:
        return False


class _NoValue(Trouble):
    def __init__(self, quantity: str | None) -> None:
        self._quantity = quantity

    def sees(self, register: Register, value: float | None, time_s: float) -> float | None:
        return None if self._quantity in (None, register.name) else value


# --- how it tells -----------------------------------------------------------------------------------------------------


class SensorByteOrder(SensorTrouble, frozen=True, kw_only=True, tag="sensor_byte_order"):
    """A device exchanged or given other firmware: the bytes of its registers come in another `order` (None: each word
    the other way round)."""

    order: Literal["ABCD", "DCBA", "CDAB", "BADC"] | None = None

    def trouble(self, device: SimSensor, stream: Stream) -> Trouble:
        trouble = Trouble()
        trouble.order = self.order or _OTHER_WAY[device.profile.order]
        return trouble


_OTHER_WAY = {"ABCD": "BADC", "BADC": "ABCD", "CDAB": "DCBA", "DCBA": "CDAB"}


class SensorShifted(SensorTrouble, frozen=True, kw_only=True, tag="sensor_shifted"):
    """Firmware with another map: every register stands `offset` addresses further on, and where they stood is 0."""

    offset: Annotated[int, Meta(ge=-1000, le=1000)] = 1

    def trouble(self, device: SimSensor, stream: Stream) -> Trouble:
        trouble = Trouble()
        trouble.offset = self.offset
        return trouble


class SensorBusy(SensorTrouble, frozen=True, kw_only=True, tag="sensor_busy"):
    """A device that is occupied with itself: a `share` of the questions gets an exception (06, device busy)."""

    share: Share = 0.5
    code: Annotated[int, Meta(ge=1, le=11)] = modbus.BUSY

    def trouble(self, device: SimSensor, stream: Stream) -> Trouble:
        return _Busy(self, stream)

    @property
    def is_labelled(self) -> bool:
        return False


class _Busy(Trouble):
    def __init__(self, fault: SensorBusy, stream: Stream) -> None:
        self._fault = fault
        self._stream = stream

    def refuses(self) -> int | None:
        return self._fault.code if self._stream.chance(self._fault.share) else None


class SensorSlow(SensorTrouble, frozen=True, kw_only=True, tag="sensor_slow"):
    """A device that thinks too long, in the cold or with too much to do: an answer takes `low_ms` to `high_ms` more."""

    low_ms: Annotated[float, Meta(ge=0.0, le=30_000.0, extra={"unit": "ms"})] = 100.0
    high_ms: Annotated[float, Meta(ge=0.0, le=30_000.0, extra={"unit": "ms"})] = 1500.0

    def trouble(self, device: SimSensor, stream: Stream) -> Trouble:
        return _Slow(self, stream)

    @property
    def is_labelled(self) -> bool:
        return False


class _Slow(Trouble):
    def __init__(self, fault: SensorSlow, stream: Stream) -> None:
        self._fault = fault
        self._stream = stream

    def delay_ms(self) -> int:
        return round(self._stream.uniform(self._fault.low_ms, self._fault.high_ms))


class SensorResets(SensorTrouble, frozen=True, kw_only=True, tag="sensor_resets"):
    """A device whose watchdog bites, a supply at its limit: it starts anew every `mean_s` on average, is silent while
    it warms up, and has forgotten that it was told to measure."""

    mean_s: Annotated[float, Meta(ge=1.0, le=1e7, extra={"unit": "s"})] = 600.0

    def trouble(self, device: SimSensor, stream: Stream) -> Trouble:
        return _Resets(device, self.mean_s, stream)


class _Resets(Trouble):
    def __init__(self, device: SimSensor, mean_s: float, stream: Stream) -> None:
        self._device = device
        self._mean_s = mean_s
        self._stream = stream
        self._timer = self._next()

    def _next(self) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(self._stream.exponential(self._mean_s), self._now)

    def _now(self) -> None:
        self._device.reset()
        self._timer = self._next()

    def stop(self) -> None:
        self._timer.cancel()


AnySensorFault = (
    SensorFrozen
    | SensorStuck
    | SensorDry
    | SensorDrifted
    | SensorFouled
    | SensorErratic
    | SensorLying
    | SensorNoValue
    | SensorByteOrder
    | SensorShifted
    | SensorBusy
    | SensorSlow
    | SensorResets
)
