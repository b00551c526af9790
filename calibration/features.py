"""What a network sees, as one short vector a film: averages over its stages' maps and a coarse picture.

The vector is made by nodes added to the network's own graph: it costs a few averages. Works for any network of
ours whose stages shrink the picture: it looks for the last activation of each size.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from xscan.engine.errors import EngineError

PREFIX = "gate/"  #: of every node and tensor added: converters keep these in float32
GRID = 8  #: side of the coarse picture
_ACTIVATIONS = ("Relu", "MaxPool")


def add_features(model: onnx.ModelProto) -> str:
    """Add the nodes in place; returns the tensor's name: float32 [films, features]. Raises EngineError."""
    sizes = _shapes(model)
    stages: dict[tuple[int, int], str] = {}
    for node in model.graph.node:
        shape = sizes.get(node.output[0], ())
        if node.op_type in _ACTIVATIONS and len(shape) == 4:
            stages[(shape[2], shape[3])] = node.output[0]  # the last of its size stays
    first = next((n for n in model.graph.node if n.op_type == "Conv"), None)
    if first is None or len(stages) < 2:
        raise EngineError("the network has no stages that a gate could look at")
    add = model.graph.node.append
    parts = []
    for i, tensor in enumerate(stages.values()):
        name = f"{PREFIX}stage{i}"
        add(helper.make_node("GlobalAveragePool", [tensor], [name + "/pool"], name=name + "/pool"))
        add(helper.make_node("Flatten", [name + "/pool"], [name], name=name, axis=1))
        parts.append(name)
    _, channels, height, width = sizes[first.input[0]]
    if channels == 1 and height >= GRID and width >= GRID:
        kernel = [height // GRID, width // GRID]
        coarse = PREFIX + "coarse"
        add(
            helper.make_node(
                "AveragePool",
                [first.input[0]],
                [coarse + "/pool"],
                name=coarse + "/pool",
                kernel_shape=kernel,
                strides=kernel,
            )
        )
        add(helper.make_node("Flatten", [coarse + "/pool"], [coarse], name=coarse, axis=1))
        parts.append(coarse)
    features = PREFIX + "features"
    add(helper.make_node("Concat", parts, [features], name=features, axis=1))
    return features


def constant(model: onnx.ModelProto, name: str, value: np.ndarray) -> str:
    """Put an array into the graph; returns its tensor's name."""
    model.graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(value), PREFIX + name))
    return PREFIX + name


def add_output(model: onnx.ModelProto, name: str, width: int) -> None:
    model.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", width]))


def _shapes(model: onnx.ModelProto) -> dict[str, tuple[int, ...]]:
    graph = onnx.shape_inference.infer_shapes(model).graph
    return {
        value.name: tuple(d.dim_value for d in value.type.tensor_type.shape.dim)
        for value in (*graph.input, *graph.value_info, *graph.output)
    }
