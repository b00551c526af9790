"""A state folder, and nights in it."""

from pathlib import Path

import pytest

from .nights import Nights


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def nights(tmp_path: Path, state: Path, monkeypatch: pytest.MonkeyPatch) -> Nights:
    return Nights(tmp_path, state, monkeypatch)
