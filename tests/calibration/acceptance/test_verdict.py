from dataclasses import replace

import numpy as np
import pytest

from xscan.calibration.acceptance.verdict import TOLERANCES, Verdict, compare, doubted

from ..networks import MANIFEST

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 3, 500)
LOGITS = RNG.normal(0, 1, (500, 3)) + 3 * np.eye(3)[LABELS]


def compared(reference: np.ndarray, candidate: np.ndarray, *rest) -> Verdict:
    return compare({"logits": reference}, {"logits": candidate}, *rest)


def test_the_same_answers_are_accepted():
    verdict = compared(LOGITS, LOGITS, LABELS, MANIFEST)
    assert verdict.accepted
    assert {line.loss for line in verdict.lines} == {0.0}
    figures = {line.figure for line in verdict.lines}
    assert {"three-class accuracy", "ROC AUC", "rule-out sensitivity", "rule-in specificity"} <= figures
    assert "refused" not in verdict.as_text()


def test_worse_answers_are_refused_with_the_figures_that_broke():
    noisy = LOGITS + RNG.normal(0, 2, LOGITS.shape)
    verdict = compared(LOGITS, noisy, LABELS, MANIFEST)
    assert not verdict.accepted
    assert {"three-class accuracy", "ROC AUC", "same class"} <= set(verdict.broken)
    assert "refused" in verdict.as_text()
    assert verdict.as_dict()["accepted"] is False


def test_better_answers_are_no_reason_to_refuse():
    better = LOGITS + 0.05 * np.eye(3)[LABELS]
    assert compared(LOGITS, better, LABELS, MANIFEST).accepted


def test_one_film_in_500_is_within_the_limit_and_two_are_not():
    right = np.flatnonzero(LOGITS.argmax(axis=1) == LABELS)
    wide = dict.fromkeys(("auc", "sensitivity", "specificity", "ece", "mean_change"), 1)
    generous = replace(TOLERANCES, **wide)
    for films, accepted in ((1, True), (2, False)):
        changed = LOGITS.copy()
        changed[right[:films]] = np.roll(changed[right[:films]], 1, axis=1)
        assert compared(LOGITS, changed, LABELS, MANIFEST, generous).accepted is accepted


def test_without_labels_agreement_decides():
    assert compared(LOGITS, LOGITS, None, MANIFEST).accepted
    turned = np.roll(LOGITS, 1, axis=1)
    verdict = compared(LOGITS, turned, None, MANIFEST)
    assert not verdict.labelled
    assert "same class" in verdict.broken


def test_an_overflow_is_refused():
    broken = LOGITS.copy()
    broken[3] = np.inf
    verdict = compared(LOGITS, broken, LABELS, MANIFEST)
    assert verdict.broken == ["results are numbers"]


def test_one_class_of_film_leaves_out_what_needs_two():
    normal = np.zeros(500, int)
    figures = {line.figure for line in compared(LOGITS, LOGITS, normal, MANIFEST).lines}
    assert "ROC AUC" not in figures
    assert "three-class accuracy" in figures


def test_films_that_the_outlier_gate_now_sees_otherwise_count():
    scores = RNG.normal(0, 1, (500, 2))
    rules = [
        {"name": "distance", "code": "out-of-domain", "threshold": 2.0},
        {"name": "x", "code": "y", "threshold": 9},
    ]
    manifest = replace(MANIFEST, gate={"scores": rules})
    assert doubted(scores, manifest).mean() == pytest.approx((scores[:, 0] > 2).mean())
    for shift, accepted in ((0.0, True), (2.0, False)):
        candidate = {"logits": LOGITS, "gate": scores + shift}
        verdict = compare({"logits": LOGITS, "gate": scores}, candidate, LABELS, manifest)
        assert verdict.accepted is accepted
        assert ("sent to review" in verdict.broken) is not accepted
