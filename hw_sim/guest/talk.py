"""Knows how a guest asks its simulator: JSON lines over stdin and stdout; knows no board and no firmware.

Call: ["name", arguments...]; answer: [result, monotonic ms]. Bytes travel as hexadecimal. Time stands still between
two calls, so that the node lives in the simulator's time, virtual or real.
"""

import json
import sys

try:
    from hostlink import call  # the VM in Node has no pipes of its own
except ImportError:

    def call(line: str) -> str:
        sys.stdout.write(line + "\n")
        if hasattr(sys.stdout, "flush"):
            sys.stdout.flush()
        return sys.stdin.readline()


now_ms = [0]


class Refused(Exception):
    """The board has no such thing: says what."""


def ask(*what: object):  # type: ignore[no-untyped-def]  # -> Any: MicroPython has no typing
    answer = call(json.dumps(what))
    if not answer:
        sys.exit()  # the simulator is gone
    result, now_ms[0] = json.loads(answer)
    if isinstance(result, dict):
        raise Refused(result["refused"])
    return result
