"""Knows watertower's command line; every command's work stands in its own module."""

import argparse
import asyncio
import importlib
import json
import logging
import re
import sys
from pathlib import Path

from gateway import argument_words, option_values
from gateway.export import command as export_command
from gateway.faults import SiteError, check_text, quoted
from gateway.messages import LANGUAGES, of_file, say, set_language
from gateway.site import profiles
from gateway.site.library import Library
from gateway.store import StoreError
from gateway.visit.failure import VisitFailed


def main(argv: list[str] | None = None) -> int:
    """Exit status: 0 done, 1 failed, 2 the command or the site file is wrong, 130 broken off by Ctrl-C."""
    arguments = sys.argv[1:] if argv is None else argv
    try:
        argument_words.speak()
        _choose_language(arguments)
        return _run_command(_parser(arguments).parse_args(arguments))
    except KeyboardInterrupt:
        print("\n" + say("command.broken_off"), file=sys.stderr)
        return 130  # 128 and SIGINT, as shells have it


def _run_command(args: argparse.Namespace) -> int:
    try:
        return int(args.run(args))
    except SiteError as error:
        print("\n".join(check_text(error, args.site)), file=sys.stderr)
        return 2
    except (StoreError, VisitFailed) as error:
        print(error, file=sys.stderr)
        return 1
    except BrokenPipeError:  # `watertower profiles | head`
        sys.stderr.close()
        return 0
    except EOFError:  # Ctrl-D where a question was
        print("\n" + say("command.no_answer"), file=sys.stderr)
        return 1
    except PermissionError as error:
        print(say("command.no_permission", reason=of_file(error).text()), file=sys.stderr)
        return 1
    except OSError as error:
        print(say("command.refused", reason=of_file(error).text()), file=sys.stderr)
        return 1


def _choose_language(arguments: list[str]) -> None:
    """Before the parser is made, so that its help speaks the language too."""
    first = argparse.ArgumentParser(prog="watertower", add_help=False, allow_abbrev=False)
    first.add_argument("--lang", choices=LANGUAGES)
    known, _ = first.parse_known_args(arguments)
    if known.lang:
        set_language(known.lang)


