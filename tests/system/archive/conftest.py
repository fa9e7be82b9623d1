"""A real PostgreSQL, its database without tables, an archive in it, a real mosquitto."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from gateway.archive.database import Archive
from hw_sim.postgres import NoPostgres, Postgres
from tests.system.archive.rig import SERIES, Broker


@pytest.fixture(scope="package")
def postgres() -> Iterator[Postgres]:
    folder = Path(tempfile.mkdtemp(prefix="watertower-pg-"))  # a socket's path has at most 107 bytes
    try:
        server = Postgres(folder)
        server.start()
    except NoPostgres as error:
        pytest.fail(str(error), pytrace=False)
    yield server
    server.stop()
    shutil.rmtree(folder)


@pytest.fixture
def dsn(postgres: Postgres) -> str:
    """A database without tables."""
    with psycopg.connect(postgres.dsn, autocommit=True) as db:
        db.execute("DROP SCHEMA public CASCADE")
        db.execute("CREATE SCHEMA public")
    return postgres.dsn


@pytest.fixture
def archive(dsn: str) -> Iterator[Archive]:
    one = Archive(dsn, grace_s=0)
    one.announce([("one", SERIES)])
    yield one
    one.close()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    one = Broker(tmp_path)
    yield one
    one.kill()
