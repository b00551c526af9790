"""Maps, and the test that finds out maps that lie."""

import json
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from xscan.engine import CLASSES
from xscan.engine.dataset.films import DataSet
from xscan.engine.dataset.folder import load_folder
from xscan.engine.errors import UsageError
from xscan.engine.network.manifest import KEY, Manifest, OperatingPoint
from xscan.engine.network.spec import InputSpec
from xscan.training.evaluation.network import open_network
from xscan.training.explanation.explain import explain
from xscan.training.fit.hidden import hide

from ...conftest import Xscan
from ..films import labelled

SIDE, GRID = 32, 8


def write_network(path: Path, maps: str) -> Path:
    """A network that sees the left half bright as pneumonia, and as viral where the upper half is bright.

    maps: `true`, its evidence as it is; `lying`, the opposite; or none.
    """
    nodes, constants = [], []

    def constant(value: np.ndarray, name: str) -> str:
        constants.append(numpy_helper.from_array(value, name))
        return name

    def node(kind: str, *inputs: str, output: str, **attributes: object) -> None:
        nodes.append(helper.make_node(kind, list(inputs), [output], output, **attributes))

    left, upper = np.ones((GRID, GRID), np.float32), np.ones((GRID, GRID), np.float32)
    left[:, GRID // 2 :], upper[GRID // 2 :] = -1, -1
    weight = np.stack([-left, left - 0.8 * upper, left + 0.8 * upper])[None] / 10
    node("Cast", "pixels", output="float", to=TensorProto.FLOAT)
    node("Reshape", "float", constant(np.array([-1, 1, SIDE, SIDE]), "shape"), output="film")
    node("AveragePool", "film", output="cells", kernel_shape=[SIDE // GRID] * 2, strides=[SIDE // GRID] * 2)
    node("Mul", "cells", constant(weight, "weight"), output="evidence")
    node("ReduceMean", "evidence", constant(np.array([2, 3]), "places"), output="logits", keepdims=0)
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 3])]
    if maps:
        node("Neg" if maps == "lying" else "Identity", "evidence", output="shown")
        node("Transpose", "shown", output="maps", perm=[0, 2, 3, 1])
        outputs.append(helper.make_tensor_value_info("maps", TensorProto.FLOAT, ["batch", GRID, GRID, 3]))
    pixels = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["batch", SIDE, SIDE, 1])
    graph = helper.make_graph(nodes, "halves", [pixels], outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    point = OperatingPoint(0.5, 0.9, 0.9)
    manifest = Manifest("halves", "1", InputSpec(SIDE, SIDE), 1.0, rule_out=point, rule_in=point)
    model.metadata_props.add(key=KEY, value=manifest.to_json())
    onnx.save(model, path)
    return path


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """16 films a class as that network sees them, in folds 0 to 3: bright in the half that decides."""

    def draw(rng: np.random.Generator, label: int) -> np.ndarray:
        film = rng.integers(60, 120, (SIDE, SIDE)).astype(np.uint8)
        half = slice(0, SIDE // 2) if label else slice(SIDE // 2, None)
        film[:, half] += 60
        if label:
            film[slice(0, SIDE // 2) if label == 2 else slice(SIDE // 2, None)] += 60
        return film

    return labelled(tmp_path_factory.mktemp("data") / "films", 16, draw, lambda name, i: f"{name}{i},{i % 4}")


@pytest.fixture(scope="module")
def data(films: Path) -> DataSet:
    return load_folder(films)


@pytest.mark.parametrize("method", ["maps", "occlusion"])
def test_true_maps_show_where_the_evidence_is_and_pass(data: DataSet, tmp_path: Path, method: str) -> None:
    found = explain(open_network(str(write_network(tmp_path / "n.onnx", "true"))), data, method, GRID)
    assert found.passed, found.as_text()
    assert found.films == dict.fromkeys(CLASSES, 16)
    assert [d.films for d in found.deletions] == [16, 32, 16, 16]
    sick, well = found.pneumonia["bacteria"], found.pneumonia["normal"]
    assert sick[:, : GRID // 2].mean() > sick[:, GRID // 2 :].mean()
    assert well[:, GRID // 2 :].min() < 0
    for deletion in found.deletions:
        curves = deletion.curves
        assert curves["top"][0] == curves["random"][0] == curves["least"][0]
        assert curves["top"][-1] == curves["random"][-1]
        least, chance = deletion.against_least.value, deletion.against_random.value
        assert least is not None
        assert chance is not None
        assert least > chance > 0
    assert found.sentence().startswith("The maps pass")


def test_lying_maps_fail(data: DataSet, tmp_path: Path) -> None:
    found = explain(open_network(str(write_network(tmp_path / "n.onnx", "lying"))), data)
    assert not found.passed
    assert [d.passed for d in found.deletions] == [False] * 4
    assert "FAIL" in found.sentence()
    assert found.as_text().count("FAILED") == 4


def test_a_network_without_maps_is_explained_by_occlusion(data: DataSet, tmp_path: Path) -> None:
    network = open_network(str(write_network(tmp_path / "n.onnx", "")))
    assert explain(network, data, grid=4).method == "occlusion"
    with pytest.raises(UsageError, match="no class maps"):
        explain(network, data, "maps")


def test_hiding_takes_the_films_own_mean() -> None:
    films = np.arange(2 * 10 * 10, dtype=np.uint8).reshape(2, 10, 10)
    cells = np.zeros((2, 4, 4), bool)
    cells[1, 3, 3] = True
    hidden = hide(films, cells)
    assert (hidden[0] == films[0]).all()
    assert (hidden[1, 8:, 8:] == round(films[1].mean())).all()
    assert (hidden[1, :7] == films[1, :7]).all()


def test_the_command_writes_figures_and_a_page(films: Path, tmp_path: Path, xscan: Xscan) -> None:
    network = write_network(tmp_path / "n.onnx", "true")
    out, page = tmp_path / "out", tmp_path / "page.html"
    done = xscan("explain", network, films, "--fold", "0-1", "--films", "12", "--out", out, "--html", page, "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert sum(result["films"].values()) == 12
    assert json.loads((out / "explain.json").read_text()) == result
    for name in ("maps.png", "deletion.png"):
        picture = cv2.imread(str(out / name))
        assert picture is not None
        assert picture.std() > 10
    assert page.read_text().count("<svg") == 2
    assert "<img" not in page.read_text()  # no film
    for arguments in (("--method", "guess"), ("--html", tmp_path / "no" / "p.html"), ("--fold", "8")):
        done = xscan("explain", network, films, *arguments)
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
