"""A packed set stands in for its folder: the same films, the same inputs, the same fingerprint."""

import hashlib
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from xscan.engine import CLASSES
from xscan.engine.dataset.films import read_inputs
from xscan.engine.dataset.folder import list_films, load_folder
from xscan.engine.dataset.packed import read_set, unreadable, write_set
from xscan.engine.errors import DataSetError, OutputError, UsageError
from xscan.engine.network.spec import InputSpec

SPEC = InputSpec(32, 32)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three films a class of different sizes; patients and folds in a CSV; a name that is not ASCII."""
    folder = tmp_path / "films"
    rng = np.random.default_rng(0)
    lines = ["file,patient,fold"]
    for label, name in enumerate(CLASSES):
        (folder / name).mkdir(parents=True)
        for i in range(3):
            film = rng.integers(0, 256, (40 + 10 * label, 60 + i), np.uint8)
            (folder / name / f"ä{i}.png").write_bytes(cv2.imencode(".png", film)[1].tobytes())
            lines.append(f"{name}/ä{i}.png,{name}{i // 2},{3 * i}")
    (tmp_path / "films.csv").write_text("\n".join(lines), encoding="utf-8")
    return folder


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def test_a_set_is_read_as_its_folder(folder: Path, tmp_path: Path) -> None:
    data = load_folder(folder)
    written = write_set(data, tmp_path / "set", SPEC)
    packed = load_folder(tmp_path / "set")
    assert (written.films, written.unreadable) == (9, [])
    assert packed.films == read_set(tmp_path / "set").films
    assert packed.fingerprint == data.fingerprint
    assert packed.folds([6]).fingerprint == data.folds([6]).fingerprint
    assert [(f.file, f.label, f.patient, f.fold) for f in packed.films] == [
        (f.file, f.label, f.patient, f.fold) for f in data.films
    ]
    for ours, theirs in zip(read_inputs(packed, SPEC), read_inputs(data, SPEC), strict=True):
        assert (ours == theirs).all()
    for one, other in zip(packed.films, data.films, strict=True):
        ours, theirs = one.facts(), other.facts()
        assert (ours.rows, ours.columns, ours.bits) == (theirs.rows, theirs.columns, theirs.bits)
    assert [film.file for film in list_films(tmp_path / "set")] == [film.file for film in data.films]


def test_the_same_films_give_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_set(load_folder(folder), tmp_path / name, SPEC)
    assert digests(tmp_path / "one") == digests(tmp_path / "two")
    for path in (tmp_path / "one").glob("*.npy"):
        np.load(path, allow_pickle=False)


def test_another_size_is_refused_with_the_remedy(folder: Path, tmp_path: Path) -> None:
    write_set(load_folder(folder), tmp_path / "set", SPEC)
    with pytest.raises(DataSetError, match="32 x 32 and 64 x 64 is needed: pack the folder again with --size 64"):
        read_inputs(load_folder(tmp_path / "set"), InputSpec(64, 64))


def test_unreadable_films_are_left_out_and_listed(folder: Path, tmp_path: Path) -> None:
    (folder / "normal" / "ä0.png").write_bytes(b"\x89PNG\r\n\x1a\n nothing more")
    (folder / "normal" / "note.txt").write_text("hello")
    with pytest.warns(UserWarning, match="1 films have no known patient"):
        data = load_folder(folder)
    written = write_set(data, tmp_path / "set", SPEC)
    assert written.films == 8
    assert [entry["file"] for entry in unreadable(tmp_path / "set")] == ["normal/note.txt", "normal/ä0.png"]
    assert len(np.load(tmp_path / "set" / "pixels.npy")) == 8
    for name in ("ä1.png", "ä2.png"):
        (folder / "normal" / name).write_bytes(b"")
    with pytest.raises(DataSetError, match="no film of class normal can be read"):
        write_set(data, tmp_path / "other", SPEC)
    assert not list(tmp_path.glob("other*"))


@pytest.mark.parametrize("name", ["pixels.npy", "labels.npy", "patients.npy", "set.json"])
@pytest.mark.parametrize("change", ["a byte", "cut", "gone"])
def test_a_damaged_set_is_refused(folder: Path, tmp_path: Path, name: str, change: str) -> None:
    write_set(load_folder(folder), tmp_path / "set", SPEC)
    path = tmp_path / "set" / name
    content = path.read_bytes()
    if change == "gone":
        path.unlink()
        if name == "set.json":
            return  # then it is no packed set
    else:
        path.write_bytes(
            content[:-1] + bytes([content[-1] ^ 1]) if change == "a byte" else content[: len(content) // 2]
        )
    with pytest.raises(DataSetError, match="damaged"):
        load_folder(tmp_path / "set")


def test_a_set_of_another_version_is_refused(folder: Path, tmp_path: Path) -> None:
    write_set(load_folder(folder), tmp_path / "set", SPEC)
    index = json.loads((tmp_path / "set" / "set.json").read_text(encoding="utf-8"))
    (tmp_path / "set" / "set.json").write_text(json.dumps(index | {"format": "xscan packed set 2"}))
    with pytest.raises(DataSetError, match="another version"):
        load_folder(tmp_path / "set")


def test_nothing_is_overwritten(folder: Path, tmp_path: Path) -> None:
    data = load_folder(folder)
    out = tmp_path / "set"
    (tmp_path / "set.part").mkdir()
    (tmp_path / "set.part" / "letter.txt").write_text("mine")
    with pytest.raises(OutputError, match="1 file that xscan did not make"):
        write_set(data, out, SPEC)
    assert (tmp_path / "set.part" / "letter.txt").read_text() == "mine"
    (tmp_path / "set.part" / "letter.txt").unlink()
    (tmp_path / "set.part" / "pixels.npy").write_bytes(b"\x93NUMPY and no more")  # as a killed run leaves it
    write_set(data, out, SPEC)
    assert not (tmp_path / "set.part").exists()
    with pytest.raises(UsageError, match="exists"):
        write_set(data, out, SPEC)
    with pytest.raises(UsageError, match="packed already"):
        write_set(load_folder(out), tmp_path / "again", SPEC)
    with pytest.raises(UsageError, match="packed with its patients"):
        load_folder(out, tmp_path / "films.csv")
    with pytest.raises(UsageError, match="cannot make"):
        write_set(data, tmp_path / "missing" / "set", SPEC)
