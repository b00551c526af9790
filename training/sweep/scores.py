"""What a run's scores.csv says: accuracy and log loss, with an interval by patient."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from xscan.calibration.points.scores import read_scores
from xscan.calibration.statistics.bootstrap import bootstrap
from xscan.engine.triage.odds import probabilities


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
    scores = read_scores([path], part)
    own = probabilities(scores.logits, 1)[np.arange(len(scores)), scores.labels]
    right = (scores.logits.argmax(axis=1) == scores.labels).astype(float)
    found = bootstrap(lambda weights: {"accuracy": weights @ right / weights.sum(axis=1)}, scores.patients)["accuracy"]
    assert found.low is not None  # every draw has films
    assert found.high is not None
    loss = float(-np.log(np.maximum(own, 1e-12)).mean())
    return Score(len(scores), float(right.mean()), found.low, found.high, loss)
