"""Updates as files: offered once to the nodes that they are for, given away piece by piece under each node's seal."""

import ast
import asyncio
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from firmware.update import Fetcher
from gateway import updates
from gateway.collect.radio import RadioCollector
from gateway.site import slice
from gateway.store import Store
from gateway.updates import BadUpdate, Updates
from hw_sim.clock import run_virtual, world_clock
from hw_sim.guest.update_cuts import Bench, Dice, Power
from protocols import command, framing, link, update
from protocols.errors import FrameError
from tests.gateway.doubles import KEY, NODE, HandLine, events, site

ROOT = Path(__file__).resolve().parent.parent.parent
UPDATE_KEY = bytes(range(7, 39))
CONTENTS = {"firmware/main.mpy": b"main" * 300, "protocols/a.mpy": b"a" * 700}


def node_of(folder: Path, update_key: str | None = UPDATE_KEY.hex(), board: str = "rp2"):  # type: ignore[no-untyped-def]
    return msgspec.structs.replace(site(folder, NODE).nodes[0], update_key=update_key, board=board)


def put(folder: Path, number: int, target: str = "rp2", contents: dict[str, bytes] = CONTENTS) -> bytes:
    (folder / updates.FOLDER).mkdir(exist_ok=True)
    archive = updates.pack(contents, target, number)
    (folder / updates.FOLDER / f"{target}-{number}.wtu").write_bytes(archive)
    return archive


def test_a_node_gets_the_archive_under_its_own_seal_and_a_board_takes_it(tmp_path: Path) -> None:
    plain = put(tmp_path, 2)
    node = node_of(tmp_path)
    gives = Updates(tmp_path / updates.FOLDER)
    whole = update.decode_part(gives.answer(node, update.encode_ask(2, 0, 200)))[2]
    assert whole == updates.sealed(plain, UPDATE_KEY)[:200] != plain[:200]
    board = Bench(Power(Dice(1)))
    fetcher = Fetcher(board, 2, UPDATE_KEY, 120)
    while not fetcher.ready:
        question = fetcher.question()
        if question is None:
            fetcher.begin_report()
            continue
        fetcher.take(gives.answer(node, question))
    assert not fetcher.refused


def test_who_has_no_key_or_another_board_gets_nothing(tmp_path: Path) -> None:
    put(tmp_path, 2)
    put(tmp_path, 3, "esp32")
    gives = Updates(tmp_path / updates.FOLDER)
    assert gives.newest(node_of(tmp_path)) == 2
    assert gives.newest(node_of(tmp_path, board="esp32")) == 3
    assert gives.newest(node_of(tmp_path, update_key=None)) == 0
    assert Updates(tmp_path / "nowhere").newest(node_of(tmp_path)) == 0
    nothing = update.encode_part(2, 0, b"")
    assert gives.answer(node_of(tmp_path, update_key=None), update.encode_ask(2, 0, 9)) == nothing
    assert gives.answer(node_of(tmp_path, board="esp32"), update.encode_ask(2, 0, 9)) == nothing
    with pytest.raises(FrameError):
        gives.answer(node_of(tmp_path), b"what?")


def test_files_that_are_no_archives_are_given_to_nobody(tmp_path: Path) -> None:
    folder = tmp_path / updates.FOLDER
    whole = put(tmp_path, 2)
    for name in ("rp2-3.wtu.part", "rp2-0.wtu", "rp2.wtu", "notes.txt"):
        (folder / name).write_bytes(whole)
    gives = Updates(folder)
    assert gives.newest(node_of(tmp_path)) == 2
    for bad in (b"", whole[:40], bytes(500), b"WTU1" + bytes(500)):
        (folder / "rp2-4.wtu").write_bytes(bad)
        assert gives.answer(node_of(tmp_path), update.encode_ask(4, 0, 9)) == update.encode_part(4, 0, b"")


