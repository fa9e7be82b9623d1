"""Whoever changes anything of a store, but the newest rows, is found out, and the first thing that differs is named."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from gateway.__main__ import main
from gateway.evidence.notary import Signature, day_message, is_signed, sign
from gateway.evidence.verify import Checked, verify
from gateway.site import slice
from gateway.site.config import Site
from gateway.store import Store
from gateway.store.lives import fingerprint
from gateway.store.nodes import Frame
from protocols import batch, link
from protocols.batch import Batch, NodeRecord
from tests.gateway.doubles import NODE, RIVER, HandClock, sensor, site


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATERTOWER_LANG", "en")


class Written:
    """A store of one station: three blocks of polls and a node's batches, each block closing a day."""

    def __init__(self, folder: Path) -> None:
        self.site: Site = site(folder, NODE.replace('"level"', '"deep"'), RIVER, sensor("level", 1))
        (self.node,) = self.site.nodes
        self.path = folder / "store.db"
        self.key = folder / "gateway.key"
        clock = HandClock()
        store = Store(self.path, clock)
        store.begin_run()
        store.nodes.meet(17, fingerprint(self.node.secret))
        polled = store.series("sensor level", self.site.channels_of(self.site.sensors[0]))
        kept = store.series("node 17", slice.channels_of(self.site, self.node))
        schema = slice.schema_of(self.site, self.node)
        for day in range(3):
            for number in (2 * day + 1, 2 * day + 2):
                store.add_poll(polled, clock.unix_ms(), [(1000 + number, 0), (None, 1)])
                records = (NodeRecord(number, clock.unix_ms() // 1000, ((50 + number, 0), (60, 4))),)
                raw = link.seal(self.node.secret, link.BATCH, 17, number, batch.encode(Batch(schema, records)))
                store.nodes.add_batch(17, number, kept, records, Frame(raw, schema))
                clock.unix += 1000
            store.event("sensor_silent", {"sensor": "level"})
            block = store.close_block()
            name = f"2026-01-0{day + 1}"
            self.signed = sign(self.key, day_message("demo", name, block.number, block.hash))
            store.add_day(name, block, self.signed)
            clock.unix += 60_000  # a day for this story
        store.add_poll(polled, clock.unix_ms(), [(7, 0), (8, 0)])
        store.commit()
        store.close()

    def checked(self, public: bytes | None = None, path: Path | None = None) -> Checked:
        prints = {17: fingerprint(self.node.secret)}
        return verify(path or self.path, "demo", {17: self.node.secret}, prints, public)

    def change(self, *statements: str) -> str | None:
        """What is found in a copy that was changed so."""
        copy = self.path.with_name("copy.db")
        shutil.copy(self.path, copy)
        with closing(sqlite3.connect(copy)) as db:
            for statement in statements:
                assert db.execute(statement).rowcount != 0, statement
            db.commit()
        return self.checked(path=copy).differs


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    return Written(tmp_path_factory.mktemp("station"))


def test_what_was_written_is_sound_and_the_newest_rows_are_open(written: Written) -> None:
    assert written.checked() == (None, 3, 12, 6, 0, 3, 1, 0, 0)
    assert written.checked(written.signed.public).differs is None


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("UPDATE row SET cells = '[9999,null]' WHERE seq = 5", "block 2 (rows 5 to 8)"),
        ("UPDATE row SET unix_ms = unix_ms + 1 WHERE seq = 1", "block 1 (rows 1 to 4)"),
        ("UPDATE row SET quality = NULL WHERE seq = 1", "block 1 (rows 1 to 4)"),
        ("DELETE FROM row WHERE seq = 9", "block 3 (rows 9 to 12)"),
        ("UPDATE series SET channels = replace(channels, 'bar', 'mbar') WHERE source LIKE 'sensor%'", "block 1 "),
        ("UPDATE row SET cells = '[52,61]' WHERE record = 3", "row 6 (node 17, record 3) has "),
        ("UPDATE row SET unix_ms = 0 WHERE record = 3", "row 6 (node 17, record 3) has "),
        ("UPDATE row SET record = 99 WHERE record = 3", "row 6 (node 17, record 99): no frame of the node says so"),
        ("DELETE FROM frame WHERE id = 4", "row 8 (node 17, record 4): no frame of the node says so"),
        ("UPDATE frame SET raw = CAST(raw || x'00' AS BLOB) WHERE id = 6", "frame 6 of node 17: the tag does not fit"),
        ("UPDATE event SET detail = '{}' WHERE id = 2", "block 2 "),
        ("DELETE FROM block WHERE number = 2", "block 2 is missing"),
        ("UPDATE block SET hash = zeroblob(32) WHERE number = 1", "block 1 "),
        ("UPDATE block SET unix_ms = 0 WHERE number = 3", "block 3 "),
        ("UPDATE day SET signature = zeroblob(64) WHERE block = 2", "2026-01-02: the signature does not fit"),
        ("UPDATE day SET day = '2026-02-01' WHERE block = 3", "2026-02-01: the signature does not fit"),
    ],
)  # fmt: skip
def test_each_change_is_found_and_named(written: Written, statement: str, found: str) -> None:
    differs = written.change(statement)
    assert differs is not None and differs.startswith(found), differs


