"""Knows how readings of a period leave as a CSV file while they are read; what is in it says gateway/export.py."""

import asyncio
import csv
import io
from collections.abc import Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

from aiohttp import web

from gateway.beside import reading
from gateway.export import Sample, Wish, samples

_LINES = 2000  # written at once: some 150 kB
_SLOW_S = 30.0  # for a visitor to take that
MOST = 2  # at the same time: each reads a disk that the gateway writes to


async def send(request: web.Request, store: Path, wish: Wish, name: str) -> web.StreamResponse:
    """StoreError before anything is sent: there is none that can be read."""
    loop = asyncio.get_running_loop()
    lines = _parts(store, wish)
    with ThreadPoolExecutor(1) as thread:  # SQLite's connection belongs to one
        try:
            part = await loop.run_in_executor(thread, next, lines, "")
            answer = web.StreamResponse()
            answer.content_type = "text/csv"
            answer.charset = "utf-8"
            answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
            await answer.prepare(request)
            while part:
                async with asyncio.timeout(_SLOW_S):
                    await answer.write(part.encode())
                part = await loop.run_in_executor(thread, next, lines, "")
            await answer.write_eof()
            return answer
        finally:
            await asyncio.shield(loop.run_in_executor(thread, lines.close))


def _parts(store: Path, wish: Wish) -> Generator[str, None, None]:
    with reading(store) as db:
        found = samples(db, wish)
        yield _text([Sample._fields])
        while lines := list(islice(found, _LINES)):
            yield _text(lines)


def _text(lines: Iterable[tuple[object, ...]]) -> str:
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows(lines)
    return file.getvalue()
