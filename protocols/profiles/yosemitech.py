"""Knows what all Yosemitech water probes have in common on the wire; knows no single model.

Source: EnviroDIY/YosemitechModbus:src/YosemitechModbus.cpp, README.md and ChangeLog.md (registers, float bytes least
significant first, 9600 8N1, unit 1, only functions 3 and 16, no reply at all to a register the manual does not list).
Ranges, decimals and times: EnviroDIY/ModularSensors:src/sensors/YosemitechY*.h, whose decimals follow the accuracy.
"""

from protocols.profile import Profile, Write
from protocols.registers import Register

START = (3, 0x2500, 0)  # a read of no registers, answered with no registers: outside the standard
WIPE = (16, 0x3100, 0)  # activateBrush() of the library
_WIPE_MS = 15_000  # what ModularSensors' Y560 allows for brushing; of the others nothing is said

# YosemitechModbus.cpp: setSlaveID, activateBrush, pHCalibrationPoint. The unit id is the first byte of its word.
ADDRESS = Write("address", 16, 0x3000, "u8", 1, 247)
PH_POINT = Write("calibrate_ph", 16, 0x2300, "f32", 0, 1400, decimals=2)

# YosemitechModbus.cpp, getSerialNumber: 14 characters, of which the fourth and fifth name the model
SERIAL = (3, 0x0900, 7)
_SERIAL_MODELS = {
    "yosemitech_y504": "???01",
    "yosemitech_y520": "???09",
    "yosemitech_y511": "???29",
    "yosemitech_y514": "???48",
    "yosemitech_y532": "???43",
}

_NOTES = (
    "No reply to unlisted registers nor to broadcast 0. Keep addresses on one bus a few numbers apart (library "
    "README). 5-12 V; a brush draws up to 290 mA for 10-15 ms as it starts. Brush interval and other settings fall "
    "back to their factory values with each loss of power."
)


def temperature(address: int = 0x2600, low: int = 0, high: int = 50, decimals: int = 1) -> Register:
    """The water temperature that every probe adds; accuracy 0.2 degC."""
    return Register("temperature", address, "f32", "degC", low, high, decimals=decimals)


def probe(
    model: str,
    title: str,
    title_zh: str,
    registers: "tuple[Register, ...]",
    times_ms: "tuple[int, int, int]",
    start: "tuple[int, int, int] | None" = START,
    notes: str = "",
    power_mw: "int | None" = None,
    wipe: "tuple[int, int, int] | None" = None,
    writes: "tuple[Write, ...]" = (),
) -> Profile:
    """A Yosemitech profile; `times_ms` is warm-up, settling, measuring as ModularSensors gives them."""
    warm_up_ms, settle_ms, measure_ms = times_ms
    header = "Yosemitech" + model.split("_")[1].upper() + ".h"
    return Profile(
        model,
        title,
        title_zh,
        "water",
        registers,
        confidence="driver",
        source="EnviroDIY/YosemitechModbus:src/YosemitechModbus.cpp; EnviroDIY/ModularSensors:src/sensors/" + header,
        notes=(notes + " " + _NOTES) if notes else _NOTES,
        order="DCBA",
        warm_up_ms=warm_up_ms,
        settle_ms=settle_ms,
        measure_ms=measure_ms,
        start=start,
        silent_on_unknown=True,
        power_mw=power_mw,
        wipe=wipe,
        wipe_ms=_WIPE_MS if wipe else 0,
        writes=(ADDRESS,) + tuple(writes),
        serial=None if model == "yosemitech_y4000" else SERIAL,  # its registers are others
        serial_model=_SERIAL_MODELS.get(model),
    )
