"""What a network's scores look like where it was made: the table of its rates, and their distribution.

Both go into the manifest's `results`, so that a clinic can move its operating points and see drift.
"""

from typing import Any

import numpy as np

from xscan.engine.nights.drift import stability

BINS = 10  #: of the distribution, each with the same share of the reference's films
DENSE = (0, 0.001, 0.002, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5)


def reference(p_pneumonia: np.ndarray, is_pneumonia: np.ndarray) -> dict[str, Any]:
    """`curve` and `distribution` from out-of-fold scores.

    p_pneumonia: float [films]; is_pneumonia: bool [films], both kinds present.
    """
    return {"curve": rate_curve(p_pneumonia, is_pneumonia), "distribution": distribution(p_pneumonia)}


def rate_curve(p_pneumonia: np.ndarray, is_pneumonia: np.ndarray) -> list[list[float]]:
    """Rows of threshold, sensitivity, specificity: dense where few pneumonias are missed or few normals called."""
    p = np.round(p_pneumonia, 4)
    sick, well = np.sort(p[is_pneumonia]), np.sort(p[~is_pneumonia])
    low = [sick[min(int(q * len(sick)), len(sick) - 1)] for q in DENSE]
    high = [min(well[len(well) - 1 - min(int(q * len(well)), len(well) - 1)] + 1e-4, 1.0) for q in DENSE]
    thresholds = sorted({round(float(t), 4) for t in (*low, *high, *np.arange(0, 1.001, 0.02))})
    rows = []
    for threshold in thresholds:
        sensitivity = (sick >= threshold).mean()
        specificity = (well < threshold).mean()
        rows.append([threshold, floored(sensitivity), floored(specificity)])
    return rows


def floored(rate: float) -> float:
    """Four decimals, never more than was measured."""
    return float(np.floor(rate * 1e4 + 1e-6) / 1e4)


def distribution(p_pneumonia: np.ndarray) -> dict[str, list[float]]:
    """Inner edges of BINS bins that hold equal shares of the films, and those shares (ties make them unequal)."""
    p = np.round(p_pneumonia, 4)
    edges = np.unique(np.quantile(p, np.arange(1, BINS) / BINS))
    return {"edges": [float(e) for e in edges], "shares": [round(float(s), 4) for s in shares(p, edges)]}


def shares(p: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """float [bins]: share of the films in each bin; an edge belongs to the bin above it."""
    return np.bincount(np.searchsorted(edges, p, side="right"), minlength=len(edges) + 1) / max(len(p), 1)


def stability_index(p: np.ndarray, distribution: dict[str, list[float]]) -> float:
    """Population stability index against a reference distribution: 0 is the same; above 0.25 is another population.

    Empty bins count as one film in two thousand.
    """
    return stability(shares(p, np.array(distribution["edges"])).tolist(), distribution["shares"])
