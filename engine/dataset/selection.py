"""Which films of a data set a command looks at: --fold, or --split with --part."""

import re
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..errors import DataSetError, UsageError
from .csvs import read_split
from .films import FOLDS, DataSet, data_set

Keeps = Callable[[str, int | None], bool]  #: file and fold of a film -> is it chosen?


def selection(fold: str = "", split: Path | None = None, part: str = "") -> Keeps:
    """What the options ask for; all films where they ask for nothing.

    split: CSV with the columns file and part. Raises UsageError for options that do not go together,
    DataSetError for folds or a split file that cannot be used.
    """
    if split is None:
        if part:
            raise UsageError("--part names a part of a split file: give --split FILE too")
        folds = parse_folds(fold)
        return lambda _, number: not folds or number in folds
    if fold:
        raise UsageError("give --fold or --split, not both")
    parts = read_split(split)
    if part not in parts.values():
        known = ", ".join(sorted(set(parts.values()))) or "none"
        raise UsageError(f"name a part of {split.name} with --part: {known}")
    return lambda file, _: parts.get(file) == part


def choose(data: DataSet, keeps: Keeps) -> DataSet:
    """The chosen films. Raises DataSetError when none is left."""
    films = tuple(film for film in data.films if keeps(film.file, film.fold))
    if not films:
        raise DataSetError("no film is chosen: choose another --fold, or another --split and --part")
    return DataSet(films, data.fingerprint)


def some(data: DataSet, most: int) -> DataSet:
    """At most so many films, drawn at random, always the same ones; 0 keeps all."""
    if not most or len(data.films) <= most:
        return data
    drawn = np.sort(np.random.default_rng(0).permutation(len(data.films))[:most])
    return DataSet(tuple(data.films[i] for i in drawn), data.fingerprint)


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
        return _part(data, split, part)
    if not fold:
        return data
    chosen = data.folds(parse_folds(fold))
    if not chosen.films:
        raise DataSetError(f"no film is of fold {fold}: choose another --fold")
    return chosen


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


def _part(data: DataSet, split: Path, name: str) -> DataSet:
    """The films that a split file places in the part `name`. Raises DataSetError.

    Warns of films that the file names and the data set lacks: they may have been unreadable or moved.
    """
    parts = read_split(split)
    if name not in parts.values():
        raise DataSetError(f"{split} has no part '{name}': it has {', '.join(sorted(set(parts.values())))}")
    wanted = {file for file, part in parts.items() if part == name}
    films = [film for film in data.films if film.file in wanted]
    if not films:
        raise DataSetError(f"no film of the part '{name}' of {split} is in the data set: it is of another one")
    if lost := len(wanted) - len(films):
        warnings.warn(f"{lost} of {len(wanted)} films of the part '{name}' are not in the data set", stacklevel=3)
    return data_set(films)
