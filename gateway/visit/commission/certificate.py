"""Knows a certificate's form, how the station signs it, and whether one is still what was signed; knows no check.

The JSON is what is signed; the page is made from it, holds it, and must be what it makes.
"""

import json
import os
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from gateway.evidence.notary import is_signed, sign
from gateway.visit.commission import page
from gateway.visit.commission.finding import verdict

FORM = "watertower certificate 1"


class Bound(NamedTuple):
    """A device that the certificate is about. `source` of its serial number: read, told (by the technician), key (a
    node's fingerprint), none."""

    name: str
    kind: str
    unit_id: int | None
    serial: str | None
    source: str

    def plain(self) -> dict[str, Any]:
        return self._asdict()


def plain(
    station: dict[str, Any],
    target: str,
    begun_ms: int,
    ended_ms: int,
    technician: str,
    site_digest: str,
    devices: Sequence[dict[str, Any]],
    steps: Sequence[dict[str, Any]],
    version: str,
) -> dict[str, Any]:
    """The certificate before it is signed."""
    return {
        "form": FORM,
        "station": station,
        "target": target,
        "begun": _moment(begun_ms),
        "ended": _moment(ended_ms),
        "technician": technician,
        "software": version,
        "site_sha256": site_digest,
        "devices": list(devices),
        "steps": list(steps),
        "verdict": verdict(step["verdict"] for step in steps),
    }


def signed(certificate: dict[str, Any], key: Path) -> dict[str, Any]:
    """With the station's key, made when there is none, for whoever owns the folder. OSError: it can't be read."""
    is_new = not key.exists()
    made = sign(key, message(certificate))
    if is_new and os.geteuid() == 0:
        owner = key.parent.stat()
        os.chown(key, owner.st_uid, owner.st_gid)
    return {**certificate, "public": made.public.hex(), "signature": made.signature.hex()}


def message(certificate: dict[str, Any]) -> bytes:
    """What is signed: all but the signature, in one form only."""
    said = {name: value for name, value in certificate.items() if name not in ("public", "signature")}
    return b"watertower certificate\n" + json.dumps(said, sort_keys=True, separators=(",", ":")).encode()


def read(text: str) -> dict[str, Any] | None:
    """The certificate in a file's text, JSON or page; None: there is none."""
    found = re.search(page.HOLDS, text, re.DOTALL)
    try:
        said = json.loads(found.group(1) if found else text)
    except ValueError:
        return None
    return said if isinstance(said, dict) and said.get("form") == FORM else None


def differs(text: str, public: bytes | None = None) -> str | None:
    """What is wrong with a certificate: none, signature, other_key, page; None: it is what the station signed."""
    certificate = read(text)
    if certificate is None:
        return "none"
    try:
        key = bytes.fromhex(certificate["public"])
        if not is_signed(key, bytes.fromhex(certificate["signature"]), message(certificate)):
            return "signature"
        if public is not None and key != public:
            return "other_key"
        if text.lstrip().startswith("<") and text != page.render(certificate):
            return "page"
    except (KeyError, TypeError, ValueError):
        return "signature"
    return None


def _moment(unix_ms: int) -> str:
    return datetime.fromtimestamp(unix_ms // 1000, UTC).isoformat().replace("+00:00", "Z")
