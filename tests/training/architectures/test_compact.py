"""The compact network, its faster training and what the recipe asks of `train`."""

import os
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from xscan.calibration.points.scores import read_scores
from xscan.engine.errors import UsageError
from xscan.training.fit.augment import Augmentation, augment

from ..films import labelled, noise

ALL_KINDS = Augmentation(border=1, mask=1, shade=0.2, sharpen=1, blur=1, jpeg=1)
STILL = Augmentation(
    rotation=0, scale=0, aspect=0, shift=0, flip=0, gamma=0, contrast=0, brightness=0, blur=0, jpeg=0, noise=0
)


def test_the_compact_network_is_small_and_has_maps() -> None:
    from xscan.training.architectures.registry import architecture

    model = architecture("compact").build(64, 64)
    assert model.count_params() <= 3_000_000
    answer = model.predict(np.random.default_rng(0).integers(0, 256, (2, 64, 64, 1), np.uint8), verbose=0)
    assert answer["maps"].shape == (2, 2, 2, 3)
    assert np.allclose(answer["logits"], answer["maps"].mean(axis=(1, 2)), atol=1e-5)


def test_exposure_means_nothing_to_the_compact_network() -> None:
    from xscan.training.architectures.registry import architecture

    model = architecture("compact").build(64, 64)
    film = np.random.default_rng(0).integers(60, 120, (1, 64, 64, 1), np.uint8)
    logits = [model.predict(x, verbose=0)["logits"] for x in (film, film + 100, film * 2)]
    assert np.allclose(logits[0], logits[1], atol=1e-3)
    assert np.allclose(logits[0], logits[2], atol=1e-2)


def test_fused_training_is_kerass_own() -> None:
    from keras import layers

    from xscan.training.architectures.fused import FusedBatchNormalization

    inputs = np.random.default_rng(0).normal(3, 2, (8, 5, 5, 4)).astype(np.float32)
    plain, fused = layers.BatchNormalization(epsilon=1e-5), FusedBatchNormalization(epsilon=1e-5)
    for training in (True, False):
        assert np.allclose(plain(inputs, training=training), fused(inputs, training=training), atol=1e-2)
    for one, other in zip(plain.get_weights(), fused.get_weights(), strict=True):
        assert np.allclose(one, other, rtol=0.01, atol=1e-3)


def test_augmentation_repeats_and_keeps_the_polarity() -> None:
    picture = np.full((96, 96), 30, np.uint8)
    cv2.circle(picture, (48, 48), 30, 200, -1)
    for seed in range(20):
        one, again = (augment(picture, ALL_KINDS, np.random.default_rng(seed)) for _ in range(2))
        assert (one == again).all()
        assert (one.shape, one.dtype) == ((96, 96), np.uint8)
        assert one[40:56, 40:56].mean() > one[20:76:8, (18, 78)].mean()


def test_trim_cuts_off_height_or_width_and_fills_the_picture_with_the_rest() -> None:
    ramp = np.repeat(np.arange(20, 180, dtype=np.uint8)[:, None], 160, axis=1)
    left = []
    for seed in range(20):
        tall, wide = (augment(ramp, STILL, np.random.default_rng(seed), t).astype(int) for t in ((0.2, 0), (0, 0.2)))
        assert np.ptp(tall, axis=1).max() == 0  # nothing of the width is gone, and no black edge has come
        assert np.abs(wide - ramp).max() <= 1
        left.append(tall[-1, 0] - tall[0, 0])
    assert 0.78 * 159 <= min(left) < 0.85 * 159 < 0.95 * 159 < max(left) <= 159


