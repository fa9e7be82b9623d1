"""Knows `watertower archive` and `watertower query`: their options, how answers look; knows no SQL, no message."""

import argparse
import difflib
import json
import logging
import signal
import ssl
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import psycopg

from gateway.archive import operators
from gateway.archive.questions import Limits, Questions
from gateway.archive.tables import WrongSchema
from gateway.archive.taken import NoStation, Taken
from gateway.archive.worker import Settings, Worker
from gateway.export import command as export_command
from gateway.export import moment_ms
from gateway.machine import journal
from gateway.messages import say
from gateway.site.profiles import columns
from protocols.worth import names

_NAMED = 10  # names that a person is told of those that there are
_LINE_S = 10.0  # between two lines of progress; on a terminal one line a second


def add_archive(parser: argparse.ArgumentParser, host_port: Callable[[str], str]) -> None:
    _add_dsn(parser)
    parser.add_argument("--broker", type=host_port, metavar="HOST:PORT", required=True, help=say("help.archive_broker"))
    parser.add_argument("--operators", type=Path, metavar="FILE.toml", help=say("help.archive_operators"))
    parser.add_argument("--grace", type=float, default=30.0, metavar="SECONDS", help=say("help.archive_grace"))
    parser.add_argument("--username", help=say("help.archive_username"))
    parser.add_argument("--password-file", type=Path, metavar="FILE", help=say("help.archive_password_file"))
    parser.add_argument("--tls", action="store_true", help=say("help.archive_tls"))
    parser.add_argument("--tls-ca", type=Path, metavar="FILE.pem", help=say("help.archive_tls_ca"))


def add_query(parser: argparse.ArgumentParser, shared: argparse.ArgumentParser) -> None:
    questions = parser.add_subparsers(required=True, metavar=say("help.question"), dest="question")
    one = argparse.ArgumentParser(add_help=False, parents=[shared])
    _add_dsn(one)
    one.add_argument("--station", metavar="ID", help=say("help.query_station"))
    one.add_argument("--json", action="store_true", help=say("help.status_json"))
    last = questions.add_parser("last", parents=[one], help=say("help.query_last"))
    last.add_argument("--channel", metavar="NAME", help=say("help.query_channel"))
    questions.add_parser("coverage", parents=[one], help=say("help.query_coverage"))
    beyond = questions.add_parser("exceedances", parents=[one], help=say("help.query_exceedances"))
    beyond.add_argument("--channel", metavar="NAME", required=True, help=say("help.query_channel"))
    beyond.add_argument("--above", type=float, metavar="VALUE", help=say("help.query_above"))
    beyond.add_argument("--below", type=float, metavar="VALUE", help=say("help.query_below"))
    beyond.add_argument("--from", dest="since", type=_moment, metavar="TIME", help=say("help.from"))
    beyond.add_argument("--to", dest="until", type=_moment, metavar="TIME", help=say("help.to"))
    export = questions.add_parser("export", parents=[shared], help=say("help.query_export"))
    _add_dsn(export)
    export.add_argument("--station", metavar="ID", required=True, help=say("help.query_station"))
    export_command.add(export)


