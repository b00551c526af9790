"""The list of a data set's films: which files, of which class and patient, in which fold. No pixels are read.

Classes come from a folder with a folder a class, or with the parts train, validate, test and in each a folder a class
(parts.py). Patients and folds come from a CSV (`--patients FILE`, else `DATA.csv` beside the folder); without one,
patients come from the file names' rule, else each film is its own patient, with a warning. A packed set (packed.py)
holds all that. Training, evaluation and calibration read their lists here.
"""

import hashlib
import os
import re
import warnings
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np

from .. import CLASSES
from ..errors import DataSetError, NotARadiograph, UsageError
from ..find.discover import discover
from .csvs import read_patients
from .films import FOLDS, DataSet, ListedFilm, data_set
from .parts import FOLD_OF, are_parts, part_of

# Kermany 2018: person12_bacteria_47.jpeg, IM-0115-0001.jpeg, NORMAL2-IM-1209-0001.jpeg
_PERSON = re.compile(r"^(person\d+)_(bacteria|virus)_")
_NORMAL = re.compile(r"^((?:NORMAL2-)?IM-\d+)-")


def list_films(folder: Path, patients: Path | None = None) -> list[ListedFilm]:
    """Every file below any folder that may be a film, in the order of `discover`. Raises UsageError, DataSetError.

    patients: CSV with the columns file,patient[,fold or part]. A DATA.csv beside the folder that is something else,
    such as the list of a batch, is passed over. A packed set is read as the folder that it was packed from.
    """
    if (packed := _packed(folder, patients)) is not None:
        return list(packed.films)
    films = _listed(folder, read_patients(patients or table_beside(folder), required=patients is not None))
    if not films:
        raise DataSetError(f"no files in {folder}: give a folder of radiographs")
    return films


def load_folder(folder: Path, patients: Path | None = None) -> DataSet:
    """The list of a labelled set: a folder, or a packed set.

    A film that neither a CSV nor a part's folder places gets a fold that follows from its patient; beside a CSV of
    parts it is left out, with a warning. Raises DataSetError when the folder, a class folder or the patients file
    cannot be used as given.
    """
    if not folder.is_dir():
        raise DataSetError(f"no folder {folder}: give a folder with the folders {', '.join(CLASSES)}")
    if (packed := _packed(folder, patients)) is not None:
        return packed
    table = read_patients(patients or table_beside(folder), required=patients is not None, strict=True)
    films = [film for film in _listed(folder, table) if film.group in CLASSES and not _hidden(film.file)]
    counts = np.bincount([film.label for film in films], minlength=len(CLASSES))
    for name, count in zip(CLASSES, counts, strict=True):
        if not count:
            raise _without(name, folder, films)
    films = _placed(films, folder, are_parts(fold for _, fold in table.values()))
    if strangers := sum(film.patient == _own_patient(film.file) for film in films):
        warnings.warn(
            f"{strangers} films have no known patient: each counts as its own, so films of one patient may stand "
            "on both sides of a split; give --patients FILE (CSV: file,patient)",
            stacklevel=2,
        )
    return data_set(films)


def _without(name: str, folder: Path, films: list[ListedFilm]) -> DataSetError:
    """What is said where a class has no film."""
    if (folder / name).is_dir():
        return DataSetError(f"the class folder {folder / name} is empty: training needs films of every class")
    if any(part_of(film.file) for film in films):
        return DataSetError(f"no part of {folder} has a folder '{name}' with films: training needs every class")
    return DataSetError(
        f"{folder} has no folder '{name}': each of {', '.join(CLASSES)} needs one, there or in its parts "
        f"{', '.join(FOLD_OF)}"
    )


def _placed(films: list[ListedFilm], folder: Path, csv_in_parts: bool) -> list[ListedFilm]:
    """The films of a labelled set, each with a fold. csv_in_parts: a CSV says which part a film is of."""
    inside = sum(part_of(film.file) is not None for film in films)
    if inside not in (0, len(films)):
        raise DataSetError(f"{folder} has folders of parts, and {len(films) - inside} films outside of them: keep one")
    placed = [film for film in films if film.fold is not None]
    if csv_in_parts and len(placed) < len(films):
        warnings.warn(f"{len(films) - len(placed)} films are in no part by the CSV and are left out", stacklevel=3)
        films = placed
    if inside or csv_in_parts:
        both = Counter(patient for patient, _ in {(film.patient, film.fold) for film in films})
        if torn := sum(parts > 1 for parts in both.values()):
            warnings.warn(
                f"{torn} patients have films in two parts: figures of one part flatter a network that learnt from the "
                "other",
                stacklevel=3,
            )
    return [replace(f, fold=_hash_fold(f.patient)) if f.fold is None else f for f in films]


def patient_from_name(name: str) -> str | None:
    """The patient's key by the file names' rule of the Kermany set, or None.

    Bacterial and viral films are numbered separately: `person12` is not one person in both.
    """
    if match := _PERSON.match(name):
        return f"{match[2]}_{match[1]}"
    if match := _NORMAL.match(name):
        return match[1]
    return None


def _packed(folder: Path, patients: Path | None) -> DataSet | None:
    from .packed import is_packed, read_set

    if not is_packed(folder):
        return None
    if patients is not None:
        raise UsageError(f"{folder} is packed with its patients: give --patients to xscan data pack")
    return read_set(folder)


def _listed(folder: Path, table: dict[str, tuple[str, int | None]]) -> list[ListedFilm]:
    films = []
    for found in discover(folder, follow_links=True):
        if isinstance(found.problem, NotARadiograph):
            continue
        patient, fold = table.get(found.file, ("", None))
        if fold is None and (part := part_of(found.file)):
            fold = FOLD_OF[part]
        patient = patient or patient_from_name(found.file.rsplit("/", 1)[-1]) or _own_patient(found.file)
        films.append(ListedFilm(found, patient, fold))
    return films


def _own_patient(file: str) -> str:
    return f"film:{file}"


def _hidden(file: str) -> bool:
    return file.rsplit("/", 1)[-1].startswith(".")


def table_beside(folder: Path) -> Path:
    """DATA.csv beside the folder DATA, whether it is there or not."""
    path = os.path.abspath(folder)  # `.` has a name, too
    return Path(path + ".csv")


def _hash_fold(patient: str) -> int:
    """A stable fold for a patient whom no file places."""
    return int(hashlib.sha256(patient.encode()).hexdigest(), 16) % FOLDS
