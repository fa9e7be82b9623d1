"""Knows where a visit's things come from: site file or bundle, in this folder or in `visit/`; knows no board."""

import getpass
import json
import sys
from pathlib import Path
from typing import NamedTuple

from gateway.messages import Phrase, say
from gateway.site import config
from gateway.site import slice as node_slice
from gateway.site.config import Site
from gateway.visit import bundle
from gateway.visit import image as images
from gateway.visit.bundle import Bundle
from gateway.visit.failure import VisitFailed
from gateway.visit.image import Image

FOLDERS = (Path(), Path("visit"))  # where a technician's tool looks by itself
SITE_NAME, BUNDLE_NAME = "site.toml", "visit.zip"
LEAST_LETTERS = 8  # of a passphrase: NIST SP 800-63B, 5.1.1.2


class Wanted(NamedTuple):
    """What the command line says; None: the tool finds it."""

    site: Path | None = None
    bundle: Path | None = None
    passphrase_file: Path | None = None


class NodeMaterial(NamedTuple):
    """What one node is to get. `target`: its kind of board."""

    name: str
    id: int
    target: str
    slice: bytes

    @property
    def update_key(self) -> bytes | None:
        key = json.loads(self.slice).get("update_key")
        return None if key is None else bytes.fromhex(key)


class Material:
    """A site file, or a bundle whose secrets a passphrase opens when they are needed."""

    def __init__(self, site: Site | None, packed: Bundle | None, origin: Path, passphrase_file: Path | None) -> None:
        self.origin = origin
        self._site = site
        self._packed = packed
        self._passphrase_file = passphrase_file

    @property
    def names(self) -> tuple[str, ...]:
        if self._site is not None:
            return tuple(node.name for node in self._site.nodes)
        assert self._packed is not None
        return tuple(self._packed.manifest.nodes)

    def target(self, name: str) -> str:
        """Which kind of board a node is. VisitFailed: no such node."""
        self._check(name)
        if self._site is not None:
            return next(node.board for node in self._site.nodes if node.name == name)
        assert self._packed is not None
        return self._packed.manifest.nodes[name].board

    def node(self, name: str) -> NodeMaterial:
        """VisitFailed: no such node, or the passphrase is another."""
        target = self.target(name)
        if self._site is not None:
            node = next(node for node in self._site.nodes if node.name == name)
            return NodeMaterial(name, node.id, target, node_slice.cut(self._site, node))
        assert self._packed is not None
        content = self._packed.slice_of(name, passphrase(self._passphrase_file, say("bundle.passphrase_for")))
        return NodeMaterial(name, self._packed.manifest.nodes[name].id, target, content)

    def _check(self, name: str) -> None:
        if name not in self.names:
            raise VisitFailed(
                Phrase("bundle.no_node", name=self.origin, node=name),
                Phrase("bundle.nodes", nodes=", ".join(self.names) or "-"),
            )

    def images(self) -> tuple[Image, ...]:
        """Those of the bundle, else those that lie in the visit's folders."""
        return (self._packed.images() if self._packed is not None else ()) or lying_images()

    def updates(self) -> dict[str, bytes]:
        return self._packed.updates() if self._packed is not None else {}


def find(wanted: Wanted) -> Material:
    """SiteError: the site file is wrong. VisitFailed: there is neither, or the bundle is not whole."""
    if wanted.bundle is not None:
        return Material(None, bundle.opened(wanted.bundle), wanted.bundle, wanted.passphrase_file)
    site = wanted.site or _lying(SITE_NAME)
    packed = _lying(BUNDLE_NAME)
    if site is not None:
        return Material(
            config.load(site), None if packed is None else bundle.opened(packed), site, wanted.passphrase_file
        )
    if packed is not None:
        return Material(None, bundle.opened(packed), packed, wanted.passphrase_file)
    raise VisitFailed(
        Phrase("bundle.no_material", site=SITE_NAME, bundle=BUNDLE_NAME, folder=FOLDERS[1]),
        Phrase("bundle.bring_material"),
    )


def site_path(path: Path | None) -> Path:
    """The site file that is meant. VisitFailed: there is none."""
    found = path or _lying(SITE_NAME)
    if found is None:
        raise VisitFailed(
            Phrase("bundle.no_site", site=SITE_NAME, folder=FOLDERS[1]), Phrase("bundle.name_site", site=SITE_NAME)
        )
    return found


def lying_images() -> tuple[Image, ...]:
    """Images in the visit's folders that are whole and known. Other files there are nobody's fault."""
    found = []
    for folder in FOLDERS:
        for path in sorted([*folder.glob("*.uf2"), *folder.glob("*.bin")]):
            try:
                found.append(read_image(path))
            except VisitFailed:
                continue
    return tuple(found)


def read_image(path: Path) -> Image:
    """VisitFailed: it is not there, or no image."""
    try:
        return images.read(path.name, path.read_bytes())
    except PermissionError as error:
        raise VisitFailed(
            Phrase("image.unreadable", name=path, reason=error), Phrase("visit.may_not_read", name=path)
        ) from None
    except OSError as error:
        raise VisitFailed(Phrase("image.unreadable", name=path, reason=error), Phrase("image.again")) from None


def passphrase(file: Path | None, question: str, twice: bool = False) -> str:
    """From the file, else typed. VisitFailed: neither, or two that differ."""
    if file is not None:
        try:
            text = file.read_text("utf-8").strip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise VisitFailed(Phrase("bundle.unreadable", name=file, reason=error), Phrase("bundle.type_it")) from None
    elif sys.stdin.isatty():
        text = getpass.getpass(question + " ")
        if twice and getpass.getpass(say("bundle.passphrase_again") + " ") != text:
            raise VisitFailed(Phrase("bundle.differ"), Phrase("bundle.type_it"))
    else:
        raise VisitFailed(Phrase("bundle.no_passphrase"), Phrase("bundle.type_it"))
    if len(text) < LEAST_LETTERS:
        raise VisitFailed(Phrase("bundle.short", least=LEAST_LETTERS), Phrase("bundle.type_it"))
    return text


def _lying(name: str) -> Path | None:
    """VisitFailed: nobody knows, as a folder is closed to this user."""
    try:
        return next((folder / name for folder in FOLDERS if (folder / name).is_file()), None)
    except PermissionError as error:
        closed = Path(error.filename).parent
        found = Phrase("bundle.unreadable", name=closed, reason=error)
        raise VisitFailed(found, Phrase("visit.may_not_read", name=closed)) from None
