"""Knows `watertower sim desk`: the folder of a visit, an empty board on the cable, and a station whose gateway waits
for that node; knows no command of a technician.

The node's firmware begins to live in the world (hw_sim/station.py) once the board has been provisioned, on the very
bytes that its settings region holds then.
"""

import argparse
import asyncio
import contextlib
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from firmware.board import Flash
from firmware.boards import layout
from firmware.boot.rp2 import carrier
from firmware.config import ConfigError
from firmware.settings import load
from gateway import option_values
from gateway.messages import say
from gateway.site import config
from hw_sim import scenario
from hw_sim.desk import pretended
from hw_sim.desk.board import DeskBoard
from hw_sim.desk.desk import Desk
from hw_sim.platforms.platform import Platform
from hw_sim.world import SimNode

CHIP = "RP2040"
_STORY = Path(__file__).with_name("story.toml")
_STORAGE = 0xA0000  # where the flash storage of RPI_PICO begins: 2 MiB less 1408 KiB
_LOOK_S = 0.2
_ASKS_FOR_HANDS = "certificate-*.part.json"  # gateway/visit/commission: it lies there while somebody must pull a plug
_PULLED_S = 10.0  # as a commissioning tells a person


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", shared: argparse.ArgumentParser) -> None:
    desk = commands.add_parser("desk", parents=[shared], help=say("help.sim_desk"))
    desk.add_argument("folder", type=Path, nargs="?", default=Path("visit"), help=say("help.desk_folder"))
    desk.add_argument("--for", dest="seconds", type=option_values.span_s, metavar="SECONDS", help=say("help.for"))
    desk.set_defaults(sim=run)


def run(args: argparse.Namespace) -> int:
    """0: ended as it was told to."""
    return asyncio.run(_live(args.folder, args.seconds))


class Kept(Flash):
    """A board's settings region, as it is now."""

    sectors = 4

    def __init__(self, board: DeskBoard) -> None:
        start, count = layout.parse(carrier.BOARD).regions["settings"]
        with board.flash_path.open("rb") as file:
            file.seek(_STORAGE + start)
            self.content = file.read(count)

    def read(self, offset: int, count: int) -> bytes:
        return self.content[offset : offset + count]

    @property
    def slice(self) -> bytes | None:
        try:
            return load(self)
        except ConfigError:
            return None


async def _live(folder: Path, seconds: float | None) -> int:
    from hw_sim.station import Station  # brokers and gateways are not needed by other sub-commands

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    folder.mkdir(parents=True, exist_ok=True)
    for old in ("store.db", "store.db-wal", "store.db-shm"):
        (folder / old).unlink(missing_ok=True)  # of a bench before: its node counted on
    story = scenario.load(_STORY)
    (folder / f"pretended-{CHIP}.uf2").write_bytes(pretended.image(CHIP))
    station = Station(story, folder.absolute(), Platform(lambda *reading: None), 1)
    with Desk(folder) as desk:
        board = desk.board(CHIP)
        board.erase()
        try:
            await station.start()
            name = config.load(story.site_path).nodes[0].name
            node = station.world.nodes[name]
            node.cut("desk")  # before its first instruction
            board.plug()
            print(
                say("desk.ready", folder=folder, node=name, chip=CHIP, program=Path(sys.argv[0]).absolute()), flush=True
            )
            await _watch(folder, board, node, station.check, stop, seconds)
        finally:
            await station.stop()
    return 0


async def _watch(
    folder: Path,
    board: DeskBoard,
    node: SimNode,
    check: Callable[[], None],
    stop: asyncio.Event,
    seconds: float | None,
) -> None:
    """The node lives as what the board was made, and its plug is pulled when a commissioning asks for that."""
    loop = asyncio.get_running_loop()
    end_s = None if seconds is None else loop.time() + seconds
    lives: bytes | None = None
    hands = False
    while not stop.is_set() and (end_s is None or loop.time() < end_s):
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _LOOK_S)
        check()
        if not hands and any(folder.glob(_ASKS_FOR_HANDS)):
            hands = True
            print(say("desk.pulls", node=node.node.name), flush=True)
            node.cut("hands")
            loop.call_later(_PULLED_S, node.boot, "hands")
        hands = hands and any(folder.glob(_ASKS_FOR_HANDS))
        kept = Kept(board)
        if kept.slice != lives and board.image == "own":
            node.cut("desk")
            lives = kept.slice
            if lives is not None:
                node.board.settings.content[:] = kept.content
                node.boot("desk")
                print(say("desk.lives", node=node.node.name), flush=True)
