"""What films exchange: grey levels, low frequencies, corners, and windows; on the processor and as a GPU does it."""

import cv2
import numpy as np
import pytest

from xscan.engine.phantom.draw import draw
from xscan.training.fit.augment import Augmentation, augment
from xscan.training.fit.exchange import (
    REACH,
    Pool,
    exchanged,
    low_waves,
    quantiles,
    with_corner,
    with_levels,
    with_spectrum,
)

STILL = Augmentation(
    rotation=0, scale=0, aspect=0, shift=0, flip=0, gamma=0, contrast=0, brightness=0, blur=0, jpeg=0, noise=0
)


@pytest.fixture(scope="module")
def films() -> np.ndarray:
    """uint8 [6, 96, 80], of six exposures."""
    grey = np.stack([(draw("normal", seed, 96, 80) >> 4).astype(np.float64) for seed in range(6)])
    return np.clip(grey ** np.linspace(0.8, 1.1, 6)[:, None, None], 0, 255).astype(np.uint8)


def test_a_film_with_anothers_grey_levels_has_its_distribution_and_its_own_order(films: np.ndarray) -> None:
    changed = with_levels(films[0], quantiles(films[5]), 1)
    assert abs(np.sort(changed.ravel()).astype(int) - np.sort(films[5].ravel())).mean() < 2
    assert abs(films[0].astype(int) - films[5]).mean() > 10  # the test is worth something
    order = np.argsort(films[0].ravel(), kind="stable")
    assert (np.diff(changed.ravel()[order].astype(int)) >= 0).all()


def test_its_own_levels_or_none_of_anothers_leave_a_film_as_it_is(films: np.ndarray) -> None:
    same = abs(with_levels(films[0], quantiles(films[0]), 1).astype(int) - films[0])
    assert np.quantile(same, 0.99) <= 1  # the few brightest pixels share a quantile
    assert (with_levels(films[0], quantiles(films[5]), 0) == films[0]).all()


def test_low_waves_are_those_of_the_whole_transform(films: np.ndarray) -> None:
    whole = np.fft.fftshift(np.fft.fft2(films[0].astype(float)), axes=0) / films[0].size
    middle = films[0].shape[0] // 2
    np.testing.assert_allclose(low_waves(films[0]), whole[middle - REACH : middle + REACH + 1, : REACH + 1], atol=1e-3)


def test_a_spectrum_takes_anothers_amplitudes_and_keeps_phases_mean_and_detail() -> None:
    rng = np.random.default_rng(0)  # far from black and white, so that nothing is cut off
    smooth = cv2.GaussianBlur(rng.normal(0, 1, (2, 96, 80)).transpose(1, 2, 0), (0, 0), 4).transpose(2, 0, 1)
    one, other = np.round(120 + 20 * smooth / smooth.std()).clip(40, 215).astype(np.uint8)
    wanted, own = np.abs(low_waves(other)), low_waves(one)
    changed = with_spectrum(one, wanted, 1)
    now = low_waves(changed)
    assert np.abs(np.abs(now) - wanted)[np.arange(len(own)) != REACH].max() < 0.1 * wanted[:, 1:].max()
    large = (wanted > 0.5) & (np.abs(own) > 0.5)
    assert large.sum() > 20
    assert np.abs(np.angle(now[large] / own[large])).max() < 0.1
    assert abs(changed.mean() - one.mean()) < 0.5
    difference = np.abs(np.fft.fft2(changed.astype(float) - one)) / one.size
    low = np.zeros(one.shape, bool)
    low[np.ix_([*range(REACH + 1), *range(-REACH, 0)], [*range(REACH + 1), *range(-REACH, 0)])] = True
    assert difference[low].max() > 1
    assert difference[~low].max() < 0.05  # rounding


def test_a_corner_is_anothers_and_the_rest_stays(films: np.ndarray) -> None:
    for seed in range(20):
        one, other = np.full((100, 100), 30, np.uint8), np.full((100, 100), 90, np.uint8)
        changed = with_corner(one, other, np.random.default_rng(seed)) == 90
        rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
        assert changed.sum() == len(rows) * len(columns)
        assert 8 <= len(rows) <= 20
        assert 8 <= len(columns) <= 20
        assert rows[0] == 0 or rows[-1] == 99
        assert columns[0] == 0 or columns[-1] == 99


