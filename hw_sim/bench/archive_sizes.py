"""Knows what a station costs a broker: bytes of a message, of a signed day, and memory of a connection with what is
retained for it; knows no database."""

import os
import socket
import struct
import subprocess
import time
from pathlib import Path

from gateway.store import Day, Row, Series
from gateway.uplink.payload import data_message, day_message, series_message
from hw_sim.bench.gateway_broker import find_mosquitto
from hw_sim.station import free_ports

_STATIONS, _SENSORS, _VALUES = 1000, 10, 10
_SEQ = 52_000_000  # of a station with 10 sensors a minute in its tenth year
_START_MS = 1_790_000_000_000
_DAY = "2026-11-29"


def payload_bytes(rows: int) -> int:
    """Of a message with so many rows of ten values of five digits, all good, from sensors asked one after the other."""
    values = [tuple((n * place * 7919 % 89_999) + 10_000 for place in range(1, _VALUES + 1)) for n in range(rows)]
    told = [Row(_SEQ + n, n % _SENSORS + 1, _START_MS + 6_000 * n, cells, None) for n, cells in enumerate(values)]
    return len(data_message(_SEQ - 1, told, dict.fromkeys(range(1, _SENSORS + 1), (3,) * _VALUES)))


def signature_bytes() -> int:
    """Of a retained signature, its topic included."""
    said = day_message(Day(_DAY, _SEQ // 1000, bytes(32), bytes(64), bytes(32)))
    return len(said) + len(_topic("fleet-00001", f"signature/{_DAY}"))


def station_bytes(folder: Path) -> float:
    """mosquitto's memory for one connection, its status, its series and its last signature, all retained."""
    port = free_ports(1)[0]
    config = folder / "sizes.conf"
    user = "user root\n" if os.geteuid() == 0 else ""
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n{user}")
    broker = subprocess.Popen([find_mosquitto(), "-c", str(config)], stderr=subprocess.DEVNULL)
    sockets: list[socket.socket] = []
    try:
        sockets.append(_station(port, 0))
        before = _resident(broker.pid)
        sockets += [_station(port, number) for number in range(1, _STATIONS + 1)]
        return (_resident(broker.pid) - before) / _STATIONS
    finally:
        for one in sockets:
            one.close()
        broker.terminate()
        broker.wait()


def _station(port: int, number: int) -> socket.socket:
    """Connected, and all it retains is confirmed."""
    name = f"fleet-{number:05d}"
    while True:
        one = socket.socket()
        if one.connect_ex(("127.0.0.1", port)) == 0:
            break
        one.close()
        time.sleep(0.05)
    one.sendall(_packet(0x10, _text("MQTT") + bytes((4, 0b10)) + struct.pack(">H", 60) + _text(f"watertower-{name}")))
    _expect(one, 0x20)
    told = {"status": b'{"online":true,"unix_ms":1790000000000}'}
    for id in range(1, _SENSORS + 1):
        channels = [(f"sensor{id}.value{place}", "mg/L", 3) for place in range(_VALUES)]
        told[f"series/{id}"] = series_message(Series(id, f"sensor sensor{id}", tuple(channels)))
    told[f"signature/{_DAY}"] = day_message(Day(_DAY, 1, bytes(32), bytes(64), bytes(32)))
    for place, (topic, payload) in enumerate(told.items(), 1):
        one.sendall(_packet(0x33, _text(_topic(name, topic)) + struct.pack(">H", place) + payload))  # QoS 1, retained
        _expect(one, 0x40)
    return one


def _topic(station: str, kind: str) -> str:
    return f"watertower/{station}/{kind}"


def _text(text: str) -> bytes:
    return struct.pack(">H", len(text)) + text.encode()


def _packet(head: int, body: bytes) -> bytes:
    """MQTT 3.1.1, 2.2.3: the length in sevens of bits, at most two bytes of it here."""
    length = len(body)
    assert length < 1 << 14
    return bytes((head, length)) + body if length < 128 else bytes((head, length & 127 | 128, length >> 7)) + body


def _expect(one: socket.socket, head: int) -> None:
    """CONNACK and PUBACK have four bytes."""
    answer = one.recv(4, socket.MSG_WAITALL)
    assert len(answer) == 4 and answer[0] == head, answer


def _resident(pid: int) -> int:
    """Bytes of memory that a process has (Linux)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise OSError("no VmRSS")
