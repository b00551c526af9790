"""A labelled data set: a folder with a folder a class, and who is on each film.

Patients and folds come from a CSV (`--patients FILE`, else `DATA.csv` beside the folder); without one,
patients come from the file names' rule, else each film is its own patient, with a warning.
"""

import csv
import hashlib
import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from xscan.engine import CLASSES
from xscan.engine.errors import DataSetError, FileProblem
from xscan.engine.preprocess import InputSpec, to_input

FOLDS = 10

# Kermany 2018: person12_bacteria_47.jpeg, IM-0115-0001.jpeg, NORMAL2-IM-1209-0001.jpeg
_PERSON = re.compile(r"^(person\d+)_(bacteria|virus)_")
_NORMAL = re.compile(r"^((?:NORMAL2-)?IM-\d+)-")


@dataclass(frozen=True)
class LabelledFilm:
    file: str  #: relative to the data set's folder, forward slashes
    path: Path
    label: int  #: index into CLASSES
    patient: str
    fold: int  #: 0 to 9


@dataclass(frozen=True)
class DataSet:
    films: tuple[LabelledFilm, ...]  #: sorted by `file`
    fingerprint: str  #: sha256 over file names, labels, patients, folds and sizes in bytes

    @property
    def labels(self) -> np.ndarray:
        """int64 [films], index into CLASSES."""
        return np.array([film.label for film in self.films])

    @property
    def patients(self) -> np.ndarray:
        """str [films]."""
        return np.array([film.patient for film in self.films])

    def folds(self, folds: Iterable[int]) -> "DataSet":
        """The part of the data set in these folds, with a fingerprint of its own."""
        wanted = set(folds)
        return _data_set([film for film in self.films if film.fold in wanted])


def load_folder(folder: Path, patients: Path | None = None) -> DataSet:
    """Read the list of films, not their pixels.

    Raises DataSetError when the folder, a class folder or the patients file cannot be used as given.
    """
    if not folder.is_dir():
        raise DataSetError(f"no folder {folder}: give a folder with the folders {', '.join(CLASSES)}")
    found: list[tuple[str, Path, int]] = []
    for label, name in enumerate(CLASSES):
        if not (folder / name).is_dir():
            raise DataSetError(f"{folder} has no folder '{name}': each of {', '.join(CLASSES)} needs one")
        files = sorted(p for p in (folder / name).rglob("*") if p.is_file() and not p.name.startswith("."))
        if not files:
            raise DataSetError(f"the class folder {folder / name} is empty: training needs films of every class")
        found += [(path.relative_to(folder).as_posix(), path, label) for path in files]

    listed = _read_patients(patients or folder.with_suffix(".csv"), required=patients is not None)
    strangers = 0
    films = []
    for file, path, label in found:
        patient, fold = listed.get(file, (None, None))
        if patient is None:
            patient = patient_from_name(path.name)
            strangers += patient is None
        patient = patient or f"film:{file}"
        films.append(LabelledFilm(file, path, label, patient, _hash_fold(patient) if fold is None else fold))
    if strangers:
        warnings.warn(
            f"{strangers} films have no known patient: each counts as its own, so films of one patient may stand "
            "on both sides of a split; give --patients FILE (CSV: file,patient)",
            stacklevel=2,
        )
    return _data_set(films)


def patient_from_name(name: str) -> str | None:
    """The patient's key by the file names' rule of the Kermany set, or None.

    Bacterial and viral films are numbered separately: `person12` is not one person in both.
    """
    if match := _PERSON.match(name):
        return f"{match[2]}_{match[1]}"
    if match := _NORMAL.match(name):
        return match[1]
    return None


def read_inputs(data: DataSet, spec: InputSpec) -> tuple[np.ndarray, np.ndarray]:
    """Decode and preprocess every film.

    Returns uint8 [films, height, width] and bool [films], False where a film could not be read (its
    picture is zeros). Warns with the number of unreadable films.
    """
    from xscan.engine.read import read_path

    pictures = np.zeros((len(data.films), spec.height, spec.width), np.uint8)
    readable = np.ones(len(data.films), bool)
    for i, film in enumerate(data.films):
        try:
            to_input(read_path(film.path).grey, spec, out=pictures[i])
        except FileProblem:
            readable[i] = False
    if not readable.all():
        warnings.warn(f"{(~readable).sum()} of {len(readable)} films could not be read and are left out", stacklevel=2)
    return pictures, readable


def parse_folds(text: str) -> tuple[int, ...]:
    """`0-6,8` -> (0, 1, 2, 3, 4, 5, 6, 8); an empty text is no fold. Raises DataSetError."""
    folds: set[int] = set()
    for part in filter(None, (p.strip() for p in text.split(","))):
        match = re.fullmatch(r"(\d+)(?:-(\d+))?", part)
        if not match:
            raise DataSetError(f"cannot read the folds '{text}': write them like 0-6,8")
        folds |= set(range(int(match[1]), int(match[2] or match[1]) + 1))
    if folds and max(folds) >= FOLDS:
        raise DataSetError(f"there is no fold {max(folds)}: folds run from 0 to {FOLDS - 1}")
    return tuple(sorted(folds))


def _data_set(films: list[LabelledFilm]) -> DataSet:
    films = sorted(films, key=lambda film: film.file)
    digest = hashlib.sha256()
    for film in films:
        digest.update(f"{film.file}|{film.label}|{film.patient}|{film.fold}|{film.path.stat().st_size}\n".encode())
    return DataSet(tuple(films), digest.hexdigest())


def _read_patients(path: Path, *, required: bool) -> dict[str, tuple[str, int | None]]:
    if not path.is_file():
        if required:
            raise DataSetError(f"no file {path}: --patients needs a CSV with the columns file,patient[,fold]")
        return {}
    with path.open(newline="", encoding="utf-8-sig") as stream:
        reader = csv.DictReader(stream)
        if not {"file", "patient"} <= set(reader.fieldnames or ()):
            raise DataSetError(f"{path} lacks the columns file and patient")
        try:
            return {r["file"]: (r["patient"], int(r["fold"]) if r.get("fold") else None) for r in reader}
        except ValueError:
            raise DataSetError(f"{path} has a fold that is not a number") from None


def _hash_fold(patient: str) -> int:
    """A stable fold for a patient whom no file places."""
    return int(hashlib.sha256(patient.encode()).hexdigest(), 16) % FOLDS
