"""Gives every test of protocols/ and firmware/ a twin under real MicroPython, and says at the end what ran where.

A file `tests/protocols/test_*.py` or `tests/firmware/test_*.py` holds plain functions without fixtures. pytest runs
them under CPython as usual; here each becomes one more item `test_x[micropython]`. All functions of a file run in one
process of the interpreter (tests/micropython_runner.py), and each item reports its own line. A module may keep a
function from it by naming it in `CPYTHON_ONLY = {"test_x": "reason"}`. No interpreter: the twins fail, never skip.

`--uf2 FILE` is a MicroPython image for the emulated RP2040 (docs/pico.md). It is yours to give: without one those tests
say why they are skipped.
"""

import ast
import json
import linecache
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from hw_sim.node import interpreter
from hw_sim.pico import chip
from tests.micropython_runner import MARK

ROOT = Path(__file__).resolve().parent.parent
RUNNER = ROOT / "tests" / "micropython_runner.py"
TWINNED = (ROOT / "tests" / "protocols", ROOT / "tests" / "firmware")
TWIN = "[micropython]"
HEAP_KIB = 8 * 1024  # room for the largest file of vectors; what fits a board is measured by tests of its own
LIMIT_S = 300


class TwinFailure(Exception):
    """A test failed under MicroPython; the text is its own traceback."""


class TwinFile(pytest.File):
    """The functions of one test file, read from its source: to import it is the interpreter's business."""

    def collect(self) -> Iterator[pytest.Item]:
        tree = ast.parse(self.path.read_text(encoding="utf-8"), str(self.path))
        kept = _cpython_only(tree)
        functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
        unknown = kept.keys() - {function.name for function in functions}
        if unknown:
            raise self.CollectError(
                f"{self.path}: CPYTHON_ONLY names no test of this file: {', '.join(sorted(unknown))}"
            )
        self.config.stash[KEPT].update({f"{self.path.name}::{name}": reason for name, reason in kept.items()})
        for function in functions:
            if function.name not in kept:
                yield TwinItem.from_parent(self, name=function.name + TWIN, function=function)


class TwinItem(pytest.Item):
    """One function under MicroPython. The first item of a file that runs starts the interpreter for all of them."""

    def __init__(self, *, function: ast.FunctionDef, **keywords: object) -> None:
        super().__init__(**keywords)  # type: ignore[arg-type]
        self.test_name = function.name
        self.line = function.lineno

    def runtest(self) -> None:
        chosen = [i.test_name for i in self.session.items if isinstance(i, TwinItem) and i.path == self.path]
        results, rest = _run_file(self.path, tuple(chosen))
        result = results.get(self.test_name)
        if result is None:
            raise TwinFailure(f"the interpreter ended before this test could report\n{rest}")
        if not result["ok"]:
            traceback = str(result["traceback"]).rstrip()
            raise TwinFailure("\n".join([traceback.split("\n")[-1], "", _with_source(traceback), "", rest]).rstrip())

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> str:
        if isinstance(excinfo.value, TwinFailure | interpreter.NoMicroPython):
            return str(excinfo.value)
        return str(super().repr_failure(excinfo))

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, self.line - 1, self.name


@cache
def _interpreter() -> interpreter.Interpreter:
    return interpreter.find()


@cache
def _run_file(path: Path, names: tuple[str, ...]) -> tuple[dict[str, dict[str, object]], str]:
    """Run `names` of one file in one process: (name -> its line, everything else that was printed)."""
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    argv, environment = _interpreter().command(RUNNER, module, *names, path=(ROOT,), heap_kib=HEAP_KIB)
    process = subprocess.Popen(
        argv, env=environment, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        output, _ = process.communicate(timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        output, _ = process.communicate()
        output += f"\nstopped after {LIMIT_S} s".encode()
    lines = output.decode("utf-8", "replace").split("\n")
    results = [json.loads(line[len(MARK) :]) for line in lines if line.startswith(MARK)]
    rest = "\n".join(line for line in lines if not line.startswith(MARK))
    return {str(result["name"]): result for result in results}, rest


def _with_source(traceback: str) -> str:
    """MicroPython's traceback names lines without showing them."""

    def show(match: re.Match[str]) -> str:
        return f"{match[0]}\n    {linecache.getline(match[1], int(match[2])).strip()}"

    return re.sub(r'  File "(.+)", line (\d+), in .+', show, traceback)


def _cpython_only(tree: ast.Module) -> dict[str, str]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["CPYTHON_ONLY"]:
            kept = ast.literal_eval(node.value)
            return {str(name): str(reason) for name, reason in kept.items()}
    return {}


# ------------------------------------------------------------------------------------------------------ hooks of pytest
KEPT = pytest.StashKey[dict[str, str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--uf2", type=Path, metavar="FILE", help="a MicroPython image for the emulated RP2040")


@pytest.fixture(scope="session")
def emulator() -> list[str]:
    """How the emulated RP2040 is started."""
    try:
        return chip.command()
    except chip.NoEmulator as refusal:
        pytest.skip(str(refusal))


@pytest.fixture(scope="session")
def uf2(request: pytest.FixtureRequest, emulator: list[str]) -> Path:
    """The image given for it."""
    given: Path | None = request.config.getoption("--uf2")
    if given is None:
        pytest.skip("no MicroPython image for an RP2040: give one with --uf2 FILE")
    return given.resolve()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[KEPT] = {}


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if file_path.parent in TWINNED and file_path.match("test_*.py"):
        return TwinFile.from_parent(parent, path=file_path)
    return None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    # A test counts once, with the worst of its phases; its seconds are those of all three.
    seconds: dict[str, float] = {}
    outcome: dict[str, str] = {}
    for kind in ("passed", "skipped", "failed", "error"):
        for report in terminalreporter.stats.get(kind, []):
            if isinstance(report, pytest.TestReport):
                outcome[report.nodeid] = kind
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                seconds[report.nodeid] = seconds.get(report.nodeid, 0.0) + report.duration

    groups: dict[str, list[str]] = {}
    for nodeid in seconds:
        groups.setdefault(_group(nodeid), []).append(nodeid)
    terminalreporter.section("seconds per group")
    for group, members in sorted(groups.items()):
        took = sum(seconds[nodeid] for nodeid in members)
        terminalreporter.write_line(f"{group:<28}{took:8.1f} s{len(members):6} tests")

    twins = [kind for nodeid, kind in outcome.items() if nodeid.endswith(TWIN)]
    try:
        label = _interpreter().label
    except interpreter.NoMicroPython:
        label = "no MicroPython"
    passed = twins.count("passed")
    line = f"{label}: {passed} tests passed, {len(twins) - passed} failed"
    kept = config.stash[KEPT]
    terminalreporter.section("MicroPython")
    terminalreporter.write_line(f"{line}, {len(kept)} on CPython only" if kept else line)
    for name, reason in sorted(kept.items()):
        terminalreporter.write_line(f"  CPython only: {name}: {reason}")


def _group(nodeid: str) -> str:
    parts = nodeid.split("::")[0].split("/")
    name = parts[1] if len(parts) > 2 else "(the repository)"
    return name + (" under MicroPython" if nodeid.endswith(TWIN) else "")
