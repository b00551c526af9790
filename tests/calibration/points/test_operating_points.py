import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xscan.calibration.points.operating_points import choose_points, fit_temperature, measure_point
from xscan.calibration.statistics.intervals import of_patients, wilson
from xscan.engine.triage.odds import probabilities


def made_up(seed: int, sick: int, well: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores, truth, patients: some have several films, which score alike."""
    rng = np.random.default_rng(seed)
    patients = np.sort(rng.integers(0, sick + well, sick + well))
    truth = np.arange(sick + well) < sick
    patients[~truth] += sick + well
    ability = rng.normal(0, 0.7, 2 * (sick + well))
    p = 1 / (1 + np.exp(-(np.where(truth, 2.5, -2.5) + ability[patients] + rng.normal(0, 0.7, len(truth)))))
    return p, truth, patients


@given(st.integers(0, 10_000), st.integers(2, 900), st.integers(2, 300))
def test_points_keep_their_promise_on_the_films_they_are_chosen_on(seed: int, sick: int, well: int) -> None:
    p, truth, patients = made_up(seed, sick, well)
    rule_out, rule_in = choose_points(p, truth, patients)
    assert rule_out.sensitivity_interval is not None
    assert rule_out.sensitivity_interval[0] >= 0.98 or rule_out.threshold == 0
    assert rule_in.specificity >= 0.98 or rule_in.threshold == 1.0
    assert rule_out.threshold <= rule_in.threshold
    assert measure_point(rule_out.threshold, p, truth, patients) == rule_out
    higher = measure_point(rule_out.threshold + 0.05, p, truth, patients)
    assert higher.sensitivity <= rule_out.sensitivity


def test_other_patients_miss_no_more_than_was_said() -> None:
    """The point of the interval: chosen at the measured rate, every second sample would break the promise."""
    missed = []
    for seed in range(60):
        p, truth, patients = made_up(seed, 1500, 300)
        rule_out, _ = choose_points(p, truth, patients)
        others, sick, _ = made_up(1000 + seed, 20_000, 10)
        missed.append(float((np.round(others[sick], 4) < rule_out.threshold).mean()))
    assert np.mean(np.array(missed) > 0.02) <= 0.1
    assert np.mean(missed) > 0.005  # and it is not bought by giving up the band


def test_films_of_one_patient_count_as_fewer() -> None:
    hits = np.repeat(np.arange(100) > 2, 5)
    alone, together = of_patients(hits, np.arange(500)), of_patients(hits, np.repeat(np.arange(100), 5))
    assert together[0] < alone[0] < 0.97 < alone[1] < together[1]
    assert of_patients(hits, np.arange(500)) == pytest.approx(wilson(485, 500), abs=1e-3)
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)  # Newcombe 1998, table I


def test_few_films_are_no_reason_to_call_any_routine() -> None:
    p, truth = np.array([0.9] * 100 + [0.1] * 100), np.arange(200) < 100
    rule_out, rule_in = choose_points(p, truth, np.arange(200))
    assert rule_out.threshold == 0
    assert rule_in.threshold == 0.1001


def test_temperature_is_found_again() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (20_000, 3))
    labels = np.array([rng.choice(3, p=p) for p in probabilities(logits, 2.0)])
    assert abs(fit_temperature(logits, labels) - 2.0) < 0.1
