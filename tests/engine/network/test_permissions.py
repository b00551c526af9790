"""Who else could replace an engine: its files, the folders above them, and where links lead."""

import os
from pathlib import Path

import pytest

from xscan.engine.network.permissions import in_others_hands

pytestmark = pytest.mark.skipif(os.name == "nt", reason="permissions are lists on Windows")


@pytest.fixture
def engine(tmp_path: Path) -> Path:
    folder = tmp_path / "safe"
    folder.mkdir(0o755)
    path = folder / "small.engine"
    for name in (path, folder / "small.engine.json", folder / "small.engine.onnx"):
        name.write_bytes(b"x")
        name.chmod(0o644)
    return path


def test_one_that_nobody_else_can_touch_is_not_doubted(engine: Path) -> None:
    assert in_others_hands(engine) == []
    assert in_others_hands(engine.with_name("small.engine.onnx")) == []


@pytest.mark.parametrize("which", ["small.engine", "small.engine.json", "small.engine.onnx", ".", ".."])
def test_a_file_or_a_folder_above_that_all_may_write_to(engine: Path, which: str) -> None:
    path = (engine.parent / which).resolve()
    path.chmod(0o777)
    try:
        assert in_others_hands(engine) == [f"{path.name} may be written to by every user of this machine"]
    finally:
        path.chmod(0o755)


def test_a_folder_where_each_may_replace_his_own_only(engine: Path) -> None:
    engine.parent.chmod(0o1777)
    assert in_others_hands(engine) == []


def test_a_link_is_named_and_both_its_ends_are_looked_at(engine: Path, tmp_path: Path) -> None:
    shared = tmp_path / "world"
    shared.mkdir()
    shared.chmod(0o777)
    for name in ("small.engine", "small.engine.json"):
        (shared / name).symlink_to(engine.with_name(name))
    found = in_others_hands(shared / "small.engine")
    assert "small.engine is a link to another place" in found
    assert "world may be written to by every user of this machine" in found


@pytest.mark.skipif(os.name == "nt" or os.getuid() != 0, reason="only root gives files away")
def test_another_owner_and_a_group(engine: Path) -> None:
    os.chown(engine, 65534, -1)
    assert in_others_hands(engine) == ["small.engine belongs to another user of this machine"]
    os.chown(engine, 0, 65534)
    engine.chmod(0o664)
    assert in_others_hands(engine) == ["small.engine may be written to by a group of this machine's users"]
