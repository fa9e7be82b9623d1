"""Copies of the project with one mistake in each: what shows that a check can fail."""

import re
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_LEFT_OUT = shutil.ignore_patterns(".git", ".venv", ".cache", "__pycache__", "tests", "docs", "*.egg-info")


def planted(folder: Path, file: str, good: str, bad: str) -> Path:
    """A copy below `folder` in which `good`, which stands once in `file`, is `bad`."""
    root = folder / "planted"
    shutil.copytree(ROOT, root, ignore=_LEFT_OUT)
    (root / ".cache").symlink_to(ROOT / ".cache")
    text = (root / file).read_text("utf-8")
    assert len(re.findall(re.escape(good), text)) == 1, f"the line to spoil in {file} has moved"
    (root / file).write_text(text.replace(good, bad), "utf-8")
    return root
