"""Knows a PostgreSQL of our own in a folder, on a Unix socket there, that starts and stops as asked; knows no table."""

import os
import pwd
import shutil
import subprocess
from pathlib import Path

_SETTINGS = ("listen_addresses=''",)
_WAIT_S = 60


class NoPostgres(Exception):
    """There is none; the text says how to get it."""


def find_postgres() -> Path:
    """The folder of its programs: Debian keeps them out of PATH."""
    found = shutil.which("initdb")
    places = [Path(found).parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for place in places:
        if (place / "initdb").exists():
            return place
    raise NoPostgres("there is no PostgreSQL server: apt-get install postgresql")


class Postgres:
    """A new, empty one in `folder`, which the user postgres must be able to reach if we are root."""

    def __init__(self, folder: Path) -> None:
        self._programs = find_postgres()
        self._data = folder / "data"
        self.dsn = f"host={folder} dbname=postgres user=postgres"
        self._user: dict[str, int] = {}
        if os.geteuid() == 0:  # it refuses to run as root
            account = pwd.getpwnam("postgres")
            self._user = {"user": account.pw_uid, "group": account.pw_gid}
            os.chown(folder, account.pw_uid, account.pw_gid)
        self._folder = folder
        self._do("initdb", "-D", str(self._data), "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8")

    def start(self) -> None:
        settings = " ".join(f"-c {one}" for one in (*_SETTINGS, f"unix_socket_directories={self._folder}"))
        self._control("start", "-l", str(self._folder / "log"), "-o", settings)

    @property
    def pid(self) -> int:
        """Of the process that the others are children of."""
        return int((self._data / "postmaster.pid").read_text().split()[0])

    @property
    def socket(self) -> str:
        return str(self._folder / ".s.PGSQL.5432")

    def stop(self) -> None:
        """At once, as a crash would: it recovers from its log at the next start."""
        self._control("stop", "-m", "immediate")

    def _control(self, verb: str, *words: str) -> None:
        self._do("pg_ctl", verb, "-D", str(self._data), "-w", "-t", str(_WAIT_S), *words)

    def _do(self, program: str, *words: str) -> None:
        log = self._folder / "programs.log"  # not a pipe: the server would hold it open
        with log.open("ab") as out:
            done = subprocess.run(
                [self._programs / program, *words], cwd=self._folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                **self._user,  # type: ignore[call-overload]
            )  # fmt: skip
        if done.returncode:
            raise NoPostgres(f"{program}: {log.read_text(errors='replace')[-800:]}")
