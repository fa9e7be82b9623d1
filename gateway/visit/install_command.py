"""Knows `watertower install`: its options, the commands that make a running machine take the files over; knows no file.

Exit status: 0 done or nothing to do, 1 something could not be done, 2 the command or the site file is wrong.
"""

import argparse
import difflib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from gateway.machine.install.pieces import CHIPS, GATEWAY, PAGE, STATE, USER, Machine, pieces, unnamed
from gateway.machine.install.tree import FOREIGN, SAME, Done, Tree
from gateway.machine.install.unit_word import is_possible
from gateway.messages import Phrase, of_file, say
from gateway.site import config
from gateway.site.config import Site
from gateway.visit import site_file
from gateway.visit.failure import VisitFailed
from gateway.whole_file import whole_file

_BOOT_FILES = ("/boot/firmware/config.txt", "/boot/config.txt")  # Raspberry Pi OS from 12 on, and before
# In their order; each may be there or not, and none of them is why the next should not be tried.
_AFTER = (
    ("systemd-sysusers",),
    ("install", "-d", "-o", USER, "-g", USER, "-m", "0750", STATE),
    ("chown", "-R", f"{USER}:{USER}", STATE),
    ("udevadm", "control", "--reload"),
    ("udevadm", "trigger", "--subsystem-match=tty"),
    ("systemctl", "daemon-reload"),
    ("systemctl", "restart", "systemd-journald"),
    ("systemctl", "restart", GATEWAY),
)
_AFTER_UNDO = (
    ("systemctl", "daemon-reload"),
    ("udevadm", "control", "--reload"),
    ("systemctl", "restart", "systemd-journald"),
)


def add(parser: argparse.ArgumentParser) -> None:
    site = site_file.usual()
    parser.add_argument(
        "site", nargs="?", type=Path, default=site, metavar="site.toml", help=say("help.commission_site")
    )
    parser.add_argument("--root", type=Path, default=Path("/"), metavar="FOLDER", help=say("help.install_root"))
    parser.add_argument("--prefix", default=sys.prefix, metavar="FOLDER", help=say("help.install_prefix"))
    parser.add_argument("--rtc", choices=CHIPS, default="ds3231", help=say("help.install_rtc"))
    parser.add_argument("--no-web", action="store_true", help=say("help.install_no_web"))
    parser.add_argument("--dry-run", action="store_true", help=say("help.install_dry_run"))
    parser.add_argument("--undo", action="store_true", help=say("help.install_undo"))


def run(args: argparse.Namespace) -> int:
    is_here = args.root.resolve() == Path("/")
    if is_here and not args.dry_run and os.geteuid() != 0:
        raise VisitFailed(Phrase("install.no_root"), Phrase("install.no_root_advice"))
    tree = Tree(args.root)
    try:
        if args.undo:
            return _undo(tree, args.dry_run, is_here)
        return _install(args, tree, is_here)
    except OSError as error:
        raise VisitFailed(Phrase("install.failed", reason=of_file(error)), Phrase("install.failed_advice")) from error


def _install(args: argparse.Namespace, tree: Tree, is_here: bool) -> int:
    site = config.load(args.site)
    if is_here and args.prefix.startswith(("/home/", "/root/")):
        raise VisitFailed(Phrase("install.at_home", prefix=args.prefix), Phrase("install.at_home_advice"))
    if not is_possible(args.prefix):
        raise VisitFailed(Phrase("install.odd_prefix", prefix=args.prefix), Phrase("install.at_home_advice"))
    wanted = pieces(site, machine(tree, args.prefix, args.rtc, not args.no_web))
    done = tree.plan(wanted) if args.dry_run else tree.put(wanted)
    _show(done, args.dry_run)
    for name, port in unnamed(site).items():
        print(say("install.unnamed", name=name, port=port))
    _site_file(args.site, tree, site, args.dry_run)
    if not is_here or args.dry_run:
        return 0
    if all(one.what == SAME for one in done):
        print(say("install.nothing"))
        return 0
    failed = _commands(_AFTER)
    if any(one.why == "clock" and one.what != SAME for one in done):
        print(say("install.reboot"))
    print(say("install.done" if not failed else "install.half"))
    return 1 if failed else 0


def machine(tree: Tree, prefix: str, chip: str, with_page: bool) -> Machine:
    """As it is found."""
    units = {GATEWAY: template(GATEWAY)}
    if with_page and (folder() / PAGE).exists():
        units[PAGE] = template(PAGE)
    boot_file = next((path for path in _BOOT_FILES if tree.at(path).exists()), None)
    return Machine(prefix, units, boot_file, chip)


def folder() -> Path:
    """Where the units' templates are: beside the sources, or where a wheel puts them."""
    beside = Path(__file__).parents[2] / "deploy"
    return beside if (beside / GATEWAY).exists() else Path(sys.prefix) / "share" / "watertower"


def template(name: str) -> str:
    return (folder() / name).read_text("utf-8")


def _site_file(source: Path, tree: Tree, site: Site, dry: bool) -> None:
    """The site file goes where the unit looks for it, unless there is one: that may be newer."""
    place = tree.at(f"{STATE}/site.toml")
    text = source.read_text("utf-8")
    if place.exists():
        if place.resolve() != source.resolve() and place.read_text("utf-8") != text:
            print(say("install.site_kept", path=place, source=source))
        return
    print(say("install.site_copied", path=place))
    if dry:
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(place) as beside:
        beside.touch(0o640)  # it has keys
        beside.chmod(0o640)
        beside.write_text(text, "utf-8")
    if site.profile_dir is not None:
        profiles = (source.parent / site.profile_dir).resolve()
        shutil.copytree(profiles, place.parent / Path(site.profile_dir).name, dirs_exist_ok=True)


def _undo(tree: Tree, dry: bool, is_here: bool) -> int:
    if is_here and not dry:
        _commands(
            [("systemctl", "stop", unit) for unit in (GATEWAY, PAGE) if tree.at(f"/etc/systemd/system/{unit}").exists()]
        )
    done = tree.undo(dry)
    _show(done, dry)
    if is_here and not dry:
        _commands(_AFTER_UNDO)
    print(say("install.undone", state=STATE))
    return 1 if any(one.what == FOREIGN for one in done) else 0


def _show(done: Sequence[Done], with_texts: bool) -> None:
    for one in done:
        why = say(f"install.why_{one.why}") if one.why else ""
        print(f"{say(f'install.{one.what}')}  {one.path}  {why}".rstrip())
        if with_texts and one.what != SAME:
            before, after = (one.before or "").splitlines(), (one.after or "").splitlines()
            for line in list(difflib.unified_diff(before, after, lineterm="", n=0))[2:]:
                if not line.startswith("@@"):
                    print(f"    {line}")


def _commands(commands: Sequence[Sequence[str]]) -> list[str]:
    """Runs each; those that failed."""
    failed = []
    for command in commands:
        shown = " ".join(command)
        if shutil.which(command[0]) is None:
            print(say("install.no_program", command=shown))
            continue
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        if run.returncode != 0:
            failed.append(shown)
            print(
                say("install.command_failed", command=shown, reason=run.stderr.strip() or run.returncode),
                file=sys.stderr,
            )
    return failed
