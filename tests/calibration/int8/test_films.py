import csv
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from xscan.calibration.int8 import films
from xscan.engine.dataset.folder import list_films, load_folder
from xscan.engine.dataset.packed import write_set
from xscan.engine.dataset.selection import parse_folds
from xscan.engine.errors import DataSetError
from xscan.engine.network.spec import InputSpec

from ..networks import MANIFEST, SIDE


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Uneven classes, two films a patient, folds 0 to 9 in data.csv beside the folder."""
    folder = tmp_path / "data"
    rng = np.random.default_rng(0)
    rows = []
    for name, count in (("normal", 20), ("bacteria", 40), ("virus", 12)):
        (folder / name).mkdir(parents=True)
        for i in range(count):
            file = f"{name}/{i:03}.png"
            cv2.imwrite(str(folder / file), rng.integers(0, 256, (40, 50), np.uint8))
            rows.append({"file": file, "patient": f"{name}-{i // 2}", "fold": i // 2 % 10})
    with (tmp_path / "data.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, ["file", "patient", "fold"])
        writer.writeheader()
        writer.writerows(rows)
    return folder


def trained(*folds: int):
    from dataclasses import replace

    return replace(MANIFEST, data={"trained_folds": list(folds)})


def test_calibration_spreads_over_classes_and_patients(data: Path):
    ordered = films.order(list_films(data), MANIFEST, seed=0)
    first = ordered[:18]
    assert Counter(film.group for film in first) == {"normal": 6, "bacteria": 6, "virus": 6}
    assert len({film.patient for film in first}) == 18


def test_the_seed_decides_and_nothing_else(data: Path):
    def chosen(seed: int) -> list[str]:
        return [film.file for film in films.order(list_films(data), MANIFEST, seed)[:12]]

    assert chosen(3) == chosen(3)
    assert chosen(3) != chosen(4)


def test_no_film_comes_from_a_fold_kept_for_measuring(data: Path):
    assert 9 not in {film.fold for film in films.order(list_films(data), MANIFEST, 0)}
    assert {film.fold for film in films.order(list_films(data), trained(2, 3), 0)} == {2, 3}
    only = [film for film in list_films(data) if film.fold == 9]
    with pytest.raises(DataSetError, match="kept for measuring"):
        films.order(only, MANIFEST, 0)


def test_acceptance_takes_untrained_folds_and_no_calibrated_patient(data: Path):
    listed = list_films(data)
    chosen = films.for_acceptance(listed, trained(0, 1, 2, 3, 4, 5, 6), (), {"bacteria-7"})
    assert {film.fold for film in chosen} == {7, 8, 9}
    assert "bacteria-7" not in {film.patient for film in chosen}
    assert {film.fold for film in films.for_acceptance(listed, trained(0), (4,), ())} == {4}
    with pytest.raises(DataSetError, match="no film is left"):
        films.for_acceptance(listed, trained(*range(10)), (), ())


def test_reading_leaves_out_what_is_no_radiograph(data: Path):
    (data / "normal" / "note.txt").write_text("hello")
    (data / "normal" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n nothing more")
    listed = [film for film in list_films(data) if film.group == "normal"]
    pictures = films.read(listed, MANIFEST.input)
    assert pictures.pixels.shape == (20, SIDE, SIDE, 1)
    assert pictures.labels is not None
    assert set(pictures.labels) == {0}
    assert len(films.read(listed, MANIFEST.input, count=5).films) == 5


def test_a_folder_without_classes_has_no_labels(data: Path, tmp_path: Path):
    flat = tmp_path / "flat"
    (data / "normal").rename(flat)
    assert not films.is_labelled(list_films(flat))
    assert films.read(list_films(flat), MANIFEST.input).labels is None


def test_a_packed_set_is_calibrated_on_as_its_folder(data: Path, tmp_path: Path):
    write_set(load_folder(data), tmp_path / "set", MANIFEST.input)
    ours, theirs = (films.order(list_films(folder), MANIFEST, 0) for folder in (tmp_path / "set", data))
    assert films.fingerprint(ours, 16, MANIFEST.input) == films.fingerprint(theirs, 16, MANIFEST.input)
    ours, theirs = (films.read(ordered, MANIFEST.input, 16) for ordered in (ours, theirs))
    assert (ours.pixels == theirs.pixels).all()
    assert ours.labels is not None
    assert (ours.labels == theirs.labels).all()
    write_set(load_folder(data), tmp_path / "small", InputSpec(SIDE // 2, SIDE // 2))
    with pytest.raises(DataSetError, match=f"pack the folder again with --size {SIDE}"):
        films.read(list_films(tmp_path / "small"), MANIFEST.input)


def test_the_fingerprint_follows_names_sizes_and_number(data: Path):
    ordered = films.order(list_films(data), MANIFEST, 0)
    same = films.fingerprint(ordered, 16, MANIFEST.input)
    assert same == films.fingerprint(ordered, 16, MANIFEST.input)
    assert same != films.fingerprint(ordered, 17, MANIFEST.input)
    assert same != films.fingerprint(ordered[1:], 16, MANIFEST.input)


def test_mistakes_are_named(data: Path, tmp_path: Path):
    with pytest.raises(DataSetError, match="needs a CSV"):
        list_films(data, tmp_path / "missing.csv")
    (tmp_path / "bad.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataSetError, match="lacks the columns"):
        list_films(data, tmp_path / "bad.csv")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataSetError, match="no files"):
        list_films(tmp_path / "empty")
    with pytest.raises(DataSetError, match="cannot read the folds"):
        parse_folds("nine")
    assert parse_folds("0-2, 9") == (0, 1, 2, 9)
