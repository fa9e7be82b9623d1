"""A gateway's store and Sparkplug uplink as a process that can be killed: each 50 ms a row of sensor "level" with its
number for a value; "do" answers until standard input says `silent`. It tells each number that is on disk."""

import asyncio
import json
import sys
from pathlib import Path

from gateway.control.desk import Desk
from gateway.control.platform import Platform
from gateway.machine.timekeeping import Trusted
from gateway.ports import SystemClock
from gateway.site.config import Channel, MqttUplink
from gateway.store import Store
from gateway.uplink.birth_count import BirthCount
from gateway.uplink.devices import Device
from gateway.uplink.mqtt import MqttForwarder
from gateway.uplink.paho import PahoPublisher
from gateway.uplink.sparkplug import Sparkplug
from protocols import quality

EVERY_S = 0.05


def channel(sensor: str, quantity: str, unit: str, decimals: int) -> Channel:
    return Channel(name=f"{sensor}.{quantity}", sensor=sensor, node=None, quantity=quantity, unit=unit,
                   decimals=decimals, low=None, high=None)  # fmt: skip


class Past:
    def __init__(self, store: Store) -> None:
        self.all_series = store.all_series
        self.newest = lambda: [row for row in store.newest() if row.seq]


async def main(port: int, folder: Path, primary_host: str | None) -> None:
    clock = Trusted(SystemClock())
    store = Store(folder / "store.db", clock)
    level = store.series("sensor level", [channel("level", "number", "", 0), channel("level", "pressure", "bar", 2)])
    oxygen = store.series("sensor do", [channel("do", "oxygen", "mg/L", 2)])
    uplink = MqttUplink(id="scada", host="127.0.0.1", port=port, dialect="sparkplug", primary_host=primary_host,
                        commands="operator", again_s=20)  # fmt: skip

    async def write(argument: object, name: str) -> dict[str, object]:
        print(json.dumps({"kind": "written", "value": argument.value}), flush=True)  # type: ignore[attr-defined]
        return {"outcome": "done"}

    platform = Platform(Desk((), {"write": write}, store, clock), uplink.id, uplink.commands)
    known = {
        "sensor level": Device("level", "sensor level", "level", 5000, ("gain",)),
        "sensor do": Device("do", "sensor do", "oxygen", 1000),
    }
    count = BirthCount(folder / "bdseq")
    dialect = Sparkplug("demo", uplink, known, "Demonstration", count, store.clock, Past(store), platform)
    forwarder = MqttForwarder(uplink, dialect, PahoPublisher(uplink, "edge"), store, store.clock)
    running = asyncio.create_task(forwarder.run())
    loop, words = asyncio.get_running_loop(), asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(words), sys.stdin)
    reading, said = asyncio.create_task(words.readline()), ""
    while said != "end":
        if reading.done():
            said, reading = reading.result().decode().strip(), asyncio.create_task(words.readline())
        if said != "still":
            now_ms, number = store.clock.unix_ms(), store.last_seq + 1
            store.add_poll(level, now_ms, [(number, 0), (number, 0)])
            cell = (None, quality.NO_REPLY) if said == "silent" else (number, quality.RANGE)
            store.add_poll(oxygen, now_ms, [cell])
            store.commit()
            print(json.dumps({"kind": "stored", "number": number}), flush=True)
        await asyncio.sleep(EVERY_S)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else None))
