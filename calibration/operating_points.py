"""Temperature and operating points, fitted on out-of-fold scores.

Rule-out: the highest threshold on the probability of pneumonia at which at least 98 % of pneumonias are at
or above it; films below are `routine`. Rule-in: the lowest threshold at which at least 98 % of normals are
below it; films at or above are `urgent`.
"""

import numpy as np

from xscan.engine.manifest import OperatingPoint
from xscan.engine.triage import probabilities

SENSITIVITY = 0.98  #: at rule-out
SPECIFICITY = 0.98  #: at rule-in


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The temperature that minimises the negative log-likelihood (Guo et al. 2017).

    logits: float [films, 3]; labels: int [films]. Searched between 0.2 and 5; the loss is convex in 1 / T.
    """
    low, high = 0.2, 5.0
    for _ in range(60):  # golden-section search on 1 / T
        a, b = low + 0.382 * (high - low), low + 0.618 * (high - low)
        if _loss(logits, labels, 1 / a) < _loss(logits, labels, 1 / b):
            high = b
        else:
            low = a
    return round(2 / (low + high), 4)


def choose_points(
    p_pneumonia: np.ndarray,
    is_pneumonia: np.ndarray,
    sensitivity: float = SENSITIVITY,
    specificity: float = SPECIFICITY,
) -> tuple[OperatingPoint, OperatingPoint]:
    """Rule-out and rule-in from scores of films with known truth; rule-in is never below rule-out.

    p_pneumonia: float [films]; is_pneumonia: bool [films], both kinds present.
    Everything is decided on scores rounded to the four decimals of the CSV.
    """
    p = np.round(p_pneumonia, 4)
    sick, well = np.sort(p[is_pneumonia]), np.sort(p[~is_pneumonia])
    missed = int((1 - sensitivity) * len(sick))  # so many pneumonias may be below
    rule_out = sick[missed]
    flagged = int((1 - specificity) * len(well))  # so many normals may be at or above
    rule_in = well[len(well) - 1 - flagged] + 1e-4
    rule_in = min(max(rule_in, rule_out), 1.0)
    return measure_point(rule_out, p_pneumonia, is_pneumonia), measure_point(rule_in, p_pneumonia, is_pneumonia)


def measure_point(threshold: float, p_pneumonia: np.ndarray, is_pneumonia: np.ndarray) -> OperatingPoint:
    """What a threshold gives on scores rounded as the CSV shows them."""
    threshold = round(float(threshold), 4)
    positive = np.round(p_pneumonia, 4) >= threshold
    return OperatingPoint(
        threshold=threshold,
        sensitivity=round(float(positive[is_pneumonia].mean()), 4),
        specificity=round(float(1 - positive[~is_pneumonia].mean()), 4),
    )


def _loss(logits: np.ndarray, labels: np.ndarray, temperature: float) -> float:
    p = probabilities(logits, temperature)[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(p, 1e-12)).mean())
