"""Knows a radio channel with places: who hears whom how well, what collides, who else is there; knows no frame's
content and nothing of how a modem waits."""

import asyncio
import math
from collections.abc import Sequence

from gateway.site import airtime
from hw_sim.bus.uart import Uart
from hw_sim.bus.wire import Party, whole_us
from hw_sim.clock import WorldClock
from hw_sim.radio import lora
from hw_sim.radio.jam import Jam
from hw_sim.radio.modem import Modem, packet_s
from hw_sim.radio.path import Path
from hw_sim.radio.plain import Radio
from hw_sim.radio.settings import GATEWAY, Place, RadioSettings
from hw_sim.streams import Streams


class _Flight:
    """One packet on the air: how strong it is at each other modem, and which others it met."""

    __slots__ = ("data", "level_dbm", "met", "modem", "start_s")

    def __init__(self, modem: Modem, data: bytes, start_s: float, level_dbm: dict[str, float]) -> None:
        self.modem = modem
        self.data = data
        self.start_s = start_s
        self.level_dbm = level_dbm
        self.met: list[_Flight] = []


class RadioChannel(Radio):
    """LoRa modems of one kind on one channel. As a Wire it is the gateway's serial port; at() gives a node's.

    A packet is lost where it is too weak, where others that overlap it are not weaker by the capture ratio, and where
    the hearer is sending itself; whether two parties hear each other does not matter to a third (hidden nodes).
    `loss` is on top of it; `fades` are dB that something takes from every path, or from those of one node; `jams` are
    other users. Both belong to whoever began them.
    """

    def __init__(
        self, clock: WorldClock, streams: Streams, settings: RadioSettings, nodes: Sequence[str], baud: int = 9600
    ) -> None:
        super().__init__(clock, streams["radio"])
        if GATEWAY in nodes:
            raise ValueError(f"a node can't be called {GATEWAY} on this channel")
        self.settings = settings
        self.fades: dict[object, tuple[str | None, float]] = {}
        self.jams: dict[object, Jam] = {}
        self._sensitivity_dbm = airtime.sensitivity_dbm(settings.spreading_factor, settings.bandwidth_khz)
        self._on_air: list[_Flight] = []
        self._streams = streams
        self.modems = {
            name: Modem(name, clock, self, settings, streams[f"radio modem {name}"], baud) for name in (GATEWAY, *nodes)
        }
        self._paths = _paths(settings, streams.seed, tuple(self.modems))

    # --- the gateway's port, and the others ---------------------------------------------------------------------------

    def at(self, node: str) -> Modem:
        """A node's modem; that of the gateway is at(GATEWAY)."""
        return self.modems[node]

    def attach(self, party: Party, uart: Uart | None = None) -> None:
        self.modems[GATEWAY].attach(party, uart)

    def detach(self, party: Party) -> None:
        self.modems[GATEWAY].detach(party)

    def parties(self) -> tuple[Party, ...]:
        return self.modems[GATEWAY].parties()

    def air_s(self, count: int) -> float:
        return self.modems[GATEWAY].air_s(count)

    def send(
        self, sender: Party, data: bytes, delay_s: float = 0.0, sent: "asyncio.Future[None] | None" = None
    ) -> float:
        return self.modems[GATEWAY].send(sender, data, delay_s, sent)

    # --- the air ------------------------------------------------------------------------------------------------------

    def level_dbm(self, sender: str, hearer: str) -> float:
        """How strong one is at another now."""
        fade_db = sum(db for node, db in self.fades.values() if node is None or node in (sender, hearer))
        return self.settings.tx_dbm - self._paths[sender, hearer].loss_db(self.loop.time()) - fade_db

    def is_busy(self, modem: Modem) -> bool:
        """Whether a modem hears a carrier above its sensitivity."""
        now_s = self.loop.time()
        levels = [flight.level_dbm[modem.name] for flight in self._on_air if flight.modem is not modem]
        levels += [jam.level_dbm for jam in self.jams.values() if jam.is_busy(now_s)]
        return any(level_dbm >= self._sensitivity_dbm for level_dbm in levels)

    def begin(self, modem: Modem, data: bytes) -> float:
        """A packet begins; returns how long it lasts."""
        now_s = self.loop.time()
        levels = {name: self.level_dbm(modem.name, name) for name in self.modems if name != modem.name}
        flight = _Flight(modem, data, now_s, levels)
        for other in self._on_air:
            other.met.append(flight)
            flight.met.append(other)
        self._on_air.append(flight)
        air_s = packet_s(self.settings, len(data))
        self.loop.call_at(whole_us(now_s + air_s), self._end, flight)
        return air_s

    def _end(self, flight: _Flight) -> None:
        self._on_air.remove(flight)
        self.transmissions += 1
        jams_dbm = [jam.level_dbm for jam in self.jams.values() if jam.was_busy(flight.start_s, self.loop.time())]
        for name, level_dbm in flight.level_dbm.items():
            hearer = self.modems[name]
            reason = self._lost(flight, hearer, level_dbm, jams_dbm)
            if reason is None:
                hearer.receive(flight.data, level_dbm)
            else:
                hearer.lost[reason] += 1
        flight.modem.ended()

    def _lost(self, flight: _Flight, hearer: Modem, level_dbm: float, jams_dbm: list[float]) -> str | None:
        """Why a packet does not reach a modem. Every draw is made each time, so that one reason moves no other."""
        margin_db = level_dbm - self._sensitivity_dbm
        stream = self._streams[f"radio heard at {hearer.name}"]
        is_weak = not stream.chance(lora.survives(margin_db, len(flight.data)))
        if stream.chance(self.loss):
            return "surge"
        if is_weak:
            return "weak"
        if any(other.modem is hearer for other in flight.met):
            return "sending"
        if _drowns([other.level_dbm[hearer.name] for other in flight.met], level_dbm):
            return "collision"
        return "jam" if _drowns(jams_dbm, level_dbm) else None


def _drowns(others_dbm: list[float], level_dbm: float) -> bool:
    """Whether the others together are less than the capture ratio below."""
    if not others_dbm:
        return False
    total_mw = sum(lora.milliwatt(other_dbm) for other_dbm in others_dbm)
    return level_dbm - lora.dbm(total_mw) < lora.CAPTURE_DB


def _paths(settings: RadioSettings, seed: int, names: tuple[str, ...]) -> dict[tuple[str, str], Path]:
    """Between each two, in both orders the same."""
    ridges_db: dict[frozenset[str], float] = {}
    for ridge in settings.ridges:
        pair = frozenset(ridge.between)
        ridges_db[pair] = ridges_db.get(pair, 0.0) + ridge.loss_db
    places = {GATEWAY: Place(east_km=0.0), **settings.places}
    paths = {}
    for index, one in enumerate(names):
        for other in names[index + 1 :]:
            a, b = places[one], places[other]
            distance_km = math.hypot(a.east_km - b.east_km, a.north_km - b.north_km)
            extra_db = a.extra_db + b.extra_db + ridges_db.get(frozenset((one, other)), 0.0)
            path = Path(settings, seed, f"{one}-{other}", distance_km, extra_db)
            paths[one, other] = paths[other, one] = path
    return paths
