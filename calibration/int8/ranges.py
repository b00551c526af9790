"""How far the values of a tensor go: histograms that stream in bounded memory, and four ways to cut them.

minmax      everything that was seen
percentile  all but 1 in 10,000 values
mse         the cut with the least mean squared error of quantisation
entropy     the cut whose quantised distribution is nearest by Kullback-Leibler divergence
            (S. Migacz, 8-bit inference with TensorRT, GTC 2017)
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from xscan.engine.errors import EngineError

METHODS = ("minmax", "percentile", "mse", "entropy")
BINS = 8192  #: over [-reach, reach]; after a ReLU a quarter to a half of them is used
PERCENTILE = 0.9999
STEPS = (127, 255)  #: levels a value above zero can take: symmetric int8, unsigned


class Histogram:
    """Counts of a tensor's values. The reach doubles when a value lies outside; pairs of bins are then merged."""

    def __init__(self) -> None:
        self.low, self.high = 0.0, 0.0
        self.reach = 2.0**-10
        self.counts = np.zeros(BINS, np.int64)

    def add(self, values: np.ndarray) -> None:
        """values: float32, any shape. Raises EngineError for values that are no numbers: no range holds those."""
        values = values.ravel()
        low, high = float(values.min()), float(values.max())
        if not (np.isfinite(low) and np.isfinite(high)):
            raise EngineError("the network gives values that are no numbers: export it again")
        self.low, self.high = min(self.low, low), max(self.high, high)
        while max(-low, high) >= self.reach:
            self._double()
        index = (values * np.float32(BINS / 2 / self.reach) + np.float32(BINS / 2)).astype(np.int32)
        # Float32 rounds a value just below the reach up to it: it belongs to the last bin.
        self.counts += np.bincount(np.minimum(index, BINS - 1), minlength=BINS)

    def _double(self) -> None:
        half = self.counts.reshape(-1, 2).sum(axis=1)
        self.counts = np.zeros(BINS, np.int64)
        self.counts[BINS // 4 : BINS // 4 + BINS // 2] = half
        self.reach *= 2

    def magnitudes(self) -> tuple[np.ndarray, np.ndarray]:
        """Counts by absolute value and the bins' upper edges: int64 and float64 [BINS / 2]."""
        counts = self.counts[BINS // 2 :] + self.counts[: BINS // 2][::-1]
        return counts, self.reach * np.arange(1, BINS // 2 + 1) / (BINS // 2)

    def range(self) -> "dict[str, Range]":
        """A Range by each method."""
        counts, edges = self.magnitudes()
        most = max(-self.low, self.high)
        thresholds: dict[str, dict[int, float]] = {"minmax": dict.fromkeys(STEPS, most)}
        within = np.searchsorted(np.cumsum(counts), PERCENTILE * counts.sum())
        thresholds["percentile"] = dict.fromkeys(STEPS, min(most, float(edges[within])))
        for name, cut in (("mse", _least_error), ("entropy", _least_divergence)):
            thresholds[name] = {steps: min(most, cut(counts, edges, steps)) for steps in STEPS}
        return {m: Range(self.low, self.high, thresholds[m]) for m in METHODS}


@dataclass(frozen=True)
class Range:
    low: float
    high: float
    threshold: dict[int, float]  #: largest magnitude that is told apart, by number of steps

    def steps(self, steps: int) -> float:
        """The magnitude that the last step stands for; never 0, a scale must be positive."""
        return max(self.threshold[steps], 1e-6)

    def interval(self, steps: int) -> tuple[float, float]:
        """Low <= 0 <= high, cut at the threshold."""
        limit = self.steps(steps)
        return max(self.low, -limit), min(max(self.high, 1e-6), limit)

    def as_dict(self) -> dict[str, Any]:
        return {"low": self.low, "high": self.high, "threshold": {str(k): v for k, v in self.threshold.items()}}

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> "Range":
        thresholds = {int(k): float(v) for k, v in content["threshold"].items()}
        if set(thresholds) != set(STEPS):
            raise ValueError
        return cls(float(content["low"]), float(content["high"]), thresholds)


def _least_error(counts: np.ndarray, edges: np.ndarray, steps: int) -> float:
    """The threshold with the least squared error, of 128 candidates between an eighth of the range and all of it."""
    used = counts > 0
    weights, centres = counts[used], (edges - edges[0] / 2)[used]
    candidates = centres[-1] * np.linspace(1 / 8, 1, 128)
    errors = []
    for threshold in candidates:
        scale = threshold / steps
        error = np.minimum(np.round(centres / scale), steps) * scale - centres
        errors.append(float((weights * error * error).sum()))
    return float(candidates[int(np.argmin(errors))])


def _least_divergence(counts: np.ndarray, edges: np.ndarray, steps: int) -> float:
    """The threshold with the least Kullback-Leibler divergence. The bin of zeros is left out: after a ReLU it holds
    half of all values, is represented exactly whatever the scale, and would drown the rest."""
    counts = counts.astype(np.float64).copy()
    counts[0] = 0
    last = int(np.flatnonzero(counts)[-1]) + 1 if counts.any() else 0
    if last <= steps:
        return float(edges[max(last - 1, 0)])
    best, best_divergence = last, np.inf
    for end in sorted({*np.linspace(steps + 1, last, 64).astype(int).tolist(), last}):
        inside = counts[:end]
        if not inside.any():
            continue
        reference = inside.copy()
        reference[-1] += counts[end:].sum()  # what is cut off saturates into the last step
        step = np.minimum(np.arange(end) * steps // end, steps - 1)
        filled = inside > 0
        total = np.bincount(step, weights=inside, minlength=steps)
        number = np.bincount(step, weights=filled, minlength=steps)
        spread = np.where(filled, (total / np.maximum(number, 1))[step], 0)
        p, q = reference / reference.sum(), spread / spread.sum()
        seen = p > 0
        divergence = float((p[seen] * np.log(p[seen] / np.maximum(q[seen], 1e-12))).sum())
        if divergence < best_divergence:
            best, best_divergence = end, divergence
    return float(edges[best - 1])
