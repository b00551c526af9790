"""Out-of-fold scores: logits of films that the network which made them was not trained on."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from xscan.engine import CLASSES
from xscan.engine.errors import DataSetError


@dataclass(frozen=True)
class Scores:
    logits: np.ndarray  #: float64 [films, 3]
    labels: np.ndarray  #: int64 [films], index into CLASSES
    patients: np.ndarray  #: str [films]

    def __len__(self) -> int:
        return len(self.labels)


def read_scores(paths: list[Path], part: str = "validate") -> Scores:
    """The rows of one part (validate, hold_out) of one or more `scores.csv` of training runs, put together.

    Raises DataSetError when a file is missing, is no such file, or when no row is left.
    """
    rows: list[dict[str, str]] = []
    for path in paths:
        if not path.is_file():
            raise DataSetError(f"no file {path}: give the scores.csv of a training run")
        with path.open(newline="", encoding="utf-8") as stream:
            rows += [row for row in csv.DictReader(stream) if row.get("part") == part]
    if not rows:
        raise DataSetError(f"no film of part '{part}' in {', '.join(p.name for p in paths)}")
    try:
        logits = np.array([[float(row[f"logit_{name}"]) for name in CLASSES] for row in rows])
        labels = np.array([CLASSES.index(row["label"]) for row in rows])
        return Scores(logits, labels, np.array([row["patient"] for row in rows]))
    except (KeyError, ValueError):
        raise DataSetError("the scores file lacks a column, or has a label that is no class") from None
