"""What a network sees, as one short vector a film: averages over its stages' maps, a coarse picture, its grey levels.

The vector is made by nodes added to the network's own graph: it costs a few averages. Works for any network of
ours whose stages shrink the picture: it looks for the last activation of each size, and of inverted residuals (Sandler
et al. 2018) for the bottleneck that it was expanded from: a fifth of the numbers, for which fewer films are enough.
"""

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from xscan.engine.errors import EngineError

from ..graphs.graph import RECTIFIERS, Graph

PREFIX = "gate/"  #: of every node and tensor added: converters keep these in float32
GATE = "gate"  #: the output
GRID = 8  #: side of the coarse picture
LEVELS = (8, 24, 48, 80, 112, 144, 176, 208, 232, 248)  #: grey levels; features are the shares of pixels below
RAMP = 16  #: grey levels from 'above' to 'below'
_ACTIVATIONS = (*RECTIFIERS, "MaxPool")


def add_features(model: onnx.ModelProto) -> str:
    """Add the nodes in place; returns the tensor's name: float32 [films, features]. Raises EngineError."""
    sizes = _shapes(model)
    graph = Graph(model)
    stages: dict[tuple[int, int], str] = {}
    for node in model.graph.node:
        shape = sizes.get(node.output[0], ())
        if node.op_type in _ACTIVATIONS and len(shape) == 4:
            stages[(shape[2], shape[3])] = _bottleneck(graph, node.output[0], sizes)  # the last of its size stays
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
    if grey := _grey_levels(model, height, width):
        parts.append(grey)
    features = PREFIX + "features"
    add(helper.make_node("Concat", parts, [features], name=features, axis=1))
    return features


def _bottleneck(graph: Graph, activation: str, sizes: dict[str, tuple[int, ...]]) -> str:
    """The bottleneck behind an activation, where a 1 x 1 convolution expanded it to more channels."""
    layer = graph.made_by.get(graph.made_by[activation].input[0])
    if layer is None or layer.op_type != "Conv" or layer.input[1] not in graph.constants:
        return activation
    (_, before, *place), (_, after, *_) = sizes.get(layer.input[0]) or (0, 0), sizes[activation]
    point = graph.constants[layer.input[1]].shape[2:] == (1, 1)
    return layer.input[0] if point and before < after and place == list(sizes[activation][2:]) else activation


def remove(model: onnx.ModelProto) -> None:
    """Take a gate out again, in place: its nodes, what they hold, its output."""
    graph = model.graph
    nodes = [n for n in graph.node if not n.name.startswith(PREFIX) and GATE not in n.output]
    del graph.node[:]
    graph.node.extend(nodes)
    outputs = [o for o in graph.output if o.name != GATE]
    del graph.output[:]
    graph.output.extend(outputs)
    held = [i for i in graph.initializer if not i.name.startswith(PREFIX)]
    del graph.initializer[:]
    graph.initializer.extend(held)
    infos = [v for v in graph.value_info if not v.name.startswith(PREFIX) and v.name != GATE]
    del graph.value_info[:]
    graph.value_info.extend(infos)


def _grey_levels(model: onnx.ModelProto, height: int, width: int) -> str:
    """Shares of the film below LEVELS, as it came in: networks standardise films, and do not see how dark one is.

    float32 [films, levels]; '' where the input is not cast before it is scaled.
    """
    pixels = model.graph.input[0].name
    cast = next((n for n in model.graph.node if n.op_type == "Cast" and n.input[0] == pixels), None)
    if cast is None or height < 2 or width < 2:
        return ""
    p = PREFIX + "grey"
    levels = np.array(LEVELS, np.float32)[None, :, None]
    whole = constant(model, "grey/shape", np.array([-1, 1, height, width], np.int64))
    row = constant(model, "grey/row", np.array([-1, 1, (height // 2) * (width // 2)], np.int64))
    steps: list[tuple[str, list[str], str, dict[str, Any]]] = [
        ("Reshape", [cast.output[0], whole], "film", {}),
        ("AveragePool", [p + "/film"], "half", {"kernel_shape": [2, 2], "strides": [2, 2]}),
        ("Reshape", [p + "/half", row], "pixels", {}),
        ("Sub", [constant(model, "grey/levels", levels + RAMP / 2), p + "/pixels"], "under", {}),
        ("Mul", [p + "/under", constant(model, "grey/ramp", np.array([1 / RAMP], np.float32))], "scaled", {}),
        ("Clip", [p + "/scaled", *(constant(model, f"grey/{n}", np.array(n, np.float32)) for n in (0, 1))], "is", {}),
        ("ReduceMean", [p + "/is", constant(model, "grey/axis", np.array([2], np.int64))], "share", {"keepdims": 0}),
    ]
    for kind, inputs, name, attributes in steps:
        model.graph.node.append(helper.make_node(kind, inputs, [f"{p}/{name}"], name=f"{p}/{name}", **attributes))
    return p + "/share"


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
