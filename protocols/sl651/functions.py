"""Knows the function codes of SL 651 (draft 6.2) and what sort of body each has; knows no bytes."""

KEEP_ALIVE, TEST, UNIFORM, TIMED, ADDITIONAL, HOURLY, MANUAL, PICTURE = range(0x2F, 0x37)
QUERY_NOW, QUERY_PERIOD, QUERY_MANUAL, QUERY_ELEMENTS = range(0x37, 0x3B)
SET_BASIC, READ_BASIC, SET_RUNNING, READ_RUNNING = range(0x40, 0x44)
QUERY_PUMP, QUERY_VERSION, QUERY_STATUS, INITIALISE, RESTORE, SET_PASSWORD, SET_CLOCK = range(0x44, 0x4B)
SET_CARD, PUMP, VALVE, GATE, QUOTA, QUERY_EVENTS, QUERY_CLOCK = range(0x4B, 0x52)

KNOWN = frozenset((*range(0x2F, 0x3B), *range(0x40, 0x52)))
REPORTS = frozenset((TEST, UNIFORM, TIMED, ADDITIONAL, HOURLY))
# bodies of elements or parameters, upward; all others are kept as bytes behind the station address
_LISTS = frozenset(
    (*REPORTS, QUERY_NOW, QUERY_PERIOD, QUERY_ELEMENTS, SET_BASIC, READ_BASIC, SET_RUNNING, READ_RUNNING, QUERY_PUMP,
     QUERY_STATUS, SET_PASSWORD, MANUAL, QUERY_MANUAL, PICTURE, INITIALISE, RESTORE)
)  # fmt: skip
# downward: pairs (identifier, definition) without data
_WISHES = frozenset((QUERY_ELEMENTS, READ_BASIC, READ_RUNNING))
_SETTINGS = frozenset((SET_BASIC, SET_RUNNING, SET_PASSWORD, INITIALISE, RESTORE))
# the station's type follows its address in these
TYPED = frozenset((*REPORTS, PICTURE, QUERY_NOW, QUERY_PERIOD, QUERY_ELEMENTS, QUERY_PUMP))

# identifiers in these are parameters
PARAMETRIC = frozenset((SET_BASIC, READ_BASIC, SET_RUNNING, READ_RUNNING, SET_PASSWORD, INITIALISE, RESTORE))


def has_elements(function: int, is_down: bool) -> bool:
    return function in (_SETTINGS if is_down else _LISTS)


def has_wishes(function: int, is_down: bool) -> bool:
    return is_down and function in _WISHES
