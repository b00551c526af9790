"""Batch normalisation that the exporter left behind a convolution, folded into its weights and bias.

tf2onnx folds it into whole convolutions and leaves it as a product and a sum behind depthwise ones: two more passes
over the largest tensors, and no bias that an INT8 convolution could take along.
"""

import numpy as np
import onnx
from onnx import numpy_helper

from .graph import Graph, copy
from .layout import channels_first


def prepared(model: onnx.ModelProto) -> onnx.ModelProto:
    """The network that every other graph is made of: films turned before they are scaled (layout.py), and folded."""
    return folded(channels_first(model))


def folded(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy in which constants a channel that are multiplied with, or added to, a convolution's output are its own.

    The same as `model` where there are none. Scalars, and what others read too, stay.
    """
    better = copy(model)
    graph = Graph(better)
    gone: set[int] = set()
    made: dict[str, np.ndarray] = {}
    for layer in graph.layers:
        weight, bias = _weights(graph, layer)
        if weight is None or bias is None:
            continue
        begun = layer.output[0]
        while (found := _next(graph, layer.output[0], len(weight))) is not None:
            node, constant = found
            if node.op_type == "Mul":
                weight, bias = weight * constant[:, None, None, None], bias * constant
            else:
                bias = bias + constant
            gone.add(id(node))
            layer.output[0] = node.output[0]
        if layer.output[0] != begun:
            names = [f"{layer.output[0]}_folded_{part}" for part in ("weight", "bias")]
            made |= dict(zip(names, (weight, bias), strict=True))
            layer.input[:] = [layer.input[0], *names]
    if not gone:
        return model
    nodes = [node for node in graph.nodes if id(node) not in gone]
    read = {name for node in nodes for name in node.input}
    constants = [i for i in better.graph.initializer if i.name in read]
    constants += [numpy_helper.from_array(value, name) for name, value in made.items()]
    del better.graph.node[:], better.graph.initializer[:], better.graph.value_info[:]
    better.graph.node.extend(nodes)
    better.graph.initializer.extend(constants)
    onnx.checker.check_model(better)
    return better


def _weights(graph: Graph, layer: onnx.NodeProto) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Of a convolution, its weight and bias [channels], where both are in the graph as they stand."""
    weight = graph.constants.get(layer.input[1]) if layer.op_type == "Conv" else None
    if weight is None or len(layer.input) < 3 or not layer.input[2]:
        return weight, None if weight is None else np.zeros(len(weight), weight.dtype)
    return weight, graph.constants.get(layer.input[2])


def _next(graph: Graph, name: str, channels: int) -> tuple[onnx.NodeProto, np.ndarray] | None:
    """The only reader of `name` and its constant [channels], if it is a product or a sum with one for each channel."""
    readers = graph.read_by[name]
    if len(readers) != 1 or readers[0].op_type not in ("Mul", "Add") or name in graph.outputs:
        return None
    others = [graph.constants.get(other) for other in readers[0].input if other != name]
    if len(others) != 1 or others[0] is None:
        return None
    value = others[0]
    whole = np.ndim(value) in (3, 4) and value.shape[-3:] == (channels, 1, 1) and value.size == channels
    return (readers[0], value.reshape(channels)) if whole else None
