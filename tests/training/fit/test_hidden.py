"""What a pupil learns of a film that it sees a part of: the evidence of that part."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xscan.engine.errors import UsageError
from xscan.training.fit.hidden import partly_hidden
from xscan.training.fit.settings import Settings
from xscan.training.fit.teachers import Answer


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits)
    return powers / powers.sum(axis=-1, keepdims=True)


def answered(films: int, seed: int) -> tuple[np.ndarray, Answer]:
    """Films of 40 x 40 whose cells of 8 x 8 have a grey of their own, and maps of 5 x 5."""
    rng = np.random.default_rng(seed)
    pictures = rng.permuted(np.tile(np.arange(10, 260, 10, dtype=np.uint8), (films, 1)), axis=1).reshape(films, 5, 5)
    maps = rng.normal(0, 3, (films, 5, 5, 3)).astype(np.float32)
    maps -= maps.mean(axis=3, keepdims=True)
    return pictures.repeat(8, axis=1).repeat(8, axis=2), Answer(softmax(maps.mean(axis=(1, 2))), maps)


@given(seed=st.integers(0, 2**32), chance=st.floats(0, 1))
def test_hidden_places_are_grey_and_have_no_evidence_and_the_rest_stays(seed: int, chance: float) -> None:
    pictures, answer = answered(12, seed)
    seen, left = partly_hidden(pictures, answer, chance, np.random.default_rng(seed + 1))
    assert answer.maps is not None
    assert left.maps is not None
    hidden = (left.maps == 0).all(axis=3)
    cells, before = seen[:, ::8, ::8], pictures[:, ::8, ::8]
    assert (seen == cells.repeat(8, axis=1).repeat(8, axis=2)).all()
    assert (cells[~hidden] == before[~hidden]).all()
    assert (cells[hidden] == 130).all()  # the mean of 10, 20, ..., 250
    assert (left.maps[~hidden] == answer.maps[~hidden]).all()
    assert np.allclose(left.probabilities, softmax(left.maps.mean(axis=(1, 2))), atol=1e-5)
    assert seen.dtype == pictures.dtype
    assert left.probabilities.dtype == np.float32


def test_as_many_films_as_asked_are_hidden_and_from_little_to_nearly_all_of_them() -> None:
    pictures, answer = answered(400, 0)
    _, none = partly_hidden(pictures, answer, 0, np.random.default_rng(0))
    assert np.array_equal(none.probabilities, answer.probabilities)
    _, half = partly_hidden(pictures, answer, 0.5, np.random.default_rng(0))
    assert half.maps is not None
    share = (half.maps == 0).all(axis=3).mean(axis=(1, 2))
    assert 0.4 < (share > 0).mean() < 0.6
    assert np.quantile(share[share > 0], 0.1) < 0.2
    assert np.quantile(share[share > 0], 0.9) > 0.8


def test_evidence_of_a_part_needs_class_maps() -> None:
    for settings in ({}, {"taught": 1}, {"taught_maps": 1}):
        with pytest.raises(UsageError, match="set taught to 1, and taught_maps"):
            Settings("compact", hidden=0.5, **settings)
