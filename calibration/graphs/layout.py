"""Films as [batch, 1, height, width] from the first node on, where the exporter turns them only before the first layer.

ONNX Runtime steps through a broadcast over [batch, height, width, 1] one pixel at a time: scaling a film then takes
as long as a convolution. The same numbers in the other layout take a hundredth of it, and turning a single channel
around is a free Reshape.
"""

import numpy as np
import onnx
from onnx import helper

from .graph import Graph, copy

_POINTWISE = ("Cast", "Mul", "Add", "Sub", "Div", "Sqrt", "Pow", "Neg", "Identity")


def channels_first(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy in which the film is turned before it is scaled; the same as `model` where that is not safe."""
    graph = Graph(model)
    readers = graph.read_by[model.graph.input[0].name]
    if len(readers) != 1 or readers[0].op_type != "Cast":
        return model
    pixels = readers[0].output[0]  # as float: TensorRT takes uint8 into a Cast and nowhere else
    turn = _turn(graph, pixels)
    if turn is None:
        return model
    better = copy(model)
    nodes = [node for node in better.graph.node if node.output[0] != turn.output[0]]
    turned = f"{pixels}_turned"
    for node in nodes:
        for place, name in enumerate(node.input):
            if name == pixels:
                node.input[place] = turned
            elif name == turn.output[0]:
                node.input[place] = turn.input[0]
    at = next(i for i, node in enumerate(nodes) if node.output[0] == pixels) + 1
    nodes.insert(at, helper.make_node("Reshape", [pixels, turn.input[1]], [turned], turned))
    del better.graph.node[:]
    better.graph.node.extend(nodes)
    del better.graph.value_info[:]
    onnx.checker.check_model(better)
    return better


def _turn(graph: Graph, pixels: str) -> onnx.NodeProto | None:
    """The Reshape to [-1, 1, height, width], if all before it gives the same in either layout."""
    sizes = [d.dim_value for d in graph.model.graph.input[0].type.tensor_type.shape.dim]
    if len(sizes) != 4 or sizes[3] != 1:
        return None
    wanted = [1, *sizes[1:3]]
    turns = [n for n in graph.nodes if n.op_type == "Reshape" and _target(graph, n)[1:] == wanted]
    if len(turns) != 1 or turns[0].input[0] in graph.after_layers or turns[0].input[0] == pixels:
        return None
    before, names = [], {turns[0].input[0]}
    for node in reversed(graph.nodes):
        if any(name in names for name in node.output):
            before.append(node)
            names.update(name for name in node.input if name not in graph.constants)
    outside = [n for n in graph.nodes if n not in before and n is not turns[0] and names & set(n.input)]
    return turns[0] if not outside and all(_either_way(graph, node) for node in before) else None


def _either_way(graph: Graph, node: onnx.NodeProto) -> bool:
    if node.op_type == "ReduceMean":  # over a whole film, its axes kept, in one step or in two
        axes, maker = _axes(graph, node), graph.made_by.get(node.input[0])
        if axes == [2]:
            return all(_axes(graph, reader) == [1, 3] for reader in graph.read_by[node.output[0]])
        return axes == [1, 2, 3] or (axes == [1, 3] and maker is not None and _axes(graph, maker) == [2])
    constants = [graph.constants[name] for name in node.input if name in graph.constants]
    return node.op_type in _POINTWISE and all(np.size(value) == 1 and np.ndim(value) <= 4 for value in constants)


def _axes(graph: Graph, node: onnx.NodeProto) -> list[int]:
    """Of a ReduceMean that keeps them; nothing for any other node."""
    keeps = not any(a.name == "keepdims" and not a.i for a in node.attribute)
    axes = graph.constants.get(node.input[1]) if node.op_type == "ReduceMean" and len(node.input) > 1 else None
    return sorted(int(a) % 4 for a in axes.ravel()) if axes is not None and keeps else []


def _target(graph: Graph, node: onnx.NodeProto) -> list[int]:
    shape = graph.constants.get(node.input[1])
    return [] if shape is None else [int(x) for x in shape.ravel()]
