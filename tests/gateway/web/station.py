"""A station to look at: the bench's site file, a day of readings, and of a gateway the control socket alone."""

import asyncio
import math
import ssl
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from gateway.control.door import Caller, Door
from gateway.process.alarm import states
from gateway.site.config import Site, load
from gateway.states import (
    AlarmState,
    BusState,
    ChannelState,
    DeviceState,
    EventState,
    NodeState,
    RadioState,
    ServiceState,
    Status,
    StoreState,
    UplinkState,
)
from gateway.store import Store
from gateway.web.command import opened
from gateway.web.password import PasswordFile
from gateway.web.server import Server
from protocols import quality
from protocols.fixed_point import decimal_text
from tests.gateway.doubles import HandClock

BENCH = Path(__file__).parents[3] / "hw_sim" / "sites" / "bench.toml"
BATTERY = "  [node.battery]\n  cells = 4\n  capacity_ah = 20\n\n"  # of the first node
POSITIONS = {  # of some, beside their names: a river from the north-west to the south-east
    "level": "latitude = 33.0004\nlongitude = 96.9996",
    "turb": "latitude = 33.0004\nlongitude = 96.9997",
    "upstream": "latitude = 33.0095\nlongitude = 96.9815",
    "outfall": "latitude = 32.9952\nlongitude = 97.0041",
    "downstream": "latitude = 32.9846\nlongitude = 97.0198",
}
UPLINKS = """
[[uplink]]
id = "province"
type = "mqtt"
host = "127.0.0.1"

[[uplink]]
id = "spare"
type = "mqtt"
host = "127.0.0.1"
"""
RULES = """
[[rule]]
id = "oxygen"
title = "Too little oxygen for fish"
title_zh = "溶解氧过低，危及鱼类"
level = "orange"
when = "do.dissolved_oxygen < 5"

[[rule]]
id = "murky"
title = "Turbid water"
title_zh = "水体浑浊"
level = "yellow"
when = "mean(turb.turbidity, 1h) > 200"

[[rule]]
id = "sour"
title = "Acid discharge"
title_zh = "酸性排放"
level = "red"
when = "acid.ph < 6 and change(acid.ph, 1h) < -1"
latched = true
"""
PASSWORD = "cold hands, warm heart"
DAY_MS = 86_400_000
LEVELS = {  # of a clear river at 4,200 m: middle, swing
    "temperature": (6.2, 3.5),
    "dissolved_oxygen": (8.1, 0.6),
    "oxygen_saturation": (98.0, 4.0),
    "conductivity": (0.31, 0.025),  # mS/cm
    "turbidity": (12.0, 6.0),
    "ph": (8.2, 0.15),
    "pressure": (0.145, 0.01),
    "ammonium": (0.12, 0.04),
    "cod": (4.1, 0.8),
    "chlorophyll": (1.6, 0.4),
}


def worth_of(quantity: str, minute: int, decimals: int) -> int:
    middle, swing = LEVELS.get(quantity, (20.0, 5.0))
    wave = math.sin(minute / 1440 * 2 * math.pi - 2) + 0.12 * math.sin(minute * 1.7) + 0.1 * math.sin(minute * 0.31)
    return round((middle + swing * wave) * 10**decimals)


