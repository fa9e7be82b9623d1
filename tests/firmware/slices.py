"""Knows a node's slice of a site file as plain data for tests; gateway/site/slice.py writes the real ones."""

import json
from binascii import hexlify

KEY = bytes(range(32))


def register(name="x", address=0, kind="u16", decimals=0):
    return [name, address, kind, decimals, 0, None, None, [], None]


def sensor(id="a", unit_id=1, period_s=2, rail=None, registers=None, **times):
    plain = {
        "id": id,
        "bus": 0,
        "unit_id": unit_id,
        "period_s": period_s,
        "rail": rail,
        "function": 3,
        "order": "ABCD",
        "warm_up_ms": 0,
        "settle_ms": 0,
        "measure_ms": 0,
        "start": None,
        "busy_retry_ms": 0,
        "max_words": 125,
        "max_gap": 0,
        "registers": registers or [register()],
    }
    plain.update(times)
    return plain


def node(*sensors, report_s=10, schema=0x1234, **more):
    plain = {
        "version": 2,
        "node": 17,
        "name": "water",
        "schema": schema,
        "key": hexlify(KEY).decode(),
        "report_s": report_s,
        "max_frame": 250,
        "buses": [{"id": "uart1", "baud": 9600, "parity": "N", "stop_bits": 1}],
        "order": list(range(len(sensors))),
        "wipers": [],
        "battery": None,
        "emergency_s": 0,
        "limits": [],
        "sensors": list(sensors),
    }
    plain.update(more)
    return plain


def encoded(plain):
    return json.dumps(plain).encode()
