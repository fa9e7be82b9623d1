"""Knows what const() is to Python: nothing. MicroPython's compiler puts such a number where it is used.

Imported where `__debug__` is: code compiled for a board (-O3) leaves that out and needs no name for it.
"""


def const(value: int) -> int:
    return value
