"""Knows `watertower query`: its options, how answers look; knows no SQL."""

import argparse
import difflib
import json
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import psycopg

from gateway.archive.questions import Limits, Questions
from gateway.archive.taken import NoStation, Taken
from gateway.export import command as export_command
from gateway.export import moment_ms
from gateway.messages import say
from gateway.site.profiles import columns
from protocols.worth import names

_NAMED = 10  # names that a person is told of those that there are


def add(parser: argparse.ArgumentParser, shared: argparse.ArgumentParser) -> None:
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
    questions.add_parser("refusals", parents=[one], help=say("help.query_refusals"))
    export = questions.add_parser("export", parents=[shared], help=say("help.query_export"))
    _add_dsn(export)
    export.add_argument("--station", metavar="ID", required=True, help=say("help.query_station"))
    export_command.add(export)


def _add_dsn(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dsn", default="", help=say("help.dsn"))


def _moment(text: str) -> datetime:
    return datetime.fromtimestamp(moment_ms(text) / 1000, UTC)


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
    "refusals": lambda questions, args: questions.refusals(args.station),
}
_SHOWN = {
    "last": ("station", "source", "channel", "time", "value", "unit", "quality"),
    "coverage": ("station", "online", "heard", "rows", "missing", "share", "signed_days", "refused"),
    "exceedances": ("station", "source", "times", "first", "last", "worst", "unit"),
    "refusals": ("station", "reason", "times", "first", "last", "detail"),
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
    return f"{value:%Y-%m-%d %H:%M:%SZ}" if isinstance(value, datetime) else " ".join(str(value).split())


def _plain(value: object) -> str:
    assert isinstance(value, datetime)
    return value.isoformat()
