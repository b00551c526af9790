"""What a command line names is scanned, and nothing beside it."""

import os
import zipfile
from pathlib import Path

import pytest

from xscan.engine.errors import UsageError
from xscan.engine.find.discover import discover
from xscan.engine.find.named import named


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("a/1.png", "a/2.png", "a/deep/3.png", "b/4.png", "z.png"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    with zipfile.ZipFile(tmp_path / "b" / "export.zip", "w") as target:
        target.writestr("DICOM/1", "x")
        target.writestr("DICOM/2", "x")
    return tmp_path


def files(*paths: Path) -> tuple[Path, list[str]]:
    what = named(paths)
    return what.folder, [found.file for found in discover(what.folder, only=what.only) if found.problem is None]


def test_what_is_named(tree: Path) -> None:
    assert files(tree / "a") == (tree / "a", ["1.png", "2.png", "deep/3.png"])
    assert files(tree / "a" / "1.png") == (tree / "a", ["1.png"])
    assert files(tree / "b" / "export.zip") == (tree / "b", ["export.zip/DICOM/1", "export.zip/DICOM/2"])
    assert files(tree / "z.png", tree / "a") == (tree, ["a/1.png", "a/2.png", "a/deep/3.png", "z.png"])
    assert files(tree / "b" / "4.png", tree / "a" / "deep" / "3.png") == (tree, ["a/deep/3.png", "b/4.png"])
    assert files(tree / "a", tree / "a" / "1.png") == files(tree / "a")
    assert files(tree / "a" / "1.png", tree / "a" / "1.png") == files(tree / "a" / "1.png")


def test_nothing_else_of_a_folder_is_listed(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed: list[str] = []
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: listed.append(str(path)) or scandir(path))
    assert files(tree / "a" / "deep", tree / "z.png")[1] == ["a/deep/3.png", "z.png"]
    assert listed == [str(tree / "a" / "deep")]


@pytest.mark.skipif(os.name == "nt", reason="links")
def test_a_link_that_is_named_is_followed(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "link.png").symlink_to(tree / "z.png")
    (elsewhere / "folder").symlink_to(tree / "a")
    assert files(elsewhere / "link.png")[1] == ["link.png"]
    assert files(elsewhere / "folder", elsewhere / "link.png")[1] == [
        "folder/1.png", "folder/2.png", "folder/deep/3.png", "link.png"
    ]  # fmt: skip


def test_what_is_not_there_is_told_before_anything_is_done(tree: Path) -> None:
    with pytest.raises(UsageError, match=r"no file or folder .*gone\.png"):
        named([tree / "z.png", tree / "gone.png"])
    with pytest.raises(UsageError, match="a folder, a zip or films"):
        named([])
