"""Knows `watertower bundle`: its options, what it prints; knows not what lies where in a bundle."""

import argparse
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import gateway
from gateway import updates
from gateway.faults import SiteError
from gateway.messages import Phrase, say
from gateway.site import config
from gateway.site.config import Site
from gateway.visit import bundle, material, progress
from gateway.visit.failure import VisitFailed
from gateway.visit.image import Image
from gateway.whole_file import whole_file

_SOURCES = Path(gateway.__file__).parents[1]


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("site", type=Path, nargs="?", metavar="site.toml", help=say("help.visit_site"))
    parser.add_argument("-o", dest="out", type=Path, metavar="visit.zip", help=say("help.bundle_out"))
    parser.add_argument("--image", type=Path, action="append", default=[], metavar="FILE", help=say("help.image"))
    parser.add_argument("--wheels", type=Path, metavar="FOLDER", help=say("help.wheels"))
    parser.add_argument("--passphrase-file", type=Path, metavar="FILE", help=say("help.passphrase_file"))
    parser.add_argument("--check", type=Path, metavar="visit.zip", help=say("help.bundle_check"))
    parser.add_argument("--open", dest="opened", type=Path, metavar="visit.zip", help=say("help.bundle_open"))


def run(args: argparse.Namespace) -> int:
    """0: done, whole; 1: not."""
    if args.check is not None:
        return _check(args)
    if args.opened is not None:
        return _open(args)
    args.site = material.site_path(args.site)
    site = config.load(args.site)
    images, wheels, profiles = _images(args, site), _wheels(args.wheels), _profiles(args.site, site)
    # before the compiling, which takes long enough that nobody waits for a question at its end
    secret = material.passphrase(args.passphrase_file, say("bundle.passphrase_new"), twice=True)
    now = datetime.now(UTC)
    applications = _updates(site, int(now.strftime("%y%m%d%H%M")))
    content = bundle.Content(site, args.site.read_bytes(), images, applications, wheels, profiles)
    out = args.out or args.site.with_name(material.BUNDLE_NAME)
    made = bundle.make(content, secret, f"{now:%Y-%m-%dT%H:%M:%SZ}")
    try:
        with whole_file(out) as beside:
            beside.write_bytes(made)
        bundle.opened(out)  # what the technician's laptop will do
    except OSError as error:
        raise VisitFailed(Phrase("bundle.not_written", name=out, reason=error), Phrase("bundle.room")) from None
    print(_text(bundle.opened(out)))
    print(say("bundle.made", name=out, mb=f"{len(made) / 1e6:.1f}"))
    return 0


def _images(args: argparse.Namespace, site: Site) -> tuple[Image, ...]:
    """Those named, else those that lie beside the site file; each must be for a board of this site."""
    found = tuple(material.read_image(path) for path in args.image) or material.lying_images()
    needed: set[str] = {node.board for node in site.nodes}
    for image in found:
        if image.target not in needed:
            raise VisitFailed(
                Phrase("image.nobody", name=image.name, chip=image.chip), Phrase("image.boards", boards=_list(needed))
            )
        if not image.own:
            print(say("image.stock", name=image.name, chip=image.chip))
    for target in sorted(needed - {image.target for image in found}):
        print(say("bundle.without_image", target=target))
    return found


def _updates(site: Site, number: int) -> dict[str, bytes]:
    """The application for each kind of board of the site. Its number is when it was made: it always rises."""
    made = {}
    targets = sorted({node.board for node in site.nodes})
    with progress.shown() as shown:
        for done, target in enumerate(targets):
            shown.at(done, len(targets), say("bundle.compiling", target=target))
            made[f"{target}-{number}.wtu"] = application(target, number)
    return made


def application(target: str, number: int) -> bytes:
    """An archive of these sources. VisitFailed: they can't be compiled here."""
    try:
        return updates.make(_SOURCES, target, number)
    except updates.BadUpdate as error:
        raise VisitFailed(Phrase("bundle.no_compiler", reason=error), Phrase("visit.install_visit")) from None


def _wheels(folder: Path | None) -> dict[str, bytes]:
    if folder is None:
        return {}
    found = {path.name: path.read_bytes() for path in sorted(folder.glob("*.whl"))}
    if not found:
        raise VisitFailed(Phrase("bundle.no_wheels", folder=folder), Phrase("bundle.pip_wheel", folder=folder))
    return found


def _profiles(path: Path, site: Site) -> Mapping[str, bytes]:
    """The user's own profiles, by their place beside the site file."""
    if not site.profile_dir:
        return {}
    folder = path.parent / site.profile_dir
    return {f"{site.profile_dir}/{one.name}": one.read_bytes() for one in sorted(folder.glob("*.toml"))}


def _check(args: argparse.Namespace) -> int:
    opened = bundle.opened(args.check)
    print(_text(opened))
    if args.passphrase_file is not None or os.isatty(0):
        secret = material.passphrase(args.passphrase_file, say("bundle.passphrase_for"))
        for node in opened.manifest.nodes:
            opened.slice_of(node, secret)
        opened.site_text(secret)
        print(say("bundle.opens"))
    return 0


def _open(args: argparse.Namespace) -> int:
    """Unpacked for a gateway: the site file in clear, the rest as it lies in it."""
    opened = bundle.opened(args.opened)
    folder = args.out or Path("visit")
    text = opened.site_text(material.passphrase(args.passphrase_file, say("bundle.passphrase_for")))
    site = folder / material.SITE_NAME
    if site.exists() and site.read_bytes() != text:
        raise VisitFailed(Phrase("bundle.in_the_way", name=site), Phrase("bundle.other_folder"))
    try:
        for name, content in opened.plain().items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        folder.mkdir(parents=True, exist_ok=True)
        site.touch(mode=0o600)  # it has all keys
        site.write_bytes(text)
        config.load(site)
    except OSError as error:
        raise VisitFailed(Phrase("bundle.not_written", name=folder, reason=error), Phrase("bundle.room")) from None
    except SiteError:
        args.site = site
        raise
    print(say("bundle.unpacked", folder=folder))
    return 0


def _text(opened: bundle.Bundle) -> str:
    manifest = opened.manifest
    lines = [say("bundle.about", name=opened.name, station=manifest.station, made=manifest.made)]
    for name, node in manifest.nodes.items():
        lines.append(say("bundle.node", name=name, id=node.id, board=node.board))
    lines += [say("bundle.image", name=image.name, chip=image.chip) for image in opened.images()]
    lines += [say("bundle.update", name=name, kib=len(data) // 1024) for name, data in opened.updates().items()]
    wheels = sum(path.startswith("wheels/") for path in manifest.files)
    lines.append(say("bundle.whole", files=len(manifest.files), wheels=wheels))
    return "\n".join(lines)


def _list(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "-"
