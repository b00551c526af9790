"""Our figures against scikit-learn's."""

import numpy as np
import pytest
import sklearn.metrics as reference
from hypothesis import given, settings
from hypothesis import strategies as st

from xscan.calibration.statistics.metrics import (
    accuracy,
    at_prevalence,
    calibration_error,
    confusion_matrix,
    figures,
    roc_auc,
    share_of_bacteria,
)
from xscan.engine import CLASSES

EXACT = {"abs": 1e-9, "nan_ok": True}


def _gaps(labels: np.ndarray, p: np.ndarray, bins: int) -> float:
    """The calibration error, bin by bin as Guo et al. 2017 write it."""
    confidence, right = p.max(axis=1), p.argmax(axis=1) == labels
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    return sum(abs(confidence[place == i].sum() - right[place == i].sum()) for i in range(bins)) / len(labels)


def made_up(seed: int, films: int, levels: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Labels and probabilities; levels: so many different probabilities, so that there are ties."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, films)
    labels[:6] = (0, 1, 2, 0, 1, 2)
    p = rng.dirichlet((1, 1, 1), films)
    p[:3] = np.eye(3) * 0.7 + 0.1  # each class is called once
    if levels:
        p = np.round(p * levels) + 1
        p /= p.sum(axis=1, keepdims=True)
    return labels, p


def point(labels: np.ndarray, p: np.ndarray) -> dict[str, float]:
    return {name: x[0] for name, x in figures(labels, p, np.ones((1, len(p)))).items()}


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(8, 200), st.sampled_from((0, 4, 20)))
def test_figures_agree_with_scikit_learn(seed: int, films: int, levels: int) -> None:
    labels, p = made_up(seed, films, levels)
    called, found = p.argmax(axis=1), point(labels, p)
    assert (confusion_matrix(labels, p) == reference.confusion_matrix(labels, called, labels=[0, 1, 2])).all()
    assert accuracy(labels, p) == pytest.approx(reference.accuracy_score(labels, called), **EXACT)
    assert found["accuracy"] == accuracy(labels, p)
    assert found["loss"] == pytest.approx(reference.log_loss(labels, p), **EXACT)
    brier = reference.brier_score_loss(labels, p, labels=[0, 1, 2], scale_by_half=False)  # pyright: ignore[reportArgumentType]  # says "auto" alone
    assert found["brier"] == pytest.approx(brier, **EXACT)
    assert found["ece"] == pytest.approx(_gaps(labels, p, bins=15), **EXACT)
    assert found["mcc"] == pytest.approx(reference.matthews_corrcoef(labels, called), **EXACT)
    assert found["kappa"] == pytest.approx(reference.cohen_kappa_score(labels, called), **EXACT)
    for k, name in enumerate(CLASSES):
        check_two(found, name, labels == k, p[:, k], called == k)
    sick = labels > 0
    pneumonia = p[:, 1] + p[:, 2]
    assert roc_auc(sick, pneumonia) == pytest.approx(reference.roc_auc_score(sick, pneumonia), **EXACT)
    check_two(found, "pneumonia", sick, pneumonia, pneumonia >= 0.5)
    assert found["pneumonia.brier"] == pytest.approx(np.mean((pneumonia - sick) ** 2), **EXACT)
    share = share_of_bacteria(p[sick])
    check_two(found, "kind", labels[sick] == 1, share, share >= 0.5)
    assert found["kind.accuracy"] == pytest.approx(np.mean((labels[sick] == 1) == (share >= 0.5)), **EXACT)


def check_two(found: dict[str, float], name: str, truth: np.ndarray, score: np.ndarray, called: np.ndarray) -> None:
    expected = {
        "sensitivity": reference.recall_score(truth, called),
        "specificity": reference.recall_score(~truth, ~called),
        "f1": reference.f1_score(truth, called),
        "roc_auc": reference.roc_auc_score(truth, score),
        "pr_auc": reference.average_precision_score(truth, score),
    }
    if called.any() and not called.all():
        expected["ppv"] = reference.precision_score(truth, called)
        expected["npv"] = reference.precision_score(~truth, ~called)
        if f"{name}.mcc" in found:
            expected["mcc"] = reference.matthews_corrcoef(truth, called)
            expected["kappa"] = reference.cohen_kappa_score(truth, called)
    for key, value in expected.items():
        assert found[f"{name}.{key}"] == pytest.approx(value, **EXACT), (name, key)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_a_weight_of_two_is_the_film_twice(seed: int) -> None:
    labels, p = made_up(seed, 40, levels=6)
    times = np.random.default_rng(seed).integers(0, 3, (2, 40))
    times[:, :6] += 1
    weighted = figures(labels, p, times.astype(float))
    for i, row in enumerate(times):
        repeated = point(np.repeat(labels, row), np.repeat(p, row, axis=0))
        assert {k: x[i] for k, x in weighted.items()} == {k: pytest.approx(x, **EXACT) for k, x in repeated.items()}


@pytest.mark.parametrize("label", range(3))
def test_one_class_alone_leaves_figures_undefined_without_a_warning(label: int) -> None:
    _, p = made_up(0, 20)
    found = point(np.full(20, label), p)
    for name in ("mcc", "pneumonia.roc_auc", "kind.roc_auc", "normal.roc_auc", "pneumonia.mcc"):
        assert np.isnan(found[name]), name
    assert np.isnan(found["pneumonia.specificity"]) == (label > 0)
    assert 0 <= found["accuracy"] <= 1
    assert found["loss"] > 0


def test_predictive_values_follow_the_prevalence() -> None:
    there = at_prevalence(np.array([0.9, np.nan]), np.array([0.8, 0.8]), 0.1)
    assert there["ppv"][0] == pytest.approx(0.09 / (0.09 + 0.18))
    assert there["npv"][0] == pytest.approx(0.72 / (0.72 + 0.01))
    assert np.isnan(there["ppv"][1])


def test_figures_of_made_up_films():
    p = np.array([[0.9, 0.1, 0.0], [0.6, 0.4, 0.0], [0.2, 0.8, 0.0], [0.0, 0.0, 1.0]])
    labels = np.array([0, 1, 1, 2])
    truth = np.array([True, True, False, False])
    assert accuracy(labels, p) == 0.75
    assert roc_auc(truth, np.array([2.0, 1.0, 1.0, 0.0])) == pytest.approx(0.875)
    error = calibration_error(labels, p, np.ones((1, 4)), bins=10)
    assert error == pytest.approx((0.1 + 0.6 + 0.2 + 0.0) / 4)
