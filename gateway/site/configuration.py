"""Knows how a new site file is tried and the last good one comes back; knows no gateway, no uplink and no command.

While a new `site.toml` is on trial, `site.toml.good` stands beside it, the last that worked, and `site.toml.trial`,
which says what is tried. Each file is replaced whole (written beside, synced, renamed), in an order in which a power
cut at any moment leaves one of the two files in force, and never a trial without a way back.
"""

import contextlib
import hashlib
import os
from collections.abc import Callable
from enum import Enum
from pathlib import Path

import msgspec
from msgspec import Struct

from gateway.faults import SiteError, check_text
from gateway.site.config import Site
from gateway.whole_file import sync, whole_file

MOST_STARTS = 3  # a file that makes the gateway crash starts it no more often; ours


class Trial(Struct, frozen=True, kw_only=True):
    """What is tried: the SHA-256 of the file, how long, how often a gateway has started with it."""

    digest: str
    minutes: int
    starts: int = 0


class Step(Enum):
    """What a start has to do."""

    SETTLED = "no trial"
    TRY = "run, and wait for an uplink"
    FORGET = "the file is another one by now: somebody has replaced it by hand, or the trial never began"
    RETURN = "it has had its chances"


def at_start(trial: Trial | None, digest: str) -> Step:
    """`digest`: that of the site file as it is."""
    if trial is None:
        return Step.SETTLED
    if trial.digest != digest:
        return Step.FORGET
    return Step.TRY if trial.starts < MOST_STARTS else Step.RETURN


class Refusal(Exception):
    """A proposed site file can't be tried; the text says why."""


class Configuration:
    """The site file at `path`, which `load` reads and checks, as `watertower check` does. `trial`: what is on trial
    now; `said`: events that a store shall note (kind, detail)."""

    def __init__(
        self, path: Path, load: Callable[[Path], Site], replace: Callable[[Path, bytes], None] | None = None
    ) -> None:
        self._replace = replace or replace_file
        self._path = path
        self._good = path.with_name(path.name + ".good")
        self._mark = path.with_name(path.name + ".trial")
        self._load = load
        self._station = ""
        self.trial: Trial | None = None
        self.said: list[tuple[str, dict[str, object]]] = []

    def begin(self) -> Site:
        """The site to run now, at each start. SiteError: there is none."""
        site = self._begin()
        self._station = site.station.id
        return site

    def _begin(self) -> Site:
        self.trial = self._read_trial()
        step = at_start(self.trial, _digest(self._path))
        if step is Step.RETURN:
            self.give_up("starts")
        elif step is Step.FORGET:
            self._settle()
        elif step is Step.TRY:
            assert self.trial is not None
            self.trial = msgspec.structs.replace(self.trial, starts=self.trial.starts + 1)
            self._replace(self._mark, msgspec.json.encode(self.trial))
            try:
                return self._load(self._path)
            except SiteError:  # checked when it was proposed; what it names may have gone since
                self.give_up("faulty")
        return self._load(self._path)

    def check(self) -> None:
        """Whether the file as it is by now may be taken over. Refusal: not as it is."""
        if self.trial is not None:
            raise Refusal("a site file from afar is on trial")
        try:
            site = self._load(self._path)
        except SiteError as error:
            raise Refusal("\n".join(check_text(error, self._path.name, "en")[:20])) from None
        if site.station.id != self._station:
            raise Refusal("station.id can't be changed while the gateway runs: stop it and start it again")

    def propose(self, text: str, minutes: int) -> None:
        """Puts a new file in place, for the next start. Refusal: it is not sound, or another is on trial."""
        if self.trial is not None:
            raise Refusal("another site file is on trial")
        data = text.encode()
        new = self._path.with_name(self._path.name + ".new")
        try:
            old = self._load(self._path)
            self._replace(new, data)
            try:
                site = self._load(new)
            finally:
                new.unlink(missing_ok=True)
            if site.station.id != old.station.id:
                raise Refusal("station.id can't be changed from afar: all topics begin with it")
            self._replace(self._good, self._path.read_bytes())
            self._replace(
                self._mark, msgspec.json.encode(Trial(digest=hashlib.sha256(data).hexdigest(), minutes=minutes))
            )
            self._replace(self._path, data)
        except SiteError as error:
            raise Refusal("\n".join(check_text(error, self._path.name, "en")[:20])) from None
        except OSError as error:
            raise Refusal(f"can't be written: {error.strerror}") from None

    def confirm(self) -> None:
        """An uplink works: the file on trial is the good one from now on."""
        if self.trial is not None:
            self.said.append(("configuration_kept", {"digest": self.trial.digest[:16]}))
            self._settle()

    def give_up(self, reason: str) -> None:
        """The last good file comes back, for the next start. OSError: it can't be put back yet."""
        assert self.trial is not None
        with contextlib.suppress(FileNotFoundError):  # somebody has tidied up: then there is only this one
            self._replace(self._path, self._good.read_bytes())
        self.said.append(("configuration_returned", {"digest": self.trial.digest[:16], "reason": reason}))
        self._settle()

    def _settle(self) -> None:
        """The mark goes first: without it the rest says nothing."""
        self.trial = None
        self._mark.unlink(missing_ok=True)
        sync(self._path.parent)
        self._good.unlink(missing_ok=True)

    def _read_trial(self) -> Trial | None:
        try:
            return msgspec.json.decode(self._mark.read_bytes(), type=Trial)
        except (OSError, msgspec.MsgspecError):
            return None


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


def replace_file(path: Path, data: bytes) -> None:
    """All or nothing, power cut or not. Only the owner reads it: a site file holds keys."""
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o600
    with whole_file(path) as beside, open(os.open(beside, os.O_WRONLY | os.O_CREAT, mode), "wb") as file:
        file.write(data)
