"""95 % intervals by bootstrap over patients (Efron, Tibshirani 1993: percentile intervals).

Films of one patient are alike, so patients are drawn, not films. A draw is a row of weights, how often each film
is in it: all draws go through a figure at once, and nothing is copied film by film.
"""

from collections.abc import Callable, Hashable, Iterator
from dataclasses import asdict, dataclass
from typing import TypeVar

import numpy as np

RESAMPLES = 2000
_AT_ONCE = 250  #: draws that are in memory together

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class Interval:
    """A figure with its 95 % interval. None: not defined on these films, or in most of the draws."""

    value: float | None
    low: float | None = None
    high: float | None = None

    def as_dict(self) -> dict[str, float | None]:
        return asdict(self)

    def as_text(self, digits: int = 4, sign: str = "") -> str:
        if self.value is None:
            return "not defined"
        text = f"{self.value:{sign}.{digits}f}"
        if self.low is None or self.high is None:
            return text
        return f"{text} ({self.low:{sign}.{digits}f} to {self.high:{sign}.{digits}f})"

    @property
    def excludes_zero(self) -> bool:
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


def bootstrap(
    measure: Callable[[np.ndarray], dict[Key, np.ndarray]],
    patients: np.ndarray,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[Key, Interval]:
    """measure: weights [resamples, films] -> figures, each [resamples], NaN where not defined. patients: str [films].

    The same seed gives the same draws, so that figures of two networks on the same films are paired.
    """
    value = measure(np.ones((1, len(patients))))
    draws = [measure(weights) for weights in patient_weights(patients, resamples, seed)]
    return {key: _interval(value[key][0], np.concatenate([draw[key] for draw in draws])) for key in value}


def patient_weights(patients: np.ndarray, resamples: int, seed: int = 0) -> Iterator[np.ndarray]:
    """float64 [some resamples, films]: how often each film is in a draw of as many patients as there are."""
    _, number = np.unique(patients, return_inverse=True)
    people = int(number.max()) + 1
    rng = np.random.default_rng(seed)
    for start in range(0, resamples, _AT_ONCE):
        drawn = rng.multinomial(people, np.full(people, 1 / people), size=min(_AT_ONCE, resamples - start))
        yield drawn[:, number].astype(np.float64)


def _interval(value: float, draws: np.ndarray) -> Interval:
    if np.isnan(value):
        return Interval(None)
    defined = draws[~np.isnan(draws)]
    if 2 * len(defined) < len(draws):
        return Interval(float(value))
    low, high = np.quantile(defined, (0.025, 0.975))
    return Interval(float(value), float(low), float(high))
