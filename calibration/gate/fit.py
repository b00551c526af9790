"""Fit the network's gate: which films are unlike those that it was trained on, and in what way.

From a film's features (features.py), standardised and decorrelated by one covariance that the classes share:

distance   Mahalanobis distance to the nearest class mean (Lee et al. 2018), by the root of the number of features
odds       log odds of each kind of bad acquisition, and of `adult`, against a good film: one multinomial
           logistic regression, on vectors cut to a largest length, so that what is far away stays calm

All of it goes into the graph as some thirty nodes with one output, `gate` [films, 1 + kinds].
Thresholds share out a budget of false flags over the scores, on films that the fit has not seen (folds in turn).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SHRINK = 0.05  #: of the covariance towards its diagonal
LONGEST = 3.0  #: length, in roots of the number of features, to which vectors are cut for the odds
STRENGTH = 0.003  #: inverse of the regression's penalty
STEPS = 80  #: of the regression
BUDGET = 0.022  #: share of unseen good films that may be flagged in all; other patients are flagged a little more often
#: Of it, what is given before the rest is shared out by what it buys: adults and strange pictures come in more ways
#: than the few films that stand for them.
GIVEN = {"distance": 0.005, "adult": 0.008}
#: Share of unseen normal films that may be doubted as an adult's where the age is unknown and they would be routine.
WARY = 0.03
HEADROOM = 0.25  #: a threshold stands so far into the empty space between good and bad films
STEPS_OF_BUDGET = (1, 2, 4, 8)  #: good films that one step of sharing out may cost


@dataclass(frozen=True)
class Head:
    """Everything that the added nodes hold. n features, c classes, k kinds; all float32."""

    mean: np.ndarray  #: [n]
    scale: np.ndarray  #: [n]
    whiten: np.ndarray  #: [n, n]
    centres: np.ndarray  #: [c, n], whitened
    weights: np.ndarray  #: [n, k]
    bias: np.ndarray  #: [k]

    def scores(self, features: np.ndarray) -> np.ndarray:
        """What the graph's output will be: float [films, n] -> float64 [films, 1 + k]."""
        z = self._whitened(features)
        square = ((z[:, None] - self.centres[None]) ** 2).sum(-1).min(1)
        distance = np.sqrt(square / z.shape[1])
        return np.column_stack([distance, _cut(z) @ self.weights + self.bias])

    def _whitened(self, features: np.ndarray) -> np.ndarray:
        return ((features - self.mean) / self.scale) @ self.whiten


@dataclass(frozen=True)
class Films:
    """Features of the films to fit on. `bad` and `adults` name their kinds; folds keep patients apart."""

    good: np.ndarray  #: [films, n]
    labels: np.ndarray  #: int [films]
    folds: np.ndarray  #: int [films]
    varied: np.ndarray  #: good films, changed as other devices would
    varied_folds: np.ndarray
    bad: dict[str, np.ndarray]
    bad_folds: np.ndarray  #: of each kind's films, which come from the same good films
    adults: np.ndarray  #: adults and varied adults
    adult_folds: np.ndarray  #: one person, one number

    @property
    def kinds(self) -> tuple[str, ...]:
        return ("adult", *self.bad)


def fit(films: Films, leave: Sequence[int] = ()) -> Head:
    """Fit on all films but those of the folds `leave`."""
    good = ~np.isin(films.folds, leave)
    X, labels = films.good[good].astype(np.float64), films.labels[good]
    mean, scale = X.mean(0), X.std(0) + 1e-6
    X = (X - mean) / scale
    centres = np.stack([X[labels == c].mean(0) for c in np.unique(labels)])
    rest = X - centres[labels]
    covariance = rest.T @ rest / len(rest)
    covariance = (1 - SHRINK) * covariance + SHRINK * np.diag(np.diag(covariance) + 1e-6)
    values, vectors = np.linalg.eigh(covariance)
    whiten = vectors / np.sqrt(values)

    others = [films.varied[~np.isin(films.varied_folds, leave)], films.adults[~np.isin(films.adult_folds, leave)]]
    others += [features[~np.isin(films.bad_folds, leave)] for features in films.bad.values()]
    groups = [X @ whiten] + [((o - mean) / scale) @ whiten for o in others]
    kind = np.concatenate([np.full(len(g), max(i - 1, 0)) for i, g in enumerate(groups)])
    coefficients, intercept = _regression(_cut(np.concatenate(groups)), kind)
    head = (
        mean,
        scale,
        whiten,
        centres @ whiten,
        (coefficients[1:] - coefficients[:1]).T,
        intercept[1:] - intercept[:1],
    )
    return Head(*(np.asarray(part, np.float32) for part in head))