def _parser(arguments: list[str]) -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--lang", choices=LANGUAGES, help=say("help.lang"))
    with_site = argparse.ArgumentParser(add_help=False, parents=[shared])
    with_site.add_argument("site", type=Path, metavar="site.toml", help=say("help.site"))
    with_site.add_argument(
        "--set", type=_override, action="append", default=[], metavar="PATH=VALUE", help=say("help.set")
    )

    parser = argparse.ArgumentParser(prog="watertower", description=say("help.watertower"), parents=[shared])
    commands = parser.add_subparsers(required=True, metavar=say("help.command"))

    run = commands.add_parser("run", parents=[with_site], help=say("help.run"))
    run.add_argument("--capture", type=Path, metavar="FOLDER", help=say("help.capture"))
    run.set_defaults(run=_run)
    check = commands.add_parser("check", parents=[with_site], help=say("help.check"))
    check.set_defaults(run=_check)
    verify = commands.add_parser("verify", parents=[with_site], help=say("help.verify"))
    verify.add_argument("--store", type=Path, metavar="FILE", help=say("help.store"))
    verify.add_argument("--public-key", type=_public_key, metavar="HEX", help=say("help.public_key"))
    verify.set_defaults(run=_verify)
    export = commands.add_parser("export", parents=[with_site], help=say("help.export"))
    export_command.add(export)
    export.set_defaults(run=_export)
    assess = commands.add_parser("assess", parents=[shared], help=say("help.assess"))
    assess.add_argument("--data", type=Path, metavar="FILE", required=True, help=say("help.assess_data"))
    assess.add_argument("--site", type=Path, metavar="site.toml", required=True, help=say("help.assess_site"))
    assess.add_argument("--only", choices=("hour", "day", "none"), help=say("help.assess_only"))
    assess.add_argument("--plot", type=Path, metavar="out.html", help=say("help.assess_plot"))
    assess.set_defaults(run=_assess)
    tryout = commands.add_parser("try-rules", parents=[with_site], help=say("help.try_rules"))
    tryout.add_argument("--data", type=Path, metavar="FILE", required=True, help=say("help.try_data"))
    tryout.add_argument(
        "--column", action="append", default=[], type=_pair, metavar="CHANNEL=COLUMN", help=say("help.try_column")
    )
    tryout.add_argument("--zone", type=float, metavar="H", help=say("help.try_zone"))
    tryout.add_argument("--plot", type=Path, metavar="out.html", help=say("help.assess_plot"))
    tryout.set_defaults(run=_try_rules)
    backup = commands.add_parser("backup", parents=[with_site], help=say("help.backup"))
    backup.add_argument("target", type=Path, metavar="TARGET", help=say("help.target"))
    backup.set_defaults(run=_backup)
    budget = commands.add_parser("budget", parents=[with_site], help=say("help.budget"))
    budget.add_argument("--json", action="store_true", help=say("help.budget_json"))
    budget.set_defaults(run=_budget)
    status = commands.add_parser("status", parents=[with_site], help=say("help.status"))
    status.add_argument("--json", action="store_true", help=say("help.status_json"))
    status.add_argument("--watch", action="store_true", help=say("help.watch"))
    status.set_defaults(run=_status)
    reload = commands.add_parser("reload", parents=[with_site], help=say("help.reload"))
    reload.set_defaults(run=_reload)
    web = commands.add_parser("web", parents=[with_site], help=say("help.web"))
    web.add_argument("--listen", type=_host_port, metavar="HOST:PORT", help=say("help.listen"))
    web.add_argument("--set-password", action="store_true", help=say("help.set_password"))
    web.set_defaults(run=_web)
    models = commands.add_parser("profiles", parents=[shared], help=say("help.profiles"))
    models.add_argument("model", nargs="?", help=say("help.model"))
    models.set_defaults(run=_profiles)
    decode = commands.add_parser("decode", parents=[shared], help=say("help.decode"))
    decode.add_argument("frame", help=say("help.frame"))
    decode.add_argument("--key", metavar="KEY", help=say("help.decode_key"))
    decode.set_defaults(run=_decode)
    demo = commands.add_parser("demo", parents=[shared], help=say("help.demo"))
    demo.add_argument("--scenario", default="demo", metavar="NAME", help=say("help.scenario"))
    demo.add_argument("--for", dest="seconds", type=option_values.span_s, metavar="SECONDS", help=say("help.for"))
    demo.add_argument("--json", action="store_true", help=say("help.json"))
    demo.add_argument("--broker", type=_host_port, metavar="HOST:PORT", help=say("help.broker"))
    demo.add_argument("--kill-at", action="append", type=option_values.moment_s, default=[], metavar="SECONDS",
                      help=say("help.kill_at"))  # fmt: skip
    demo.add_argument("--seconds-per-row", type=option_values.seconds_per_row, metavar="SECONDS",
                      help=say("help.seconds_per_row"))  # fmt: skip
    demo.add_argument("--folder", type=Path, help=say("help.folder"))
    demo.add_argument("--seed", type=int, default=1, help=say("help.seed"))
    demo.set_defaults(run=_demo)
    name = _name(arguments)
    _add_archive(commands, shared, name)
    _add_sim(commands, shared, name)
    _add_visit(commands, shared, arguments)
    return parser


def _name(arguments: list[str]) -> str | None:
    """Which command it is: the first word that is no option and no option's value."""
    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    first.add_argument("--lang")
    rest = first.parse_known_args(arguments)[1]
    return next((word for word in rest if not word.startswith("-")), None)


def _override(text: str) -> tuple[str, str]:
    path, equals, value = text.partition("=")
    if not path or not equals:
        raise argparse.ArgumentTypeError(say("fault.unfit", found=quoted(text), wanted="PATH=VALUE"))
    return path, value


def _host_port(text: str) -> str:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise argparse.ArgumentTypeError(say("fault.unfit", found=quoted(text), wanted=say("allowed.host_port")))
    return text


def _pair(text: str) -> tuple[str, str]:
    channel, equals, column = text.partition("=")
    if not (channel and equals and column):
        raise argparse.ArgumentTypeError(say("fault.unfit", found=quoted(text), wanted="CHANNEL=COLUMN"))
    return channel, column


def _public_key(text: str) -> bytes:
    if re.fullmatch(r"[0-9A-Fa-f]{64}", text) is None:
        raise argparse.ArgumentTypeError(say("verify.not_hex"))
    return bytes.fromhex(text)


def _site(args: argparse.Namespace):  # type: ignore[no-untyped-def]
    from gateway.site import config

    return config.load(args.site, dict(args.set))


