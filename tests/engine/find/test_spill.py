"""No room for temporary files: the run ends and says so; never a folder, zip or film that is missing from the list."""

import errno
import zipfile
from pathlib import Path
from typing import Any

import pytest

from xscan.engine.errors import StorageError
from xscan.engine.find import discover, zips
from xscan.engine.lists.doubles import Doubles
from xscan.engine.lists.table import Row


def full(*_: Any, **__: Any) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
def no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.TemporaryFile", full)
    monkeypatch.setattr(discover, "NAMES_A_RUN", 2)
    monkeypatch.setattr(zips, "ENTRIES_A_RUN", 2)


@pytest.mark.usefixtures("no_room")
def test_a_large_folder(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.png").touch()
    with pytest.raises(StorageError, match="temporary files"):
        list(discover.discover(tmp_path))


@pytest.mark.usefixtures("no_room")
def test_a_large_folder_below_and_a_large_zip(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for number in range(3):
            archive.writestr(f"{number}.png", b"film")
    with pytest.raises(StorageError, match="TMPDIR"):
        list(discover.discover(tmp_path))
    (tmp_path / "a.zip").unlink()
    below = tmp_path / "below"
    below.mkdir()
    for number in range(3):
        (below / f"{number}.png").touch()
    with pytest.raises(StorageError, match="TMPDIR"):
        list(discover.discover(tmp_path))


def test_many_films() -> None:
    with Doubles() as doubles:
        doubles._seen.execute("PRAGMA max_page_count = 8")  # SQLite's own way to say that the disk is full
        films = (Row(f"{number}", "ok", sop_uid=f"1.2.{number}", p_normal="0.1") for number in range(10_000))
        with pytest.raises(StorageError, match="temporary files"):
            list(map(doubles.see, films))
