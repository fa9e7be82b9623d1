"""Knows how pieces get into a machine's tree and out of it again; knows not what they are for.

What stood there before is kept in one file of ours, so that undo brings it back. What somebody has changed since stays.
"""

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from gateway.machine.install.pieces import STATE, Piece, with_part
from gateway.whole_file import whole_file

NOTES = f"{STATE}/installed.json"
NEW, CHANGED, SAME, FOREIGN, REMOVED, RESTORED = "new", "changed", "same", "foreign", "removed", "restored"


class Done(NamedTuple):
    """What became of a piece, or would: one of the words above."""

    path: str
    what: str
    why: str = ""
    before: str | None = None
    after: str | None = None


class Tree:
    """A machine's files below `root`."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._notes: dict[str, dict[str, str | None]] = self._read_notes()

    def at(self, path: str) -> Path:
        return self._root / path.lstrip("/")

    def plan(self, pieces: Iterable[Piece]) -> list[Done]:
        """What put() would do."""
        return [self._compare(piece) for piece in pieces]

    def put(self, pieces: Iterable[Piece]) -> list[Done]:
        """Puts each there that is not there yet. OSError: it can't."""
        done = []
        for piece in pieces:
            one = self._compare(piece)
            done.append(one)
            if one.what == SAME or one.after is None:
                continue
            path = self.at(piece.path)
            path.parent.mkdir(parents=True, exist_ok=True)
            if piece.path not in self._notes:
                self._notes[piece.path] = {"before": one.before, "sha256": None}
            self._notes[piece.path]["sha256"] = _digest(one.after)
            self._write_notes()
            _replace(path, piece, one.after)
        return done

    def undo(self, dry: bool = False) -> list[Done]:
        """Takes out what is as it was put there, and brings back what stood there before."""
        done = []
        for path, note in reversed(list(self._notes.items())):
            now, before = _text(self.at(path)), note["before"]
            if now is None:
                what = SAME
            elif _digest(now) != note["sha256"] and "# watertower: begin" in now:
                before = with_part(now, None)
                what = RESTORED
            elif _digest(now) != note["sha256"]:
                what = FOREIGN
            else:
                what = REMOVED if before is None else RESTORED
            done.append(Done(path, what, "", now, before))
            if dry or what in (SAME, FOREIGN):
                continue
            if before is None:
                self.at(path).unlink()
            else:
                _replace(self.at(path), Piece(path, before, ""), before)
        if not dry:
            self._notes = {}
            self.at(NOTES).unlink(missing_ok=True)
        return done

    def _compare(self, piece: Piece) -> Done:
        now = _text(self.at(piece.path))
        after = f"-> {piece.link}" if piece.link is not None else piece.text or ""
        if piece.is_part:
            after = with_part(now or "", piece.text)
        what = NEW if now is None else SAME if now == after else CHANGED
        return Done(piece.path, what, piece.why, now, after)

    def _read_notes(self) -> dict[str, dict[str, str | None]]:
        try:
            read: dict[str, dict[str, str | None]] = json.loads(self.at(NOTES).read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return read

    def _write_notes(self) -> None:
        path = self.at(NOTES)
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as beside:
            beside.write_text(json.dumps(self._notes, indent=1), "utf-8")


def _text(path: Path) -> str | None:
    """What is there: a link's target as "-> target"; None: nothing."""
    if path.is_symlink():
        return f"-> {os.readlink(path)}"
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        return None


def _replace(path: Path, piece: Piece, text: str) -> None:
    if text.startswith("-> "):
        beside = path.with_name(path.name + ".part")
        beside.unlink(missing_ok=True)
        beside.symlink_to(text.removeprefix("-> "))
        os.replace(beside, path)
        return
    mode = path.stat().st_mode & 0o777 if path.exists() and not path.is_symlink() else piece.mode
    with whole_file(path) as beside:
        beside.write_text(text, "utf-8")
        beside.chmod(mode)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
