"""One remover: its own plain files go, whatever else lies beside them stays."""

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xscan.engine.disk.own_folder import OwnFolder
from xscan.engine.errors import OutputError, StorageError, XscanError

pytestmark = pytest.mark.skipif(os.name == "nt", reason="links")
KINDS = ["own", "named so", "named otherwise", "link to own", "link to a folder", "folder", "fifo"]


def is_own(path: Path) -> bool:
    return path.suffix == ".pictures" and path.read_bytes().startswith(b"SQLite")


def put(place: Path, kind: str, number: int, victim: Path) -> Path:
    path = place / f"{number}.pictures"
    if kind == "own":
        path.write_bytes(b"SQLite")
    elif kind == "named so":
        path.write_bytes(b"a film")
    elif kind == "named otherwise":
        path = place / f"{number}.jpeg"
        path.write_bytes(b"SQLite")
    elif kind == "link to own":
        path.symlink_to(victim / "0.pictures")
    elif kind == "link to a folder":
        path.symlink_to(victim)
    elif kind == "folder":
        path.mkdir()
        (path / "0.pictures").write_bytes(b"SQLite")
    else:
        os.mkfifo(path)
    return path


@settings(max_examples=80, deadline=None)
@given(kinds=st.lists(st.sampled_from(KINDS), max_size=6), itself=st.sampled_from(["folder", "link", "file"]))
def test_only_own_plain_files_are_removed(tmp_path_factory, kinds, itself):
    base = tmp_path_factory.mktemp("r")
    victim = base / "victim"
    victim.mkdir()
    (victim / "0.pictures").write_bytes(b"SQLite")
    real = base / "real"
    real.mkdir()
    made = [(kind, put(real, kind, number, victim)) for number, kind in enumerate(kinds, 1)]
    place = real
    if itself == "link":
        place = base / "link"
        place.symlink_to(real)
    elif itself == "file":
        place = base / "file"
        place.write_bytes(b"a film")
    own = OwnFolder(place, is_own)
    if itself != "folder" or any(kind != "own" for kind in kinds):
        with pytest.raises(OutputError):
            own.require_own()
    else:
        own.require_own()
    own.remove()
    assert (victim / "0.pictures").read_bytes() == b"SQLite"
    for kind, path in made:
        assert os.path.lexists(path) == (kind != "own" or itself != "folder")
    assert real.exists() == (itself != "folder" or any(kind != "own" for kind in kinds))
    if itself == "file":
        assert place.read_bytes() == b"a film"


@pytest.mark.parametrize(("number", "kind"), [(errno.EIO, StorageError), (errno.EACCES, OutputError)])
def test_a_folder_that_cannot_be_looked_at_is_told_by_what_its_disk_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[Exception]
) -> None:
    def failing(path: object) -> os.stat_result:
        raise OSError(number, "failed", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(os, "lstat", failing)
        with pytest.raises(XscanError) as told:
            OwnFolder(tmp_path / "own", lambda _: True).require_own()
    assert type(told.value) is kind
