"""Which films of a data set a command looks at: --fold, or --split with --part."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from xscan.engine.dataset import DataSet, parse_folds, read_split
from xscan.engine.errors import DataSetError, UsageError

Keeps = Callable[[str, int], bool]  #: file and fold of a film -> is it chosen?


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
