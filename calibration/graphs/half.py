"""FP16 written into the graph: from the first layer to the last but one; scaling, standardising and head stay float32.

The sum of a film's pixels does not fit FP16, and the last layer in float32 keeps probabilities from being
rounded. Strongly typed TensorRT takes the types as they stand; there is no flag any more.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from .graph import Graph, at_opset, copy

FLOAT, HALF = TensorProto.FLOAT, TensorProto.FLOAT16
OPSET = 19  #: the first in which QuantizeLinear takes FP16 scales


def half_graph(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with FP16 inside, with or without INT8 pairs in it. Inputs and outputs keep their types."""
    quantised = any(node.op_type == "DequantizeLinear" for node in model.graph.node)
    model = at_opset(model, OPSET) if quantised else copy(model)
    graph = Graph(model)
    inside = _inside(graph)
    made_inside = {output for node in graph.nodes if id(node) in inside for output in node.output}
    floats = {name for name, kind in graph.types.items() if kind == FLOAT}

    casts: dict[tuple[str, int], onnx.NodeProto] = {}
    halves: dict[str, onnx.TensorProto] = {}
    ordered: list[onnx.NodeProto] = []
    for node in graph.nodes:
        before: list[onnx.NodeProto] = []
        for place, name in enumerate(node.input):
            if name not in floats or (name in made_inside) == (id(node) in inside):
                continue
            if name in graph.constants:  # then the reader is inside
                halves.setdefault(name, _as_half(graph.constants[name], f"{name}_half"))
                node.input[place] = f"{name}_half"
                continue
            kind = HALF if id(node) in inside else FLOAT
            if (name, kind) not in casts:
                casts[name, kind] = _cast(name, f"{name}_{'half' if kind == HALF else 'float'}", kind)
                before.append(casts[name, kind])
            node.input[place] = casts[name, kind].output[0]
        ordered += [*before, node]
    for value in model.graph.output:  # an output that is made inside is cast back under its own name
        if value.name in made_inside and value.name in floats:
            for node in ordered:
                for names in (node.input, node.output):
                    names[:] = [f"{value.name}_inside" if n == value.name else n for n in names]
            ordered.append(_cast(f"{value.name}_inside", value.name, FLOAT))

    del model.graph.node[:]
    model.graph.node.extend(ordered)
    model.graph.initializer.extend(halves.values())
    used = {name for node in ordered for name in node.input}
    kept = [i for i in model.graph.initializer if i.name in used]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    del model.graph.value_info[:]
    onnx.checker.check_model(model, full_check=True)
    return model


def _inside(graph: Graph) -> set[int]:
    """id() of the nodes that compute in FP16."""
    weighted = {layer.output[0] for layer in graph.trunk} - graph.heads
    before_head: set[str] = set()
    for node in reversed(graph.nodes):
        if node.output[0] in graph.heads or any(name in before_head for name in node.output):
            before_head.update(node.input)
    inside: set[int] = set()
    reached: set[str] = set()
    for node in graph.nodes:
        starts = node.output[0] in weighted or any(name in reached for name in node.input)
        if starts and node.output[0] in before_head:
            reached.update(node.output)
            inside.add(id(node))
    for node in graph.nodes:  # what gives a layer its INT8 weights, bias or input
        if node.op_type == "DequantizeLinear" and id(node) not in inside:
            readers = graph.read_by[node.output[0]]
            if readers and all(id(reader) in inside for reader in readers):
                inside.add(id(node))
    return inside


def _as_half(value: np.ndarray, name: str) -> onnx.TensorProto:
    limit = np.finfo(np.float16).max
    return numpy_helper.from_array(np.clip(value, -limit, limit).astype(np.float16), name)


def _cast(source: str, target: str, kind: int) -> onnx.NodeProto:
    return helper.make_node("Cast", [source], [target], f"{target}_cast", to=kind)
