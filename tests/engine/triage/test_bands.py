import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from xscan.engine.network.manifest import Manifest, OperatingPoint
from xscan.engine.network.spec import InputSpec
from xscan.engine.triage.bands import judge
from xscan.engine.triage.odds import probabilities

MANIFEST = Manifest(
    "test", "1", InputSpec(64, 64), 1.0, OperatingPoint(0.2, 0.99, 0.9), OperatingPoint(0.6, 0.9, 0.99), near_tie=0.1
)
logits = arrays(np.float32, (3,), elements=st.floats(-50, 50, width=32))


@given(logits, st.floats(0.2, 5))
def test_probabilities_sum_to_one(values: np.ndarray, temperature: float) -> None:
    assert probabilities(values, temperature).sum() == pytest.approx(1)


@given(logits)
def test_bands_follow_from_the_numbers_in_the_csv(values: np.ndarray) -> None:
    verdict = judge(probabilities(values, 1), MANIFEST)
    expected = "urgent" if verdict.p_pneumonia >= 0.6 else "routine" if verdict.p_pneumonia < 0.2 else "review"
    assert verdict.priority == expected
    if verdict.priority == "urgent":
        assert verdict.finding != "normal"
    if verdict.finding == "normal":
        assert verdict.probabilities[0] >= verdict.p_pneumonia


@pytest.mark.parametrize(
    ("p", "finding", "priority"),
    [
        ((0.9, 0.06, 0.04), "normal", "routine"),
        ((0.7, 0.25, 0.05), "normal", "review"),
        ((0.1, 0.8, 0.1), "bacteria", "urgent"),
        ((0.1, 0.2, 0.7), "virus", "urgent"),
        ((0.1, 0.46, 0.44), "pneumonia", "urgent"),
    ],
)
def test_finding_and_priority(p: tuple[float, float, float], finding: str, priority: str) -> None:
    verdict = judge(np.array(p), MANIFEST)
    assert (verdict.finding, verdict.priority) == (finding, priority)
