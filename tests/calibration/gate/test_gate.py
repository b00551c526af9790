"""The gate's fit and its nodes, on a small network and phantoms."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from xscan.calibration.gate.bad_films import KINDS, varied
from xscan.calibration.gate.features import LEVELS, add_features, add_output, remove
from xscan.calibration.gate.figure import curve
from xscan.calibration.gate.figure import draw as draw_figure
from xscan.calibration.gate.fit import BUDGET, Films, choose_thresholds, fit, share_out
from xscan.calibration.gate.nodes import attach
from xscan.engine.errors import EngineError
from xscan.engine.network.spec import InputSpec
from xscan.engine.phantom.draw import draw
from xscan.engine.preprocess.to_input import to_input

from .. import networks

SPEC = InputSpec(32, 32)


def network() -> onnx.ModelProto:
    """uint8 [batch, 32, 32, 1] -> logits: two stages of random convolutions and a mean."""
    rng = np.random.default_rng(0)
    weights = {
        "w1": rng.normal(0, 0.3, (6, 1, 3, 3)),
        "w2": rng.normal(0, 0.2, (12, 6, 3, 3)),
        "w3": rng.normal(0, 0.2, (3, 12, 1, 1)),
        "scale": np.array(64.0),
    }
    nodes = [
        helper.make_node("Cast", ["pixels"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["float", "scale"], ["scaled"]),
        helper.make_node("Reshape", ["scaled", "shape"], ["nchw"]),
        helper.make_node("Conv", ["nchw", "w1"], ["c1"], strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c1"], ["r1"]),
        helper.make_node("Conv", ["r1", "w2"], ["c2"], strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c2"], ["r2"]),
        helper.make_node("Conv", ["r2", "w3"], ["maps"]),
        helper.make_node("ReduceMean", ["maps", "axes"], ["logits"], keepdims=0),
    ]
    constants = [numpy_helper.from_array(v.astype(np.float32), k) for k, v in weights.items()]
    constants += [numpy_helper.from_array(np.array([-1, 1, 32, 32]), "shape")]
    constants += [numpy_helper.from_array(np.array([2, 3]), "axes")]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["batch", 32, 32, 1])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 3])],
        constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def test_of_an_inverted_residual_the_narrow_tensor_is_looked_at() -> None:
    model = networks.inverted()
    add_features(model)
    seen = [node.input[0] for node in model.graph.node if node.op_type == "GlobalAveragePool"]
    assert seen == ["short", "end"]


def run(model: onnx.ModelProto, pictures: np.ndarray, output: str) -> np.ndarray:
    import onnxruntime

    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run([output], {"pixels": pictures})[0])


def inputs(films: list[np.ndarray]) -> np.ndarray:
    return np.stack([to_input(film, SPEC) for film in films])[..., None]


@pytest.fixture(scope="module")
def films() -> tuple[Films, np.ndarray]:
    """Features of good and bad phantoms, and the network inputs of the good ones."""
    model = network()
    name = add_features(model)
    add_output(model, name, 6 + 12 + 64)
    rng = np.random.default_rng(0)
    phantoms = [(draw("normal", i, 64, 80) >> 4).astype(np.uint8) for i in range(8)]
    good = [varied(phantoms[i % 8], rng) for i in range(240)]
    bad = {kind: [KINDS[kind](film, rng) for film in good[:120]] for kind in ("inverted", "upside-down")}
    adults = [np.clip(film * 0.4 + 120, 0, 255).astype(np.uint8) for film in good[:60]]
    folds = np.arange(240) % 9
    found = Films(
        good=run(model, inputs(good), name),
        labels=np.arange(240) % 3,
        folds=folds,
        varied=run(model, inputs([varied(film, rng) for film in good[:120]]), name),
        varied_folds=folds[:120],
        bad={kind: run(model, inputs(made), name) for kind, made in bad.items()},
        bad_folds=folds[:120],
        adults=run(model, inputs(adults), name),
        adult_folds=folds[:60],
    )
    return found, inputs(good)


def test_bad_films_are_told_apart(films: tuple[Films, np.ndarray]) -> None:
    found, _ = films
    head = fit(found)
    thresholds, wary = choose_thresholds(found)
    assert list(thresholds) == ["distance", "adult", "inverted", "upside-down"]
    assert wary <= thresholds["adult"]
    assert (head.scores(found.good[found.labels == 0])[:, 1] > wary).mean() < 0.06
    limits = np.array(list(thresholds.values()))
    assert (head.scores(found.good) > limits).any(axis=1).mean() < 0.05
    for kind, features in found.bad.items():
        assert (head.scores(features) > limits).any(axis=1).mean() > 0.95, kind


def test_the_graph_gives_the_scores_of_the_fit_and_the_same_logits(films: tuple[Films, np.ndarray]) -> None:
    found, pictures = films
    head = fit(found)
    plain, gated = network(), network()
    attach(gated, head)
    onnx.checker.check_model(gated, full_check=True)
    scores = run(gated, pictures[:20], "gate")
    assert scores.shape == (20, 4)
    np.testing.assert_allclose(scores, head.scores(found.good[:20]), atol=1e-3)
    np.testing.assert_array_equal(run(gated, pictures, "logits"), run(plain, pictures, "logits"))
    far = run(gated, np.full((1, 32, 32, 1), 255, np.uint8), "gate")
    assert np.isfinite(far).all()


def test_a_gate_can_be_taken_out_again(films: tuple[Films, np.ndarray]) -> None:
    found, _ = films
    gated = network()
    attach(gated, fit(found))
    remove(gated)
    assert gated == network()


def test_grey_levels_are_shares_of_the_film_as_it_came_in() -> None:
    model = network()
    name = add_features(model)
    add_output(model, name, 0)
    model.graph.output[-1].type.tensor_type.shape.dim[1].dim_param = "features"
    films = np.zeros((2, 32, 32, 1), np.uint8)
    films[1, :8], films[1, 8:] = 128, 216
    shares = run(model, films, name)[:, -len(LEVELS) :]
    np.testing.assert_allclose(shares[0], 1)
    np.testing.assert_allclose(shares[1], [0.25 * (level > 128) + 0.75 * (level > 216) for level in LEVELS])


def test_the_budget_goes_where_it_buys_most() -> None:
    rng = np.random.default_rng(0)
    good = rng.normal(0, 1, (4000, 4))
    bad = {kind: rng.normal(0, 1, (300, 4)) for kind in ("adult", "easy", "hard")}
    bad["adult"][:, 1] += 5
    bad["easy"][:, 2] += 20
    bad["hard"][:, 3] += 4
    thresholds = share_out(good, bad, ("distance", "adult", "easy", "hard"))
    over = good > thresholds
    assert BUDGET - 0.005 < over.any(1).mean() <= BUDGET
    assert over[:, 1].mean() == pytest.approx(0.008, abs=1e-3)
    assert not over[:, 2].any()
    assert good[:, 2].max() + 3 < thresholds[2] < bad["easy"][:, 2].min()  # in the empty space
    assert over[:, 3].mean() > 0.005
    assert (bad["hard"] > thresholds).any(1).mean() > 0.9


def test_the_figure_is_of_curves(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    good = rng.normal(-3, 1, 500)
    draw_figure(
        tmp_path / "gate.svg", "small@1", good, {"inverted": rng.normal(9, 1, 90), "adults": rng.normal(0, 1, 9)}
    )
    text = (tmp_path / "gate.svg").read_text(encoding="utf-8")
    assert "<image" not in text
    assert str(tmp_path) not in text
    allowed, found = curve(good, good)
    np.testing.assert_allclose(allowed, found)
    assert (allowed[0], allowed[-1]) == (0, 1)


def test_a_network_without_stages_is_refused(tmp_path: Path) -> None:
    model = network()
    del model.graph.node[5:8]
    with pytest.raises(EngineError, match="no stages"):
        add_features(model)
