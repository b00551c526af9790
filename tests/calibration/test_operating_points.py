import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from xscan.calibration.operating_points import choose_points, fit_temperature, measure_point
from xscan.engine.triage import probabilities


@given(st.integers(0, 10_000), st.integers(2, 300), st.integers(2, 300))
def test_points_keep_their_promise_on_the_films_they_are_chosen_on(seed: int, sick: int, well: int) -> None:
    rng = np.random.default_rng(seed)
    p = np.concatenate([rng.beta(4, 2, sick), rng.beta(2, 4, well)])
    truth = np.arange(sick + well) < sick
    rule_out, rule_in = choose_points(p, truth)
    assert rule_out.sensitivity >= 0.98
    assert rule_in.specificity >= 0.98 or rule_in.threshold == 1.0
    assert rule_out.threshold <= rule_in.threshold
    assert measure_point(rule_out.threshold, p, truth) == rule_out


def test_temperature_is_found_again() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (20_000, 3))
    labels = np.array([rng.choice(3, p=p) for p in probabilities(logits, 2.0)])
    assert abs(fit_temperature(logits, labels) - 2.0) < 0.1
