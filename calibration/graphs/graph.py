"""Look around in an ONNX graph: who makes a tensor, who reads it, which layers hold the weights.

Only what our own exports hold is understood (convolutions, dense layers, residual additions, pooling);
anything else stays in float32 and is never in the way.
"""

import math
from collections import defaultdict
from functools import cached_property

import numpy as np
import onnx
from onnx import numpy_helper

from xscan.engine.errors import EngineError

#: What follows a layer and is fused with it; Clip is ReLU6.
RECTIFIERS = ("Relu", "Clip")
WEIGHTED = ("Conv", "MatMul", "Gemm")
#: Values pass through unchanged, so that both sides share one scale. MaxPool picks, it does not add.
MOVING = ("MaxPool", "Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity")


class Graph:
    """A view of a model. Look only: changes to `model` after the first look are not seen."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.model = model
        self.nodes = list(model.graph.node)
        self.made_by = {output: node for node in self.nodes for output in node.output}
        self.read_by: dict[str, list[onnx.NodeProto]] = defaultdict(list)
        for node in self.nodes:
            for name in node.input:
                self.read_by[name].append(node)
        self.outputs = [value.name for value in model.graph.output]

    @cached_property
    def constants(self) -> dict[str, np.ndarray]:
        """Initializers and Constant nodes by name."""
        constants = {i.name: numpy_helper.to_array(i) for i in self.model.graph.initializer}
        for node in self.nodes:
            if node.op_type == "Constant" and node.attribute[0].name == "value":
                constants[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
        return constants

    @cached_property
    def types(self) -> dict[str, int]:
        """ONNX element type of every tensor."""
        inferred = onnx.shape_inference.infer_shapes(self.model).graph
        types = {
            v.name: v.type.tensor_type.elem_type for v in (*inferred.input, *inferred.value_info, *inferred.output)
        }
        return types | {i.name: i.data_type for i in self.model.graph.initializer}

    @cached_property
    def layers(self) -> list[onnx.NodeProto]:
        """Nodes with a constant weight, in float or stored as int8, in the graph's order."""
        return [n for n in self.nodes if n.op_type in WEIGHTED and self._is_weight(n.input[1])]

    def _is_weight(self, name: str) -> bool:
        maker = self.made_by.get(name)
        return name in self.constants or (
            maker is not None and maker.op_type == "DequantizeLinear" and maker.input[0] in self.constants
        )

    @cached_property
    def after_layers(self) -> set[str]:
        """Tensors that depend on a layer's output; the others are the scaling and standardising."""
        names: set[str] = set()
        weighted = {layer.output[0] for layer in self.layers}
        for node in self.nodes:  # ONNX keeps nodes in an order in which inputs come first
            if node.output[0] in weighted or any(name in names for name in node.input):
                names.update(node.output)
        return names

    @cached_property
    def heads(self) -> set[str]:
        """Outputs of the layers after which no other comes: they stay in float (confidences are made there)."""
        weighted = {layer.output[0] for layer in self.trunk}
        feeding: set[str] = set()  # tensors with a layer downstream
        for node in reversed(self.nodes):
            if node.output[0] in weighted or any(name in feeding for name in node.output):
                feeding.update(node.input)
        return weighted - feeding

    @cached_property
    def trunk(self) -> list[onnx.NodeProto]:
        """Layers that the logits depend on. Others (of an outlier gate, say) stay in float."""
        needed = {"logits"}
        for node in reversed(self.nodes):
            if any(name in needed for name in node.output):
                needed.update(node.input)
        return [layer for layer in self.layers if layer.output[0] in needed]

    def is_residual(self, node: onnx.NodeProto) -> bool:
        """An addition of two branches, not of a constant."""
        return node.op_type == "Add" and all(name in self.after_layers for name in node.input)

    @cached_property
    def multiply_adds(self) -> dict[str, int]:
        """Multiply-adds of each layer for one film, by output name."""
        return {
            layer.output[0]: self.constants[layer.input[1]].size
            * (math.prod(self.sizes.get(layer.output[0], ())) if layer.op_type == "Conv" else 1)
            for layer in self.layers
        }

    @cached_property
    def sizes(self) -> dict[str, list[int]]:
        """Height and width of tensors [films, channels, height, width] between the network's ends, where known."""
        inferred = onnx.shape_inference.infer_shapes(self.model).graph.value_info
        return {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim][2:] for v in inferred}


def load(content: bytes) -> onnx.ModelProto:
    """Parse and prepare a model: every node has a name. Raises EngineError for what is no ONNX model."""
    try:
        model = onnx.load_model_from_string(content)
        onnx.checker.check_model(model)
    except Exception:  # protobuf's and the checker's own errors
        raise EngineError("the file is not an ONNX network") from None
    for number, node in enumerate(model.graph.node):
        node.name = node.name or f"{node.op_type}_{number}"
    return model


def copy(model: onnx.ModelProto) -> onnx.ModelProto:
    twin = onnx.ModelProto()
    twin.CopyFrom(model)
    return twin


def at_opset(model: onnx.ModelProto, version: int) -> onnx.ModelProto:
    """The same model at `version` of the default operators or later."""
    at = next(o.version for o in model.opset_import if o.domain in ("", "ai.onnx"))
    if at >= version:
        return copy(model)
    later = onnx.version_converter.convert_version(model, version)
    del later.metadata_props[:]  # versions of onnx differ in whether the converter keeps them
    later.metadata_props.extend(model.metadata_props)
    return later
