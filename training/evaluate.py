"""Measure a network on labelled films, through the same runtime as `batch`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from xscan.engine import CLASSES
from xscan.engine.dataset import DataSet, read_inputs
from xscan.engine.errors import DataSetError
from xscan.engine.manifest import Manifest
from xscan.engine.runtime import open_runtime
from xscan.engine.triage import probabilities

from .metrics import Rates, accuracy, confusion_matrix, rates, roc_auc

BATCH = 8


@dataclass(frozen=True)
class Evaluation:
    manifest: Manifest
    files: list[str]
    labels: np.ndarray  #: int64 [films]
    p: np.ndarray  #: float64 [films, 3]
    unreadable: int

    @property
    def truth(self) -> np.ndarray:
        """bool [films]: is it pneumonia?"""
        return self.labels > 0

    @property
    def p_pneumonia(self) -> np.ndarray:
        return self.p[:, 1] + self.p[:, 2]

    def points(self) -> dict[str, Rates]:
        """The manifest's operating points, measured on these films."""
        points = {"rule-out": self.manifest.rule_out, "rule-in": self.manifest.rule_in}
        score = np.round(self.p_pneumonia, 4)
        return {name: rates(self.truth, score, point.threshold) for name, point in points.items()}

    def as_dict(self) -> dict[str, Any]:
        return {
            "model": self.manifest.label,
            "films": len(self.labels),
            "unreadable": self.unreadable,
            "accuracy": accuracy(self.labels, self.p),
            "auc_pneumonia": roc_auc(self.truth, self.p_pneumonia),
            "confusion": {"classes": CLASSES, "rows_are_truth": confusion_matrix(self.labels, self.p).tolist()},
            "points": {name: point.__dict__ for name, point in self.points().items()},
        }

    def as_text(self) -> str:
        matrix = confusion_matrix(self.labels, self.p)
        lines = [
            f"{self.manifest.label} on {len(self.labels)} films"
            + (f" ({self.unreadable} unreadable films left out)" if self.unreadable else ""),
            f"three-class accuracy     {accuracy(self.labels, self.p):.4f}",
            f"normal against pneumonia {roc_auc(self.truth, self.p_pneumonia):.4f} ROC AUC",
        ]
        for name, point in self.points().items():
            lines.append(
                f"  {name:<9} p >= {point.threshold:.4f}  sensitivity {point.sensitivity:.4f}"
                f"  specificity {point.specificity:.4f}"
            )
        lines.append("truth \\ called " + "".join(f"{name:>10}" for name in CLASSES))
        lines += [f"{name:>14} " + "".join(f"{n:>10}" for n in row) for name, row in zip(CLASSES, matrix, strict=True)]
        return "\n".join(lines)


def evaluate(engine: Path, data: DataSet) -> Evaluation:
    """Score all films of `data`. Raises DataSetError without normal or without pneumonia films, EngineError."""
    runtime = open_runtime(engine)
    if not data.films or len(set(data.labels > 0)) < 2:
        raise DataSetError("evaluation needs films of normal and of pneumonia: choose another --fold")
    pictures, readable = read_inputs(data, runtime.manifest.input)
    pictures = pictures[readable][..., None]
    parts = [runtime.run(pictures[i : i + BATCH]) for i in range(0, len(pictures), BATCH)]
    p = probabilities(np.concatenate(parts), runtime.manifest.temperature)
    files = [film.file for film, usable in zip(data.films, readable, strict=True) if usable]
    return Evaluation(runtime.manifest, files, data.labels[readable], p, int((~readable).sum()))
