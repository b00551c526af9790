"""The list of a data set's films: which files, of which class and patient, in which fold. No pixels are read.

Classes come from a folder with a folder a class. Patients and folds come from a CSV (`--patients FILE`, else
`DATA.csv` beside the folder); without one, patients come from the file names' rule, else each film is its own
patient, with a warning. A packed set (packed.py) holds all that. Training, evaluation and calibration read
their lists here.
"""

import csv
import hashlib
import os
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from . import CLASSES
from .errors import DataSetError, FileProblem, NotARadiograph, UsageError
from .find.discover import discover
from .find.found import Found
from .network.spec import InputSpec

if TYPE_CHECKING:
    from .read.film import Facts

FOLDS = 10

# Kermany 2018: person12_bacteria_47.jpeg, IM-0115-0001.jpeg, NORMAL2-IM-1209-0001.jpeg
_PERSON = re.compile(r"^(person\d+)_(bacteria|virus)_")
_NORMAL = re.compile(r"^((?:NORMAL2-)?IM-\d+)-")


@dataclass(frozen=True)
class ListedFilm:
    """One film of a folder. Of a folder that is no labelled set, `label` cannot be asked."""

    found: Found
    patient: str
    fold: int | None  #: 0 to 9; None where no CSV names one and the folder is not read as a labelled set
    matrix: np.ndarray | None = field(default=None, compare=False, repr=False)  #: of a packed set: its input
    kept: tuple[int, ...] = ()  #: of a packed set: rows, columns, bytes and bits of the film

    @property
    def file(self) -> str:
        """Relative to the data set's folder, forward slashes."""
        return self.found.file

    @property
    def path(self) -> Path:
        """The real file (of a zip's member: the zip; of a packed set: its folder). To read the film, use `grey`."""
        return Path(self.found.path)

    @property
    def group(self) -> str:
        """Its top folder; of a labelled set: the class."""
        return self.file.split("/")[0] if "/" in self.file else ""

    @property
    def label(self) -> int:
        """Index into CLASSES. Raises ValueError where the top folder is no class."""
        return CLASSES.index(self.group)

    def grey(self) -> np.ndarray:
        """uint8 [rows, columns]: the film as a viewer shows it; of a packed set: its matrix. Raises FileProblem."""
        if self.matrix is not None:
            return self.matrix
        from .read.decode import read_film

        return read_film(self.found).grey

    def facts(self) -> "Facts":
        """What its file tells; of a packed set: rows, columns and bits. Raises FileProblem."""
        from .read.decode import read_film
        from .read.film import Facts

        if self.matrix is not None:
            rows, columns, _, bits = self.kept
            return Facts(rows=rows, columns=columns, bits=bits)
        return read_film(self.found).facts

    def input(self, spec: InputSpec, out: np.ndarray | None = None) -> np.ndarray:
        """uint8 [height, width]: what a network sees of the film. Raises FileProblem, DataSetError."""
        from .preprocess.to_input import to_input

        self.require(spec)
        return to_input(self.grey(), spec, out=out)

    def require(self, spec: InputSpec) -> None:
        """Raise DataSetError if the film is packed at another size: a squashed matrix is not squashed again."""
        if self.matrix is not None and self.matrix.shape != (spec.height, spec.width):
            rows, columns = self.matrix.shape
            raise DataSetError(
                f"the packed set holds films of {columns} x {rows} and {spec.width} x {spec.height} is needed: "
                f"pack the folder again with --size {spec.width}"
            )


