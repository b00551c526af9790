"""Our figures against scikit-learn's."""

import numpy as np
import pytest
import sklearn.metrics as reference
from hypothesis import given
from hypothesis import strategies as st

from xscan.training.metrics import accuracy, confusion_matrix, rates, roc_auc


@given(st.integers(0, 10_000), st.integers(5, 200), st.integers(1, 50))
def test_figures_agree_with_scikit_learn(seed: int, films: int, levels: int) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, films)
    labels[:3] = (0, 1, 2)
    p = rng.dirichlet((1, 1, 1), films)
    score = rng.integers(0, levels, films) / levels  # many ties
    called = p.argmax(axis=1)
    assert (confusion_matrix(labels, p) == reference.confusion_matrix(labels, called, labels=[0, 1, 2])).all()
    assert accuracy(labels, p) == pytest.approx(reference.accuracy_score(labels, called), abs=1e-9)
    assert roc_auc(labels > 0, score) == pytest.approx(reference.roc_auc_score(labels > 0, score), abs=1e-9)
    point = rates(labels > 0, score, 0.5)
    assert point.sensitivity == pytest.approx(reference.recall_score(labels > 0, score >= 0.5), abs=1e-9)
