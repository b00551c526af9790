"""Data sets in parts: folders train, validate and test, a column part, or a split file. Parts stand as folds."""

from pathlib import Path

import pytest

from xscan.engine.dataset.films import DataSet
from xscan.engine.dataset.folder import load_folder
from xscan.engine.dataset.packed import write_set
from xscan.engine.dataset.selection import choose, for_training, selection
from xscan.engine.errors import DataSetError, UsageError
from xscan.engine.network.spec import InputSpec

from .test_dataset import make

CLASSES = ("normal", "bacteria", "virus")


def placed(data: DataSet) -> dict[str, tuple[str, int | None]]:
    return {film.file: (film.group, film.fold) for film in data.films}


def three(prefix: str = "") -> dict[str, list[str]]:
    return {f"{prefix}{name}": [f"{name}.png"] for name in CLASSES}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """As the set is handed out: parts and classes in capitals, kinds in the names alone."""
    return make(
        tmp_path / "chest",
        {
            "train/NORMAL": ["IM-0115-0001.jpeg"],
            "train/PNEUMONIA": ["person1_bacteria_1.jpeg", "person2_virus_2.jpeg"],
            "val/NORMAL": ["NORMAL2-IM-1427-0001.jpeg"],
            "test/PNEUMONIA": ["person80_bacteria_1.jpeg", "person81_virus_2.jpeg"],
        },
    )


def test_folders_of_parts(folder: Path) -> None:
    data = load_folder(folder)
    assert data.in_parts
    assert placed(data) == {
        "test/PNEUMONIA/person80_bacteria_1.jpeg": ("bacteria", 9),
        "test/PNEUMONIA/person81_virus_2.jpeg": ("virus", 9),
        "train/NORMAL/IM-0115-0001.jpeg": ("normal", 0),
        "train/PNEUMONIA/person1_bacteria_1.jpeg": ("bacteria", 0),
        "train/PNEUMONIA/person2_virus_2.jpeg": ("virus", 0),
        "val/NORMAL/NORMAL2-IM-1427-0001.jpeg": ("normal", 8),
    }
    assert {film.fold for film in choose(data, selection(part="test")).films} == {9}
    assert len(choose(data, selection(part="Training")).films) == 3


def test_a_packed_set_keeps_its_parts(folder: Path, tmp_path: Path) -> None:
    data = load_folder(folder)
    write_set(data, tmp_path / "set", InputSpec(32, 32))
    packed = load_folder(tmp_path / "set")
    assert packed.fingerprint == data.fingerprint
    assert len(choose(packed, selection(part="validate")).films) == 1


def test_films_beside_the_parts_are_refused(folder: Path) -> None:
    make(folder, {"normal": ["IM-0200-0001.jpeg"]})
    with pytest.raises(DataSetError, match="1 films outside of them"):
        load_folder(folder)


def test_pneumonia_of_no_kind_is_no_class(tmp_path: Path) -> None:
    make(tmp_path / "d", {"train/normal": ["a.png"], "test/pneumonia": ["b.png"]})
    with pytest.raises(DataSetError, match="has a folder 'bacteria'"):
        load_folder(tmp_path / "d")


def test_a_patient_in_two_parts_is_warned_of(tmp_path: Path) -> None:
    films = {f"train/{name}": ["person7_virus_1.jpeg" if name == "virus" else "IM-1-1.jpeg"] for name in CLASSES}
    films["test/virus"] = ["person7_virus_9.jpeg"]
    with pytest.warns(UserWarning, match="1 patients have films in two parts"):
        load_folder(make(tmp_path / "d", films | {"train/bacteria": ["person7_bacteria_1.jpeg"]}))


@pytest.mark.filterwarnings("ignore:.*no known patient")
def test_a_column_of_parts(tmp_path: Path) -> None:
    """As a German spreadsheet saves it, without a column of patients."""
    folder = make(tmp_path / "d", three() | {"virus": ["virus.png", "v2.png"]})
    lines = ["Dateiname;Teil", "normal/normal.png;train", "bacteria/bacteria.png;VAL", "virus/virus.png;test", ""]
    (tmp_path / "d.csv").write_bytes("\r\n".join(lines).encode("utf-16"))
    with pytest.warns(UserWarning, match="1 films are in no part by the CSV and are left out"):
        data = load_folder(folder)
    assert {file: fold for file, (_, fold) in placed(data).items()} == {
        "bacteria/bacteria.png": 8, "normal/normal.png": 0, "virus/virus.png": 9,
    }  # fmt: skip
    (tmp_path / "d.csv").write_text("file,part\nnormal/normal.png,trian\n")
    with pytest.raises(DataSetError, match="has a part 'trian': parts are train, validate, test"):
        load_folder(folder)


@pytest.mark.filterwarnings("ignore:.*no known patient")
def test_a_split_file_gives_its_parts_to_a_training(tmp_path: Path) -> None:
    data = load_folder(make(tmp_path / "d", three() | {"virus": ["virus.png", "v2.png"]}))
    split = tmp_path / "split.csv"
    split.write_text("file,part\nnormal/normal.png,train\nbacteria/bacteria.png,validate\nvirus/virus.png,test\n")
    with pytest.warns(UserWarning, match=r"1 films have no part in split\.csv"):
        parted = for_training(split, "")(data)
    assert sorted(film.fold for film in parted.films if film.fold is not None) == [0, 8, 9]
    assert [film.file for film in for_training(split, "test")(data).films] == ["virus/virus.png"]
    assert for_training(None, "")(data) is data
    split.write_text("file,part\nnormal/normal.png,tune\nvirus/virus.png,check\n")
    with pytest.raises(UsageError, match="has the parts check, tune: one must be train"):
        for_training(split, "")
    with pytest.raises(DataSetError, match="is not in parts: give --split FILE with --part test"):
        choose(data, selection(part="test"))
