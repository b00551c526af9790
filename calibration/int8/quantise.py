"""Two INT8 graphs from one calibration: explicit QuantizeLinear / DequantizeLinear pairs, placed by us.

tensorrt_graph  symmetric int8, zero point 0; pairs on the inputs of layers and of pooling and on the skip
                branch of residual additions, so that TensorRT fuses convolution, addition and ReLU into one
                kernel; weights stored as int8, one scale a channel; float bias.
cpu_graph       uint8 activations with a zero point, int8 weights, int32 bias (U8S8), pairs on outputs too:
                the pattern that ONNX Runtime turns into its integer kernels.

No one graph can serve both: ONNX Runtime runs TensorRT's placement slower than float32, and TensorRT
refuses what ONNX Runtime wants.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from ..graphs.graph import MOVING, RECTIFIERS, Graph, copy
from .ranges import Range

#: A layer with a smaller share of the network's multiply-adds stays in float: nothing to win, accuracy to lose.
SMALLEST_SHARE = 0.002


@dataclass(frozen=True)
class Sites:
    """Where a graph gets its pairs. Ranges are measured at `source[tensor]`."""

    layers: tuple[str, ...]  #: output names of the layers that go to INT8
    source: dict[str, str]  #: tensor -> the tensor whose range it shares


def int8_layers(graph: Graph, exclude: Collection[str] = ()) -> tuple[str, ...]:
    """Output names of the layers that go to INT8: not heads, tiny ones, a depthwise network's front, and `exclude`."""
    multiply_adds = graph.multiply_adds
    total = sum(multiply_adds.values())
    left = graph.heads | _depthwise_front(graph) | set(exclude)
    return tuple(
        layer.output[0]
        for layer in graph.trunk
        if layer.output[0] not in left
        # A depthwise one in float between two in INT8 would cost its conversions.
        and (multiply_adds[layer.output[0]] >= SMALLEST_SHARE * total or _is_depthwise(graph, layer))
    )


def _depthwise_front(graph: Graph) -> set[str]:
    """Of a network with depthwise convolutions, its layers at a quarter of the film's side and above.

    Their few channels are far apart in range: in INT8 these layers made most of what changed in an EfficientNet-Lite1,
    for a fifth of the work. Empty where sizes are not known.
    """
    film = [d.dim_value for d in graph.model.graph.input[0].type.tensor_type.shape.dim][1:2]
    convolutions = [layer for layer in graph.trunk if layer.op_type == "Conv"]
    if not film or not film[0] or not any(_is_depthwise(graph, layer) for layer in convolutions):
        return set()
    heights = {layer.output[0]: graph.sizes.get(layer.output[0], [])[:1] for layer in convolutions}
    return {name for name, height in heights.items() if height and 4 * height[0] >= film[0]}


def _is_depthwise(graph: Graph, convolution: onnx.NodeProto) -> bool:
    """A filter for each channel: weights float32 [channels, 1, height, width]."""
    groups = next((a.i for a in convolution.attribute if a.name == "group"), 1)
    return convolution.op_type == "Conv" and 1 < groups == len(graph.constants.get(convolution.input[1], ()))


def measured(graph: Graph, layers: Collection[str]) -> list[str]:
    """Tensors whose ranges are needed for either graph."""
    sites = [tensorrt_sites(graph, layers), cpu_sites(graph, layers)]
    return sorted({source for s in sites for source in s.source.values()})


def tensorrt_sites(graph: Graph, layers: Collection[str]) -> Sites:
    source: dict[str, str] = {}
    for layer in _chosen(graph, layers):
        name = layer.input[0]
        source.setdefault(name, name)
        for moved in _upstream(graph, name):  # pooling runs in int8 when its input and output share a scale
            reader = next(n for n in graph.read_by[moved] if n.op_type in MOVING)
            if reader.op_type == "MaxPool":
                source.setdefault(moved, name)
    for node in graph.nodes:
        if graph.is_residual(node):
            skip = skip_branch(graph, node)
            if any(name != skip and name in layers for name in node.input):
                source.setdefault(skip, skip)
    return Sites(tuple(layers), source)


def cpu_sites(graph: Graph, layers: Collection[str]) -> Sites:
    source: dict[str, str] = {}
    convolutions = _convolutions(graph, layers)
    for layer in convolutions:
        name = layer.input[0]
        source.setdefault(name, name)
        for moved in _upstream(graph, name):
            source.setdefault(moved, name)
    for layer in convolutions:  # an integer convolution needs its output's scale too
        output = _after_relu(graph, layer.output[0])
        source.setdefault(output, output)
    for node in graph.nodes:
        if graph.is_residual(node) and all(name in source for name in node.input):
            output = _after_relu(graph, node.output[0])
            source.setdefault(output, output)
    return Sites(tuple(layers), source)


