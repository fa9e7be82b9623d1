"""Knows the sensor profiles at hand: those that ship, and a user's own in TOML; knows no site.

A user's profile is one file `<model>.toml` with the fields of protocols.profile.Profile, its registers as
`[[register]]` tables with the fields of Register.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from gateway.faults import Fault, SiteError, Tree, doubled, quoted, read, walk
from gateway.messages import Phrase
from protocols import profiles
from protocols.profile import Profile, Write
from protocols.registers import WORDS, Register

Baud = Literal[1200, 2400, 4800, 9600, 14400, 19200, 28800, 38400, 57600, 115200]
Parity = Literal["N", "E", "O"]
StopBits = Literal[1, 2]
UnitId = Annotated[int, Meta(ge=1, le=247)]  # Modbus over serial line V1.02, section 2.2

_Text = Annotated[str, Meta(min_length=1, extra={"allowed": Phrase("allowed.some_text")})]
_Byte = Annotated[int, Meta(ge=0, le=0xFF)]
_Word = Annotated[int, Meta(ge=0, le=0xFFFF)]
_Milliseconds = Annotated[int, Meta(ge=0, le=3_600_000, extra={"unit": "ms"})]
_Told = tuple[Annotated[int, Meta(ge=1, le=127)], _Word, Annotated[int, Meta(ge=0, le=125)]]
_Words = Annotated[int, Meta(ge=1, le=125)]  # Modbus application protocol V1.1b3, section 6.3


class RegisterFile(Struct, frozen=True, kw_only=True):
    """One `[[register]]` of a user's profile: protocols.registers.Register as it is written."""

    name: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,31}\Z", extra={"allowed": Phrase("allowed.quantity")})]
    address: _Word
    kind: Literal["u16", "i16", "u32", "i32", "f32", "u8"]
    unit: str
    low: float | None = None
    high: float | None = None
    decimals: Annotated[int, Meta(ge=0, le=6)] = 0
    exponent: Annotated[int, Meta(ge=-9, le=9)] = 0
    invalid: tuple[int, ...] = ()
    point_at: _Word | None = None


class WriteFile(Struct, frozen=True, kw_only=True):
    """One `[[write]]` of a user's profile: protocols.registers.Write as it is written."""

    name: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,31}\Z", extra={"allowed": Phrase("allowed.quantity")})]
    function: Literal[6, 16] = 6
    address: _Word
    kind: Literal["u16", "i16", "u32", "i32", "f32", "u8"] | None = None
    low: int = 0
    high: int = 0
    decimals: Annotated[int, Meta(ge=0, le=6)] = 0
    exponent: Annotated[int, Meta(ge=-9, le=9)] = 0


class ProfileFile(Struct, frozen=True, kw_only=True, rename={"registers": "register", "writes": "write"}):
    """A user's profile: protocols.profile.Profile as it is written; the model is the file's name."""

    title: _Text
    title_zh: str = ""
    kind: Literal["water", "air", "ground", "weather"]
    registers: Annotated[tuple[RegisterFile, ...], Meta(min_length=1)]
    confidence: Literal["manual", "driver", "note", "generic"]
    source: _Text
    notes: str = ""
    function: Literal[3, 4] = 3
    order: Literal["ABCD", "DCBA", "CDAB", "BADC"] = "ABCD"
    baud: Baud = 9600
    parity: Parity = "N"
    stop_bits: StopBits = 1
    unit_id: UnitId = 1
    warm_up_ms: _Milliseconds = 0
    settle_ms: _Milliseconds = 0
    measure_ms: _Milliseconds = 0
    start: _Told | None = None
    busy_retry_ms: _Milliseconds = 0
    silent_on_unknown: bool = False
    reserved_unit_ids: tuple[_Byte, ...] = ()
    max_words: _Words = 125
    max_gap: Annotated[int, Meta(ge=0, le=124)] = 0
    power_mw: Annotated[int, Meta(ge=0, le=1_000_000, extra={"unit": "mW"})] | None = None
    latency_ms: Annotated[int, Meta(ge=1, le=60_000, extra={"unit": "ms"})] = 300
    writes: tuple[WriteFile, ...] = ()
    wipe: _Told | None = None
    wipe_ms: _Milliseconds = 0
    serial: _Told | None = None
    serial_model: _Text | None = None


class Library:
    """Profiles by model; shipped ones are imported when they are asked for."""

    def __init__(self) -> None:
        self._own: dict[str, Profile] = {}
        self.faulty: set[str] = set()  # models whose own file has faults: known, but not to be had

    @property
    def models(self) -> tuple[str, ...]:
        return tuple(sorted({*profiles.MODELS, *self._own, *self.faulty}))

    def profile(self, model: str) -> Profile:
        """UnknownProfile: not in `models`, or faulty."""
        return self._own[model] if model in self._own else profiles.load(model)

    def all(self) -> tuple[Profile, ...]:
        """Every sound profile, in the order of `models`."""
        return tuple(self.profile(model) for model in self.models if model not in self.faulty)

    def add_folder(self, folder: Path, name: str) -> list[Fault]:
        """Takes in every *.toml of `folder`/`name`, and returns the faults found there."""
        if not (folder / name).is_dir():
            return [Fault("profile_dir", "fault.no_folder", found=quoted(name))]
        faults: list[Fault] = []
        for path in sorted((folder / name).glob("*.toml")):
            try:
                self._own[path.stem] = _profile(path, f"{name.rstrip('/')}/{path.name}")
            except SiteError as error:
                self.faulty.add(path.stem)
                faults += error.faults
        return faults


def serial_text(baud: int, parity: str, stop_bits: int) -> str:
    """A line's settings as technicians write them: "9600 8N1"."""
    return f"{baud} 8{parity}{stop_bits}"


def _profile(path: Path, file: str) -> Profile:
    tree = read(path, file)
    sound, faults = walk(tree, ProfileFile)
    faults += agreement(sound.get("register", ()))
    if path.stem in profiles.MODELS:
        faults.append(Fault("", "fault.shipped_profile", Phrase("hint.rename_file"), model=path.stem))
    if faults:
        raise SiteError([fault.in_file(file) for fault in faults])
    written = msgspec.convert(tree, ProfileFile)
    fields = msgspec.structs.asdict(written)
    fields["registers"] = tuple(Register(**msgspec.structs.asdict(register)) for register in written.registers)
    fields["writes"] = tuple(Write(**msgspec.structs.asdict(write)) for write in written.writes)
    fields["title_zh"] = written.title_zh or written.title
    return Profile(model=path.stem, **fields)


def agreement(registers: Iterable[Tree]) -> list[Fault]:
    """The faults between the registers of one profile."""
    rows = [(f"register[{index}]", register) for index, register in enumerate(registers)]
    faults = doubled([(f"{path}.name", register.get("name")) for path, register in rows])
    for path, register in rows:
        low, high = register.get("low"), register.get("high")
        if low is not None and high is not None and low >= high:
            faults.append(Fault(f"{path}.high", "fault.low_above_high", low=low, high=high))
        if "kind" in register and register.get("address", 0) + WORDS[register["kind"]] > 0x10000:
            faults.append(Fault(f"{path}.address", "fault.past_the_end", found=register["address"]))
    return faults