def test_exchanges_that_are_off_draw_nothing_and_older_recipes_repeat(films: np.ndarray) -> None:
    pool = Pool(films)
    for seed in range(5):
        rng = np.random.default_rng(seed)
        assert (exchanged(films[0], pool, STILL, rng) == films[0]).all()
        assert rng.random() == np.random.default_rng(seed).random()
        plain = augment(films[0], Augmentation(), np.random.default_rng(seed))
        assert (augment(films[0], Augmentation(), np.random.default_rng(seed), pool=pool) == plain).all()


def test_a_window_lies_on_the_film_or_shows_black_beyond_it() -> None:
    ramp = np.repeat(np.arange(20, 180, dtype=np.uint8)[:, None], 160, axis=1)
    close = Augmentation(**(vars(STILL) | {"crop": (0.7, 0.7)}))
    firsts = []
    for seed in range(20):
        seen = augment(ramp, close, np.random.default_rng(seed)).astype(int)
        seen = seen[2:-2]  # the outermost pixels may blend with the black beyond
        assert seen.min() >= 19  # all of the window lies on the film
        assert abs(seen[-1, 80] - seen[0, 80] - 0.7 * 155) < 2
        firsts.append(seen[0, 80])
    assert np.ptp(firsts) > 20  # windows lie here and there
    far = augment(ramp, Augmentation(**(vars(STILL) | {"crop": (1.25, 1.25)})), np.random.default_rng(0))
    assert 0.5 < (far > 0).mean() < 0.7


@pytest.mark.parametrize("kind", ["levels", "spectrum", "corner"])
def test_a_gpu_exchanges_as_the_processor_does(films: np.ndarray, kind: str) -> None:
    torch = pytest.importorskip("torch")
    from xscan.training.fit.augment_gpu import augment_all
    from xscan.training.fit.exchange_gpu import Pool as GpuPool
    from xscan.training.fit.exchange_gpu import with_levels as levels_all
    from xscan.training.fit.exchange_gpu import with_spectra

    pool, ours = GpuPool(films, torch.device("cpu")), Pool(films)
    kinds = Augmentation(**(vars(STILL) | {kind: 1.0}))
    changed = [
        augment_all(torch.from_numpy(films), kinds, torch.Generator().manual_seed(0), pool=pool) for _ in range(2)
    ]
    assert (changed[0] == changed[1]).all()
    assert (changed[0].numpy() != films).any()
    grey, share = torch.from_numpy(films).float(), torch.linspace(0.2, 1, len(films))
    other = [5, 4, 3, 2, 1, 0]
    if kind == "levels":
        theirs = levels_all(grey, pool.levels[other], share).numpy()
        mine = [with_levels(f, ours.levels[o], float(s)) for f, o, s in zip(films, other, share, strict=True)]
    elif kind == "spectrum":
        theirs = with_spectra(grey, pool.amplitudes[other], share).numpy()
        mine = [with_spectrum(f, ours.amplitudes[o], float(s)) for f, o, s in zip(films, other, share, strict=True)]
    else:
        return
    assert np.abs(theirs - np.stack(mine)).max() <= 1


def test_a_gpus_window_is_the_processors() -> None:
    torch = pytest.importorskip("torch")
    from xscan.training.fit.augment_gpu import augment_all

    ramp = np.repeat(np.arange(20, 180, dtype=np.uint8)[:, None], 160, axis=1)[None].repeat(20, 0)
    close = Augmentation(**(vars(STILL) | {"crop": (0.7, 0.7)}))
    seen = augment_all(torch.from_numpy(ramp), close, torch.Generator().manual_seed(0)).numpy().astype(int)
    seen = seen[:, 2:-2]
    assert seen.min() >= 19
    assert np.abs(seen[:, -1, 80] - seen[:, 0, 80] - 0.7 * 155).max() < 2
    assert np.ptp(seen[:, 0, 80]) > 20