def skip_branch(graph: Graph, addition: onnx.NodeProto) -> str:
    """The input of a residual addition that gets a pair; the other one's convolution is fused with the addition."""

    def far(name: str) -> tuple[int, int]:
        maker = graph.made_by[name]
        kernel = graph.constants[maker.input[1]][0, 0].size if maker.op_type == "Conv" else 0
        return kernel, -len(graph.read_by[name])

    # The shortcut itself, or its 1 x 1 convolution; of an inverted residual, the one that others read, too.
    return min(addition.input, key=far)


def tensorrt_graph(model: onnx.ModelProto, layers: Collection[str], ranges: dict[str, Range]) -> onnx.ModelProto:
    """The graph for TensorRT. ranges: for every tensor of `measured`."""
    graph = Graph(model)
    sites = tensorrt_sites(graph, layers)
    edit = _Edit(model)
    chosen = {layer.output[0] for layer in _chosen(graph, layers)}
    for name, source in sites.source.items():
        scale = np.float32(_stored_half(np.array(ranges[source].steps(127) / 127)))
        readers = [n for n in graph.read_by[name] if _wants_pair(graph, n, name, chosen, sites)]
        edit.pair(name, scale, np.int8(0), readers)
    for layer in _chosen(graph, layers):
        edit.weight(layer, graph.constants[layer.input[1]], bits=8, half=True)
    return edit.finish()


def cpu_graph(
    model: onnx.ModelProto, layers: Collection[str], ranges: dict[str, Range], weight_bits: int = 8
) -> onnx.ModelProto:
    """The graph for ONNX Runtime on the CPU. weight_bits 7: for processors whose 16-bit sums would saturate."""
    graph = Graph(model)
    sites = cpu_sites(graph, layers)
    edit = _Edit(model)
    scales: dict[str, np.float32] = {}
    for name, source in sites.source.items():
        scales[name], zero = _asymmetric(ranges[source])
        edit.pair(name, scales[name], zero, graph.read_by[name])
    for layer in _convolutions(graph, layers):
        weight_scale = edit.weight(layer, graph.constants[layer.input[1]], weight_bits)
        if len(layer.input) > 2:
            edit.bias(layer, graph.constants[layer.input[2]], scales[layer.input[0]] * weight_scale)
    return edit.finish()


def _chosen(graph: Graph, layers: Collection[str]) -> list[onnx.NodeProto]:
    wanted = set(layers)
    return [layer for layer in graph.layers if layer.output[0] in wanted]


def _convolutions(graph: Graph, layers: Collection[str]) -> list[onnx.NodeProto]:
    """Dense layers stay in float on the CPU: ONNX Runtime would turn their weights back into float at each run."""
    return [layer for layer in _chosen(graph, layers) if layer.op_type == "Conv"]


def _upstream(graph: Graph, name: str) -> list[str]:
    """Tensors before `name` that only moved on the way, back to the layer that made them."""
    tensors = []
    while (maker := graph.made_by.get(name)) is not None and maker.op_type in MOVING:
        name = maker.input[0]
        if name not in graph.after_layers:
            break  # scaling and standardising stay as they are
        tensors.append(name)
    return tensors


def _after_relu(graph: Graph, name: str) -> str:
    readers = graph.read_by[name]
    return readers[0].output[0] if len(readers) == 1 and readers[0].op_type in RECTIFIERS else name


def _wants_pair(graph: Graph, node: onnx.NodeProto, name: str, chosen: set[str], sites: Sites) -> bool:
    if node.op_type == "Add":
        return graph.is_residual(node) and skip_branch(graph, node) == name
    if node.op_type in MOVING:
        return sites.source[name] != name  # else it is on nobody's way to an INT8 layer
    return node.output[0] in chosen


def _stored_half(scale: np.ndarray) -> np.ndarray:
    """Scales as FP16 holds them, float32: rounded to it, from its smallest normal number to its largest.

    Below that FP16 has few bits, and then none: a dead channel's scale of 0 would be a division by zero. Rounded here,
    so that weights are quantised with the very scale that the graph will multiply them by.
    """
    half = np.finfo(np.float16)
    return np.clip(scale, half.tiny, half.max).astype(np.float16).astype(np.float32)


def _asymmetric(found: Range) -> tuple[np.float32, np.uint8]:
    low, high = found.interval(255)
    scale = np.float32(max(high - low, 1e-8) / 255)
    return scale, np.uint8(np.clip(np.round(-low / scale), 0, 255))