def test_an_archive_of_the_real_sources_is_whole_and_leaves_out_what_is_in_the_image(tmp_path: Path) -> None:
    archive = updates.make(ROOT, "rp2", 7)
    count = update.manifest_bytes(archive)
    manifest = update.decode(archive[6 : 6 + count])
    names = [part.path for part in manifest.parts]
    assert {"firmware/main.mpy", "firmware/cycle.mpy", "firmware/boards/rp2.mpy", "protocols/update.mpy"} <= set(names)
    assert not [name for name in names if "profiles" in name or "esp32" in name or name.endswith("start.mpy")]
    assert len(archive) == 6 + count + 32 + sum(part.length for part in manifest.parts)
    assert len(archive) < 30 * 4096  # the slots of the carrier boards: firmware/boot/*/carrier.py, partitions.csv


def test_sources_that_do_not_compile_make_no_update(tmp_path: Path) -> None:
    (tmp_path / "firmware").mkdir()
    (tmp_path / "firmware" / "main.py").write_text("def main(:\n")
    with pytest.raises(BadUpdate, match=r"firmware/main\.py"):
        updates.make(tmp_path, "rp2", 1)
    with pytest.raises(BadUpdate):
        updates.pack({}, "rp2", 1)


def test_a_file_in_the_folder_is_offered_once_and_its_pieces_are_given(tmp_path: Path) -> None:
    async def main() -> None:
        station = site(tmp_path, NODE)
        node = node_of(tmp_path)
        station = msgspec.structs.replace(station, nodes=(node,))
        store = Store(tmp_path / "store.db", world_clock())
        collector = RadioCollector(station, HandLine().open, store, world_clock())
        schema = slice.schema_of(station, node).to_bytes(2, "big")

        def ask(counter: int, kind: int, body: bytes) -> link.Frame:
            frame = link.seal(bytes.fromhex(KEY), kind, 17, counter, body)
            (said,) = collector.answers(framing.stuff(frame))
            (raw,) = framing.Deframer().feed(said)
            link.check(bytes.fromhex(KEY), raw)
            return link.parse(raw)

        def waiting(counter: int) -> list[tuple[int, int]]:
            answer = link.parse_answer(ask(counter, link.HELLO, schema).body)
            return [(one.kind, one.argument) for one in answer.commands]

        folder = Path(station.store.path).parent
        assert waiting(1) == []
        archive = updates.sealed(put(folder, 2), UPDATE_KEY)
        assert waiting(2) == waiting(3) == [(command.UPDATE, 2)]  # until it is decided
        part = ask(4, link.ASK, update.encode_ask(2, 100, 50))
        assert part.kind == link.PART and update.decode_part(part.body) == (2, 100, archive[100:150])
        (offered,) = store.commands.waiting(17)
        ask(5, link.DONE, command.encode_results([(offered.id, command.DONE)]))
        assert waiting(6) == []
        again = link.seal(bytes.fromhex(KEY), link.ASK, 17, 4, update.encode_ask(2, 0, 9))
        assert list(collector.answers(framing.stuff(again))) == []  # a replay
        bad = link.seal(bytes.fromhex(KEY), link.ASK, 17, 7, b"what?")
        assert list(collector.answers(framing.stuff(bad))) == []
        assert collector.refused == {"replay": 1, "body": 1}
        assert asyncio.get_running_loop() is not None and events(folder)
        store.close()

    run_virtual(main())


def test_a_node_gets_of_protocols_what_its_firmware_imports_and_nothing_else() -> None:
    waiting, found = list((ROOT / "firmware").rglob("*.py")), {ROOT / "protocols" / "__init__.py"}
    while waiting:
        for path in imported(waiting.pop()):
            if path.parent == ROOT / "protocols" and path.exists() and path not in found:
                found.add(path)
                waiting.append(path)
    assert sorted(updates.PROTOCOLS) == sorted(path.stem for path in found)


def imported(path: Path) -> Iterator[Path]:
    for statement in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(statement, ast.ImportFrom) and statement.module:
            module = ROOT / statement.module.replace(".", "/")
            yield module.with_suffix(".py")
            yield from (module / f"{alias.name}.py" for alias in statement.names)
