"""The command line: what a person does wrong is answered in a sentence, never with a traceback."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway import messages
from gateway.__main__ import main
from tests.gateway.doubles import NODE, RIVER, STATION, UPLINK, query, sensor

SOUND = STATION + NODE.replace('"level"', '"deep"') + RIVER + sensor("level", 1) + UPLINK
FAULTS = (
    ("[store]", "[store]\nsped = 1", "store.sped: unknown key"),
    ("latitude = 35.0", "latitude = 95.0", "station.latitude: 95.0 is out of range"),
    ('key = "0123', 'key = "123', "node[0].key: has 63 characters"),
    ('profile = "keller_acculevel"\nbus = "river"', 'profile = "keler"\nbus = "river"', "sensor[0].profile: unknown"),
    ('host = "127.0.0.1"', 'host = "127.0.0.1"\nport = 0', "uplink[0].port: 0 is out of range"),
)


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("WATERTOWER_LANG", "en")
    yield
    messages.set_language(None)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "site.toml").write_text(SOUND, "utf-8")
    return tmp_path / "site.toml"


class Said:
    """What one command printed and its exit status."""

    def __init__(self, capture: pytest.CaptureFixture[str], *arguments: object) -> None:
        try:
            self.status = main([str(argument) for argument in arguments])
        except SystemExit as end:  # argparse's own way
            self.status = int(end.code or 0)
        self.out, self.err = capture.readouterr()
        assert "Traceback" not in self.err + self.out


def faulty(path: Path) -> Path:
    text = SOUND
    for old, new, _ in FAULTS:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    path.write_text(text, "utf-8")
    return path


def test_a_sound_file_is_said_to_be_sound(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = Said(capsys, "check", path)
    assert (said.status, said.out, said.err) == (0, f"{path} is sound: 1 nodes, 4 channels\n", "")
    assert not (path.parent / "store.db").exists()


def test_check_names_five_faults_in_five_lines_and_run_refuses_them_with_the_same_words(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checked, run = Said(capsys, "check", faulty(path)), Said(capsys, "run", path)
    lines = checked.err.splitlines()
    assert (checked.status, checked.out, len(lines)) == (2, "", 5)
    for _, _, words in FAULTS:
        assert sum(line.startswith(f"{path}: {words}") for line in lines) == 1, words
    assert (run.status, run.out, run.err) == (2, "", checked.err)
    assert not (path.parent / "store.db").exists()


def test_faults_are_told_in_chinese_when_asked_so_and_by_the_environment(
    path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Said(capsys, "check", faulty(path), "--lang", "zh")
    assert asked.status == 2 and len(asked.err.splitlines()) == 5 and "没有这个键" in asked.err
    messages.set_language(None)
    monkeypatch.setenv("WATERTOWER_LANG", "zh_CN.UTF-8")
    assert Said(capsys, "--lang", "en", "check", path).err.count("unknown") == 2
    messages.set_language(None)
    assert Said(capsys, "check", path).err == asked.err


def test_set_lays_values_over_the_file_and_is_checked_like_the_file(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert Said(capsys, "check", path, "--set", "uplink.platform.port=1884", "--set=station.id=other").status == 0
    wrong = Said(
        capsys, "check", path, "--set", "uplink[0].port=0", "--set", "station.id=A=B", "--set", "uplink[7].x=1"
    )
    assert wrong.status == 2 and len(wrong.err.splitlines()) == 3
    assert "uplink[0].port: 0 is out of range" in wrong.err and "station.id: 'A=B' does not fit" in wrong.err


@pytest.mark.parametrize("text", ["station.id", "=5", "", "=", "."])
def test_a_set_that_is_no_path_and_value_is_answered_with_what_it_needs(
    path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    said = Said(capsys, "check", path, "--set", text)
    assert said.status == 2 and said.err.splitlines()[-1].endswith(f"'{text}' does not fit; needs PATH=VALUE")


@pytest.mark.parametrize("text", ["..=1", "[=1", "]=1", "[0]=1", "station=1", "station[0]=1", "bus[0]=1", "bus.x.y=1"])
def test_a_set_that_leads_nowhere_is_a_fault(path: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    said = Said(capsys, "check", path, "--set", text)
    assert said.status == 2 and said.err.startswith(f"{path}: ")


@pytest.mark.parametrize("command", ["check", "run"])
@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe", b"station = [", b"station = 5\nbus = {}\n", b"\x00"])
def test_what_is_no_site_file_is_a_fault(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, content: bytes | None
) -> None:
    path = tmp_path / "site.toml"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    for target in (path, tmp_path / "missing.toml", path / "below"):
        said = Said(capsys, command, target)
        assert said.status == 2 and said.err.startswith(f"{target}: ")


def test_profiles_lists_all_and_tells_of_one_and_knows_what_it_does_not_know(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert "keller_acculevel" in Said(capsys, "profiles").out
    assert "0x0100" in Said(capsys, "profiles", "keller_acculevel").out
    unknown = Said(capsys, "profiles", "keler")
    assert unknown.status == 2 and unknown.err.startswith("unknown profile keler; known: ")
    assert "没有型号配置 keler" in Said(capsys, "profiles", "keler", "--lang", "zh").err


@pytest.mark.parametrize(
    "arguments",
    [[], ["fly"], ["check"], ["check", "a", "b"], ["check", "a", "--lang", "fr"], ["demo", "--for", "soon"]]
    + [["demo", "--for", "1", "--broker", text] for text in ("nowhere", ":1", "host:", "host:port", "host:99999999")],
)
def test_a_command_that_does_not_exist_or_lacks_something_gets_the_usage(
    capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    said = Said(capsys, *arguments)
    assert said.status == 2 and said.err.startswith("usage: watertower")


def test_help_is_there_in_both_languages(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ([], ["run"], ["check"], ["budget"], ["profiles"], ["demo"]):
        assert Said(capsys, *command, "--help").status == 0
        assert "显示" in Said(capsys, *command, "--help", "--lang", "zh").out or command
        messages.set_language(None)


@pytest.mark.parametrize("trouble", ["format", "foreign", "folder"])
def test_a_store_that_can_not_be_used_is_told_in_one_line(
    path: Path, capsys: pytest.CaptureFixture[str], trouble: str
) -> None:
    store = path.parent / "store.db"
    if trouble == "format":
        with sqlite3.connect(store) as db:
            db.execute("PRAGMA user_version = 99")
        db.close()
    elif trouble == "foreign":
        with sqlite3.connect(store) as db:
            db.execute("CREATE TABLE customer (name)")
        db.close()
    else:
        store.mkdir()
    said = Said(capsys, "run", path)
    assert said.status == 1 and said.err.count("\n") == 1 and said.err.startswith(str(store))


def test_a_gateway_without_any_of_its_ports_runs_and_stops_cleanly_on_a_signal(path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "gateway", "run", str(path), "--set", "uplink[0].port=1"],
        stderr=subprocess.PIPE, text=True, env={**os.environ, "WATERTOWER_LANG": "en"}, cwd=Path(__file__).parents[2],
    ) as gateway:  # fmt: skip
        try:
            assert gateway.stderr is not None
            said = [gateway.stderr.readline() for _ in range(3)]  # radio, bus and uplink each miss something
            started_s = time.monotonic()
            gateway.send_signal(signal.SIGTERM)
            rest = gateway.stderr.read()
            assert gateway.wait(10) == 0 and time.monotonic() - started_s < 5
        finally:
            gateway.kill()
    assert "Traceback" not in "".join(said) + rest and all(line.startswith("WARNING") for line in said)
    kinds = sorted(kind for (kind,) in query(path.parent, "SELECT kind FROM event"))
    assert kinds == ["bus_lost", "radio_lost"]
    assert query(path.parent, "SELECT value FROM meta WHERE key = 'running'") == [(0,)]
