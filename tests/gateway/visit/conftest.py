"""A folder of a visit with a desk in it: images, a site file, boards that are plugged in."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway import messages
from hw_sim.desk.desk import Desk


@pytest.fixture(autouse=True)
def _language() -> Iterator[None]:
    yield
    messages.set_language(None)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.chdir(tmp_path)  # a technician goes to the folder of the visit
    with Desk(tmp_path) as one:
        yield one
