"""Temperature and operating points, fitted on out-of-fold scores.

Rule-out: the highest threshold on the probability of pneumonia at which the 95 % interval of the share of
pneumonias at or above it lies wholly at or above 98 %; films below are `routine`. Other patients are another
sample: a threshold that measured just 98 % would miss more than 2 % of them half of the time. With too few films
to be sure, it is 0 and nothing is routine.

Rule-in: the lowest threshold at which at least 98 % of normals are measured below it; films at or above are
`urgent`. Here the interval does not decide: to be as sure of specificity would take `urgent` from pneumonias
(two in a hundred of them, with 1,200 normal films to choose on), and the price of a promise missed is a few more
normal films read early.
"""

import numpy as np

from xscan.engine.network.manifest import OperatingPoint
from xscan.engine.triage.odds import probabilities

from ..statistics.intervals import of_patients
from .reference import floored

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
    patients: np.ndarray,
    sensitivity: float = SENSITIVITY,
    specificity: float = SPECIFICITY,
) -> tuple[OperatingPoint, OperatingPoint]:
    """Rule-out and rule-in from scores of films with known truth; rule-in is never below rule-out.

    p_pneumonia: float [films]; is_pneumonia: bool [films], both kinds present; patients: [films], whose film it is.
    Everything is decided on scores rounded to the four decimals of the CSV.
    """
    p = np.round(p_pneumonia, 4)
    sick, well = p[is_pneumonia], np.sort(p[~is_pneumonia])
    whose, ranked = patients[is_pneumonia], np.sort(p[is_pneumonia])
    may_miss = int((1 - sensitivity) * len(sick))  # more than the interval allows
    tried = (ranked[missed] for missed in range(may_miss, -1, -1))
    rule_out = next((t for t in tried if of_patients(sick >= t, whose)[0] >= sensitivity), 0.0)
    flagged = int((1 - specificity) * len(well))  # so many normals may be at or above
    rule_in = min(max(well[len(well) - 1 - flagged] + 1e-4, rule_out), 1.0)
    return (
        measure_point(rule_out, p_pneumonia, is_pneumonia, patients),
        measure_point(rule_in, p_pneumonia, is_pneumonia, patients),
    )


def measure_point(
    threshold: float, p_pneumonia: np.ndarray, is_pneumonia: np.ndarray, patients: np.ndarray
) -> OperatingPoint:
    """What a threshold gives on scores rounded as the CSV shows them, with 95 % intervals over patients."""
    threshold = round(float(threshold), 4)
    positive = np.round(p_pneumonia, 4) >= threshold
    right = positive == is_pneumonia
    rates = [round(float(right[kind].mean()), 4) for kind in (is_pneumonia, ~is_pneumonia)]
    sick, well = (_rounded(of_patients(right[kind], patients[kind])) for kind in (is_pneumonia, ~is_pneumonia))
    return OperatingPoint(threshold, *rates, sensitivity_interval=sick, specificity_interval=well)


def _rounded(interval: tuple[float, float]) -> tuple[float, float]:
    """Four decimals, outwards."""
    return floored(interval[0]), round(1 - floored(1 - interval[1]), 4)


def _loss(logits: np.ndarray, labels: np.ndarray, temperature: float) -> float:
    p = probabilities(logits, temperature)[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(p, 1e-12)).mean())
