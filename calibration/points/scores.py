"""Out-of-fold scores: logits of films that the network which made them was not trained on."""

import csv
import io
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from xscan.engine import CLASSES
from xscan.engine.dataset.films import ListedFilm
from xscan.engine.disk.hostile import cell, uncell
from xscan.engine.disk.overwrite import in_own_folder
from xscan.engine.disk.replace import replace_bytes
from xscan.engine.errors import DataSetError

COLUMNS = ("file", "label", "patient", "fold", "part", *(f"logit_{name}" for name in CLASSES))


@dataclass(frozen=True)
class Scores:
    logits: np.ndarray  #: float64 [films, 3]
    labels: np.ndarray  #: int64 [films], index into CLASSES
    patients: np.ndarray  #: str [films]
    files: np.ndarray  #: str [films]
    folds: np.ndarray  #: int64 [films]
    parts: np.ndarray  #: str [films]: validate, hold_out

    def __len__(self) -> int:
        return len(self.labels)


def read_scores(paths: list[Path], *parts: str) -> Scores:
    """The rows of some parts (default: validate) of one or more `scores.csv` of training runs, put together.

    Raises DataSetError when a file is missing, is no such file, or when no row is left.
    """
    parts = parts or ("validate",)
    rows = [row for path in paths for row in _rows(path) if row.get("part") in parts]
    if not rows:
        raise DataSetError(f"no film of part {' or '.join(parts)} in {', '.join(p.name for p in paths)}")
    try:
        logits = np.array([[float(row[f"logit_{name}"]) for name in CLASSES] for row in rows])
        labels = np.array([CLASSES.index(row["label"]) for row in rows])
        folds = np.array([int(row["fold"]) for row in rows])
        patients, files, of = (np.array([uncell(row[name]) for row in rows]) for name in ("patient", "file", "part"))
        return Scores(logits, labels, patients, files, folds, of)
    except (KeyError, ValueError):
        raise DataSetError("the scores file lacks a column, or has a label that is no class") from None


def write_out_of_fold(out: Path, runs: Iterable[tuple[Path, Collection[int]]]) -> None:
    """Write one score file for several: of each run's scores.csv the films of these folds, as of part `validate`.

    Lines are copied as they stand, and sorted by file. Raises DataSetError for a file that is missing.
    """
    rows = [row | {"part": "validate"} for path, folds in runs for row in _rows(path) if int(row["fold"]) in folds]
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(sorted(rows, key=lambda row: row["file"]))
    replace_bytes(out, text.getvalue().encode(), in_own_folder)


def write_scores(path: Path, parts: Iterable[tuple[str, Sequence[ListedFilm], np.ndarray]]) -> None:
    """Write what `read_scores` reads. Each part: its name, its films, and their logits [films, 3]."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for part, films, logits in parts:
        for film, values in zip(films, logits, strict=True):
            numbers = [f"{x:.6f}" for x in values]
            writer.writerow([cell(film.file), CLASSES[film.label], cell(film.patient), film.fold, part, *numbers])
    replace_bytes(path, text.getvalue().encode(), in_own_folder)


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        raise DataSetError(f"no file {path}: give the scores.csv of a training run")
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))