def _add_dsn(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dsn", default="", help=say("help.dsn"))


def _moment(text: str) -> datetime:
    return datetime.fromtimestamp(moment_ms(text) / 1000, UTC)


# --- archive ----------------------------------------------------------------------------------------------------------


def archive(args: argparse.Namespace) -> int:
    """0: ended by SIGTERM or Ctrl-C; 1: the database is another version's, or a file can't be used. SiteError."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(journal.formatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    host, _, port = args.broker.rpartition(":")
    try:
        prepare = _prepare(args)
    except (OSError, UnicodeDecodeError) as error:
        print(error, file=sys.stderr)
        return 1
    asked = operators.load(args.operators) if args.operators is not None else {}
    worker = Worker(Settings(args.dsn, (host, int(port)), asked, args.grace, prepare))
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    teller = threading.Thread(target=_tell, args=(worker.counters, over), daemon=True)
    teller.start()
    try:
        worker.run(over.is_set)
    except WrongSchema as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        over.set()
        teller.join()
    return 0


def _prepare(args: argparse.Namespace) -> Callable[[mqtt.Client], None]:
    """Files are read once, at the start."""
    password = None if args.password_file is None else args.password_file.read_text("utf-8").strip()
    tls = ssl.create_default_context(cafile=args.tls_ca) if args.tls or args.tls_ca is not None else None

    def prepare(client: mqtt.Client) -> None:
        if args.username is not None:
            client.username_pw_set(args.username, password)
        if tls is not None:
            client.tls_set_context(tls)

    return prepare


def _tell(counters: Mapping[str, int], over: threading.Event) -> None:
    names = ("messages", "rows", "again", "dated", "refused", "asked")
    counts: dict[str, object]
    is_live = sys.stderr.isatty()
    every_s = 1.0 if is_live else _LINE_S
    before = 0
    while True:
        ends = over.wait(every_s)
        rows = counters["rows"]
        counts = {name: counters[name] for name in names}
        line = say("archive.progress", None, rate=f"{(rows - before) / every_s:.0f}", **counts)
        if ends or rows != before or is_live:
            print(
                f"\r{line}\x1b[K" if is_live else line,
                end="" if is_live and not ends else "\n",
                file=sys.stderr,
                flush=True,
            )
        before = rows
        if ends:
            return


# --- query ------------------------------------------------------------------------------------------------------------


def query(args: argparse.Namespace) -> int:
    """0: answered; 1: the database can't be asked, or the file can't be written; 2: the question is none."""
    try:
        return _exported(args) if args.question == "export" else _answered(args)
    except psycopg.errors.UndefinedTable:
        print(say("query.no_archive"), file=sys.stderr)
    except psycopg.Error as error:
        print(say("query.failed", reason=str(error).strip()), file=sys.stderr)
    return 1


def _exported(args: argparse.Namespace) -> int:
    def work() -> None:
        form, wish = export_command.asked(args)
        with psycopg.connect(args.dsn) as db:
            db.read_only = True
            db.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            try:
                taken = Taken(db, args.station)
            except NoStation as error:
                raise export_command.WrongWish(_no("station", args.station, error.known)) from None
            series = taken.series.values()
            export_command.check(
                wish, {source for source, _ in series}, {name for _, channels in series for name, _, _ in channels}
            )
            export_command.write(taken.readings(wish, export_command.progress), wish, form)

    return export_command.answered(work)


def _answered(args: argparse.Namespace) -> int:
    if args.question == "exceedances" and (args.above is None) == (args.below is None):
        print(say("query.one_limit"), file=sys.stderr)
        return 2
    with closing(Questions(args.dsn)) as questions:
        for kind in ("station", "channel"):  # a slip of the pen is no answer "nothing"
            name = getattr(args, kind, None)
            if name is not None and name not in (known := questions.names(kind)):
                print(_no(kind, name, known), file=sys.stderr)
                return 2
        answers = _ANSWERS[args.question](questions, args)
    if args.json:
        for answer in answers:
            print(json.dumps(answer._asdict(), default=_plain, ensure_ascii=False))
    elif not answers:
        print(say("query.nothing"))
    else:
        head = [say(f"query.{name}") for name in _SHOWN[args.question]]
        rows = [[_cell(name, answer) for name in _SHOWN[args.question]] for answer in answers]
        print("\n".join(columns([head, *rows])))
    return 0


def _no(kind: str, name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, 3) or known[:_NAMED]
    return say(f"query.no_{kind}", name=name, known=", ".join(near))


def _ask_exceedances(questions: Questions, args: argparse.Namespace) -> list[Any]:
    return questions.exceedances(Limits(args.channel, args.above, args.below, args.station, args.since, args.until))


_ANSWERS: dict[str, Callable[[Questions, argparse.Namespace], list[Any]]] = {
    "last": lambda questions, args: questions.last(args.station, args.channel),
    "coverage": lambda questions, args: questions.coverage(args.station),
    "exceedances": _ask_exceedances,
}
_SHOWN = {
    "last": ("station", "source", "channel", "time", "value", "unit", "quality"),
    "coverage": ("station", "online", "heard", "rows", "missing", "share", "signed_days", "refused"),
    "exceedances": ("station", "source", "times", "first", "last", "worst", "unit"),
}


def _cell(name: str, answer: Any) -> str:
    if name == "share":
        known = answer.rows + answer.missing
        return f"{100 * answer.rows / known:.3f} %" if known else ""
    value = getattr(answer, name)
    if value is None:
        return ""
    if name == "quality":
        return ", ".join(say(f"quality.{word}") for word in names(value)) or say("quality.good")
    if name == "value":
        return f"{value:.{answer.decimals}f}"
    if isinstance(value, bool):
        return say("query.yes" if value else "query.no")
    return f"{value:%Y-%m-%d %H:%M:%SZ}" if isinstance(value, datetime) else str(value)


def _plain(value: object) -> str:
    assert isinstance(value, datetime)
    return value.isoformat()
