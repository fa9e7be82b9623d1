"""The worked example of docs/link.md is what the code says."""

import re
from pathlib import Path

from protocols import framing
from protocols.batch import Batch, BitWriter, NodeRecord, encode
from protocols.batch_reading import decode
from protocols.command import EMERGENCY, Command
from protocols.gateway_session import encode_answer
from protocols.link import ACK, BATCH, BRIEF, Answer, epoch, seal

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "link.md").read_text("utf-8")
KEY, START_S = bytes(range(32)), 1_767_225_600
RECORDS = (
    NodeRecord(41, START_S, ((62, 0), (960, 0))),
    NodeRecord(42, START_S + 60, ((63, 0), (958, 0))),
    NodeRecord(44, START_S + 121, ((63, 0), (None, 1))),
)
BODY = encode(Batch(0x44AD, RECORDS))


def shown(start: str) -> list[bytes]:
    """The blocks of bytes on the page that begin so."""
    lines = [line.replace("|", " ") for line in PAGE.split("\n") if re.fullmatch(r" {4}[0-9A-F |]+", line)]
    return [data for line in lines if (data := bytes.fromhex(line)).hex(" ").upper().startswith(start)]


def test_the_bits_of_the_page_are_the_body() -> None:
    rows = re.findall(r"^\| (`[01 `]+`) \|", PAGE, re.MULTILINE)
    bits = re.sub(r"[` ]", "", "".join(rows))
    out = BitWriter()
    out.raw(int(bits, 2), len(bits))
    assert out.done() == BODY[2:] and decode(BODY, 2) == Batch(0x44AD, RECORDS)


def test_the_frames_of_the_page_are_those_of_the_link() -> None:
    whole = seal(KEY, BATCH, 17, 320, BODY)
    brief = seal(KEY, BATCH | BRIEF, 17, 320, BODY[2:], BODY[:2])
    assert shown("1A") == [brief] and shown("12") == [whole] and shown("00 02 12") == [framing.stuff(whole)]
    sizes = [len(brief), len(framing.stuff(brief, True)), len(whole), len(framing.stuff(whole))]
    assert sizes == [int(size) for size in re.search(  # type: ignore[union-attr]
        r"Brief, (\d+) bytes; on the wire (\d+):.*Whole, (\d+) bytes, and on the wire (\d+):", PAGE, re.DOTALL
    ).groups()]  # fmt: skip


def test_the_answers_of_the_page_are_those_of_the_link() -> None:
    at_ms = (START_S + 125) * 1000 + 500
    assert shown("99") == [seal(KEY, ACK | BRIEF, 17, 320, encode_answer(Answer(None, at_ms)), epoch(at_ms))]
    full = Answer(44, at_ms, 1, -104, ((7, 9), (43, 43)), (Command(5, EMERGENCY, 600),))
    assert shown("91") == [seal(KEY, ACK, 17, 320, encode_answer(answer)) for answer in (Answer(44, at_ms), full)]
