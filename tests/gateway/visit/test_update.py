"""A node gets a new application over the cable, by its own code that takes one by radio; and through the gateway."""

import asyncio
from contextlib import closing
from pathlib import Path

import pytest

from gateway import updates
from gateway.__main__ import main
from gateway.control.actions import Actions
from gateway.control.desk import Desk as Counter
from gateway.control.door import Door
from gateway.site import config
from gateway.store import Store
from gateway.visit import bundle, prompt, radio_update
from hw_sim.desk.board import DeskBoard
from hw_sim.desk.desk import Desk
from hw_sim.desk.faults import Faults
from hw_sim.desk.pretended import image
from protocols import command
from tests.gateway.doubles import HandClock

SITE = Path(__file__).parents[3] / "hw_sim/sites/demo.toml"
KEY = "ab" * 32
FILES = {"firmware/main.mpy": b"M\x06" * 3000, "firmware/cycle.mpy": bytes(range(256)) * 16}


@pytest.fixture
def pico(desk: Desk) -> DeskBoard:
    """A node that takes updates, beside a bundle's folder."""
    text = SITE.read_text("utf-8").replace("report_s = 3", f'report_s = 3\nupdate_key = "{KEY}"')
    Path("site.toml").write_text(text, "utf-8")
    board = desk.board("RP2040")
    board.install(image("RP2040"))
    board.plug()
    assert main(["provision", "water", "--lang", "en"]) == 0
    return board


def bundled(contents: dict[str, bytes] = FILES, number: int = 7, target: str = "rp2") -> bytes:
    """A bundle that holds this application."""
    archive = updates.pack(contents, target, number)
    site = config.load(Path("site.toml"))
    content = bundle.Content(site, Path("site.toml").read_bytes(), updates={f"{target}-{number}.wtu": archive})
    Path("visit.zip").write_bytes(bundle.make(content, "long enough", "2026-11-29T08:00:00Z", log2_n=10))
    return archive


def notes(board: DeskBoard) -> list[list[object]]:
    """(number, confirmed, ended) of each note, and whether its slot holds what it says."""
    session = prompt.entered(board.awaited(), 10)
    told = session.tell(
        "from firmware.boot.notes import Notes\nfrom firmware.boot.slot import open_slot\n"
        "tell(notes=[[n.number, n.confirmed, n.ended, open_slot(board.slots[n.slot], n.fingerprint) is not None]"
        " for n in Notes(board.notes).notes])"
    )
    session.close()
    return list(told["notes"])


def test_an_application_goes_over_the_cable_into_the_free_slot_on_trial(
    pico: DeskBoard, capsys: pytest.CaptureFixture[str]
) -> None:
    bundled()
    assert main(["update", "water", "--lang", "en"]) == 0
    assert "on trial" in capsys.readouterr().out
    assert notes(pico) == [[7, False, False, True]]


def test_a_cable_that_is_pulled_costs_only_the_rest(pico: DeskBoard, capsys: pytest.CaptureFixture[str]) -> None:
    bundled()
    pico.faults = Faults(lost_at=pico.runs + 30)
    assert main(["update", "water", "--wait", "1", "--lang", "zh"]) == 1
    assert "将从中断处继续" in capsys.readouterr().err
    pico.plug()
    before = pico.runs
    assert main(["update", "water", "--lang", "en"]) == 0
    pieces = sum(map(len, FILES.values())) // 255
    assert pico.runs - before < pieces - 15
    assert notes(pico) == [[7, False, False, True]]


def test_another_key_another_node_and_a_node_without_a_key_are_refused(
    pico: DeskBoard, capsys: pytest.CaptureFixture[str]
) -> None:
    bundled()
    text = Path("site.toml").read_text("utf-8")
    Path("site.toml").write_text(text.replace(KEY, "cd" * 32), "utf-8")
    assert main(["update", "water", "--lang", "en"]) == 1
    assert "The update was refused" in capsys.readouterr().err
    assert notes(pico) == []
    Path("site.toml").write_text(text, "utf-8")
    assert main(["update", "air", "--lang", "en"]) == 1
    assert "not node air, but water" in capsys.readouterr().err
    Path("site.toml").write_text(SITE.read_text("utf-8"), "utf-8")
    assert main(["update", "water", "--lang", "zh"]) == 1
    assert "没有 update_key" in capsys.readouterr().err


def test_over_the_radio_the_gateway_offers_it_to_that_node_alone(
    pico: DeskBoard, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = bundled()
    told = ["update", "water", "--radio", "--lang", "en"]
    assert main(told) == 1
    assert "No gateway answers here" in capsys.readouterr().err
    site = config.load(Path("site.toml"))

    async def live() -> int:
        with closing(Store(Path(site.store.path), HandClock())) as store:
            actions = Actions(site, store, HandClock(), {}, give=store.commands.give).by_name
            counter = Counter((), actions, store, HandClock())
            door = Door(
                Path(site.control.socket),
                lambda who, what, argument, uplink: counter.ask(who.user, who.role, what, argument, uplink),
                dict,
            )
            running = asyncio.create_task(door.run())
            while not Path(site.control.socket).exists():
                await asyncio.sleep(0)
            status = await asyncio.to_thread(main, told)
            running.cancel()
            water, air = site.nodes
            offered = updates.Updates(Path(site.store.path).parent / updates.FOLDER)
            assert (offered.newest(water), offered.newest(air)) == (7, 0)
            assert radio_update.course(site, water.id) is None
            store.commands.give(water.id, command.UPDATE, 7)
            assert radio_update.course(site, water.id) == (7, None, None, None)
            return status

    assert asyncio.run(live()) == 0
    assert "offers application 7 to node water" in capsys.readouterr().out
    assert main(["update", "water", "--status", "--lang", "en"]) == 0
    assert "waits for the node's next report" in capsys.readouterr().out
    assert (Path("updates") / "rp2-7@water.wtu").read_bytes() == archive
