"""Intervals by patients."""

import time

import numpy as np
import pytest

from xscan.calibration.statistics.bootstrap import Interval, bootstrap, patient_weights
from xscan.calibration.statistics.metrics import figures


def test_films_of_a_patient_are_drawn_together() -> None:
    patients = np.array(["b", "a", "b", "c", "a", "b"])
    weights = np.concatenate(list(patient_weights(patients, 500)))
    assert weights.shape == (500, 6)
    assert (weights[:, 0] == weights[:, 2]).all()
    assert (weights[:, 1] == weights[:, 4]).all()
    assert (weights[:, [0, 1, 3]].sum(axis=1) == 3).all()  # as many patients as there are
    assert weights[:, 3].mean() == pytest.approx(1, abs=0.1)


def width(found: Interval) -> float:
    assert found.low is not None
    assert found.high is not None
    return found.high - found.low


def test_an_interval_is_that_of_a_plain_loop_over_patients() -> None:
    rng = np.random.default_rng(0)
    patients = np.repeat([f"p{i}" for i in range(60)], 3)
    right = np.repeat(rng.random(60) < 0.7, 3) ^ (rng.random(180) < 0.1)
    found = bootstrap(lambda w: {"share": w @ right / w.sum(axis=1)}, patients)["share"]
    draws = [right.reshape(60, 3)[rng.integers(0, 60, 60)].mean() for _ in range(4000)]
    assert found.value == right.mean()
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(draws, (0.025, 0.975))), abs=0.012)
    alone = bootstrap(lambda w: {"share": w @ right / w.sum(axis=1)}, np.arange(180).astype(str))["share"]
    assert width(alone) < 0.75 * width(found)  # as if each film were a person


def test_undefined_figures_have_no_interval() -> None:
    patients = np.array([str(i) for i in range(40)])
    rare = np.arange(40) == 0  # absent from a third of the draws
    found = bootstrap(
        lambda w: {
            "never": np.full(len(w), np.nan),
            "often": np.where(w[:, rare].sum(axis=1) > 0, 0.5, np.nan),
            "seldom": np.where((w.sum(axis=0) == 1).all() | (w[:, rare].sum(axis=1) > 2), 0.5, np.nan),
        },
        patients,
    )
    assert found["never"].as_text() == "not defined"
    assert found["often"].as_text() == "0.5000 (0.5000 to 0.5000)"
    assert found["seldom"].as_text() == "0.5000"


def test_all_figures_of_five_thousand_films_take_seconds() -> None:
    rng = np.random.default_rng(0)
    labels, p = rng.integers(0, 3, 5000), rng.dirichlet((1, 1, 1), 5000)
    patients = rng.integers(0, 2700, 5000).astype(str)
    start = time.thread_time()
    found = bootstrap(lambda w: figures(labels, p, w), patients, resamples=250)
    assert time.thread_time() - start < 6  # 0.7 on an idle core
    assert 0 < width(found["accuracy"]) < 0.05
