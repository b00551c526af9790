import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from xscan.calibration.graphs.layout import channels_first
from xscan.calibration.graphs.run import logits, session
from xscan.engine.network.manifest import KEY
from xscan.engine.network.models import DEFAULT
from xscan.engine.runtime.open import find_engine

from .. import networks


@pytest.mark.parametrize("make", [networks.residual, networks.plain])
def test_the_film_is_turned_first_and_nothing_changes(make):
    model = make()
    better = channels_first(model)
    assert [node.op_type for node in better.graph.node][:3] == ["Cast", "Reshape", "Mul"]
    assert [n.op_type for n in better.graph.node].count("Reshape") == [n.op_type for n in model.graph.node].count(
        "Reshape"
    )
    assert [entry.key for entry in better.metadata_props] == [KEY]
    pictures = networks.pictures(8)
    assert np.allclose(logits(model, pictures), logits(better, pictures), atol=1e-6)
    assert channels_first(better) is better  # done once


def test_the_shipped_network_answers_the_same():
    model = onnx.load(find_engine(DEFAULT))
    sizes = [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim]
    pictures = np.random.default_rng(0).integers(0, 256, (4, *sizes[1:]), np.uint8)
    for output in (o.name for o in model.graph.output):
        ours, theirs = (
            np.asarray(session(m).run([output], {"pixels": pictures})[0]) for m in (channels_first(model), model)
        )
        assert np.allclose(ours, theirs, atol=1e-6)


def test_a_standardised_network_is_turned_and_one_by_columns_is_not():
    for axes, turned in (([1, 2, 3], True), ([1], False)):
        model = networks.plain()
        scaled = next(n for n in model.graph.node if n.op_type == "Reshape")
        mean = helper.make_node("ReduceMean", [scaled.input[0], "axes"], ["mean"], "mean")
        centre = helper.make_node("Sub", [scaled.input[0], "mean"], ["centred"], "centred")
        model.graph.initializer.append(numpy_helper.from_array(np.array(axes), "axes"))
        at = list(model.graph.node).index(scaled)
        scaled.input[0] = "centred"
        model.graph.node.insert(at, centre)
        model.graph.node.insert(at, mean)
        better = channels_first(model)
        assert (better is not model) is turned
        pictures = networks.pictures(4)
        assert np.allclose(logits(model, pictures), logits(better, pictures), atol=1e-5)


def test_a_mean_in_two_steps_is_turned_too():
    for second, turned in (([1, 3], True), ([1], False)):
        model = networks.plain()
        scaled = next(n for n in model.graph.node if n.op_type == "Reshape")
        nodes = [
            helper.make_node("ReduceMean", [scaled.input[0], "first"], ["columns"], "columns"),
            helper.make_node("ReduceMean", ["columns", "second"], ["mean"], "mean"),
            helper.make_node("Sub", [scaled.input[0], "mean"], ["centred"], "centred"),
        ]
        model.graph.initializer.append(numpy_helper.from_array(np.array([2]), "first"))
        model.graph.initializer.append(numpy_helper.from_array(np.array(second), "second"))
        at = list(model.graph.node).index(scaled)
        scaled.input[0] = "centred"
        for node in reversed(nodes):
            model.graph.node.insert(at, node)
        better = channels_first(model)
        assert (better is not model) is turned
        pictures = networks.pictures(4)
        assert np.allclose(logits(model, pictures), logits(better, pictures), atol=1e-5)
