"""Frames through a Beidou terminal and an SMS modem: what public sources show of both, and a centre behind them."""

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.faults import SiteError
from gateway.machine.lines import LineLost, Opener
from gateway.site.sl651 import Sl651Centre
from gateway.uplink.sl651.station import small_ways, ways
from gateway.uplink.terminals import through
from hw_sim.clock import run_virtual
from hw_sim.platforms.sl651_line import CentreWay
from hw_sim.platforms.terminals import TerminalWay
from protocols.errors import RangeError
from protocols.sl651 import functions
from protocols.terminals import beidou, sms
from tests.gateway.doubles import RIVER, sensor, site
from tests.gateway.sl651.station import ADDRESS, Station, uplink
from tests.gateway.sl651.test_station import HYDRO

CARD, PHONE = "0247718", "+8613800138000"
SMALL: dict[str, Any] = {"address": 5, "port": "modem", "messages_per_hour": 60, "spacing_s": 60, "reply_s": 60}


def story(steps: Coroutine[Any, Any, None]) -> None:
    run_virtual(steps)


def test_a_beidou_sentence_is_that_of_a_public_program() -> None:
    # "$CCTXA,0247718,1,1,3132333435*70" and the others stand in public sources, with their checks
    assert beidou.send(CARD, b"12345") == b"$CCTXA,0247718,1,1,3132333435*70\r\n"
    assert beidou.sentence(b"CCRMO,ZDA,2,0") == b"$CCRMO,ZDA,2,0*21\r\n"
    assert beidou.Sentences().feed(b"$BDFKI,082920,TCQ,Y,0,0*70\r\n") == [beidou.Outcome(True, "0")]
    with pytest.raises(RangeError):
        beidou.send("12345678", b"1")


def test_what_a_terminal_says_is_found_in_pieces_and_between_rubbish() -> None:
    came = beidou.sentence(b"BDTXR,1,0242407,1,,7E7E01")
    mixed = beidou.sentence(b"BDTXR,1,0242407,2,,A47e7e01")
    chinese = beidou.sentence("BDTXR,1,0242407,0,,清洗".encode("gb18030"))
    stream = b"$BD" + came + b"\xff$*" + chinese + mixed + came.replace(b"01*", b"02*")
    for step in (1, 7, len(stream)):
        sentences = beidou.Sentences()
        found = [one for at in range(0, len(stream), step) for one in sentences.feed(stream[at : at + step])]
        assert found == [beidou.Came("0242407", b"\x7e\x7e\x01")] * 2


def test_an_sms_is_the_pdu_of_the_examples() -> None:
    # the address field is that of the usual examples: 13 digits, 91 68 31 08 10 83 00 F0
    command, text = sms.order(PHONE, b"\x7e\x7e")
    assert (command, text) == (b"AT+CMGS=16\r", b"0001000D91683108108300F00004027E7E\x1a")
    delivered = bytes.fromhex("0891683108200505F0040D91683108108300F000046210100000003202" + "7E7E")
    assert sms.read(delivered) == sms.Came(PHONE, b"\x7e\x7e")
    headed = bytes.fromhex("00440D91683108108300F0000462101000000032080500030A0201" + "7E7E")
    assert sms.read(headed).data == b"\x7e\x7e"
    with pytest.raises(RangeError):
        sms.order(PHONE, bytes(141))


@settings(deadline=None)
@given(st.lists(st.binary(max_size=80), max_size=12))
def test_rubbish_from_a_terminal_is_passed_over(pieces: list[bytes]) -> None:
    sentences, answers = beidou.Sentences(), sms.Answers()
    for piece in pieces:
        sentences.feed(piece)
        sentences.feed(b"$BDTXR,1," + piece)
        answers.feed(piece)
        answers.feed(b"+CMT: ,1\r\n" + piece.hex().encode() + b"\r\n")
    sentences.feed(bytes(100_000))
    answers.feed(bytes(100_000))
    assert len(sentences._buffer) + len(answers._buffer) <= 2048


