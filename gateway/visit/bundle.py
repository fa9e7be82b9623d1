"""Knows the file that goes along to a visit: what lies where in it, and how it is proved whole; knows no board.

A zip archive:

    manifest.json            of everything else: SHA-256 and length; station, when it was made, what each file is
    images/<file>            interpreter images, as the user supplied them
    updates/<target>-<number>.wtu   the application, compiled (gateway/updates.py)
    wheels/<file>            for the gateway
    nodes/<name>.sealed      slice and keys of one node, encrypted (sealed.py)
    profiles/<path>          sensor profiles of the user's own
    site.toml.sealed         the site file, which holds all keys, encrypted
"""

import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import msgspec
from msgspec import Struct

from gateway.messages import Phrase
from gateway.site import slice as node_slice
from gateway.site.config import Site
from gateway.visit import image as images
from gateway.visit.failure import VisitFailed
from gateway.visit.image import Image
from gateway.visit.sealed import Sealer, WrongPassphrase, unseal

FORM = 1
MANIFEST = "manifest.json"
SITE = "site.toml.sealed"
_MOST_BYTES = 1 << 30  # unpacked: a forged archive must not fill the disk; ours
_MOST_FILES = 5000
# What zipfile, zlib, json and msgspec raise at bytes that are no bundle.
_DAMAGE = (zipfile.BadZipFile, zlib.error, KeyError, ValueError, EOFError, NotImplementedError, RuntimeError)


class Entry(Struct, frozen=True):
    sha256: str
    length: int


class NodeEntry(Struct, frozen=True):
    """What may be known of a node without the passphrase."""

    id: int
    board: str
    schema: int


class Manifest(Struct, frozen=True):
    form: int
    station: str
    made: str  # UTC, ISO 8601
    nodes: dict[str, NodeEntry]
    images: dict[str, str]  # file: chip
    files: dict[str, Entry]


class Content(NamedTuple):
    """What a bundle is made of. `updates`: file to archive."""

    site: Site
    site_text: bytes
    images: tuple[Image, ...] = ()
    updates: Mapping[str, bytes] = {}
    wheels: Mapping[str, bytes] = {}
    profiles: Mapping[str, bytes] = {}  # by their place beside the site file


def secrets(site: Site, name: str) -> bytes:
    """A node's part: its slice, with the keys in it."""
    return node_slice.cut(site, next(node for node in site.nodes if node.name == name))


def make(content: Content, passphrase: str, made: str, log2_n: int | None = None) -> bytes:
    """The archive's bytes."""
    sealer = Sealer(passphrase) if log2_n is None else Sealer(passphrase, log2_n=log2_n)
    files: dict[str, bytes] = {SITE: sealer.seal(SITE, content.site_text)}
    nodes = {}
    for node in content.site.nodes:
        path = _node_path(node.name)
        files[path] = sealer.seal(path, secrets(content.site, node.name))
        nodes[node.name] = NodeEntry(node.id, node.board, node_slice.schema_of(content.site, node))
    files |= {f"images/{image.name}": image.content for image in content.images}
    files |= {f"updates/{name}": archive for name, archive in content.updates.items()}
    files |= {f"wheels/{name}": wheel for name, wheel in content.wheels.items()}
    files |= {f"profiles/{place}": profile for place, profile in content.profiles.items()}
    manifest = Manifest(
        FORM,
        content.site.station.id,
        made,
        nodes,
        {image.name: image.chip for image in content.images},
        {path: Entry(hashlib.sha256(data).hexdigest(), len(data)) for path, data in sorted(files.items())},
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(MANIFEST, json.dumps(msgspec.to_builtins(manifest), indent=1, ensure_ascii=False))
        for path, data in sorted(files.items()):
            archive.writestr(path, data)
    return out.getvalue()


class Bundle:
    """An opened bundle: every byte of it has been held against its manifest."""

    def __init__(self, name: str, manifest: Manifest, files: Mapping[str, bytes]) -> None:
        self.name = name
        self.manifest = manifest
        self.files = files

    def images(self) -> tuple[Image, ...]:
        return tuple(images.read(name, self.files[f"images/{name}"]) for name in self.manifest.images)

    def updates(self) -> dict[str, bytes]:
        return {path.partition("/")[2]: data for path, data in self.files.items() if path.startswith("updates/")}

    def plain(self) -> dict[str, bytes]:
        """What lies beside a site file when it is unpacked: everything that is not sealed."""
        found = {path: data for path, data in self.files.items() if not path.endswith(".sealed")}
        return {path.removeprefix("profiles/"): data for path, data in found.items()}

    def slice_of(self, node: str, passphrase: str) -> bytes:
        """VisitFailed: no such node, or another passphrase."""
        if node not in self.manifest.nodes:
            raise VisitFailed(
                Phrase("bundle.no_node", name=self.name, node=node),
                Phrase("bundle.nodes", nodes=", ".join(self.manifest.nodes) or "-"),
            )
        return self._unsealed(_node_path(node), passphrase)

    def site_text(self, passphrase: str) -> bytes:
        return self._unsealed(SITE, passphrase)

    def _unsealed(self, path: str, passphrase: str) -> bytes:
        try:
            return unseal(passphrase, path, self.files[path])
        except WrongPassphrase:
            raise VisitFailed(Phrase("bundle.passphrase", name=self.name), Phrase("bundle.ask_office")) from None


def opened(path: Path) -> Bundle:
    """VisitFailed: it is not there, not whole, not ours, or was changed."""
    try:
        return read(path.name, path.read_bytes())
    except PermissionError as error:
        raise VisitFailed(
            Phrase("bundle.unreadable", name=path, reason=error), Phrase("visit.may_not_read", name=path)
        ) from None
    except OSError as error:
        raise VisitFailed(Phrase("bundle.unreadable", name=path, reason=error), Phrase("bundle.copy_again")) from None


def read(name: str, data: bytes) -> Bundle:
    """VisitFailed, as opened()."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = archive.infolist()
            if len(infos) > _MOST_FILES or sum(info.file_size for info in infos) > _MOST_BYTES:
                raise zipfile.BadZipFile("too large")
            raw: dict[str, bytes] = {info.filename: archive.read(info) for info in infos}
        manifest = msgspec.convert(json.loads(raw.pop(MANIFEST)), Manifest)
    except _DAMAGE:
        raise VisitFailed(Phrase("bundle.no_bundle", name=name), Phrase("bundle.copy_again")) from None
    if manifest.form != FORM:
        raise VisitFailed(Phrase("bundle.other_form", name=name, form=manifest.form), Phrase("bundle.same_version"))
    wrong = [path for path in sorted({*raw, *manifest.files}) if not _is_whole(path, raw, manifest)]
    if wrong:
        raise VisitFailed(Phrase("bundle.changed", name=name, files=", ".join(wrong)), Phrase("bundle.copy_again"))
    return Bundle(name, manifest, raw)


def _is_whole(path: str, raw: Mapping[str, bytes], manifest: Manifest) -> bool:
    entry, data = manifest.files.get(path), raw.get(path)
    if entry is None or data is None or not _stays_inside(path):
        return False
    return len(data) == entry.length and hashlib.sha256(data).hexdigest() == entry.sha256


def _stays_inside(path: str) -> bool:
    """Nobody unpacks it over something else."""
    parts = PurePosixPath(path)
    return not parts.is_absolute() and ".." not in parts.parts and "\\" not in path


def _node_path(name: str) -> str:
    return f"nodes/{name}.sealed"
