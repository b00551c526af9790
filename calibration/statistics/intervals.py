"""Intervals of shares, of films that may come several to a patient."""

import numpy as np

Z = 1.959964  #: of the normal distribution: 2.5 % lie above


def wilson(successes: float, trials: float) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927). trials: above 0; need not be whole, see `effective`."""
    p = successes / trials
    middle = (p + Z * Z / (2 * trials)) / (1 + Z * Z / trials)
    half = Z * np.sqrt(p * (1 - p) / trials + Z * Z / (4 * trials**2)) / (1 + Z * Z / trials)
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))


def of_patients(hits: np.ndarray, patients: np.ndarray) -> tuple[float, float]:
    """The 95 % interval of a share of films whose patients have several: Wilson's, on fewer trials.

    hits: bool [films], at least one; patients: [films]. The films count as so many as would give, were each of
    another patient, the variance that is found between patients (Korn & Graubard 1998). A bootstrap over patients
    gives nearly the same, but says 1 to 1 where nothing was missed, however few the films.
    """
    films = effective(hits, patients)
    return wilson(float(hits.mean()) * films, films)


def effective(hits: np.ndarray, patients: np.ndarray) -> float:
    """How many independent films tell as much about the share of `hits`; never more than there are films."""
    films, share = len(hits), float(hits.mean())
    _, whose = np.unique(patients, return_inverse=True)
    number = int(whose.max()) + 1
    if share in (0.0, 1.0) or number < 2:
        return float(films)
    apart = np.bincount(whose, hits - share)  # of each patient, from what its films would have on average
    variance = float((apart**2).sum()) * number / (number - 1) / films**2
    if not variance:  # the patients are all alike: nothing is found between them
        return float(films)
    return min(films, share * (1 - share) / variance)


def paired_difference(before: np.ndarray, after: np.ndarray, patients: np.ndarray) -> tuple[float, float]:
    """The 95 % interval of how much smaller a share is after than before, of the same films.

    before, after: bool [films], at least one; patients: [films]. Wald's, with one film added to those lost and to those
    won (Bonett & Price 2012): it has a width where none changed, too. Films of one patient count as in `of_patients`.
    """
    films = effective(before != after, patients)
    lost, won = (float(x.mean()) * films for x in (before & ~after, ~before & after))
    p, q = (lost + 1) / (films + 2), (won + 1) / (films + 2)
    half = Z * np.sqrt((p + q - (p - q) ** 2) / (films + 2))
    return max(-1.0, float(p - q - half)), min(1.0, float(p - q + half))


def films_for_share(share: float, limit: float) -> int | None:
    """How many films, each of another patient, show by Wilson's interval that a share like this is below a limit.

    None where it is not below it.
    """
    if share >= limit or limit <= 0:
        return None
    return int(np.ceil(Z * Z * limit * (1 - limit) / (limit - share) ** 2))


def rate(successes: int, trials: int) -> dict[str, float | None]:
    """A share and its 95 % Wilson interval (Wilson 1927); None where there is nothing to share."""
    if not trials:
        return {"value": None, "low": None, "high": None}
    low, high = wilson(successes, trials)
    return {"value": successes / trials, "low": low, "high": high}
