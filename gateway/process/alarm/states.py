"""Knows the states of an alarm and what leads from one to another; knows no rule, no value, no time.

The states A to I of ANSI/ISA-18.2-2016 and IEC 62682:2014 (their alarm state transition diagram), by their words. The
text of the standards was not at hand; names and transitions were held against public descriptions of them.
"""

NORMAL = "normal"  # A
UNACKNOWLEDGED = "unacknowledged"  # B: in alarm, nobody has said that he knows
ACKNOWLEDGED = "acknowledged"  # C
RETURNED = "returned"  # D: over, and nobody has said that he saw it
LATCHED_UNACKNOWLEDGED = "latched_unacknowledged"  # E: over, but has to be reset
LATCHED_ACKNOWLEDGED = "latched_acknowledged"  # F
SHELVED = "shelved"  # G: by a person, for a time
SUPPRESSED = "suppressed"  # H: by design, while another condition holds
OUT_OF_SERVICE = "out_of_service"  # I: by a person, until further notice

SILENT = (SHELVED, SUPPRESSED, OUT_OF_SERVICE)
STANDING = (UNACKNOWLEDGED, ACKNOWLEDGED)

# (state, event) -> state. What has no row changes nothing. "raise" and "clear" are the condition's, after its delays.
_AFTER = {
    (NORMAL, "raise"): UNACKNOWLEDGED,
    (UNACKNOWLEDGED, "clear"): RETURNED,
    (UNACKNOWLEDGED, "acknowledge"): ACKNOWLEDGED,
    (ACKNOWLEDGED, "clear"): NORMAL,
    (RETURNED, "raise"): UNACKNOWLEDGED,
    (RETURNED, "acknowledge"): NORMAL,
    (LATCHED_UNACKNOWLEDGED, "raise"): UNACKNOWLEDGED,
    (LATCHED_UNACKNOWLEDGED, "acknowledge"): LATCHED_ACKNOWLEDGED,
    (LATCHED_ACKNOWLEDGED, "raise"): UNACKNOWLEDGED,
    (LATCHED_ACKNOWLEDGED, "reset"): NORMAL,
    (SHELVED, "unshelve"): NORMAL,
    (SUPPRESSED, "unsuppress"): NORMAL,
    (OUT_OF_SERVICE, "return"): NORMAL,
    # a person may take what is silent already out of service
    (SHELVED, "remove"): OUT_OF_SERVICE,
    (SUPPRESSED, "remove"): OUT_OF_SERVICE,
    (SUPPRESSED, "shelve"): SHELVED,
}
_FROM_ALL_HEARD = {"shelve": SHELVED, "suppress": SUPPRESSED, "remove": OUT_OF_SERVICE}
_LATCHED = {UNACKNOWLEDGED: LATCHED_UNACKNOWLEDGED, ACKNOWLEDGED: LATCHED_ACKNOWLEDGED}

ALL = (NORMAL, UNACKNOWLEDGED, ACKNOWLEDGED, RETURNED, *_LATCHED.values(), *SILENT)


def after(state: str, event: str, is_latched: bool = False, is_acknowledged: bool = True) -> str:
    """`is_acknowledged`: whether the rule asks a person to acknowledge at all."""
    if event == "clear" and is_latched and state in _LATCHED:
        return _LATCHED[state]
    if event in _FROM_ALL_HEARD and state not in SILENT:
        return _FROM_ALL_HEARD[event]
    found = _AFTER.get((state, event), state)
    return NORMAL if found == RETURNED and not is_acknowledged else found


def fitting(state: str, is_latched: bool, is_acknowledged: bool, is_suppressible: bool) -> str:
    """What becomes of a state that an alarm had under a rule that has changed since."""
    if state == SUPPRESSED and not is_suppressible:
        return NORMAL
    if state in _LATCHED.values() and not is_latched:
        state = RETURNED if state == LATCHED_UNACKNOWLEDGED else NORMAL
    return NORMAL if state == RETURNED and not is_acknowledged else state
