"""Figures of a classifier on labelled films, from probabilities."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Rates:
    """Normal against pneumonia at one threshold."""

    threshold: float
    sensitivity: float
    specificity: float


def confusion_matrix(labels: np.ndarray, p: np.ndarray) -> np.ndarray:
    """int64 [3, 3]: rows are the truth, columns the class with the highest probability."""
    matrix = np.zeros((p.shape[1], p.shape[1]), np.int64)
    np.add.at(matrix, (labels, p.argmax(axis=1)), 1)
    return matrix


def accuracy(labels: np.ndarray, p: np.ndarray) -> float:
    return float((p.argmax(axis=1) == labels).mean())


def roc_auc(truth: np.ndarray, score: np.ndarray) -> float:
    """Area under the ROC curve: the chance that a positive scores higher than a negative (ties count half).

    truth: bool [films], both kinds present; score: float [films].
    """
    _, inverse, counts = np.unique(score, return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(counts) - (counts - 1) / 2  # of tied scores, counted from 1
    positives = int(truth.sum())
    negatives = len(truth) - positives
    rank_sum = mean_rank[inverse][truth].sum()
    return float((rank_sum - positives * (positives + 1) / 2) / (positives * negatives))


def rates(truth: np.ndarray, score: np.ndarray, threshold: float) -> Rates:
    """Sensitivity and specificity of `score >= threshold`. truth: bool [films]."""
    positive = score >= threshold
    return Rates(threshold, float(positive[truth].mean()), float((~positive[~truth]).mean()))
