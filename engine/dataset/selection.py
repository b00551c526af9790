"""Which films of a data set a command looks at: --fold, or --split with --part; of a set in parts --part alone.

Every command reads the three options by `selection`, before it reads any film, and takes the films by `choose`.
A score file has files and folds and no films: `Keeps` alone says which of its rows are meant.
"""

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ..errors import DataSetError, UsageError
from .csvs import read_split
from .films import FOLDS, DataSet, data_set
from .parts import FOLD_OF, fold_of_part, part_named


@dataclass(frozen=True)
class Keeps:
    """What the options ask for: asked with a film's file and fold, it says whether the film is chosen."""

    folds: tuple[int, ...] = ()  #: none: all
    split: Path | None = None
    part: str = ""
    named: frozenset[str] = field(default=frozenset(), repr=False)  #: files that `split` places in `part`

    @property
    def everything(self) -> bool:
        return not self.folds and self.split is None

    def __call__(self, file: str, fold: int | None) -> bool:
        if self.split is not None:
            return file in self.named
        return not self.folds or fold in self.folds


def selection(fold: str = "", split: Path | None = None, part: str = "") -> Keeps:
    """What the options ask for; all films where they ask for nothing.

    split: CSV with the columns file and part. Raises UsageError for options that do not go together,
    DataSetError for folds or a split file that cannot be used.
    """
    if split is None:
        if part and fold:
            raise UsageError("choose films by --fold or by --part, not by both")
        if not part:
            return Keeps(parse_folds(fold))
        known = part_named(part)
        if known is None:
            raise UsageError(
                f"--part {part} is of a split file: give --split FILE (CSV: file,part) too; a data set in parts has "
                f"{', '.join(FOLD_OF)}"
            )
        return Keeps((FOLD_OF[known],), part=known)
    if fold:
        raise UsageError("choose films by --fold or by --split and --part, not by both")
    parts = read_split(split)
    if part not in parts.values():
        raise UsageError(f"name a part of {split.name} with --part: one of {', '.join(sorted(set(parts.values())))}")
    return Keeps(split=split, part=part, named=frozenset(file for file, of in parts.items() if of == part))


def choose(data: DataSet, keeps: Keeps) -> DataSet:
    """The chosen films, with a fingerprint of their own. Raises DataSetError when none is left.

    Warns of films that a split file names and the data set lacks: they may have been unreadable or moved.
    """
    if keeps.everything:
        return data
    if keeps.part and keeps.split is None and not data.in_parts:
        raise DataSetError(
            f"the data set is not in parts: give --split FILE with --part {keeps.part}, or folds with --fold"
        )
    films = [film for film in data.films if keeps(film.file, film.fold)]
    if not films and keeps.split is not None:
        raise DataSetError(
            f"no film of the part '{keeps.part}' of {keeps.split} is in the data set: it is of another one"
        )
    if not films:
        raise DataSetError(f"no film is of fold {', '.join(map(str, keeps.folds))}: choose another --fold")
    if keeps.split is not None and (lost := len(keeps.named) - len(films)):
        warnings.warn(
            f"{lost} of {len(keeps.named)} films of the part '{keeps.part}' are not in the data set", stacklevel=2
        )
    return data_set(films)


def for_training(split: Path | None, part: str) -> Callable[[DataSet], DataSet]:
    """What brings a data set to the films that are trained on, validated and held out.

    A split file without a part gives its parts train, validate and test; with one, the films of that part alone.
    Reads the split file now. Raises as `selection` and `choose` do.
    """
    if split is None or part:
        keeps = selection(split=split, part=part)
        return lambda data: choose(data, keeps)
    parts = read_split(split)
    if "train" not in map(part_named, parts.values()):
        raise UsageError(
            f"{split.name} has the parts {', '.join(sorted(set(parts.values())))}: one must be train; or choose one "
            "with --part"
        )
    folds = {file: fold_of_part(of, split) for file, of in parts.items()}
    return lambda data: _in_folds(data, folds, split)


def _in_folds(data: DataSet, folds: dict[str, int], split: Path) -> DataSet:
    films = [replace(film, fold=folds[film.file]) for film in data.films if film.file in folds]
    if not films:
        raise DataSetError(f"no film of {split} is in the data set: it is of another one")
    if left := len(data.films) - len(films):
        warnings.warn(f"{left} films have no part in {split.name} and are left out", stacklevel=3)
    return data_set(films)


def some(data: DataSet, most: int) -> DataSet:
    """At most so many films, drawn at random, always the same ones; 0 keeps all."""
    if not most or len(data.films) <= most:
        return data
    drawn = np.sort(np.random.default_rng(0).permutation(len(data.films))[:most])
    return DataSet(tuple(data.films[i] for i in drawn), data.fingerprint)


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
