"""Measures SL 651 frames and what readings cost on small channels, beside the MQTT payload; judges nothing."""

import time
from collections.abc import Callable

from gateway.store import Row
from gateway.uplink import payload
from protocols.sl651 import body, functions, message
from protocols.sl651.body import Body, Item
from protocols.sl651.frame import ETX, Frame, decode, encode
from protocols.sl651.stream import Stream

_LEAST_S = 0.5  # of each measurement
_IDS = ("39", "27", "20", "38", "03", "46", "47", "48", "4C", "49")
_UP = Frame(False, 1, "0012345678", "A000", functions.TIMED, b"", ETX)
_SMALL = {"sms": 140, "beidou": 98, "beidou_least": 78}  # bytes of a message: SL 651 draft, 6.3


def report(count: int) -> Body:
    """One time with so many readings."""
    items: list[Item] = [body.station("0012345678", "H"), body.time("2601010800")]
    return Body(7, "260101080000", (*items, *(body.standard(_IDS[place % 10], 1234) for place in range(count))))


def frame(count: int, is_ascii: bool = False) -> bytes:
    return encode(message.written(_UP._replace(is_ascii=is_ascii), report(count)))


def figures() -> dict[str, float]:
    """Name -> value; bytes are on the wire, without TCP and IP."""
    data, content = frame(10), report(10)
    stream = data * 100
    found = {
        "sl651_encoded_per_s": rate(lambda: encode(message.written(_UP, content))),
        "sl651_decoded_per_s": rate(lambda: message.read(decode(data))),
        "sl651_stream_mb_per_s": rate(lambda: Stream().feed(stream)) * len(stream) / 1e6,
        "sl651_hex_bytes_per_reading": len(data) / 10,
        "sl651_ascii_bytes_per_reading": len(frame(10, is_ascii=True)) / 10,
        "sl651_hex_bytes_of_one_reading": float(len(frame(1))),
        "mqtt_payload_bytes_per_reading": _mqtt(10) / 10,
        "mqtt_payload_bytes_of_one_reading": float(_mqtt(1)),
    }
    for name, most in _SMALL.items():
        fitting = max(count for count in range(1, 60) if len(frame(count)) <= most)
        found[f"{name}_readings_per_message"] = float(fitting)
        found[f"{name}_bytes_per_reading"] = len(frame(fitting)) / fitting
    return found


def _mqtt(count: int) -> int:
    row = Row(123_456, 3, 1_767_225_600_000, tuple([1234] * count), None)
    return len(payload.data_message(123_455, [row], {3: tuple([2] * count)}))


def rate(action: Callable[[], object]) -> float:
    began_s, done = time.process_time(), 0
    while (took_s := time.process_time() - began_s) < _LEAST_S:
        action()
        done += 1
    return done / took_s


if __name__ == "__main__":
    for name, value in figures().items():
        print(f"{name:36} {value:>12.5g}")
