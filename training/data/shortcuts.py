"""Could a model cheat? How well the class is told from a film's size, compression and brightness alone."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from xscan.calibration.statistics.metrics import roc_auc
from xscan.engine import CLASSES

from .survey import Survey

LEVEL = 0.7  #: AUC above which a shortcut is warned of
VARIABLES = ("width", "height", "aspect", "pixels", "file size", "bytes per pixel", "mean intensity")
_PARTS = 5
_TREES = 100


@dataclass(frozen=True)
class Shortcuts:
    """Areas under the ROC curve of forecasts for patients that the forest did not see; 0.5 is chance."""

    films: int
    auc: dict[str, float]  #: by question; empty where there are too few patients to measure
    alone: dict[str, dict[str, float]]  #: question -> variable -> AUC of that variable itself, 0.5 to 1

    @property
    def warnings(self) -> list[str]:
        """A line for each question that is answered too well."""
        return [
            f"{question} is told from size, compression and brightness alone with an AUC of {auc:.2f} "
            f"(over {LEVEL}), best by {max(self.alone[question], key=self.alone[question].__getitem__)}: "
            "a model could cheat"
            for question, auc in self.auc.items()
            if auc > LEVEL
        ]

    def as_dict(self) -> dict[str, Any]:
        return {"films": self.films, "warned_above": LEVEL, "auc": self.auc, "alone": self.alone}


def find_shortcuts(survey: Survey) -> Shortcuts:
    """A random forest, cross-validated in five parts that keep a patient's films together. Needs scikit-learn."""
    values, labels = variables(survey), survey.labels
    p = _out_of_fold(values, labels, survey.patients)
    if p is None:
        return Shortcuts(len(labels), {}, {})
    everything = np.ones(len(labels), bool)
    questions = {"normal against pneumonia": (everything, labels > 0, 1 - p[:, 0])}
    for label in range(1, len(CLASSES)):
        questions[f"{CLASSES[label]} against the rest"] = (everything, labels == label, p[:, label])
    questions["bacteria against virus"] = (labels > 0, labels == 2, p[:, 2] / np.maximum(p[:, 1] + p[:, 2], 1e-9))
    auc, alone = {}, {}
    for question, (among, truth, score) in questions.items():
        auc[question] = roc_auc(truth[among], score[among])
        single = {name: roc_auc(truth[among], values[among, i]) for i, name in enumerate(VARIABLES)}
        alone[question] = {name: max(x, 1 - x) for name, x in single.items()}
    return Shortcuts(len(labels), auc, alone)


def variables(survey: Survey) -> np.ndarray:
    """float64 [films, 7] in the order of VARIABLES."""
    rows, columns, size, _ = survey.facts.T.astype(np.float64)
    pixels = rows * columns
    return np.stack([columns, rows, columns / rows, pixels, size, size / pixels, survey.mean], axis=1)


def _out_of_fold(values: np.ndarray, labels: np.ndarray, patients: np.ndarray) -> np.ndarray | None:
    """float64 [films, 3]: probabilities by forests that did not see the film's patient; None: too few patients."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.model_selection import StratifiedGroupKFold

    fewest = min(len(set(patients[labels == label])) for label in range(len(CLASSES)))
    if fewest < _PARTS:
        return None
    p = np.zeros((len(labels), len(CLASSES)))
    parts = StratifiedGroupKFold(_PARTS, shuffle=True, random_state=0)
    for known, asked in parts.split(values, labels, patients):
        forest = RandomForestClassifier(_TREES, min_samples_leaf=5, random_state=0, n_jobs=1)
        forest.fit(values[known], labels[known])
        p[np.ix_(asked, forest.classes_)] = forest.predict_proba(values[asked])
    return p
