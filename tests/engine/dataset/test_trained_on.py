"""Which films a network was trained on: by folds of the same set, else by content, names and patients."""

import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from xscan.engine import CLASSES
from xscan.engine.dataset.films import DataSet, data_set
from xscan.engine.dataset.folder import load_folder
from xscan.engine.dataset.trained_on import record_name, trained_on, write_record
from xscan.engine.errors import DataSetError
from xscan.engine.runtime.open import find_engine, manifest_of_engine

FILMS = 8  #: a class


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two films a patient, a patient a fold and class; folds 0 to 3."""
    rng = np.random.default_rng(0)
    lines = ["file,patient,fold"]
    for name in CLASSES:
        (tmp_path / "d" / name).mkdir(parents=True)
        for i in range(FILMS):
            cv2.imwrite(str(tmp_path / "d" / name / f"{name}{i}.png"), rng.integers(0, 256, (40, 50), np.uint8))
            lines.append(f"{name}/{name}{i}.png,{name}-{i // 2},{i // 2}")
    (tmp_path / "d.csv").write_text("\n".join(lines) + "\n")
    return tmp_path / "d"


def trained(data: DataSet) -> dict:
    return {"fingerprint": data.fingerprint, "trained_folds": [0, 1, 2]}


def test_the_same_set_answers_by_its_folds(folder: Path, tmp_path: Path) -> None:
    data = load_folder(folder)
    part = data.folds([2, 3])
    found = trained_on(part, data.fingerprint, trained(data), tmp_path)
    assert found.known
    assert found.films.tolist() == [film.fold == 2 for film in part.films]


def test_without_folds_or_a_record_nothing_is_known(folder: Path, tmp_path: Path) -> None:
    data = load_folder(folder)
    for facts in ({}, {"fingerprint": "of another set", "trained_folds": [0]}):
        found = trained_on(data, data.fingerprint, facts, tmp_path)
        assert not found.known
        assert not found.films.any()


def test_copies_elsewhere_are_known_by_their_content(folder: Path, tmp_path: Path) -> None:
    data = load_folder(folder)
    write_record(data, tmp_path)
    for name in CLASSES:
        (tmp_path / "other" / name).mkdir(parents=True)
        for i in (0, 1, 7):  # of folds 0, 0 and 3, under names of another hospital
            shutil.copy(folder / name / f"{name}{i}.png", tmp_path / "other" / name / f"x{i}{name}.png")
        cv2.imwrite(str(tmp_path / "other" / name / "new.png"), np.full((40, 50), 9, np.uint8))
    with pytest.warns(UserWarning, match="no known patient"):
        other = load_folder(tmp_path / "other")
    found = trained_on(other, other.fingerprint, trained(data), tmp_path)
    assert found.known
    names = [film.file.split("/")[1] for film in other.films]
    assert found.films.tolist() == [name[:2] in ("x0", "x1") for name in names]


def test_the_same_films_in_another_form_are_known_by_name_and_patient(folder: Path, tmp_path: Path) -> None:
    data = load_folder(folder)
    write_record(data, tmp_path)
    for path in folder.glob("*/*.png"):  # at another size, so with other bytes
        picture = cv2.imread(str(path), 0)
        assert picture is not None
        cv2.imwrite(str(path), cv2.resize(picture, (80, 64)))
    larger = load_folder(folder)
    found = trained_on(larger, larger.fingerprint, trained(data), tmp_path)
    assert found.films.tolist() == [film.fold != 3 for film in larger.films]
    few = data_set(replace(film, patient=f"another {i}") for i, film in enumerate(larger.films))
    assert not trained_on(few, few.fingerprint, trained(data), tmp_path).films.any()  # names alone say nothing


def test_a_record_tells_no_name_and_a_damaged_one_is_refused(folder: Path, tmp_path: Path) -> None:
    data = load_folder(folder)
    path = write_record(data, tmp_path)
    assert path.name == record_name(data.fingerprint)
    assert write_record(data, tmp_path) == path  # its own may be replaced
    with np.load(path) as arrays:
        assert {array.dtype.kind for array in arrays.values()} == {"u"}
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(DataSetError, match="is damaged"):
        trained_on(data, "another", trained(data), tmp_path)


@pytest.mark.data
@pytest.mark.parametrize("name", ["compact", "seed"])
def test_the_shipped_networks_know_the_originals_of_their_films(real: Path, tmp_path: Path, name: str) -> None:
    originals = load_folder(real / "originals")
    found = trained_on(originals, originals.fingerprint, manifest_of_engine(find_engine(name)).data, tmp_path)
    assert found.known
    assert found.films.sum() == sum(film.fold != 9 for film in originals.films) == 213