def test_times_that_were_dated_later_are_held_against_the_event(tmp_path: Path) -> None:
    station = site(tmp_path, RIVER, sensor("level", 1))
    clock = HandClock()
    clock.trusted, clock.stepped_ms = False, -500_000
    with closing(Store(tmp_path / "store.db", clock)) as store:
        series = store.series("sensor level", station.channels_of(station.sensors[0]))
        store.add_poll(series, store.clock.unix_ms(), [(1, 0), (2, 0)])
        store.commit()
        clock.unix, clock.trusted, clock.stepped_ms = clock.unix + 86_400_000, True, 0
        store.upkeep()
        store.close_block()
    assert verify(tmp_path / "store.db", "demo", {}, {}, None).differs is None
    with closing(sqlite3.connect(tmp_path / "store.db", isolation_level=None)) as db:
        db.execute("UPDATE boot SET correction_ms = correction_ms + 1")
    found = verify(tmp_path / "store.db", "demo", {}, {}, None).differs
    assert found == "boot 1: its rows were not dated as the event says"


def test_who_hashes_everything_anew_is_found_by_the_signature(written: Written) -> None:
    from gateway.evidence import chain

    copy = written.path.with_name("forged.db")
    shutil.copy(written.path, copy)
    with closing(sqlite3.connect(copy)) as db:
        db.execute("UPDATE row SET cells = '[1,null]' WHERE seq = 1")
        before = chain.NONE
        for block in list(chain.blocks(db)):
            before = block._replace(hash=chain.hashed(db, before, block))
            db.execute("UPDATE block SET hash = ? WHERE number = ?", (before.hash, block.number))
        db.commit()
    assert written.checked(path=copy).differs == "2026-01-01: the signature does not fit"


def test_who_signs_with_a_key_of_his_own_is_found_by_the_known_one(written: Written, tmp_path: Path) -> None:
    other = sign(tmp_path / "other.key", b"")
    assert written.checked(other.public).differs == "2026-01-01 was signed with another key"


def test_any_byte_of_a_closed_row_or_frame_that_is_changed_in_the_file_is_found(written: Written) -> None:
    whole = written.path.read_bytes()
    copy = written.path.with_name("flipped.db")
    places = [whole.index(text) for text in (b"[1003,null]", b"[53,60]", b"level.pressure")]
    for place in places:
        copy.write_bytes(whole[: place + 2] + bytes([whole[place + 2] ^ 1]) + whole[place + 3 :])
        assert written.checked(path=copy).differs is not None


def test_a_node_with_another_key_is_counted_and_not_believed(written: Written) -> None:
    checked = verify(written.path, "demo", {17: bytes(32)}, {17: fingerprint(bytes(32))}, None)
    assert checked.differs is None and checked.frames == 0 and checked.unchecked == 6


def test_the_command_says_what_it_found_and_its_status_tells(
    written: Written, capsys: pytest.CaptureFixture[str]
) -> None:
    site_path = str(written.path.with_name("site.toml"))
    assert main(["verify", site_path]) == 0
    assert capsys.readouterr().out.startswith("sound: 3 blocks, 12 rows, 6 frames with their tags, 3 signed days\n")
    assert main(["verify", site_path, "--public-key", "00" * 32]) == 1
    assert capsys.readouterr().out == "2026-01-01 was signed with another key\n"
    nothing = written.path.with_name("nothing.db")
    assert main(["verify", site_path, "--store", str(nothing)]) == 1
    assert "nothing.db can't be read" in capsys.readouterr().err


def test_the_key_is_made_once_and_is_readable_for_its_owner_alone(tmp_path: Path) -> None:
    key = tmp_path / "gateway.key"
    first, second = sign(key, b"one"), sign(key, b"two")
    assert first.public == second.public and key.stat().st_mode & 0o777 == 0o600
    assert is_signed(first.public, first.signature, b"one") and not is_signed(first.public, first.signature, b"two")
    assert not is_signed(b"short", first.signature, b"one")


def test_a_child_signs_and_says_why_it_cannot(tmp_path: Path) -> None:
    import asyncio

    from gateway.evidence.notary import NotSigned, signed_by_child

    async def story(make: Callable[[], Path]) -> Signature:
        return await signed_by_child(make(), b"message")

    signed = asyncio.run(story(lambda: tmp_path / "gateway.key"))
    assert is_signed(signed.public, signed.signature, b"message")
    with pytest.raises(NotSigned, match="No such file"):
        asyncio.run(story(lambda: tmp_path / "no folder" / "gateway.key"))