@dataclass(frozen=True)
class DataSet:
    """The films of a labelled set."""

    films: tuple[ListedFilm, ...]  #: sorted by `file`
    fingerprint: str  #: sha256 over file names, labels, patients, folds and sizes in bytes

    @property
    def labels(self) -> np.ndarray:
        """int64 [films], index into CLASSES."""
        return np.array([film.label for film in self.films], np.int64)

    @property
    def patients(self) -> np.ndarray:
        """str [films]."""
        return np.array([film.patient for film in self.films])

    def folds(self, folds: Iterable[int]) -> "DataSet":
        """The part of the data set in these folds, with a fingerprint of its own."""
        wanted = set(folds)
        return data_set([film for film in self.films if film.fold in wanted])

    def part(self, split: Path, name: str) -> "DataSet":
        """The films that a split file (CSV: file,part) places in the part `name`. Raises DataSetError.

        Warns of films that the file names and the data set lacks: they may have been unreadable or moved.
        """
        parts = read_split(split)
        if name not in parts.values():
            raise DataSetError(f"{split} has no part '{name}': it has {', '.join(sorted(set(parts.values())))}")
        wanted = {file for file, part in parts.items() if part == name}
        films = [film for film in self.films if film.file in wanted]
        if not films:
            raise DataSetError(f"no film of the part '{name}' of {split} is in the data set: it is of another one")
        if lost := len(wanted) - len(films):
            warnings.warn(f"{lost} of {len(wanted)} films of the part '{name}' are not in the data set", stacklevel=2)
        return data_set(films)


def data_set(films: Iterable[ListedFilm]) -> DataSet:
    """Sort the films of a labelled set and take their fingerprint."""
    films = sorted(films, key=lambda film: film.file)
    digest = hashlib.sha256()
    for film in films:
        digest.update(f"{film.file}|{film.label}|{film.patient}|{film.fold}|{film.found.bytes}\n".encode())
    return DataSet(tuple(films), digest.hexdigest())


def list_films(folder: Path, patients: Path | None = None) -> list[ListedFilm]:
    """Every file below any folder that may be a film, in the order of `discover`. Raises UsageError, DataSetError.

    patients: CSV with the columns file,patient[,fold]. A DATA.csv beside the folder that is something else,
    such as the list of a batch, is passed over. A packed set is read as the folder that it was packed from.
    """
    if (packed := _packed(folder, patients)) is not None:
        return list(packed.films)
    films = _listed(folder, _read_patients(patients or _beside(folder), required=patients is not None))
    if not films:
        raise DataSetError(f"no files in {folder}: give a folder of radiographs")
    return films


def load_folder(folder: Path, patients: Path | None = None) -> DataSet:
    """The list of a labelled set: a folder, or a packed set.

    A film whom no CSV places gets a fold that follows from its patient.
    Raises DataSetError when the folder, a class folder or the patients file cannot be used as given.
    """
    if not folder.is_dir():
        raise DataSetError(f"no folder {folder}: give a folder with the folders {', '.join(CLASSES)}")
    if (packed := _packed(folder, patients)) is not None:
        return packed
    for name in CLASSES:
        if not (folder / name).is_dir():
            raise DataSetError(f"{folder} has no folder '{name}': each of {', '.join(CLASSES)} needs one")
    table = _read_patients(patients or _beside(folder), required=patients is not None, strict=True)
    films = [film for film in _listed(folder, table) if film.group in CLASSES and not _hidden(film.file)]
    counts = np.bincount([film.label for film in films], minlength=len(CLASSES))
    for name, count in zip(CLASSES, counts, strict=True):
        if not count:
            raise DataSetError(f"the class folder {folder / name} is empty: training needs films of every class")
    if strangers := sum(film.patient == _own_patient(film.file) for film in films):
        warnings.warn(
            f"{strangers} films have no known patient: each counts as its own, so films of one patient may stand "
            "on both sides of a split; give --patients FILE (CSV: file,patient)",
            stacklevel=2,
        )
    return data_set(replace(f, fold=_hash_fold(f.patient)) if f.fold is None else f for f in films)


def select(data: DataSet, fold: str = "", split: Path | None = None, part: str = "") -> DataSet:
    """What the options --fold, or --split and --part, ask for; all films without them.

    Raises UsageError when the options do not go together, DataSetError when no film is left.
    """
    if split is None and part:
        raise UsageError("--part needs --split FILE (CSV: file,part)")
    if split is not None:
        if fold:
            raise UsageError("choose films by --fold or by --split and --part, not by both")
        if not part:
            raise UsageError(f"--split needs --part: one of {', '.join(sorted(set(read_split(split).values())))}")
        return data.part(split, part)
    if not fold:
        return data
    chosen = data.folds(parse_folds(fold))
    if not chosen.films:
        raise DataSetError(f"no film is of fold {fold}: choose another --fold")
    return chosen


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
    pictures = np.zeros((len(data.films), spec.height, spec.width), np.uint8)
    readable = np.ones(len(data.films), bool)
    for i, film in enumerate(data.films):
        try:
            film.input(spec, out=pictures[i])
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