def _run(args: argparse.Namespace) -> int:
    from gateway import app
    from gateway.machine import journal
    from gateway.site import config
    from gateway.site.configuration import Configuration
    from gateway.store.claim import claimed

    configuration = Configuration(args.site, lambda path: config.load(path, dict(args.set)))
    site = configuration.begin()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(journal.formatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    if args.capture is not None:
        args.capture.mkdir(parents=True, exist_ok=True)
    with claimed(Path(site.store.path)):
        asyncio.run(app.serve_process(configuration, site, args.capture))
    return 0


def _check(args: argparse.Namespace) -> int:
    site = _site(args)
    print(say("check.sound", site=args.site, nodes=len(site.nodes), channels=len(site.channels)))
    return 0


def _verify(args: argparse.Namespace) -> int:
    from gateway.evidence import verify

    return verify.main(_site(args), args.store, args.public_key)


def _export(args: argparse.Namespace) -> int:
    return export_command.main(Path(_site(args).store.path), args)


def _assess(args: argparse.Namespace) -> int:
    from gateway.assess import command

    return command.main(args.data, args.site, args.only, args.plot)


def _try_rules(args: argparse.Namespace) -> int:
    from gateway.tryout import command

    return command.main(_site(args), args.data, dict(args.column), args.zone, args.plot)


def _backup(args: argparse.Namespace) -> int:
    from gateway import backup

    return backup.main(_site(args), args.site, args.target)


def _budget(args: argparse.Namespace) -> int:
    from gateway.energy import budget_table

    site = _site(args)
    print(json.dumps(budget_table.plain(site)) if args.json else budget_table.text(site))
    return 0


def _status(args: argparse.Namespace) -> int:
    from gateway import status_table

    return status_table.main(_site(args), args.json, args.watch)


def _reload(args: argparse.Namespace) -> int:
    from gateway import status_table

    return status_table.reload(_site(args))


def _web(args: argparse.Namespace) -> int:
    try:
        from gateway.web import command
    except ModuleNotFoundError as error:
        print(say("web.not_installed", module=error.name), file=sys.stderr)
        return 2
    if args.set_password:
        return command.set_password(_site(args))
    return command.main(_site(args), args.listen)


def _profiles(args: argparse.Namespace) -> int:
    library = Library()
    if args.model is None:
        print(profiles.table(library.all()))
    elif args.model in library.models:
        print(profiles.detail(library.profile(args.model)))
    else:
        print(say("profiles.unknown", model=args.model, known=", ".join(library.models)), file=sys.stderr)
        return 2
    return 0


def _decode(args: argparse.Namespace) -> int:
    from gateway import explain

    if args.key is None:
        return explain.main(args.frame)
    from gateway.uplink.hj212.sm4 import decipher, key_of

    key = key_of(args.key)
    if key is None:
        print(say("hj212.no_key"), file=sys.stderr)
        return 2
    return explain.main(args.frame, decipher(key))


def _demo(args: argparse.Namespace) -> int:
    from hw_sim import demo  # the gateway itself never needs the simulator

    return demo.main(args)


def _add_archive(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", shared: argparse.ArgumentParser, chosen: str | None
) -> None:
    """Where PostgreSQL's library is not installed there are no such commands."""
    archive = commands.add_parser("archive", parents=[shared], help=say("help.archive"))
    query = commands.add_parser("query", parents=[shared], help=say("help.query"))
    for name, parser in (("archive", archive), ("query", query)):
        if name == chosen:
            try:
                from gateway.archive import command
                from gateway.archive import query as query_command
            except ModuleNotFoundError as error:
                parser.error(say("archive.not_installed", module=error.name))
            if parser is archive:
                command.add(archive, _host_port)
                archive.set_defaults(run=command.archive)
            else:
                query_command.add(query, shared)
                query.set_defaults(run=query_command.query)


def _add_sim(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", shared: argparse.ArgumentParser, chosen: str | None
) -> None:
    """Where the simulator is not installed there is no such command."""
    sim = commands.add_parser("sim", parents=[shared], help=say("help.sim"))
    sim.set_defaults(run=_sim)
    if chosen == "sim":
        try:
            from hw_sim import command
        except ModuleNotFoundError as error:
            sim.error(say("sim.not_installed", module=error.name))
        command.add(sim.add_subparsers(required=True, metavar=say("help.command")), shared)


def _sim(args: argparse.Namespace) -> int:
    from hw_sim import command

    return command.main(args)


# A technician's commands: each is a module of gateway/visit with add(parser) and run(args).
VISIT = ("scan", "bundle", "flash", "provision", "update", "install", "commission", "doctor", "tell")


def _add_visit(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    shared: argparse.ArgumentParser,
    arguments: list[str],
) -> None:
    for name in VISIT:
        command = commands.add_parser(name, parents=[shared], help=say(f"help.visit_{name}"))
        command.set_defaults(run=_visit, command=name)
        if name in arguments:  # its libraries are for it alone
            importlib.import_module(f"gateway.visit.{name}_command").add(command)


def _visit(args: argparse.Namespace) -> int:
    return int(importlib.import_module(f"gateway.visit.{args.command}_command").run(args))


if __name__ == "__main__":
    sys.exit(main())
