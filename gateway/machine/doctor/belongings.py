"""Knows what may be wrong with what the gateway owns: its store, its keys; repairs nothing."""

import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

from gateway.beside import ends, reading
from gateway.machine.doctor.complaint import Complaint, look, wrong
from gateway.messages import Phrase
from gateway.site.config import MqttUplink, Site
from gateway.store import StoreError

_LARGE = 100 << 20  # bytes: more is not looked through; `watertower verify` does (gateway/store); ours


def store(site: Site) -> Iterator[Complaint]:
    path = Path(site.store.path)
    try:
        size = path.stat().st_size
    except PermissionError as error:
        yield look("store", str(path), Phrase("doctor.no_access", reason=error), Phrase("doctor.as_root_advice"))
        return
    except OSError:
        yield look("store", str(path), Phrase("doctor.no_store"), Phrase("doctor.no_store_advice"))
        return
    try:
        with reading(path) as db:
            if size <= _LARGE:
                (said,) = db.execute("PRAGMA quick_check(1)").fetchone()
                if said != "ok":
                    seen = Phrase("doctor.store_damaged", reason=said)
                    yield wrong("store", str(path), seen, Phrase("doctor.store_damaged_advice"))
                    return
            if not ends(db)[1]:
                yield look("store", str(path), Phrase("doctor.store_empty"), Phrase("doctor.store_empty_advice"))
    except (StoreError, sqlite3.Error, OSError) as error:
        seen = Phrase("doctor.store_damaged", reason=error)
        yield wrong("store", str(path), seen, Phrase("doctor.store_damaged_advice"))


def keys(site: Site, site_file: Path) -> Iterator[Complaint]:
    """Who may read what is secret: the site file has the nodes' keys."""
    secret: list[tuple[Path, int]] = [(Path(site.store.key), 0o077)]
    if site.nodes or site.operators:
        secret.append((site_file, 0o007))
    for uplink in site.uplinks:
        if isinstance(uplink, MqttUplink):
            if uplink.password_file is not None:
                secret.append((Path(uplink.password_file), 0o007))
            if uplink.tls is not None and uplink.tls.key is not None:
                secret.append((Path(uplink.tls.key), 0o007))
    for path, forbidden in secret:
        try:
            state = path.stat()
        except FileNotFoundError:
            if path != Path(site.store.key):  # that one is made when it is needed
                yield wrong("keys", str(path), Phrase("doctor.no_file"), Phrase("doctor.no_file_advice"))
            continue
        except PermissionError as error:
            yield look("keys", str(path), Phrase("doctor.no_access", reason=error), Phrase("doctor.as_root_advice"))
            continue
        mode = stat.S_IMODE(state.st_mode)
        if mode & forbidden:
            seen = Phrase("doctor.open_key", mode=f"{mode:04o}")
            yield wrong("keys", str(path), seen, Phrase("doctor.open_key_advice", path=path))
        folder = path.parent.stat()  # open to us: the file in it was
        if path == Path(site.store.key) and state.st_uid not in (folder.st_uid,):
            seen = Phrase("doctor.foreign_key", uid=state.st_uid)
            yield wrong("keys", str(path), seen, Phrase("doctor.foreign_key_advice", path=path, uid=folder.st_uid))
