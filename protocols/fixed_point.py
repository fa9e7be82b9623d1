"""Knows how a fixed-point value is written for people and JSON; knows no unit and no channel."""


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
