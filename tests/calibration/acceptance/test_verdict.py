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


def test_two_films_more_in_500_may_be_chance_and_twelve_are_not():
    right = np.flatnonzero(LOGITS.argmax(axis=1) == LABELS)
    wide = dict.fromkeys(("auc", "sensitivity", "specificity", "ece", "mean_change"), 1)
    generous = replace(TOLERANCES, **wide)
    for films, accepted, refused in ((1, True, False), (2, False, False), (12, False, True)):
        changed = LOGITS.copy()
        changed[right[:films]] = np.roll(changed[right[:films]], 1, axis=1)
        verdict = compared(LOGITS, changed, LABELS, MANIFEST, generous)
        assert (verdict.accepted, verdict.refused) == (accepted, refused)
        assert verdict.as_dict()["accepted"] is (accepted if accepted or refused else None)
        if not refused:
            assert verdict.doubt.startswith("500 films cannot")


def test_too_few_films_are_no_refusal_and_the_number_needed_is_named():
    few = LOGITS[:27].copy()
    few[0] = np.roll(few[0], 1)  # one film of 27 is 0.037, over the limit of 0.01 and that of 0.02
    for labels, limit, needed in ((None, "0.01", 381), (LABELS[:27], "0.02", 189)):
        verdict = compared(LOGITS[:27], few, labels, MANIFEST)
        assert not verdict.refused
        assert not verdict.accepted
        assert verdict.few == verdict.doubt == f"27 films cannot show {limit}: {needed} would"
        assert compared(LOGITS[:27], LOGITS[:27], labels, MANIFEST).few == verdict.few
    enough = np.tile(LOGITS, (20, 1))
    assert compared(enough, enough, np.tile(LABELS, 20), MANIFEST).doubt == ""


def test_films_of_one_patient_count_as_fewer():
    changed = LOGITS.copy()
    changed[:30] = np.roll(changed[:30], 1, axis=1)
    alone = compared(LOGITS, changed, LABELS, MANIFEST)
    together = compared(LOGITS, changed, LABELS, MANIFEST, TOLERANCES, np.arange(500) // 30)
    for a, b in zip(alone.lines, together.lines, strict=True):
        if a.figure in ("same class", "three-class accuracy"):
            assert b.low < a.low < a.loss < a.high < b.high


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
