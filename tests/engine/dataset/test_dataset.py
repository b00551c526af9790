from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from xscan.engine.dataset.films import read_inputs
from xscan.engine.dataset.folder import load_folder, patient_from_name
from xscan.engine.dataset.selection import choose, parse_folds, selection
from xscan.engine.errors import DataSetError, UsageError
from xscan.engine.network.spec import InputSpec


def make(folder: Path, names: dict[str, list[str]]) -> Path:
    rng = np.random.default_rng(0)
    for label, films in names.items():
        (folder / label).mkdir(parents=True)
        for film in films:
            cv2.imwrite(str(folder / label / film), rng.integers(0, 256, (40, 50), np.uint8))
    return folder


THREE = {
    "virus": ["person1_virus_6.jpeg", "person1_virus_7.jpeg"],
    "normal": ["IM-0115-0001.jpeg", "NORMAL2-IM-1209-0001.jpeg"],
    "bacteria": ["person1_bacteria_1.jpeg"],
}


def test_classes_have_the_projects_order_and_patients_come_from_names(tmp_path: Path) -> None:
    data = load_folder(make(tmp_path / "d", THREE))
    by_file = {film.file: film for film in data.films}
    assert [by_file[f"{name}/{THREE[name][0]}"].label for name in ("normal", "bacteria", "virus")] == [0, 1, 2]
    assert by_file["virus/person1_virus_6.jpeg"].patient == by_file["virus/person1_virus_7.jpeg"].patient
    assert by_file["virus/person1_virus_6.jpeg"].fold == by_file["virus/person1_virus_7.jpeg"].fold
    assert by_file["virus/person1_virus_6.jpeg"].patient != by_file["bacteria/person1_bacteria_1.jpeg"].patient


@pytest.mark.parametrize(
    ("name", "patient"),
    [
        ("person12_bacteria_47.jpeg", "bacteria_person12"),
        ("IM-0115-0001.jpeg", "IM-0115"),
        ("NORMAL2-IM-1209-0001-0002.jpeg", "NORMAL2-IM-1209"),
        ("film.png", None),
    ],
)
def test_patient_from_name(name: str, patient: str | None) -> None:
    assert patient_from_name(name) == patient


def test_the_csv_beside_the_folder_places_patients(tmp_path: Path) -> None:
    folder = make(tmp_path / "d", THREE)
    (tmp_path / "d.csv").write_text("file,label,patient,fold\nnormal/IM-0115-0001.jpeg,normal,someone,7\n")
    film = next(f for f in load_folder(folder).films if f.file.endswith("IM-0115-0001.jpeg"))
    assert (film.patient, film.fold) == ("someone", 7)


def test_films_of_unknown_patients_are_warned_about(tmp_path: Path) -> None:
    folder = make(tmp_path / "d", THREE | {"normal": ["a.png"]})
    with pytest.warns(UserWarning, match="1 films have no known patient"):
        load_folder(folder)


def test_the_fingerprint_follows_the_content(tmp_path: Path) -> None:
    folder = make(tmp_path / "d", THREE)
    first = load_folder(folder).fingerprint
    assert load_folder(folder).fingerprint == first
    (folder / "normal" / "IM-0115-0001.jpeg").write_bytes(b"other")
    assert load_folder(folder).fingerprint != first


def test_unreadable_films_are_left_out_with_a_warning(tmp_path: Path) -> None:
    folder = make(tmp_path / "d", THREE)
    (folder / "normal" / "IM-0115-0001.jpeg").write_bytes(b"\xff\xd8\xff garbage")
    with pytest.warns(UserWarning, match="1 of 5 films could not be read"):
        pictures, readable = read_inputs(load_folder(folder), InputSpec(32, 32))
    assert pictures.shape == (5, 32, 32)
    assert readable.sum() == 4


@pytest.mark.parametrize(
    "broken",
    [
        "missing", "no class", "empty class",
        "bad csv", "no fold", "fold of none", "two patients", "no text",
    ],
)  # fmt: skip
def test_an_unusable_folder_is_refused(tmp_path: Path, broken: str) -> None:
    folder = tmp_path / "d"
    if broken != "missing":
        make(folder, THREE if broken != "no class" else {"normal": ["IM-0115-0001.jpeg"]})
    if broken == "empty class":
        (folder / "bacteria" / "person1_bacteria_1.jpeg").unlink()
    tables = {
        "bad csv": b"a,b\n",
        "no fold": b"file,patient,fold\nvirus/person1_virus_6.jpeg,x,seven\n",
        "fold of none": b"file,patient,fold\nvirus/person1_virus_6.jpeg,x,10\n",
        "two patients": b"file,patient\nvirus/person1_virus_6.jpeg,x\nvirus/person1_virus_6.jpeg,y\n",
        "no text": b"file,patient\nvirus/person1_virus_6.jpeg,Gr\x81n\n",
    }
    if broken in tables:
        (tmp_path / "d.csv").write_bytes(tables[broken])
    with pytest.raises(DataSetError):
        load_folder(folder)


def test_a_list_beside_the_data_is_no_table_of_patients(tmp_path: Path) -> None:
    folder = make(tmp_path / "d", THREE)
    (tmp_path / "d.csv").write_text("file,status,priority\n")
    with pytest.raises(DataSetError, match=r"^d\.csv, which stands beside the data.*: rename it, or name the table"):
        load_folder(folder)


def test_parse_folds() -> None:
    assert parse_folds("0-6,8") == (0, 1, 2, 3, 4, 5, 6, 8)
    assert parse_folds("") == ()
    for text in ("x", "3-", "12"):
        with pytest.raises(DataSetError):
            parse_folds(text)


def test_a_split_file_selects_a_part(tmp_path: Path) -> None:
    data = load_folder(make(tmp_path / "d", THREE))
    split = tmp_path / "split.csv"
    split.write_text("file,part\n" + "".join(f"{f.file},{'test' if f.label == 2 else 'train'}\n" for f in data.films))
    test = choose(data, selection(split=split, part="test"))
    assert [film.label for film in test.films] == [2, 2]
    assert test.fingerprint != data.fingerprint
    assert choose(data, selection()) is data
    with pytest.raises(UsageError, match=r"name a part of split\.csv with --part: one of test, train"):
        selection(split=split, part="check")
    wrong: tuple[dict[str, Any], ...] = (
        {"split": split},
        {"part": "check"},
        {"fold": "9", "part": "test"},
        {"fold": "9", "split": split, "part": "test"},
    )
    for options in wrong:
        with pytest.raises(UsageError):
            selection(**options)
    split.write_text(split.read_text() + "virus/gone.png,test\n")
    with pytest.warns(UserWarning, match="1 of 3 films of the part 'test' are not in the data set"):
        choose(data, selection(split=split, part="test"))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("file,fold\na,1\n", "lacks the column"),
        ("file,part\na,test\na,train\n", "in two parts"),
        ("file,part\n", "places no film"),
        ("file,part\nelsewhere.png,test\n", "another one"),
    ],
)
def test_an_unusable_split_is_refused(tmp_path: Path, content: str, told: str) -> None:
    data = load_folder(make(tmp_path / "d", THREE))
    (tmp_path / "split.csv").write_text(content)
    with pytest.raises(DataSetError, match=told):
        choose(data, selection(split=tmp_path / "split.csv", part="test"))


def test_the_list_beside_the_current_folder_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make(tmp_path / "d", THREE)
    (tmp_path / "d.csv").write_text("file,patient,fold\nnormal/IM-0115-0001.jpeg,someone,7\n")
    monkeypatch.chdir(folder)
    assert "someone" in load_folder(Path()).patients