def read_split(path: Path) -> dict[str, str]:
    """file -> part. Raises DataSetError for a missing file, a wrong one, or a film in two parts."""
    if not path.is_file():
        raise DataSetError(f"no file {path}: --split needs a CSV with the columns file,part")
    parts: dict[str, str] = {}
    with _table(path) as (columns, rows):
        if not {"file", "part"} <= columns:
            raise DataSetError(f"{path} lacks the columns file and part")
        for row in rows:
            if parts.setdefault(row["file"], row["part"]) != row["part"]:
                raise DataSetError(f"{path} places a film in two parts: make it again with xscan data split")
    if not parts:
        raise DataSetError(f"{path} places no film: make it again with xscan data split")
    return parts


def _packed(folder: Path, patients: Path | None) -> DataSet | None:
    from .packed import is_packed, read_set

    if not is_packed(folder):
        return None
    if patients is not None:
        raise UsageError(f"{folder} is packed with its patients: give --patients to xscan data pack")
    return read_set(folder)


def _listed(folder: Path, table: dict[str, tuple[str, int | None]]) -> list[ListedFilm]:
    films = []
    for found in discover(folder):
        if isinstance(found.problem, NotARadiograph):
            continue
        patient, fold = table.get(found.file, ("", None))
        patient = patient or patient_from_name(found.file.rsplit("/", 1)[-1]) or _own_patient(found.file)
        films.append(ListedFilm(found, patient, fold))
    return films


def _own_patient(file: str) -> str:
    return f"film:{file}"


def _hidden(file: str) -> bool:
    return file.rsplit("/", 1)[-1].startswith(".")


def _beside(folder: Path) -> Path:
    path = os.path.abspath(folder)  # `.` has a name, too
    return Path(path + ".csv")


def _read_patients(path: Path, *, required: bool, strict: bool = False) -> dict[str, tuple[str, int | None]]:
    """file -> patient ('' if none is named), fold. strict: a CSV that is no list of patients is an error."""
    if not path.is_file():
        if required:
            raise DataSetError(f"no file {path}: --patients needs a CSV with the columns file,patient[,fold]")
        return {}
    table: dict[str, tuple[str, int | None]] = {}
    with _table(path) as (columns, rows):
        if not {"file", "patient"} <= columns:
            if required or strict:
                raise DataSetError(f"{path} lacks the columns file and patient")
            return {}
        for row in rows:
            entry = (row["patient"] or "", _fold(row.get("fold"), path))
            if table.setdefault(row["file"], entry) != entry:
                raise DataSetError(f"{path} lists a film twice, with another patient or fold: keep one row a film")
    return table


def _fold(text: str | None, path: Path) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit()):
        raise DataSetError(f"{path} has a fold that is not a number")
    if int(text) >= FOLDS:
        raise DataSetError(f"{path} has a fold {int(text)}: folds run from 0 to {FOLDS - 1}")
    return int(text)


@contextmanager
def _table(path: Path) -> Iterator[tuple[set[str], Iterator[dict[str, str]]]]:
    """A CSV's columns and rows. Raises DataSetError for what is no UTF-8 text or cannot be read."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            columns: Sequence[str] = reader.fieldnames or ()
            yield set(columns), iter(reader)
    except (OSError, UnicodeDecodeError, csv.Error):
        raise DataSetError(f"{path} cannot be read as a CSV in UTF-8: save it so") from None


def _hash_fold(patient: str) -> int:
    """A stable fold for a patient whom no file places."""
    return int(hashlib.sha256(patient.encode()).hexdigest(), 16) % FOLDS
