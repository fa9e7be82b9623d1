"""Knows `watertower archive`: its options, what it tells while it runs; knows no table and no message."""

import argparse
import logging
import signal
import ssl
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import paho.mqtt.client as mqtt

from gateway.archive import operators
from gateway.archive.tables import WrongSchema
from gateway.archive.worker import Settings, Worker
from gateway.machine import journal
from gateway.messages import say

_LINE_S = 10.0  # between two lines of progress; on a terminal one line a second


def add(parser: argparse.ArgumentParser, host_port: Callable[[str], str]) -> None:
    parser.add_argument("--dsn", default="", help=say("help.dsn"))
    parser.add_argument("--broker", type=host_port, metavar="HOST:PORT", required=True, help=say("help.archive_broker"))
    parser.add_argument("--operators", type=Path, metavar="FILE.toml", help=say("help.archive_operators"))
    parser.add_argument("--grace", type=float, default=30.0, metavar="SECONDS", help=say("help.archive_grace"))
    parser.add_argument("--username", help=say("help.archive_username"))
    parser.add_argument("--password-file", type=Path, metavar="FILE", help=say("help.archive_password_file"))
    parser.add_argument("--tls", action="store_true", help=say("help.archive_tls"))
    parser.add_argument("--tls-ca", type=Path, metavar="FILE.pem", help=say("help.archive_tls_ca"))


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
