"""Knows one reading of one channel as every wire and disk holds it; not where it came from or goes to."""

from protocols.record import Record


class Sample(Record):
    """`value` is fixed-point: 812 with 2 decimals is 8.12; None is "no value", never zero.

    `unix_ms` is UTC milliseconds since 1970; `quality` is a set of flags (protocols/quality.py).
    """

    __slots__ = ("channel", "quality", "unix_ms", "value")

    def __init__(self, channel: str, unix_ms: int, value: "int | None", quality: int) -> None:
        self.channel = channel
        self.unix_ms = unix_ms
        self.value = value
        self.quality = quality


def decimal_text(value: "int | None", decimals: int) -> str:
    """A fixed-point value as people and JSON write it: (812, 2) -> "8.12", (-5, 3) -> "-0.005", None -> "null"."""
    if value is None:
        return "null"
    if decimals <= 0:
        return str(value)
    sign = "-" if value < 0 else ""
    digits = str(abs(value))
    digits = "0" * (decimals + 1 - len(digits)) + digits
    return sign + digits[:-decimals] + "." + digits[-decimals:]
