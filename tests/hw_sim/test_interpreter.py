"""The real MicroPython of this machine, whichever kind it is, as a process that others can talk to."""

import subprocess
from pathlib import Path

import pytest

from hw_sim.node.interpreter import FORCE, KINDS, NoMicroPython, find

TALK = """
import sys
try:
    import hostlink
    call = hostlink.call
except ImportError:
    def call(line):
        sys.stdout.write(line + "\\n")
        return sys.stdin.readline().rstrip("\\n")
"""


def run(
    folder: Path, source: str, *args: str, answers: str = "", heap_kib: int | None = None
) -> subprocess.CompletedProcess[str]:
    script = folder / "guest.py"
    script.write_text(source, encoding="utf-8")
    argv, environment = find().command(script, *args, path=(folder / "lib",), heap_kib=heap_kib)
    return subprocess.run(
        argv, env=environment, cwd=folder, input=answers, capture_output=True, text=True, timeout=60, encoding="utf-8"
    )


def lines(folder: Path, source: str, *args: str, answers: str = "") -> list[str]:
    ended = run(folder, source, *args, answers=answers)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.splitlines()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "lib" / "rooms").mkdir(parents=True)
    (tmp_path / "lib" / "rooms" / "probe.py").write_text('RIVER = "黄河"\n', encoding="utf-8")
    return tmp_path


def test_it_is_micropython_and_says_which(folder: Path) -> None:
    found = find()
    assert found.kind in KINDS
    assert found.label.startswith(f"MicroPython {found.version}, ")
    said = lines(folder, "import sys\nprint(sys.implementation.name, *sys.implementation.version[:3])")
    assert said == ["micropython " + found.version.replace(".", " ")]


def test_it_imports_from_the_given_path_and_nowhere_else(folder: Path) -> None:
    (folder / "beside.py").write_text("")
    source = "import sys\nfrom rooms.probe import RIVER\nprint(RIVER, *sys.argv[1:])\nprint(sys.path)\n"
    said = lines(folder, source + "try:\n    import beside\nexcept ImportError:\n    print('not seen')", "a b", "ü")
    assert said == ["黄河 a b ü", repr([str((folder / "lib").resolve()), ".frozen"]), "not seen"]


def test_it_reads_real_files_relative_to_its_folder(folder: Path) -> None:
    (folder / "vectors.json").write_text('{"words": [1, 2, 3]}')
    assert lines(folder, "import json\nprint(json.load(open('vectors.json'))['words'])") == ["[1, 2, 3]"]


def test_lines_go_both_ways_in_order(folder: Path) -> None:
    source = TALK + "for i in range(3):\n    print('heard', call('ask %d' % i), __name__)"
    long = "水" * 100_000
    said = lines(folder, source, answers=f"one\n{long}\nthree\n")
    expected = [("ask 0", "one"), ("ask 1", long), ("ask 2", "three")]
    assert said == [line for ask, answer in expected for line in (ask, f"heard {answer} __main__")]


def test_a_host_that_hangs_up_is_an_empty_line(folder: Path) -> None:
    assert lines(folder, TALK + "print(repr(call('anyone?')))") == ["anyone?", "''"]


def test_it_ends_as_the_program_ended(folder: Path) -> None:
    assert run(folder, "import sys\nprint('bye')\nsys.exit(3)").returncode == 3
    assert run(folder, "import sys\nsys.exit()").returncode == 0
    fallen = run(folder, "print('before')\nvalue = 1 // 0")
    assert (fallen.returncode, fallen.stdout) == (1, "before\n")
    assert f'{folder.resolve()}/guest.py", line 2' in fallen.stderr
    assert "ZeroDivisionError" in fallen.stderr


def test_the_heap_ends_where_it_was_told_to(folder: Path) -> None:
    grow = "import gc\ntry:\n    kept = [bytearray(1000) for _ in range(150)]\n    print('fits')\n"
    grow += "except MemoryError:\n    print('MemoryError')"
    assert run(folder, grow, heap_kib=512).stdout == "fits\n"
    if find().heap_is_capped:
        assert run(folder, grow, heap_kib=100).stdout == "MemoryError\n"


def test_without_an_interpreter_the_message_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv(FORCE, "unix")
    with pytest.raises(NoMicroPython, match="Run scripts/micropython"):
        find()
    monkeypatch.setenv(FORCE, "board")
    with pytest.raises(NoMicroPython, match="not one of unix, debian, node"):
        find()


def test_an_old_interpreter_is_refused_with_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = tmp_path / "micropython"
    old.write_text("#!/bin/sh\necho 1 19 1 64\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv(FORCE, "unix")
    with pytest.raises(NoMicroPython, match=r"is 1\.19\.1"):
        find()
