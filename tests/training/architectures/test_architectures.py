"""The registry: published networks with published sizes, options that are checked, a recipe of the study's families."""

import os

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from xscan.engine.errors import UsageError
from xscan.training.architectures.fused import FusedBatchNormalization, fused_layers
from xscan.training.architectures.registry import ARCHITECTURES, architecture
from xscan.training.sweep.recipe import read_recipe, rungs

# Counted by hand from the papers, for one input channel and three classes.
LENET5 = 6 * 26 + 16 * 151 + (61 * 61 * 16 + 1) * 120 + 121 * 84 + 85 * 3
ALEXNET = (
    96 * (11 * 11 + 1) + 256 * (25 * 96 + 1) + 384 * (9 * 256 + 1) + 384 * (9 * 384 + 1) + 256 * (9 * 384 + 1)
    + (6 * 6 * 256 + 1) * 4096 + 4097 * 4096 + 4097 * 3
)  # fmt: skip
# Stem, a first block without expansion, the other blocks, the last convolution and class maps; batch normalisation has
# four numbers a channel.
LITE_C4 = (
    32 * (9 + 4) + 32 * (9 + 4) + 16 * (32 + 4)
    + sum(
        6 * i * (i + 4) + 6 * i * (k * k + 4) + o * (6 * i + 4)
        for i, o, k in [
            (16, 24, 3), (24, 24, 3), (24, 40, 5), (40, 40, 5), (40, 80, 3), (80, 80, 3), (80, 80, 3),
            (80, 112, 5), (112, 112, 5), (112, 112, 5),
        ]
    )
    + 672 * (112 + 4) + 3 * (672 + 1)
)  # fmt: skip
VGG16_CONVOLUTIONS = 14_714_688 - 2 * 9 * 64  # the paper's, less two input channels


@pytest.mark.parametrize(
    ("name", "size", "parameters"),
    [
        ("seed", 256, 1_583_011),
        ("lenet5", 256, LENET5),
        ("alexnet", 256, ALEXNET),
        ("vgg16", 256, VGG16_CONVOLUTIONS + (8 * 8 * 512 + 1) * 4096 + 4097 * 4096 + 4097 * 3),
        ("compact", 160, 1_583_059),
        ("lite_c4", 128, LITE_C4),
        ("squeezenet", 160, 722_883),
        ("mobilenet", 160, 830_787),
    ],
)
def test_networks_have_the_parameters_of_their_papers(name: str, size: int, parameters: int) -> None:
    import keras

    with keras.StatelessScope(initialize_variables=False):  # no weights: those of VGG-16 take 660 MB
        assert architecture(name).build(size, size).count_params() == parameters
    keras.utils.clear_session()


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_network_takes_bytes_and_gives_logits(name: str) -> None:
    small = {"vgg16": {"heads": [8]}, "alexnet": {"heads": [8]}, "seed": {"heads": []}}.get(name, {})
    model = architecture(name).build(96, 96, small)
    answer = model.predict(np.random.default_rng(0).integers(0, 256, (2, 96, 96, 1), np.uint8), verbose=0)
    logits = answer["logits"] if isinstance(answer, dict) else answer
    assert logits.shape == (2, 3)
    assert np.isfinite(logits).all()


def test_responses_are_normalised_as_krizhevsky_2012_writes() -> None:
    from xscan.training.architectures.classics import _responses_normalised

    x = np.random.default_rng(0).normal(0, 30, (2, 3, 3, 8)).astype(np.float32)
    wanted = np.empty_like(x)
    for i in range(8):
        near = x[..., max(0, i - 2) : i + 3]
        wanted[..., i] = x[..., i] / (2 + 1e-4 * (near**2).sum(axis=-1)) ** 0.75
    assert np.allclose(_responses_normalised(x), wanted, rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "size", "options", "says"),
    [
        ("seed", 96, {"depth": 3}, "'seed' has no option 'depth': it takes filters, heads, dropout"),
        ("seed", 96, {"filters": 16}, "must be a list, as in filters = \\[16, 32"),
        ("seed", 32, {}, "cannot be built for 32 x 32 inputs: choose a larger --size"),
        ("vgg16", 96, {"filters": [8]}, "cannot be built"),
        ("compact", 96, {"filters": [4, 8]}, "cannot be built for 96 x 96 inputs with filters = \\[4, 8\\]"),
        ("resnet9000", 96, {}, "no architecture"),
    ],
)
def test_options_are_checked(name: str, size: int, options: dict, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        architecture(name).build(size, size, options)


def test_older_runs_still_load() -> None:
    """A run in training names the layer that it was saved with."""
    import keras

    assert keras.saving.get_registered_name(FusedBatchNormalization) == "xscan>FusedBatchNormalization"
    model = fused_layers(architecture("compact").build(32, 32, {"filters": [16, 16]}))
    layer = next(layer for layer in model.layers if isinstance(layer, FusedBatchNormalization))
    config = keras.saving.serialize_keras_object(layer)
    assert config["registered_name"] == "xscan>FusedBatchNormalization"


def test_the_studys_recipe_has_its_families() -> None:
    recipe = read_recipe("study")
    assert len(recipe.networks) >= 40
    assert recipe.rungs == (2, 6, 18)
    model_4 = recipe.networks[recipe.reference]
    assert (model_4.architecture, model_4.options) == ("seed", {})
    assert len({f"{s.architecture} {s.options} {s.learning_rate}" for s in recipe.networks.values()}) == len(
        recipe.networks
    )
    assert {s.architecture for s in recipe.networks.values()} == set(ARCHITECTURES) - {"lite_c4"}  # a later one


@pytest.mark.parametrize(
    ("epochs", "wanted"), [(1, (1,)), (3, (3,)), (6, (2, 6)), (9, (3, 9)), (18, (2, 6, 18)), (27, (3, 9, 27))]
)
def test_epochs_are_divided_until_too_few_are_left(epochs: int, wanted: tuple[int, ...]) -> None:
    assert rungs(epochs, 3) == wanted
