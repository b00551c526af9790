"""Targets for films whose kind of pneumonia is labelled from the chart, and often wrong.

Normal against pneumonia is well labelled in these films. Bacterial against viral is not: a network that learns its
labels to the end learns their mistakes. What other networks say of films that they did not see has none of those.
"""

from collections.abc import Collection, Iterable
from pathlib import Path

import numpy as np

from xscan.calibration.points.scores import read_scores
from xscan.engine import CLASSES
from xscan.engine.dataset.films import DataSet

# Rows and columns in the order of CLASSES.
SOFT_LABELS = np.array(
    [
        [0.98, 0.01, 0.01],
        [0.01, 0.87, 0.12],
        [0.01, 0.12, 0.87],
    ],
    np.float32,
)
LEAN = 0.7  #: of the way from a film's label to what the others say
NORMAL, BACTERIA, VIRUS = (CLASSES.index(name) for name in ("normal", "bacteria", "virus"))


def from_labels(films: DataSet) -> dict[str, np.ndarray]:
    """float32 [3] by film.file: SOFT_LABELS of its class."""
    return {film.file: SOFT_LABELS[film.label] for film in films.films}


def leaning(films: DataSet, guides: Iterable[tuple[Path, Collection[int]]]) -> dict[str, np.ndarray]:
    """As from_labels, but the kinds of pneumonias lean to what other networks, their guides, say of these films.

    guides: of each its scores.csv, and the folds that it is asked of. The share of pneumonia stays the label's. One
    temperature, of the kinds alone, makes the answers probabilities. Raises DataSetError for a file that is missing.
    """
    asked = [(read_scores([path], "validate", "hold_out"), folds) for path, folds in guides]
    films_of, margins, is_virus = [], [], []
    for scores, folds in asked:
        used = np.isin(scores.folds, list(folds)) & (scores.labels != NORMAL)
        films_of += scores.files[used].tolist()
        margins.append(scores.logits[used, VIRUS] - scores.logits[used, BACTERIA])
        is_virus.append(scores.labels[used] == VIRUS)
    margin = np.concatenate(margins)
    said = dict(zip(films_of, margin / _temperature(margin, np.concatenate(is_virus)), strict=True))
    targets = from_labels(films)
    for film in films.films:
        if film.file in said:
            target = targets[film.file].copy()
            pneumonia = target[BACTERIA] + target[VIRUS]
            virus = (1 - LEAN) * (target[VIRUS] / pneumonia) + LEAN / (1 + np.exp(-said[film.file]))
            target[BACTERIA], target[VIRUS] = pneumonia * (1 - virus), pneumonia * virus
            targets[film.file] = target
    return targets


def _temperature(margin: np.ndarray, is_virus: np.ndarray) -> float:
    """That of the least negative log-likelihood; margin: float [films], logits of viral less bacterial.

    Of a grid, and not fit_temperature's: the targets of the shipped network are of this one, to the last digit.
    """
    tried = np.exp(np.linspace(-1, 1, 81))
    losses = [np.logaddexp(0, -np.where(is_virus, 1, -1) * margin / temperature).mean() for temperature in tried]
    return float(tried[np.argmin(losses)])
