"""Knows that one process at a time writes a store: a lock beside it, which the kernel takes back however the process
ends; knows nothing of what is written."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.messages import say
from gateway.store.file import StoreError


@contextmanager
def claimed(store: Path) -> Iterator[None]:
    """The store at `store` is this process's alone. StoreError: it is another's. A disk that takes no lock takes no row
    either, so it is no reason not to begin: what polls and serves goes on without it."""
    try:
        store.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(f"{store}-lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError:
        yield
        return
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreError(say("claim.held", store=store, pid=os.read(lock, 20).decode() or "?")) from None
        os.ftruncate(lock, 0)
        os.write(lock, str(os.getpid()).encode())
        yield
    finally:
        os.close(lock)