@pytest.mark.parametrize("changed", [False, True])
def test_statistics_are_measured_on_films_as_they_are_or_as_they_are_changed(changed: bool) -> None:
    import keras

    from xscan.training.fit.settings import Settings
    from xscan.training.fit.train import Batches, _measure_normalisation

    bright = np.full((8, 32, 32), 200, np.uint8)
    small = replace(STILL, crop=(2, 2))  # a window of twice each side: three quarters of it are black
    settings = Settings(batch_size=8, measure_changed=changed, augmentation=small)
    model = keras.Sequential([keras.Input((32, 32, 1)), keras.layers.BatchNormalization(momentum=0.5)])
    _measure_normalisation(model, Batches(bright, np.eye(3)[np.zeros(8, int)], settings))
    assert np.allclose(model.layers[-1].moving_mean, 50 if changed else 200, atol=3)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # TensorFlow's own
def test_a_run_learns_targets_and_starts_from_another_ones_weights(tmp_path: Path) -> None:
    import keras

    from xscan.engine.dataset.folder import load_folder
    from xscan.training.fit.settings import Settings
    from xscan.training.fit.train import train

    folds = (0, 1, 9)
    films = load_folder(labelled(tmp_path / "films", 6, noise, lambda name, i: f"{name}{i},{folds[i % 3]}"))
    targets = {film.file: np.full(3, 1 / 3) for film in films.films}

    options = {"filters": [16]}  # a small one: most of the time goes into its graph
    settings = Settings("compact", options, size=32, epochs=1, batch_size=4, mixup=0.3, learning_rate=0)
    train(films, settings, tmp_path / "small", verbose=0, targets=targets)
    half = replace(settings, precision="bfloat16")
    train(films, half, tmp_path / "half", verbose=0, targets=targets)
    with pytest.raises(UsageError, match=r"made with other settings \(size 32, precision bfloat16\): give those"):
        train(films, replace(settings, size=64), tmp_path / "half", resume=True, verbose=0, targets=targets)
    scores = [read_scores([tmp_path / name / "scores.csv"], "hold_out").logits for name in ("small", "half")]
    assert np.allclose(*scores, atol=0.02)
    first = tmp_path / "small" / "final.keras"
    train(films, replace(settings, size=64), tmp_path / "large", verbose=0, targets=targets, start_from=first)
    kept = keras.saving.load_model(tmp_path / "half" / "final.keras")
    assert {layer.dtype_policy.name for layer in kept.layers} == {"float32"}
    small, large = (keras.saving.load_model(tmp_path / name / "final.keras") for name in ("small", "large"))
    assert large.input_shape == (None, 64, 64, 1)
    assert not any("Fused" in type(layer).__name__ for layer in large.layers)
    for one, other in zip(small.trainable_weights, large.trainable_weights, strict=True):
        assert np.allclose(one, other, atol=1e-6)  # a learning rate of 0: the weights are those it began with
    with pytest.raises(UsageError, match=r"made with other settings \(other start from\): give those"):
        train(films, replace(settings, size=64), tmp_path / "large", resume=True, verbose=0, targets=targets)

    moving = replace(settings, learning_rate=1e-2, ema=0)
    with pytest.raises(UsageError, match="none of its weights can be kept"):
        train(films, replace(moving, kept=0.25), tmp_path / "kept", verbose=0, targets=targets)
    for kept in (0, 0.25):
        run = tmp_path / f"kept-{kept}"
        train(films, replace(moving, kept=kept), run, verbose=0, targets=targets, start_from=first)
    more = replace(moving, kept=0.25, epochs=2)
    with pytest.raises(UsageError, match="kept weights of its start, so it cannot be extended"):
        train(films, more, tmp_path / "kept-0.25", resume=True, verbose=0, targets=targets, start_from=first)
    free, mixed = (keras.saving.load_model(tmp_path / f"kept-{kept}" / "final.keras") for kept in (0, 0.25))
    began, went, stands = (np.concatenate([np.ravel(w) for w in m.trainable_weights]) for m in (small, free, mixed))
    assert np.abs(went - began).max() > 0.005
    assert np.allclose(stands, 0.25 * began + 0.75 * went, atol=1e-6)
