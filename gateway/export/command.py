"""Knows `watertower export` and what it shares with the archive's: file names, forms, what is said; knows no SQL."""

import sqlite3
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from gateway.beside import reading
from gateway.export import stored, text
from gateway.export.reading import EVER_MS, Reading, Wish, moment_ms
from gateway.export.sheet import Mixed, Sheet
from gateway.messages import say
from gateway.store import StoreError
from gateway.whole_file import whole_file

_LONG = {".csv": text.write_csv, ".jsonl": text.write_json}
_WIDE = {".csv": text.write_sheet}
_PARQUET = ".parquet"


class WrongWish(Exception):
    """The words say what can be had instead."""


class Unwritable(Exception):
    """The disk, not the wish."""


class Form(NamedTuple):
    """`step_ms`: of the wide form."""

    to: Path
    is_wide: bool = False
    step_ms: int = 1


def add(parser: ArgumentParser) -> None:
    parser.add_argument("--from", dest="since", type=moment_ms, metavar="TIME", help=say("help.from"))
    parser.add_argument("--to", dest="until", type=moment_ms, metavar="TIME", help=say("help.to"))
    parser.add_argument("--channel", action="append", default=[], metavar="NAME", help=say("help.channel"))
    parser.add_argument("--source", metavar="NAME", help=say("help.export_source"))
    parser.add_argument("--wide", action="store_true", help=say("help.export_wide"))
    parser.add_argument("--step", type=float, metavar="SECONDS", help=say("help.export_step"))
    parser.add_argument("-o", dest="out", type=Path, metavar="FILE", required=True, help=say("help.export_out"))


def main(store: Path, args: Namespace) -> int:
    """`watertower export`. StoreError."""

    def work() -> None:
        form, wish = asked(args)
        with reading(store) as db:
            known = stored.series(db).values()
            check(wish, {source for source, _ in known}, {name for _, channels in known for name, _, _ in channels})
            write(_sound(store, stored.readings(db, wish, progress)), wish, form)

    return answered(work)


def _sound(store: Path, readings: Iterator[Reading]) -> Iterator[Reading]:
    try:
        yield from readings
    except (ValueError, sqlite3.Error) as error:  # cells that are no cells
        raise StoreError(say("verify.unreadable", path=store, reason=error)) from error


def answered(work: Callable[[], None]) -> int:
    """0: done; 1: the file can't be written; 2: there is no such thing as was asked for."""
    try:
        work()
    except WrongWish as error:
        status, said = 2, str(error)
    except Mixed as error:
        first, second = error.units
        status, said = 2, say("export.mixed", channel=error.channel, first=first, second=second)
    except Unwritable as error:
        status, said = 1, str(error)
    else:
        return 0
    print(said, file=sys.stderr)
    return status


def asked(args: Namespace) -> tuple[Form, Wish]:
    """What the options say. WrongWish."""
    known = sorted({*(_WIDE if args.wide else _LONG), _PARQUET})
    if args.out.suffix not in known:
        raise WrongWish(say("export.format", path=args.out, known=", ".join(known)))
    if args.step is not None and not (args.wide and 0.001 <= args.step <= 86_400):
        raise WrongWish(say("export.step"))
    wish = Wish(
        -EVER_MS if args.since is None else args.since, EVER_MS if args.until is None else args.until,
        args.channel, args.source,
    )  # fmt: skip
    return Form(args.out, args.wide, 1 if args.step is None else round(args.step * 1000)), wish


def check(wish: Wish, sources: set[str], channels: set[str]) -> None:
    """WrongWish: of these it wants another."""
    for name in sorted(set(wish.channels) - channels):
        raise WrongWish(say("export.no_channel", channel=name, known=", ".join(sorted(channels))))
    if wish.source is not None and wish.source not in sources:
        raise WrongWish(say("export.no_source", source=wish.source, known=", ".join(sorted(sources))))


def write(readings: Iterable[Reading], wish: Wish, form: Form) -> None:
    """The file has its name when it is whole. Says what is in it. WrongWish, Mixed, Unwritable."""
    long, wide = dict(_LONG), dict(_WIDE)
    if form.to.suffix == _PARQUET:
        try:
            from gateway.export import parquet  # 0.3 s and 60 MB that nobody else shall pay
        except ModuleNotFoundError as error:
            raise WrongWish(say("export.not_installed", module=error.name)) from None
        long[_PARQUET], wide[_PARQUET] = parquet.write_long, parquet.write_sheet
    try:
        with whole_file(form.to) as beside:
            if not form.is_wide:
                said = [say("export.done", samples=long[form.to.suffix](beside, readings), path=form.to)]
            else:
                with closing(Sheet(form.step_ms, progress)) as sheet:
                    sheet.put(readings, has_source=wish.source is not None)
                    wide[form.to.suffix](beside, sheet)
                    said = _said(sheet, form.to)
    except (OSError, sqlite3.Error) as error:
        raise Unwritable(say("export.unwritable", path=form.to, reason=error)) from error
    if sys.stderr.isatty():
        print("\x1b[K", end="", file=sys.stderr, flush=True)  # the line of the progress
    print("\n".join(said))


def _said(sheet: Sheet, to: Path) -> list[str]:
    said = [say("export.done_wide", lines=sheet.lines_written, channels=len(sheet.channels), path=to)]
    if sheet.guessed:
        said.append(say("export.guessed", readings=sheet.guessed))
    if sheet.crowded:
        said.append(say("export.crowded", readings=sheet.crowded))
    return said


def progress(done: int, of: int) -> None:
    if sys.stderr.isatty():
        print(say("export.progress", percent=100 * done // max(of, 1)), end="\r", file=sys.stderr, flush=True)
