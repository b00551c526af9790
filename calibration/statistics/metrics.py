"""Figures of a classifier on labelled films, from probabilities.

The weighted functions take `weights`, float64 [resamples, films], and give one number for each resample,
float64 [resamples], NaN where the figure is not defined there (no film of a class, nothing called). A row of
ones gives the figure itself; a row of a bootstrap says how often each film was drawn
(xscan.calibration.statistics.bootstrap).
"""

import numpy as np

from xscan.engine import CLASSES

ECE_BINS = 15
_LEAST = float(np.finfo(np.float64).eps)  #: a probability of 0 counts as this, as in scikit-learn's log_loss


def confusion_matrix(labels: np.ndarray, p: np.ndarray) -> np.ndarray:
    """int64 [3, 3]: rows are the truth, columns the class with the highest probability."""
    return _confusion(labels, p.argmax(axis=1), p.shape[1], _once(labels))[0].astype(np.int64)


def accuracy(labels: np.ndarray, p: np.ndarray) -> float:
    return float((p.argmax(axis=1) == labels).mean())


def roc_auc(truth: np.ndarray, score: np.ndarray) -> float:
    """Area under the ROC curve: the chance that a positive scores higher than a negative (ties count half).

    truth: bool [films]; score: float [films]. NaN unless both kinds are present.
    """
    return float(ranking(truth, score, _once(truth))["roc_auc"][0])


