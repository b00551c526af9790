"""The films of a labelled set, and what a network sees of each."""

import hashlib
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .. import CLASSES
from ..errors import DataSetError, FileProblem
from ..find.found import Found
from ..network.spec import InputSpec
from .parts import are_parts, group_of

if TYPE_CHECKING:
    from ..read.film import Facts

FOLDS = 10


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
        """Its top folder, below that of its part if it lies in one; of a labelled set: the class."""
        return group_of(self.file)

    @property
    def label(self) -> int:
        """Index into CLASSES. Raises ValueError where its folder is no class."""
        return CLASSES.index(self.group)

    def grey(self) -> np.ndarray:
        """uint8 [rows, columns]: the film as a viewer shows it; of a packed set: its matrix. Raises FileProblem."""
        if self.matrix is not None:
            return self.matrix
        from ..read.apart import read_film_apart

        return read_film_apart(self.found).grey

    def facts(self) -> "Facts":
        """What its file tells; of a packed set: rows, columns and bits. Raises FileProblem."""
        from ..read.apart import read_film_apart
        from ..read.film import Facts

        if self.matrix is not None:
            rows, columns, _, bits = self.kept
            return Facts(rows=rows, columns=columns, bits=bits)
        return read_film_apart(self.found).facts

    def input(self, spec: InputSpec, out: np.ndarray | None = None) -> np.ndarray:
        """uint8 [height, width]: what a network sees of the film. Raises FileProblem, DataSetError."""
        from ..preprocess.to_input import to_input

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

    @property
    def in_parts(self) -> bool:
        """Do its folds stand for the parts train, validate and test (parts.py)?"""
        return are_parts(film.fold for film in self.films)

    def folds(self, folds: Iterable[int]) -> "DataSet":
        """The part of the data set in these folds, with a fingerprint of its own."""
        wanted = set(folds)
        return data_set([film for film in self.films if film.fold in wanted])


def data_set(films: Iterable[ListedFilm]) -> DataSet:
    """Sort the films of a labelled set and take their fingerprint."""
    films = sorted(films, key=lambda film: film.file)
    digest = hashlib.sha256()
    for film in films:
        digest.update(f"{film.file}|{film.label}|{film.patient}|{film.fold}|{film.found.bytes}\n".encode())
    return DataSet(tuple(films), digest.hexdigest())


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
