import numpy as np
import pytest

from xscan.calibration.int8.ranges import METHODS, Histogram, Range
from xscan.engine.errors import EngineError


def filled(*values: np.ndarray) -> Histogram:
    histogram = Histogram()
    for part in values:
        histogram.add(part.astype(np.float32))
    return histogram


def test_counts_survive_a_growing_reach():
    rng = np.random.default_rng(0)
    parts = [rng.normal(0, scale, 1000) for scale in (0.01, 1, 30)]
    histogram = filled(*parts)
    assert histogram.counts.sum() == 3000
    everything = np.concatenate(parts).astype(np.float32)
    assert (histogram.low, histogram.high) == (everything.min(), everything.max())
    # Merged bins hold what one histogram of the final reach would hold.
    edges = np.linspace(-histogram.reach, histogram.reach, len(histogram.counts) + 1)
    direct, _ = np.histogram(everything, edges)
    assert np.abs(np.cumsum(direct) - np.cumsum(histogram.counts)).max() <= 2  # rounding at bins' edges


def test_chunks_give_what_the_whole_gives():
    values = np.random.default_rng(1).gamma(1, 2, 5000)
    assert filled(values).range() == filled(*np.array_split(values, 7)).range()


def test_minmax_is_exact():
    found = filled(np.array([-1.5, 0, 3.25])).range()["minmax"]
    assert (found.low, found.high, found.steps(127)) == (-1.5, 3.25, 3.25)
    assert found.interval(255) == (-1.5, 3.25)


def test_percentile_leaves_one_outlier_out():
    values = np.append(np.random.default_rng(2).uniform(0, 1, 200_000), 100.0)
    found = filled(values).range()
    assert found["minmax"].steps(127) == 100
    assert found["percentile"].steps(127) < 1.1


@pytest.mark.parametrize("method", ["mse", "entropy"])
def test_cuts_of_a_long_tail_lose_less_than_minmax(method: str):
    values = np.abs(np.random.default_rng(3).standard_t(3, 200_000)).astype(np.float32)
    found = filled(values).range()

    def error(threshold: float) -> float:
        scale = threshold / 127
        return float(((np.minimum(np.round(values / scale), 127) * scale - values) ** 2).mean())

    assert found[method].steps(127) < found["minmax"].steps(127)
    assert error(found["mse"].steps(127)) <= error(found[method].steps(127)) + 1e-9
    assert error(found["mse"].steps(127)) < error(found["minmax"].steps(127))


def test_a_tensor_of_zeros_still_has_a_positive_scale():
    for found in filled(np.zeros(100)).range().values():
        assert found.steps(127) > 0
        assert found.interval(255)[1] > 0


def test_every_method_survives_its_json_form():
    ranges = filled(np.random.default_rng(4).normal(0, 1, 1000)).range()
    assert set(ranges) == set(METHODS)
    for found in ranges.values():
        assert Range.from_dict(found.as_dict()) == found


def test_a_value_just_below_the_reach_is_counted():
    for reach in 2.0 ** np.arange(-10, 6):
        just_below = np.nextafter(np.float32(reach), np.float32(0))
        assert filled(np.array([0.1 * reach, just_below])).counts.sum() == 2


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_what_is_no_number_has_no_range(value: float):
    with pytest.raises(EngineError, match="no numbers"):
        filled(np.array([1.0, value]))
