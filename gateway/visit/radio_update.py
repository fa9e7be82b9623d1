"""Knows how a new application is left with the gateway of a station for one node, and how far it is; knows no radio."""

import base64
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from gateway.control.call import NoGateway, asked
from gateway.messages import Phrase
from gateway.site.config import Site
from gateway.visit.failure import VisitFailed
from protocols import command


class Course(NamedTuple):
    """Of the update that was offered last. Unix milliseconds; None: not yet. `result`: of protocols/command.py."""

    number: int
    sent_ms: int | None
    done_ms: int | None
    result: int | None


def leave(site: Site, node: str, archive: bytes) -> int:
    """The number under which the gateway offers it from now on. VisitFailed."""
    argument: dict[str, object] = {"node": node, "archive": base64.b64encode(archive).decode()}
    try:
        answer = asked(Path(site.control.socket), "update", argument)
    except NoGateway as error:
        raise VisitFailed(Phrase("update.no_gateway", reason=error), Phrase("update.at_gateway")) from None
    if answer.get("result") != "done":
        reason = f"{answer.get('reason')} {answer.get('detail', '')}".strip()
        if answer.get("reason") == "role":
            raise VisitFailed(Phrase("update.not_allowed"), Phrase("update.as_root"))
        raise VisitFailed(Phrase("update.refused", reason=reason), Phrase("update.make_anew"))
    return int(answer["number"])


def course(site: Site, node_id: int) -> Course | None:
    """How far the last one is; None: none was offered yet, or the store can't be read by us."""
    path = Path(site.store.path)
    query = "SELECT argument, sent, done, result FROM command WHERE node = ? AND kind = ? ORDER BY id DESC LIMIT 1"
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            row = db.execute(query, (node_id, command.UPDATE)).fetchone()
    except sqlite3.Error:
        return None
    return None if row is None else Course(*row)