@pytest.mark.parametrize(("kind", "number", "most"), [("beidou", CARD, 98), ("sms", PHONE, 140)])
def test_reports_of_hours_go_through_a_terminal_and_its_replies_come_back(
    tmp_path: Path, kind: Any, number: str, most: int
) -> None:
    async def steps() -> None:
        centre = Sl651Centre(**SMALL, message_bytes=most, terminal=kind, number=number)
        station = Station(tmp_path, uplink(centre=centre))
        await station.kill()
        way = TerminalWay(kind, station.centre, number, most, 50.0)
        station.way.open = station.backup.open = through(kind, number, way.open)  # type: ignore[method-assign]
        station.start()
        way.refuse_next = 1  # the first is not sent: it goes again
        await station.live(190)
        assert max(len(data) for _, data in way.sent) <= most and way.refused == 1 and way.opened >= 2
        assert len(station.ledger.of("39", functions.HOURLY)) == 3
        assert len(station.ledger.of("39", functions.TIMED)) >= 35
        station.poll(1600)
        await station.live(3)
        assert len(station.ledger.of("39", functions.ADDITIONAL)) == 1
        assert way.line is not None
        way.line.say(way.line._message(station.centre.ask(ADDRESS, functions.QUERY_NOW).data))
        await station.live(2)
        assert [function for function, _ in station.ledger.answers] == [functions.QUERY_NOW]
        assert station.ledger.complaints == []

    story(steps())


def test_a_modem_that_does_not_answer_is_lost_and_a_message_of_somebody_else_is_none(tmp_path: Path) -> None:
    async def steps() -> None:
        way = TerminalWay("sms", CentreOf(), PHONE, 140)
        way.deaf = True
        with pytest.raises(LineLost):
            await through("sms", PHONE, way.open)()
        way.deaf = False
        line = await through("sms", PHONE, way.open)()
        assert way.line is not None
        for sender, data in ((PHONE[3:], b"right"), ("+8613999999999", b"wrong")):
            way.number = sender if sender.startswith("+") else PHONE
            way.line.say(way.line._message(data))
            await asyncio.sleep(1)
        assert await line.read(1000) == b"right"
        with pytest.raises(LineLost):
            await line.write(bytes(200))
        line.close()

    story(steps())


class CentreOf:
    def connected(self) -> None: ...

    def feed(self, data: bytes) -> list[Any]:
        return []


def test_only_serial_channels_are_small_where_there_are_any() -> None:
    def way(place: str, baud: int | None) -> Opener:
        return CentreWay(CentreOf()).open

    for more, count, small in (
        ({"tcp": "a:1"}, 1, {0}),
        ({"tcp": "a:1", "backup_port": "/dev/x"}, 2, {1}),
        ({"port": "/dev/x", "backup_tcp": "a:1"}, 2, {0}),
        ({"port": "/dev/x", "backup_port": "/dev/y"}, 2, {0, 1}),
    ):
        centre = Sl651Centre(address=1, **more)
        assert len(ways(centre, way)) == count and small_ways(centre) == small


def test_a_main_channel_by_tcp_has_no_limit_and_its_serial_backup_has(tmp_path: Path) -> None:
    async def steps() -> None:
        centre = Sl651Centre(address=5, tcp="a:1", backup_port="modem", message_bytes=80, messages_per_hour=30,
                             spacing_s=60)  # fmt: skip
        station = Station(tmp_path, uplink(centre=centre))
        station.forwarder._small_ways = small_ways(centre)
        await station.live(70)
        assert max(size for _, size in station.way.sent) > 80 and station.ledger.complaints == []
        station.way.up = False
        station.way.cut()
        await station.live(30)
        assert station.backup.sent and max(size for _, size in station.backup.sent) <= 80
        pauses = [b - a for (a, _), (b, _) in zip(station.backup.sent, station.backup.sent[1:], strict=False)]
        assert min(pauses) >= 59

    story(steps())


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ('terminal = "sms"\nmessage_bytes = 140', "uplink[0].centre[0].terminal"),
        ('terminal = "beidou"\nnumber = "0247718"\nmessage_bytes = 120', "uplink[0].centre[0].terminal"),
        ('terminal = "beidou"\nnumber = "card"\nmessage_bytes = 98', "uplink[0].centre[0].number"),
    ],
)
def test_a_terminal_without_its_number_or_with_too_long_messages_is_a_fault(
    tmp_path: Path, more: str, path: str
) -> None:
    with pytest.raises(SiteError) as caught:
        site(tmp_path, RIVER, sensor("level", 1), HYDRO.replace("address = 5\n", f"address = 5\n{more}\n"))
    assert [fault.path for fault in caught.value.faults] == [path]
