"""Films of which a part is hidden: how much of them, and what stays."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xscan.engine.errors import UsageError
from xscan.training.fit.hidden import partly_hidden
from xscan.training.fit.settings import Settings


def films(count: int, seed: int) -> np.ndarray:
    """Films of 40 x 40 whose cells of 8 x 8 have a grey of their own."""
    rng = np.random.default_rng(seed)
    cells = rng.permuted(np.tile(np.arange(10, 260, 10, dtype=np.uint8), (count, 1)), axis=1).reshape(count, 5, 5)
    return cells.repeat(8, axis=1).repeat(8, axis=2)


@given(seed=st.integers(0, 2**32), chance=st.floats(0, 1))
def test_hidden_places_are_grey_and_the_rest_stays(seed: int, chance: float) -> None:
    pictures = films(12, seed)
    seen = partly_hidden(pictures, (5, 5), chance, np.random.default_rng(seed + 1))
    cells, before = seen[:, ::8, ::8], pictures[:, ::8, ::8]
    assert (seen == cells.repeat(8, axis=1).repeat(8, axis=2)).all()
    assert (cells[cells != before] == 130).all()  # the mean of 10, 20, ..., 250
    assert seen.dtype == pictures.dtype


@pytest.mark.parametrize("chance", [0, 0.5, 1])
def test_as_many_films_as_asked_are_hidden_and_about_half_of_one_at_most(chance: float) -> None:
    pictures = films(400, 0)
    seen = partly_hidden(pictures, (5, 5), chance, np.random.default_rng(0))
    share = (seen != pictures)[:, ::8, ::8].mean(axis=(1, 2))
    if chance == 0:
        assert not share.any()
    else:
        assert 0.85 * chance < (share > 0).mean() <= 1.1 * chance  # of a film with few to hide, none may be
        assert np.quantile(share[share > 0], 0.1) < 0.15
        assert 0.35 < np.quantile(share[share > 0], 0.9) < 0.6


def test_a_batch_hides_cells_of_the_networks_own_maps() -> None:
    from xscan.training.fit.augment import Augmentation
    from xscan.training.fit.train import Batches

    still = Augmentation(
        rotation=0, scale=0, aspect=0, shift=0, flip=0, gamma=0, contrast=0, brightness=0, blur=0, jpeg=0, noise=0
    )
    pictures = films(8, 0)
    settings = Settings("compact", batch_size=8, hidden=1, augmentation=still)
    batches = Batches(pictures, np.eye(3, dtype=np.float32)[np.zeros(8, int)], settings, cells=(5, 5))
    seen, targets = batches[0]
    whole = batches.changed(batches.order, np.random.default_rng(0))  # as normalisation sees them: nothing is hidden
    assert np.abs(whole.astype(int) - pictures[batches.order]).max() <= 1
    hidden = seen[:, ::8, ::8, 0] != whole[:, ::8, ::8]
    assert 0 < hidden.mean() < 0.5
    assert (np.abs(seen[:, ::8, ::8, 0][hidden] - 130.0) <= 1).all()
    assert (seen[..., 0] == seen[:, ::8, ::8, 0].repeat(8, axis=1).repeat(8, axis=2)).all()
    assert (targets == [1, 0, 0]).all()


@pytest.mark.parametrize("share", [-0.1, 1.5, float("nan")])
def test_a_share_is_from_0_to_1(share: float) -> None:
    with pytest.raises(UsageError, match="hidden is a share of films, from 0 to 1"):
        Settings(hidden=share)