class _Edit:
    """Builds the new model: nodes are added where their input is made, readers are pointed at them."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.model = copy(model)
        self.by_output = {node.output[0]: node for node in self.model.graph.node}
        self.after: dict[str, list[onnx.NodeProto]] = {}  # tensor -> nodes that follow its making
        self.first: list[onnx.NodeProto] = []

    def pair(self, name: str, scale: np.float32, zero: np.generic, readers: list[onnx.NodeProto]) -> None:
        """QuantizeLinear and DequantizeLinear on a tensor, for these readers."""
        self._constant(f"{name}_scale", scale)
        self._constant(f"{name}_zero", zero)
        parameters = [f"{name}_scale", f"{name}_zero"]
        quantise = helper.make_node("QuantizeLinear", [name, *parameters], [f"{name}_q"], f"{name}_q")
        back = helper.make_node("DequantizeLinear", [f"{name}_q", *parameters], [f"{name}_dq"], f"{name}_dq")
        self.after[name] = [quantise, back]
        for reader in readers:
            node = self.by_output[reader.output[0]]
            node.input[:] = [f"{name}_dq" if i == name else i for i in node.input]

    def weight(self, layer: onnx.NodeProto, weight: np.ndarray, bits: int, half: bool = False) -> np.ndarray:
        """Store a layer's weight as int8 with one scale an output channel. Returns the scales, float32 [channels].

        half: the graph will hold the scales in FP16; they are chosen so, and the weights quantised with those.
        """
        axis = 0 if layer.op_type == "Conv" or _transposed(layer) else weight.ndim - 1
        others = tuple(a for a in range(weight.ndim) if a != axis)
        limit = 2 ** (bits - 1) - 1
        scale = (np.maximum(np.abs(weight).max(axis=others), 1e-8) / limit).astype(np.float32)
        if half:
            scale = _stored_half(scale)
        shape = [-1 if a == axis else 1 for a in range(weight.ndim)]
        stored = np.clip(np.round(weight / scale.reshape(shape)), -limit, limit).astype(np.int8)
        self._dequantised(layer, 1, stored, scale, np.zeros(len(scale), np.int8), axis)
        return scale

    def bias(self, layer: onnx.NodeProto, bias: np.ndarray, scale: np.ndarray) -> None:
        """Store a bias as int32 in units of the sums, which integer kernels add it to."""
        scale = scale.astype(np.float32)
        limit = 2**31 - 1
        stored = np.clip(np.round(bias.astype(np.float64) / scale), -limit, limit).astype(np.int32)
        self._dequantised(layer, 2, stored, scale, np.zeros(len(scale), np.int32), 0)

    def finish(self) -> onnx.ModelProto:
        nodes = list(self.model.graph.node)
        made_early = [n for name in self.after if name not in self.by_output for n in self.after[name]]
        ordered = [*self.first, *made_early]
        for node in nodes:
            ordered.append(node)
            for output in node.output:
                ordered += self.after.get(output, [])
        del self.model.graph.node[:]
        self.model.graph.node.extend(ordered)
        used = {name for node in ordered for name in node.input}
        kept = [i for i in self.model.graph.initializer if i.name in used]
        del self.model.graph.initializer[:]
        self.model.graph.initializer.extend(kept)
        del self.model.graph.value_info[:]
        onnx.checker.check_model(self.model)
        return self.model

    def _dequantised(
        self, layer: onnx.NodeProto, place: int, stored: np.ndarray, scale: np.ndarray, zero: np.ndarray, axis: int
    ) -> None:
        name = f"{layer.output[0]}_{'weight' if place == 1 else 'bias'}"
        for suffix, value in (("q", stored), ("scale", scale), ("zero", zero)):
            self._constant(f"{name}_{suffix}", value)
        inputs = [f"{name}_q", f"{name}_scale", f"{name}_zero"]
        self.first.append(helper.make_node("DequantizeLinear", inputs, [f"{name}_dq"], f"{name}_dq", axis=axis))
        self.by_output[layer.output[0]].input[place] = f"{name}_dq"

    def _constant(self, name: str, value: np.ndarray | np.generic) -> None:
        self.model.graph.initializer.append(numpy_helper.from_array(np.asarray(value), name))


def _transposed(layer: onnx.NodeProto) -> bool:
    return layer.op_type == "Gemm" and any(a.name == "transB" and a.i for a in layer.attribute)


def quantised_layers(model: onnx.ModelProto) -> list[str]:
    """Output names of layers whose weights are stored as int8."""
    types = {i.name: i.data_type for i in model.graph.initializer}
    integer = {
        n.output[0] for n in model.graph.node
        if n.op_type == "DequantizeLinear" and types.get(n.input[0]) == TensorProto.INT8
    }  # fmt: skip
    return [n.output[0] for n in model.graph.node if len(n.input) > 1 and n.input[1] in integer and n.op_type != "Add"]
