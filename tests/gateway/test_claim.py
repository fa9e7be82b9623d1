"""A store has one writer: the second is told who the first is, and a killed one leaves nothing behind."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway import messages
from gateway.__main__ import main
from gateway.store import StoreError
from gateway.store.claim import claimed
from tests.gateway.doubles import NODE, RIVER, STATION, UPLINK, sensor

SITE = STATION + NODE.replace('"level"', '"deep"') + RIVER + sensor("level", 1) + UPLINK
HOLDER = """
import sys
from pathlib import Path
from gateway.store.claim import claimed
with claimed(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "site.toml").write_text(SITE, "utf-8")
    yield tmp_path / "store.db"
    messages.set_language(None)


@pytest.fixture
def holder(store: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(store)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path.cwd(),
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    assert process.stdout is not None and process.stdout.readline() == b"held\n"
    yield process
    process.kill()
    process.communicate()


@pytest.mark.parametrize(("lang", "words"), [("en", "end it first"), ("zh", "请先停止它")])
def test_a_second_gateway_is_told_whose_the_store_is(
    holder: subprocess.Popen[bytes], store: Path, capsys: pytest.CaptureFixture[str], lang: str, words: str
) -> None:
    assert main(["run", "site.toml", "--set", f"store.path={store}", "--lang", lang]) == 1
    told = capsys.readouterr().err
    assert words in told and str(holder.pid) in told and str(store) in told and "Traceback" not in told
    assert not store.exists()


def test_a_killed_gateway_leaves_no_claim(holder: subprocess.Popen[bytes], store: Path) -> None:
    with pytest.raises(StoreError), claimed(store):
        pytest.fail("two hold one store")
    holder.kill()
    holder.wait()
    with claimed(store):
        pass


def test_a_disk_that_takes_no_lock_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with claimed(tmp_path / "file" / "store.db"):
        pass