def figures(labels: np.ndarray, p: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    """All figures: of the three classes; `CLASS.x` of each class against the rest; `pneumonia.x` of normal
    against pneumonia, called where the two pneumonias together reach 0.5; `kind.x` of bacterial (positive)
    against viral, on films of either, by their share of the pneumonia.

    labels: int [films], index into CLASSES; p: float [films, 3].
    """
    result = three_classes(labels, p, weights)
    called = p.argmax(axis=1)
    for k, name in enumerate(CLASSES):
        own = one_threshold(labels == k, called == k, weights) | ranking(labels == k, p[:, k], weights)
        keys = ("sensitivity", "specificity", "ppv", "npv", "f1", "roc_auc", "pr_auc")
        result |= {f"{name}.{key}": own[key] for key in keys}
    result |= {f"pneumonia.{key}": x for key, x in two_classes(labels > 0, p[:, 1] + p[:, 2], weights).items()}
    sick = labels > 0
    kind = two_classes(labels[sick] == 1, share_of_bacteria(p[sick]), weights[:, sick])
    return result | {f"kind.{key}": x for key, x in kind.items()}


def three_classes(labels: np.ndarray, p: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    """loss: mean negative log-likelihood, nats. brier: sum of squares over the classes, 0 to 2 (Brier 1950).
    ece: expected calibration error of the confidence, ECE_BINS equal bins (Guo et al. 2017)."""
    own = p[np.arange(len(p)), labels]
    matrix = _confusion(labels, p.argmax(axis=1), p.shape[1], weights)
    truth = np.eye(p.shape[1])[labels]
    return {
        "loss": _mean(-np.log(np.clip(own, _LEAST, 1)), weights),
        "accuracy": _ratio(np.trace(matrix, axis1=1, axis2=2), matrix.sum(axis=(1, 2))),
        "mcc": matthews(matrix),
        "kappa": kappa(matrix),
        "brier": _mean(((p - truth) ** 2).sum(axis=1), weights),
        "ece": calibration_error(labels, p, weights),
    }


def two_classes(truth: np.ndarray, score: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Figures of a two-class question, called at a score of 0.5. truth: bool [films]; score: float [films], 0 to 1.

    brier: mean square, 0 to 1.
    """
    at = one_threshold(truth, score >= 0.5, weights)
    return at | ranking(truth, score, weights) | {"brier": _mean((score - truth) ** 2, weights)}


def one_threshold(truth: np.ndarray, called: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    """What calling films gives. truth, called: bool [films]."""
    matrix = _confusion(truth.astype(int), called.astype(int), 2, weights)
    tn, fp, fn, tp = matrix.reshape(len(matrix), 4).T
    return {
        "accuracy": _ratio(tp + tn, tn + fp + fn + tp),
        "sensitivity": _ratio(tp, tp + fn),
        "specificity": _ratio(tn, tn + fp),
        "ppv": _ratio(tp, tp + fp),
        "npv": _ratio(tn, tn + fn),
        "f1": _ratio(2 * tp, 2 * tp + fp + fn),
        "mcc": matthews(matrix),
        "kappa": kappa(matrix),
    }


def ranking(truth: np.ndarray, score: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    """roc_auc (ties count half) and pr_auc: average precision, the step-wise area under precision and recall."""
    if not len(score):
        nothing = np.full(len(weights), np.nan)
        return {"roc_auc": nothing, "pr_auc": nothing}
    order = np.argsort(-score, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))  # the last film of each tied score
    found = np.cumsum(weights[:, order] * truth[order], axis=1)[:, ends]
    seen = np.cumsum(weights[:, order], axis=1)[:, ends]
    positives, false = found[:, -1], seen - found
    more = np.diff(found, axis=1, prepend=0)
    area = (np.diff(false, axis=1, prepend=0) * (found - more / 2)).sum(axis=1)
    precision = np.divide(found, seen, out=np.zeros_like(found), where=seen > 0)
    return {
        "roc_auc": _ratio(area, positives * false[:, -1]),
        "pr_auc": _ratio((more * precision).sum(axis=1), positives),
    }


def calibration_error(labels: np.ndarray, p: np.ndarray, weights: np.ndarray, bins: int = ECE_BINS) -> np.ndarray:
    """Mean gap between confidence and accuracy over equal bins of confidence, weighted by their films."""
    return score_error(p.max(axis=1), p.argmax(axis=1) == labels, weights, bins)


def score_error(score: np.ndarray, truth: np.ndarray, weights: np.ndarray, bins: int) -> np.ndarray:
    """Mean gap between a score and the share that is true over equal bins of the score, weighted by their films.

    truth: bool [films]; score: float [films], 0 to 1.
    """
    gap = np.eye(bins)[score_bin(score, bins)] * (score - truth)[:, None]
    return _ratio(np.abs(weights @ gap).sum(axis=1), weights.sum(axis=1))


def score_bin(score: np.ndarray, bins: int) -> np.ndarray:
    """int64 [films]: which of the equal bins of 0 to 1 a score is in; 1 is in the last."""
    return np.minimum((score * bins).astype(int), bins - 1)


def matthews(matrix: np.ndarray) -> np.ndarray:
    """Matthews correlation of confusion matrices [..., k, k], k classes (Gorodkin 2004). NaN where all films are,
    or are called, one class."""
    total, right = matrix.sum(axis=(-2, -1)), np.trace(matrix, axis1=-2, axis2=-1)
    truth, called = matrix.sum(axis=-1), matrix.sum(axis=-2)
    spread = (total**2 - (truth**2).sum(axis=-1)) * (total**2 - (called**2).sum(axis=-1))
    return _ratio(right * total - (truth * called).sum(axis=-1), np.sqrt(np.maximum(spread, 0)))


def kappa(matrix: np.ndarray) -> np.ndarray:
    """Cohen's kappa of confusion matrices [..., k, k]."""
    total, right = matrix.sum(axis=(-2, -1)), np.trace(matrix, axis1=-2, axis2=-1)
    chance = (matrix.sum(axis=-1) * matrix.sum(axis=-2)).sum(axis=-1)
    return _ratio(right * total - chance, total**2 - chance)


def at_prevalence(sensitivity: np.ndarray, specificity: np.ndarray, prevalence: float) -> dict[str, np.ndarray]:
    """PPV and NPV where this share of the films is ill (Bayes), whatever share was in the measured ones."""
    true, false = sensitivity * prevalence, (1 - specificity) * (1 - prevalence)
    missed, well = (1 - sensitivity) * prevalence, specificity * (1 - prevalence)
    return {"ppv": _ratio(true, true + false), "npv": _ratio(well, well + missed)}


def share_of_bacteria(p: np.ndarray) -> np.ndarray:
    """float [films]: bacterial as a part of both pneumonias; 0.5 where there is nothing of either."""
    sick = p[:, 1] + p[:, 2]
    return np.divide(p[:, 1], sick, out=np.full(len(p), 0.5), where=sick > 0)


def _once(films: np.ndarray) -> np.ndarray:
    return np.ones((1, len(films)))


def _confusion(labels: np.ndarray, called: np.ndarray, classes: int, weights: np.ndarray) -> np.ndarray:
    """float64 [resamples, classes, classes]; rows are the truth."""
    cells = np.eye(classes * classes)[labels * classes + called]
    return (weights @ cells).reshape(-1, classes, classes)


def _mean(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return _ratio(weights @ values, weights.sum(axis=1))


def _ratio(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a / b, NaN where b is 0 (or NaN)."""
    return np.divide(a, b, out=np.full(np.shape(b), np.nan), where=b != 0)
