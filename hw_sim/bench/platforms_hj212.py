"""Measures HJ 212 packets, and what a reading costs on the wire; judges nothing."""

from gateway.uplink.hj212.sm4 import cipher
from hw_sim.bench.platforms_sl651 import rate
from protocols.hj212.frame import Frames
from protocols.hj212.packet import V2025, Packet, flag, items_of, read, write
from protocols.hj212.readings import Reading, items

_MN = "010000A8900016F000169DC0"
_CODES = ("w01001", "w01009", "w01010", "w01014", "w01018", "w01019", "w21003", "w21011", "w21001", "w20122")
_MOMENT = "20260101080000"


def packet(count: int, cn: str = "2011", version: int = 1) -> Packet:
    """So many readings of one time: real-time values, or a period's three statistics."""
    said = (("Rtd", "12.3"),) if cn == "2011" else (("Min", "12.1"), ("Avg", "12.3"), ("Max", "12.6"))
    region = items(_MOMENT, [Reading(_CODES[place % 10], said, "N") for place in range(count)])
    return Packet(cn, _MN, region, "20260101080500123", "21", "123456", flag(version, True))


def figures() -> dict[str, float]:
    """Name -> value; bytes are on the wire, without TCP and IP, the platform's answer left out."""
    one = packet(10)
    data = write(one)
    stream = data * 100
    secret = cipher(b"0123456789abcdef")
    late = packet(10, version=V2025)
    answer = write(Packet("9014", _MN, (), one.qn, "91", "123456", flag(1, False)))
    return {
        "hj212_encoded_per_s": rate(lambda: write(one)),
        "hj212_decoded_per_s": rate(lambda: read(Frames().feed(data)[0])),
        "hj212_2025_enciphered_per_s": rate(lambda: write(late, secret)),
        "hj212_stream_mb_per_s": rate(lambda: Frames().feed(stream)) * len(stream) / 1e6,
        "hj212_bytes_per_reading": len(data) / 10,
        "hj212_bytes_of_one_reading": float(len(write(packet(1)))),
        "hj212_hour_bytes_per_channel": len(write(packet(10, "2061"))) / 10,
        "hj212_answer_bytes": float(len(answer)),
        "hj212_heartbeat_bytes": float(len(write(one._replace(cn="9015", items=items_of())))),
    }
