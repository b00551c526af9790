"""Normalisation behind a convolution becomes part of it, and answers stay."""

import numpy as np
import onnx
import pytest

from xscan.calibration.graphs.fold import folded
from xscan.calibration.graphs.run import logits
from xscan.engine.network.manifest import KEY

from .. import networks


def kinds(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]


def test_what_follows_a_depthwise_convolution_becomes_its_weights_and_bias() -> None:
    model = networks.inverted()
    better = folded(model)
    assert kinds(better).count("Mul") == kinds(model).count("Mul") - 1
    assert kinds(better).count("Add") == kinds(model).count("Add") - 1  # the shortcut's stays
    assert all(len(node.input) == 3 for node in better.graph.node if node.op_type == "Conv")
    assert [entry.key for entry in better.metadata_props] == [KEY]
    pictures = networks.pictures(8)
    assert np.allclose(logits(model, pictures), logits(better, pictures), atol=1e-5)
    assert folded(better) is better  # done once


@pytest.mark.parametrize("make", [networks.residual, networks.plain])
def test_other_networks_stay_as_they_are(make) -> None:
    model = make()
    assert folded(model) is model


def test_a_convolution_that_others_read_too_is_left_alone() -> None:
    model = networks.inverted()
    other = onnx.helper.make_node("Identity", ["depth"], ["copy"], "copy")
    at = next(i for i, node in enumerate(model.graph.node) if node.output[0] == "depth")
    model.graph.node.insert(at + 1, other)
    assert folded(model) is model
    model = networks.inverted()
    shape = ["batch", 16, 16, 16]
    model.graph.output.append(onnx.helper.make_tensor_value_info("depth", onnx.TensorProto.FLOAT, shape))
    assert folded(model) is model


def test_two_convolutions_may_share_their_weights() -> None:
    model = networks.inverted()
    second = next(n for n in model.graph.node if n.output[0] == "deeper")
    first = next(n for n in model.graph.node if n.output[0] == "depth")
    second.input[1] = first.input[1]
    pictures = networks.pictures(8)
    assert np.allclose(logits(model, pictures), logits(folded(model), pictures), atol=1e-5)
