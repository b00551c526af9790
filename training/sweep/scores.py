"""What a run's scores.csv says: accuracy and log loss, with an interval by patient."""

import csv
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from xscan.engine import CLASSES
from xscan.engine.triage.bands import probabilities

RESAMPLES = 2000


@dataclass(frozen=True)
class Score:
    films: int
    accuracy: float
    low: float  #: 95 % interval of the accuracy: percentiles of the bootstrap over patients (Efron 1979)
    high: float
    loss: float  #: mean log loss, natural logarithm

    def as_dict(self) -> dict[str, Any]:
        return {k: round(v, 4) if isinstance(v, float) else v for k, v in asdict(self).items()}

    def __str__(self) -> str:
        return f"{self.accuracy:.4f} [{self.low:.3f}, {self.high:.3f}]"


def read_score(path: Path, part: str) -> Score:
    """part: `validate` or `hold_out`."""
    with path.open(newline="", encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["part"] == part]
    labels = np.array([CLASSES.index(row["label"]) for row in rows])
    logits = np.array([[float(row[f"logit_{name}"]) for name in CLASSES] for row in rows])
    right = logits.argmax(axis=1) == labels
    p = probabilities(logits, 1)[np.arange(len(labels)), labels]
    low, high = interval(right, np.array([row["patient"] for row in rows]))
    return Score(len(rows), float(right.mean()), low, high, float(-np.log(np.maximum(p, 1e-12)).mean()))


def interval(right: np.ndarray, patients: np.ndarray, seed: int = 0) -> tuple[float, float]:
    """95 % bootstrap interval of the share of `right`, bool [films]: patients are drawn, with all their films."""
    _, which = np.unique(patients, return_inverse=True)
    films = np.bincount(which)
    hits = np.bincount(which, weights=right)
    drawn = np.random.default_rng(seed).multinomial(len(films), np.full(len(films), 1 / len(films)), RESAMPLES)
    low, high = np.percentile(drawn @ hits / (drawn @ films), (2.5, 97.5))
    return float(low), float(high)
