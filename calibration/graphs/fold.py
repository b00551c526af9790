"""Batch normalisation that the exporter left behind a convolution, folded into its weights and bias.

tf2onnx folds it into whole convolutions and leaves it as a product and a sum behind depthwise ones: two more passes
over the largest tensors, and no bias that an INT8 convolution could take along.
"""

import numpy as np
import onnx
from onnx import numpy_helper

from .graph import Graph, copy


def folded(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy in which constants a channel that are multiplied with, or added to, a convolution's output are its own."""
    model = copy(model)
    graph = Graph(model)
    gone: set[str] = set()
    made: dict[str, np.ndarray] = {}
    for layer in graph.layers:
        if layer.op_type != "Conv":
            continue
        weight = graph.constants[layer.input[1]]
        bias = graph.constants[layer.input[2]] if len(layer.input) > 2 else np.zeros(len(weight), weight.dtype)
        begun = layer.output[0]
        while (found := _next(graph, layer.output[0], len(weight))) is not None:
            node, constant = found
            if node.op_type == "Mul":
                weight, bias = weight * constant[:, None, None, None], bias * constant
            else:
                bias = bias + constant
            gone.add(node.name)
            layer.output[0] = node.output[0]
        if layer.output[0] != begun:
            names = [f"{layer.name}/folded_{part}" for part in ("weight", "bias")]
            made |= dict(zip(names, (weight, bias), strict=True))
            layer.input[:] = [layer.input[0], *names]
    nodes = [node for node in model.graph.node if node.name not in gone]
    read = {name for node in nodes for name in node.input}
    constants = [i for i in model.graph.initializer if i.name in read]
    constants += [numpy_helper.from_array(value.astype(np.float32), name) for name, value in made.items()]
    del model.graph.node[:], model.graph.initializer[:], model.graph.value_info[:]
    model.graph.node.extend(nodes)
    model.graph.initializer.extend(constants)
    onnx.checker.check_model(model)
    return model


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