class World:
    """Files of a station in `folder`, and `status`, which its gateway tells as long as it runs."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "site.toml"
        text = BENCH.read_text("utf-8").replace("  [[node.bus]]", f"{BATTERY}  [[node.bus]]", 1)
        for name, place in POSITIONS.items():
            text = text.replace(f'"{name}"\n', f'"{name}"\n{place}\n', 1)
        self.file.write_text(text + UPLINKS + RULES, "utf-8")
        self.site = load(self.file)
        self.clock = HandClock()
        self.clock.unix += 30 * DAY_MS
        self.password = PasswordFile(Path(self.site.web.password_file))
        self.password.keep(PASSWORD)
        self._fill()
        self.status = well(self.site, self.clock.unix)

    def _fill(self) -> None:
        """A day until now, with a gap of two hours; the sensors of one bus and of each node are rows together."""
        store = Store(Path(self.site.store.path), HandClock(self.clock.unix))
        for sensor in (*self.site.sensors, *(one for node in self.site.nodes for one in node.sensors)):
            channels = [one for one in self.site.channels if one.sensor == sensor.id]
            series = store.series(f"sensor {sensor.id}", channels)
            step = 5 if sensor in self.site.sensors else 15
            for minute in range(-1440 + step, 1, step):
                if not -700 < minute < -580:
                    flag = quality.RANGE if sensor.id == "turb" and -300 < minute < -270 else 0
                    cells = [(worth_of(one.quantity, minute, one.decimals), flag) for one in channels]
                    store.add_poll(series, self.clock.unix + 60_000 * minute, cells)
        store.commit()
        store.event("sensor_silent", {"bus": "river", "sensor": "cod", "unit_id": 51})
        store.event("clock_trusted", {"boot": 1, "correction_ms": 0})
        store.close()


def well(site: Site, now_ms: int) -> Status:
    """A station of which all is well."""
    devices = tuple(
        DeviceState(
            sensor=one.id, unit_id=one.unit_id, missed=0, skipped=0, is_on=True, answered_unix_ms=now_ms - 9_000
        )
        for one in site.sensors
    )
    nodes = tuple(
        NodeState(
            name=node.name, id=node.id, heard_unix_ms=now_ms - 200_000 * node.id, rssi_dbm=-78 - 9 * node.id,
            have=2880 + node.id, lacking=0, is_foreign=False, commands=0,
        )
        for node in site.nodes
    )  # fmt: skip
    uplinks = tuple(
        UplinkState(
            uplink=uplink.id, is_connected=True, trouble="", waiting_rows=0, complete=41_230, sent_rows=41_230,
            confirmed_rows=41_230, gone_rows=0, used_bytes=9_312_000, connections=3, failed_connections=0,
        )
        for uplink in site.uplinks
    )  # fmt: skip
    return Status(
        station=site.station.id,
        unix_ms=now_ms,
        is_clock_trusted=True,
        running_s=9 * 86_400 + 4000,
        store=StoreState(
            is_open=True, is_full=False, last_seq=41_230, waiting=3, size_bytes=88 << 20, free_bytes=21 << 30
        ),
        buses=(BusState(bus="river", is_open=True, is_overloaded=False, devices=devices),),
        radio=RadioState(is_open=True, refused={}, nodes=nodes),
        uplinks=uplinks,
        channels=tuple(
            ChannelState(
                channel=one.name, quantity=one.quantity, unit=one.unit,
                value=decimal_text(worth_of(one.quantity, 0, one.decimals), one.decimals), quality=0,
                unix_ms=now_ms - 9_000,
            )
            for one in site.channels
        ),
        events=(EventState(now_ms - 7_000_000, "clock_trusted", '{"boot":1,"correction_ms":0}'),),
        stuck=(),
        commands={},
        refused_commands={},
        alarms=tuple(
            AlarmState(rule=one.id, state="normal", level=one.level, is_blind=False, since_ms=None, value=None)
            for one in site.rules
        ),
    )  # fmt: skip


def troubled(site: Site, now_ms: int) -> Status:
    """A silent sensor, a reading out of range, a node that misses its reports, no broker, a clock that nobody set; one
    alarm stands, one is over and latched, one is blind."""
    status = well(site, now_ms)
    bus = status.buses[0]
    devices = tuple(
        replace(one, missed=42, answered_unix_ms=now_ms - 2_520_000) if one.sensor == "cod" else one
        for one in bus.devices
    )
    assert status.radio is not None
    nodes = tuple(
        replace(one, heard_unix_ms=now_ms - 5_400_000, rssi_dbm=-118, lacking=6)
        if one.id == 2
        else replace(one, battery_mv=13_266, battery_unix_ms=now_ms - 3_600_000)
        if one.id == 1
        else one
        for one in status.radio.nodes
    )
    channels = tuple(
        replace(one, value=None, quality=quality.NO_REPLY) if one.channel.startswith("cod.")
        else replace(one, quality=quality.RANGE) if one.channel == "turb.turbidity" else one
        for one in status.channels
    )  # fmt: skip
    waits: dict[str, int | str | None] = {
        "channel": "backup", "reports": 3, "alarms": 1, "newest": 1, "backlog": 1440, "oldest_ms": now_ms - 7_200_000,
        "next_message_ms": 42_000,
    }  # fmt: skip
    uplinks = (
        replace(status.uplinks[0], is_connected=False, trouble="[Errno 111] Connection refused", waiting_rows=1234),
        replace(status.uplinks[1], waiting_rows=1442, waits=waits),
    )
    return replace(
        status,
        is_clock_trusted=False,
        alarms=(
            replace(status.alarms[0], state="unacknowledged", since_ms=now_ms - 600_000, value=4.31),
            replace(status.alarms[1], is_blind=True, since_ms=now_ms - 3_000_000),
            replace(status.alarms[2], state="latched_unacknowledged", since_ms=now_ms - 4_000_000, value=5.2),
        ),
        buses=(replace(bus, devices=devices),),
        radio=replace(status.radio, nodes=nodes),
        channels=channels,
        uplinks=(*uplinks, *status.uplinks[2:]),
        events=(EventState(now_ms - 2_520_000, "sensor_silent", '{"bus":"river","sensor":"cod"}'), *status.events),
    )


class Thread:
    """A loop of its own, in which `work` runs while it is entered: `ready` is called with what is to be known."""

    def __init__(self, work: Callable[[Callable[[Any], None], asyncio.Event], Coroutine[Any, Any, None]]) -> None:
        self._work = work
        self._ready = threading.Event()
        self.told: Any = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    async def _run(self) -> None:
        self.loop, self._end = asyncio.get_running_loop(), asyncio.Event()

        def ready(told: Any) -> None:
            self.told = told
            self._ready.set()

        await self._work(ready, self._end)

    def __enter__(self) -> Any:
        self._thread.start()
        assert self._ready.wait(10)
        return self.told

    def __exit__(self, *_: object) -> None:
        self.loop.call_soon_threadsafe(self._end.set)
        self._thread.join(10)


class Obedient:
    """Does to `world.status` what the commands of the page would do to a gateway; the states are the real ones."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.asked: list[tuple[str, Any]] = []

    async def ask(self, caller: Caller, command: str, argument: Any, uplink: str) -> dict[str, object]:
        self.asked.append((command, argument))
        return {"alarm": self._alarm, "service": self._service}[command](argument)

    def _alarm(self, argument: Any) -> dict[str, object]:
        status = self._world.status
        if argument["rule"] not in [one.rule for one in status.alarms]:
            return {"result": "refused", "reason": "not_now", "detail": f"no rule {argument['rule']}"}
        shelf_ms = status.unix_ms + 60_000 * argument["minutes"] if argument["verb"] == "shelve" else None
        self._world.status = replace(
            status,
            alarms=tuple(
                replace(
                    one, state=states.after(one.state, argument["verb"]), shelf_ms=shelf_ms, since_ms=status.unix_ms
                )
                if one.rule == argument["rule"]
                else one
                for one in status.alarms
            ),
        )
        return {"result": "done"}

    def _service(self, argument: Any) -> dict[str, object]:
        site, status = self._world.site, self._world.status
        known = sorted({one.sensor for one in site.channels})
        wanted = known if argument["sensor"] is None else [argument["sensor"]]
        until_ms = status.unix_ms + 60_000 * argument["minutes"]
        services = [one for one in status.services if one.sensor not in wanted]
        if argument["state"] != "end":
            services += [ServiceState(sensor=one, state=argument["state"], until_ms=until_ms) for one in wanted]
        self._world.status = replace(status, services=tuple(services))
        return {"result": "done"}


def gateway(world: World) -> Thread:
    """Tells `world.status` at the control socket, and obeys."""

    async def work(ready: Callable[[Any], None], end: asyncio.Event) -> None:
        path = Path(world.site.control.socket)
        obedient = Obedient(world)
        door = asyncio.create_task(Door(path, obedient.ask, lambda: world.status).run())
        while not path.exists():
            await asyncio.sleep(0.01)
        ready(obedient)
        await end.wait()
        door.cancel()
        await asyncio.gather(door, return_exceptions=True)

    return Thread(work)


def page(world: World, head_s: float = 10.0, tls: ssl.SSLContext | None = None) -> Thread:
    """The page; told is its port. With `tls` it takes itself for one that others reach."""

    async def work(ready: Callable[[Any], None], end: asyncio.Event) -> None:
        server = Server(world.site, world.clock, is_here=tls is None)
        async with opened(server, "127.0.0.1", 0, head_s, tls) as port:
            ready(port)
            await end.wait()

    return Thread(work)
