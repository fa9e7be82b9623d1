"""Knows how a number lies in an element's data: BCD with its data definition byte; knows no element.

The definition's high five bits count the bytes, its low three the decimals (draft 6.6.3). A negative number has a
leading FF byte that counts. Anything else that is no decimal digit means "no value": all F in the standard, AA.. in the
field.
"""

from protocols.errors import RangeError

MOST_BYTES, MOST_DECIMALS = 31, 7


def definition(octets: int, decimals: int) -> int:
    """The data definition byte."""
    if not 0 <= octets <= MOST_BYTES or not 0 <= decimals <= MOST_DECIMALS:
        raise RangeError(f"{octets} bytes with {decimals} decimals have no definition byte")
    return octets << 3 | decimals


def octets_of(definition_byte: int) -> int:
    return definition_byte >> 3


def decimals_of(definition_byte: int) -> int:
    return definition_byte & 7


def decode(data: bytes) -> int | None:
    """The number without its decimal point; None: no value."""
    digits = data.hex()
    sign = 1
    if len(data) > 1 and data[0] == 0xFF:
        sign, digits = -1, digits[2:]
    return sign * int(digits) if digits.isdecimal() else None


def encode(value: int | None, digits: int, decimals: int) -> tuple[int, bytes]:
    """(definition byte, data) of a number with room for so many digits. It takes more bytes where it needs them: the
    definition byte says so (ours; receivers must obey it). RangeError: more than 31 bytes."""
    octets = (digits + 1) // 2
    if value is None:
        return definition(octets, decimals), b"\xff" * octets
    text = str(abs(value))
    octets = max(octets, (len(text) + 1) // 2)
    data = bytes.fromhex(text.rjust(2 * octets, "0"))
    if value < 0:
        data = b"\xff" + data
    return definition(len(data), decimals), data
