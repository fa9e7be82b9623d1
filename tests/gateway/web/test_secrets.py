"""Passwords, sessions and guesses, each by itself."""

import stat
from pathlib import Path

from gateway.web.guesses import FREE, Guesses
from gateway.web.password import PasswordFile
from gateway.web.sessions import LASTS_MS, Sessions

MINUTE_MS = 60_000


def test_a_password_is_kept_as_a_hash_that_only_its_owner_reads(tmp_path: Path) -> None:
    file = PasswordFile(tmp_path / "web.password")
    assert file.hash() is None
    assert not file.fits("")
    file.keep("long enough")
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert file.path.read_text().startswith("$argon2id$")
    assert "long enough" not in file.path.read_text()
    assert file.fits("long enough")
    assert not file.fits("long enougH")
    assert not file.fits("x" * 1_000_000)
    assert [path.name for path in tmp_path.iterdir()] == ["web.password"]


def test_a_password_file_that_is_none_lets_nobody_in(tmp_path: Path) -> None:
    path = tmp_path / "web.password"
    for content in (b"", b"rubbish\n", b"\xff\xfe", b"$argon2id$v=19$m=19456,t=2,p=1$AAAA$AAAA"):
        path.write_bytes(content)
        assert not PasswordFile(path).fits("rubbish")


def test_who_guesses_waits_ever_longer_and_others_do_not() -> None:
    guesses = Guesses()
    for _ in range(FREE):
        assert guesses.wait_ms("a", 0) == 0
        guesses.wrong("a", 0)
    assert guesses.wait_ms("a", 0) == 30_000
    assert guesses.wait_ms("a", 30_000) == 0
    assert guesses.wait_ms("b", 0) == 0
    guesses.wrong("a", 30_000)
    assert guesses.wait_ms("a", 30_000) == 60_000
    for _ in range(30):
        guesses.wrong("a", 100_000)
    assert guesses.wait_ms("a", 100_000 + MINUTE_MS) == 14 * MINUTE_MS
    guesses.right("a")
    assert guesses.wait_ms("a", 100_000 + MINUTE_MS) == 0


def test_guesses_from_many_addresses_are_slowed_as_well() -> None:
    guesses = Guesses()
    for number in range(30):
        guesses.wrong(f"10.0.0.{number}", 1000 * number)
    assert guesses.wait_ms("10.9.9.9", 30_000) == 30_000
    assert guesses.wait_ms("10.9.9.9", 61_000) == 0


def test_thousands_of_addresses_do_not_fill_the_memory() -> None:
    guesses = Guesses()
    for number in range(3000):
        guesses.wrong(str(number), number)
    assert len(guesses._wrong) <= 1000


def test_a_session_ends_by_time_by_word_and_with_its_password() -> None:
    sessions = Sessions()
    one = sessions.begin("hash", 0)
    assert sessions.find(one.token, "hash", LASTS_MS - 1) == one
    assert sessions.find(one.token, "hash", LASTS_MS) is None
    assert sessions.find(one.token, "other hash", 0) is None
    assert sessions.find(one.csrf, "hash", 0) is None
    assert sessions.find(None, None, 0) is None
    sessions.end(one.token)
    assert sessions.find(one.token, "hash", 0) is None


def test_no_two_sessions_are_alike_and_the_oldest_gives_way() -> None:
    sessions = Sessions()
    all_of_them = [sessions.begin("hash", 0) for _ in range(40)]
    assert len({secret for one in all_of_them for secret in (one.token, one.csrf)}) == 80
    assert sessions.find(all_of_them[0].token, "hash", 0) is None
    assert sessions.find(all_of_them[-1].token, "hash", 0) is not None
