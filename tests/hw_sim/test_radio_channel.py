"""The channel with places: who hears whom, what collides, what a modem waits for and throws away."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import msgspec
import pytest

from gateway.site import airtime
from hw_sim.clock import run_virtual, world_clock
from hw_sim.node.board import SimBoard
from hw_sim.radio import lora
from hw_sim.radio.channel import RadioChannel
from hw_sim.radio.jam import Jam
from hw_sim.radio.settings import GATEWAY, Place, RadioSettings, Ridge
from hw_sim.streams import Stream, Streams

T = TypeVar("T")
STILL = RadioSettings(
    places={"a": Place(east_km=1.0), "b": Place(east_km=-1.0), "c": Place(east_km=1.0, north_km=0.1)},
    shadow_db=0.0,
    weather_db=0.0,
    rician_k_db=60.0,
)
HIDDEN = msgspec.structs.replace(STILL, ridges=(Ridge(between=("a", "b"), loss_db=80.0),))


class Ear:
    def __init__(self, channel: RadioChannel, name: str) -> None:
        self.modem = channel.at(name)
        self.heard: list[bytes] = []
        self.times_s: list[float] = []
        self.modem.attach(self)

    def hear(self, data: bytes) -> None:
        self.heard.append(data)
        self.times_s.append(asyncio.get_running_loop().time())

    def send(self, data: bytes) -> "asyncio.Future[None]":
        sent: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.modem.send(self, data, 0.0, sent)
        return sent


class Country:
    """A channel with an ear at each place."""

    def __init__(self, settings: RadioSettings, seed: int = 1) -> None:
        self.channel = RadioChannel(world_clock(), Streams(seed), settings, tuple(settings.places))
        self.ears = {name: Ear(self.channel, name) for name in (GATEWAY, *settings.places)}

    def __getitem__(self, name: str) -> Ear:
        return self.ears[name]


def within(settings: RadioSettings, story: Callable[[Country], Coroutine[Any, Any, T]], seed: int = 1) -> T:
    async def main() -> T:
        return await story(Country(settings, seed))

    return run_virtual(main())


def moved(settings: RadioSettings, **places: Place) -> RadioSettings:
    return msgspec.structs.replace(settings, places={**settings.places, **places})


def test_a_packet_is_heard_by_all_in_reach_after_serial_port_and_air() -> None:
    async def story(country: Country) -> tuple[list[bytes], list[bytes], float, float]:
        await country["a"].send(b"x" * 48)
        sent_s = asyncio.get_running_loop().time()
        await asyncio.sleep(1.0)
        return country[GATEWAY].heard, country["a"].heard, sent_s, country[GATEWAY].times_s[0]

    at_gateway, at_sender, sent_s, heard_s = within(STILL, story)
    serial_s, air_s = 48 * 10 / 9600, airtime.air_s(48, 8, 125)
    assert at_gateway == [b"x" * 48] and at_sender == []
    assert sent_s == pytest.approx(serial_s + 0.02 + air_s, abs=1e-5)
    assert heard_s == pytest.approx(sent_s + serial_s, abs=1e-5)


def test_two_that_do_not_hear_each_other_collide_at_the_gateway() -> None:
    async def story(country: Country) -> tuple[list[bytes], int, list[bytes]]:
        country["a"].send(b"a" * 30)
        await asyncio.sleep(0.1)
        assert country["a"].modem.is_busy() and not country["b"].modem.is_busy()  # b listens, and hears nobody
        country["b"].send(b"b" * 30)
        await asyncio.sleep(2.0)
        return country[GATEWAY].heard, country[GATEWAY].modem.lost["collision"], country["b"].heard

    assert within(HIDDEN, story) == ([], 2, [])


def test_who_listens_first_waits_for_whom_it_hears_but_not_for_a_hidden_one() -> None:
    async def story(country: Country) -> list[bytes]:
        country["a"].send(b"a" * 30)
        await asyncio.sleep(0.1)
        country["b"].send(b"b" * 30)
        await asyncio.sleep(3.0)
        return country[GATEWAY].heard

    listening = msgspec.structs.replace(STILL, listens_first=True)
    assert within(listening, story) == [b"a" * 30, b"b" * 30]
    assert within(msgspec.structs.replace(HIDDEN, listens_first=True), story) == []
    assert within(STILL, story) == []


def test_who_waits_for_a_carrier_that_never_ends_sends_after_two_seconds() -> None:
    async def story(country: Country) -> float:
        country.channel.jams["radar"] = Jam(Stream(1, "jam"), 0.999999, 1e9, -100.0)
        await country["a"].send(b"a")
        return asyncio.get_running_loop().time()

    took_s = within(msgspec.structs.replace(STILL, listens_first=True), story)
    assert 2.0 < took_s < 2.3


def test_the_stronger_survives_when_it_is_six_decibels_stronger() -> None:
    async def story(country: Country) -> tuple[list[bytes], list[bytes]]:
        country["a"].send(b"a" * 30)
        country["b"].send(b"b" * 30)
        await asyncio.sleep(2.0)
        return country[GATEWAY].heard, country["c"].heard

    just_km = 10 ** (lora.CAPTURE_DB / 23.2)  # by the exponent, so far away is six decibels weaker
    assert within(moved(HIDDEN, b=Place(east_km=-just_km * 1.02)), story)[0] == [b"a" * 30]
    assert within(moved(HIDDEN, b=Place(east_km=-just_km * 0.98)), story)[0] == []
    at_gateway, beside_a = within(HIDDEN, story)
    assert at_gateway == [] and beside_a == [b"a" * 30]  # each receiver for itself


def test_two_weak_ones_together_can_drown_a_third() -> None:
    async def story(country: Country) -> list[bytes]:
        for name in sent:
            country[name].send(name.encode() * 30)
        await asyncio.sleep(2.0)
        return country[GATEWAY].heard

    settings = moved(STILL, b=Place(east_km=-1.9), c=Place(east_km=0.0, north_km=1.9))  # 6.5 dB weaker than a, each
    sent: tuple[str, ...] = ("a", "b")
    assert within(settings, story) == [b"a" * 30]
    sent = ("a", "b", "c")
    assert within(settings, story) == []


def test_who_is_sending_does_not_hear() -> None:
    async def story(country: Country) -> tuple[list[bytes], list[bytes], int]:
        country[GATEWAY].send(b"answer" * 5)
        await asyncio.sleep(0.03)
        country["a"].send(b"question")
        await asyncio.sleep(2.0)
        return country[GATEWAY].heard, country["a"].heard, country[GATEWAY].modem.lost["sending"]

    assert within(STILL, story) == ([], [], 1)


def test_one_after_the_other_everything_comes() -> None:
    async def story(country: Country) -> list[bytes]:
        for name in ("a", "b", "a"):
            await country[name].send(name.encode() * 20)
        await asyncio.sleep(1.0)
        return country[GATEWAY].heard

    assert within(HIDDEN, story) == [b"a" * 20, b"b" * 20, b"a" * 20]


def test_a_long_write_goes_out_in_packets_that_come_out_in_order() -> None:
    frame = bytes(range(250))

    async def story(country: Country) -> tuple[list[bytes], int]:
        await country["a"].send(frame)
        await asyncio.sleep(1.0)
        return country[GATEWAY].heard, country.channel.transmissions

    assert within(STILL, story) == ([frame[:240], frame[240:]], 2)


def share_heard(km: float, seed: int = 1, settings: RadioSettings = STILL) -> float:
    async def story(country: Country) -> float:
        for _ in range(200):
            await country["a"].send(b"x" * 40)
            await asyncio.sleep(5.0)
        return len(country[GATEWAY].heard) / 200

    return within(moved(settings, a=Place(east_km=km)), story, seed)


def test_less_comes_from_further_away() -> None:
    fading = msgspec.structs.replace(STILL, weather_db=2.0, rician_k_db=6.0)
    shares = [share_heard(km, settings=fading) for km in (1.0, 5.0, 7.0, 9.0, 20.0)]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] == 1.0 and 0.2 < shares[2] < 0.95 and shares[-1] == 0.0


def test_the_same_seed_hears_the_same_and_another_one_something_else() -> None:
    def heard(seed: int) -> list[bytes]:
        async def story(country: Country) -> list[bytes]:
            for number in range(150):
                country["a"].send(number.to_bytes(20, "big"))
                country["b"].send(number.to_bytes(21, "big"))
                await asyncio.sleep(1.0)
            return country[GATEWAY].heard

        return within(moved(RadioSettings(places=STILL.places), a=Place(east_km=3.0)), story, seed)

    assert heard(1) == heard(1) != heard(2)


def test_what_exceeds_the_share_of_an_hour_is_thrown_away_until_an_hour_later() -> None:
    data = b"x" * 100
    air_s = airtime.air_s(100, 8, 125)
    settings = msgspec.structs.replace(STILL, duty_share=5.5 * air_s / 3600)

    async def story(country: Country) -> tuple[int, int, int]:
        for _ in range(8):
            await country["a"].send(data)
        await asyncio.sleep(60.0)
        before, refused = len(country[GATEWAY].heard), country["a"].modem.refused
        await asyncio.sleep(3600.0)
        await country["a"].send(data)
        await asyncio.sleep(1.0)
        return before, refused, len(country[GATEWAY].heard)

    assert within(settings, story) == (5, 3, 6)


def test_a_fade_of_one_node_takes_its_packets_and_no_others() -> None:
    async def story(country: Country) -> list[bytes]:
        country.channel.fades["ice"] = "a", 60.0
        for name in ("a", "b"):
            await country[name].send(name.encode())
        country.channel.fades["ice"] = None, 60.0
        await country["b"].send(b"snow")
        country.channel.fades.clear()
        await country["a"].send(b"thaw")
        await asyncio.sleep(1.0)
        return country[GATEWAY].heard

    assert within(STILL, story) == [b"b", b"thaw"]


def test_another_user_takes_packets_that_he_drowns() -> None:
    def heard(level_dbm: float) -> int:
        async def story(country: Country) -> int:
            country.channel.jams["radar"] = Jam(Stream(1, "jam"), 0.3, 0.5, level_dbm)
            for _ in range(300):
                await country["a"].send(b"x" * 40)
                await asyncio.sleep(3.0)
            return len(country[GATEWAY].heard)

        return within(STILL, story)

    level_dbm = STILL.tx_dbm - (128.95 - 5.33)
    assert heard(level_dbm - 8.0) == 300
    assert 50 < heard(level_dbm) < 220


def test_a_surge_takes_everything_for_the_moment() -> None:
    async def story(country: Country) -> list[bytes]:
        country.channel.loss = 1.0
        await country["a"].send(b"lost")
        country.channel.loss = 0.0
        await country["a"].send(b"came")
        await asyncio.sleep(1.0)
        return country[GATEWAY].heard

    assert within(STILL, story) == [b"came"]


def test_the_level_of_what_was_heard_is_known_and_is_sent_behind_it_when_told_to() -> None:
    async def story(country: Country) -> tuple[float | None, list[bytes]]:
        await country["a"].send(b"x")
        await asyncio.sleep(1.0)
        return country[GATEWAY].modem.rssi_dbm, country[GATEWAY].heard

    rssi_dbm, plain = within(STILL, story)
    assert rssi_dbm == pytest.approx(17.0 - (128.95 - 5.33), abs=0.05)
    assert plain == [b"x"]
    assert within(msgspec.structs.replace(STILL, rssi_byte=True), story)[1] == [b"x" + bytes((256 - 107,))]


def test_the_channel_itself_is_the_gateways_port() -> None:
    async def story(country: Country) -> tuple[list[bytes], list[bytes], tuple[object, ...]]:
        other = Ear.__new__(Ear)
        other.heard, other.times_s = [], []
        country.channel.attach(other)
        country.channel.send(other, b"from the gateway")
        await asyncio.sleep(1.0)
        await country["a"].send(b"to the gateway")
        await asyncio.sleep(1.0)
        country.channel.detach(other)
        return other.heard, country["b"].heard, country.channel.parties()

    at_gateway, at_node, parties = within(STILL, story)
    assert at_gateway == [b"to the gateway"] and len(parties) == 1
    assert at_node == [b"from the gateway", b"to the gateway"]


def test_a_nodes_board_listens_with_its_modem() -> None:
    async def story(country: Country) -> tuple[bool, bool, bool]:
        board = SimBoard(b"{}", world_clock(), Stream(1, "node"), {}, {}, country["c"].modem)
        quiet = board.radio.is_busy()
        sending = country["a"].send(b"x" * 48)
        await asyncio.sleep(0.1)
        taken = board.radio.is_busy()
        await sending
        return quiet, taken, board.radio.is_busy()

    assert within(STILL, story) == (False, True, False)