def choose_thresholds(films: Films, parts: int = 2) -> tuple[dict[str, float], float]:
    """One threshold a score, on films of folds that the fit which scored them had not seen.

    And the lower one of `adult` for films that would be routine, by the normal films' scores alone.
    """
    folds = np.unique(films.folds)
    good, normal, bad = [], [], {name: [] for name in films.kinds}
    for part in range(parts):
        leave = [int(f) for f in folds if f % parts == part]
        head = fit(films, leave)
        here = np.isin(films.folds, leave)
        good.append(head.scores(films.good[here]))
        normal.append(good[-1][films.labels[here] == 0])
        bad["adult"].append(head.scores(films.adults[np.isin(films.adult_folds, leave)]))
        for name, features in films.bad.items():
            bad[name].append(head.scores(features[np.isin(films.bad_folds, leave)]))
    names = ("distance", *films.kinds)
    thresholds = share_out(np.concatenate(good), {k: np.concatenate(v) for k, v in bad.items()}, names)
    wary = float(np.quantile(np.concatenate(normal)[:, names.index("adult")], 1 - WARY))
    chosen = dict(zip(names, (round(float(t), 4) for t in thresholds), strict=True))
    return chosen, min(round(wary, 4), chosen["adult"])


def share_out(good: np.ndarray, bad: dict[str, np.ndarray], names: Sequence[str]) -> np.ndarray:
    """Thresholds, float [scores], by which at most BUDGET of the good films lie over any of them.

    good, and of each kind bad: float [films, scores]; names: the scores'.
    Every threshold starts where no good film is over it. Then, step by step, that one is lowered which flags most
    more of the bad films for each good film that it costs (kinds weigh alike), until the budget is spent or nothing
    more is to be had. A film that is flagged already costs nothing and buys nothing.
    """
    thresholds = np.empty(len(names))
    for s, name in enumerate(names):
        top = float(np.quantile(good[:, s], 1 - GIVEN[name])) if name in GIVEN else float(good[:, s].max())
        own = float(np.quantile(bad[name][:, s], 0.005)) if name in bad and name not in GIVEN else top
        thresholds[s] = top + HEADROOM * max(0.0, own - top) + 1e-6
    flagged = (good > thresholds).any(1)
    found = {name: (scores > thresholds).any(1) for name, scores in bad.items()}
    while (left := int(BUDGET * len(good)) - int(flagged.sum())) > 0:
        best, at, value = 0.0, 0, 0.0
        for s in range(len(names)):
            ranked = np.sort(good[~flagged, s])[::-1]
            for cost in STEPS_OF_BUDGET:
                if cost > min(left, len(ranked) - 1):
                    continue
                lower = (ranked[cost - 1] + ranked[cost]) / 2
                gain = sum(float((scores[~found[name], s] > lower).sum()) / len(scores) for name, scores in bad.items())
                if gain / cost > best:
                    best, at, value = gain / cost, s, lower
        if not best:
            break
        thresholds[at] = value
        flagged |= good[:, at] > value
        for name, scores in bad.items():
            found[name] |= scores[:, at] > value
    return thresholds


def _cut(z: np.ndarray) -> np.ndarray:
    longest = LONGEST * np.sqrt(z.shape[1])
    return z / np.maximum(1, np.linalg.norm(z, axis=1, keepdims=True) / longest)


def _regression(X: np.ndarray, kind: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights [kinds, n] and biases. Stopped early, which keeps it from learning single films by heart."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = LogisticRegression(C=STRENGTH, max_iter=STEPS).fit(X.astype(np.float32), kind)
    return found.coef_, found.intercept_
