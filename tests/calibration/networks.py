"""Small networks like ours, made by hand, so that tests need neither TensorFlow nor a trained file."""

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from xscan.calibration.graphs.run import logits
from xscan.engine.network.manifest import KEY, Manifest, OperatingPoint
from xscan.engine.network.spec import InputSpec

SIDE = 32
MANIFEST = Manifest(
    name="small", version="1", input=InputSpec(SIDE, SIDE), temperature=1.0,
    rule_out=OperatingPoint(0.3, 0.9, 0.9), rule_in=OperatingPoint(0.7, 0.9, 0.9),
)  # fmt: skip


class _Network:
    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.number = 0

    def constant(self, value: np.ndarray) -> str:
        self.number += 1
        self.constants.append(numpy_helper.from_array(value, f"k{self.number}"))
        return f"k{self.number}"

    def node(self, kind: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        self.number += 1
        output = output or f"{kind.lower()}{self.number}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], output, **attributes))
        return output

    def convolution(self, x: str, channels: tuple[int, int], size: int = 3, output: str = "", **attributes: Any) -> str:
        weight = self.rng.normal(0, (channels[0] * size * size) ** -0.5, (channels[1], channels[0], size, size))
        bias = self.rng.normal(0, 0.1, channels[1])
        constants = [self.constant(v.astype(np.float32)) for v in (weight, bias)]
        return self.node("Conv", x, *constants, output=output, pads=[size // 2] * 4, **attributes)

    def model(self, outputs: list[onnx.ValueInfoProto], manifest: Manifest = MANIFEST) -> onnx.ModelProto:
        pixels = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["batch", SIDE, SIDE, 1])
        graph = helper.make_graph(self.nodes, "small", [pixels], outputs, self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
        model.metadata_props.add(key=KEY, value=manifest.to_json())
        return onnx.shape_inference.infer_shapes(model)

    def scaled(self) -> str:
        x = self.node("Cast", "pixels", to=TensorProto.FLOAT)
        x = self.node("Mul", x, self.constant(np.array(4 / 255, np.float32)))
        x = self.node("Add", x, self.constant(np.array(-2, np.float32)))
        return self.node("Reshape", x, self.constant(np.array([-1, 1, SIDE, SIDE])))


def residual(seed: int = 0) -> onnx.ModelProto:
    """As `compact`: a stem, a block with an identity and one with a 1 x 1 shortcut, class maps, a second branch."""
    net = _Network(seed)
    x = net.node("Relu", net.convolution(net.scaled(), (1, 8), strides=[2, 2]), output="stem")
    y = net.node("Relu", net.convolution(x, (8, 8), output="a1"))
    y = net.convolution(y, (8, 8), output="a2")
    x = net.node("Relu", net.node("Add", x, y, output="a_add"), output="a_out")
    y = net.node("Relu", net.convolution(x, (8, 16), output="b1", strides=[2, 2]))
    y = net.convolution(y, (16, 16), output="b2")
    short = net.convolution(x, (8, 16), 1, output="b_short", strides=[2, 2])
    x = net.node("Relu", net.node("Add", short, y, output="b_add"), output="b_out")
    head = net.convolution(x, (16, 3), 1, output="head")
    net.node("Transpose", head, output="maps", perm=[0, 2, 3, 1])
    net.node("ReduceMean", "maps", net.constant(np.array([1, 2])), output="logits", keepdims=0)
    features = net.node("ReduceMean", x, net.constant(np.array([2, 3])), keepdims=0)
    whitening = net.constant(net.rng.normal(0, 1, (16, 4)).astype(np.float32))
    net.node("MatMul", features, whitening, output="gate")
    outputs = [
        helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 3]),
        helper.make_tensor_value_info("maps", TensorProto.FLOAT, ["batch", 8, 8, 3]),
        helper.make_tensor_value_info("gate", TensorProto.FLOAT, ["batch", 4]),
    ]
    return net.model(outputs)


def inverted(seed: int = 0, swapped: bool = False) -> onnx.ModelProto:
    """As `lite_c4` leaves tf2onnx: ReLU6, inverted residuals, normalisation behind a depthwise convolution.

    swapped: the inputs of the last addition.
    """
    net = _Network(seed)
    limits = [net.constant(np.array(value, np.float32)) for value in (0, 6)]

    def clipped(x: str, output: str) -> str:
        return net.node("Clip", x, *limits, output=output)

    x = clipped(net.convolution(net.scaled(), (1, 8), strides=[2, 2]), "stem")
    y = clipped(net.convolution(x, (8, 16), 1, output="wide"), "wide_out")
    depth = net.constant(net.rng.normal(0, 0.3, (16, 1, 3, 3)).astype(np.float32))
    y = net.node("Conv", y, depth, output="depth", pads=[1] * 4, group=16)
    for kind, values in (("Mul", net.rng.uniform(0.5, 2, (1, 16, 1, 1))), ("Add", net.rng.normal(0, 0.3, (16, 1, 1)))):
        y = net.node(kind, y, net.constant(values.astype(np.float32)))
    y = net.convolution(clipped(y, "depth_out"), (16, 8), 1, output="narrow")
    x = net.node("Add", x, y, output="short")
    y = clipped(net.convolution(x, (8, 16), 1), "wider_out")
    y = clipped(net.convolution(y, (1, 16), output="deeper", strides=[4, 4], group=16), "deeper_out")
    x = net.convolution(y, (16, 12), 1, output="begun")
    y = clipped(net.convolution(x, (12, 24), 1, output="again"), "again_out")
    y = net.convolution(y, (24, 12), 1, output="inner")
    x = net.node("Add", *((y, x) if swapped else (x, y)), output="end")
    x = clipped(net.convolution(x, (12, 32), 1, output="features"), "features_out")
    head = net.convolution(x, (32, 3), 1, output="head")
    net.node("Transpose", head, output="maps", perm=[0, 2, 3, 1])
    net.node("ReduceMean", "maps", net.constant(np.array([1, 2])), output="logits", keepdims=0)
    outputs = [
        helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 3]),
        helper.make_tensor_value_info("maps", TensorProto.FLOAT, ["batch", 4, 4, 3]),
    ]
    return net.model(outputs)


def uneven() -> onnx.ModelProto:
    """`residual` with one channel ten thousand times the others, undone by the next layers: the same function in
    float32, and no per-tensor scale fits it."""
    model = residual()
    constants = {c.name: c for c in model.graph.initializer}
    stem = next(n for n in model.graph.node if n.op_type == "Conv")

    def scale(node: onnx.NodeProto, place: int, factor: float, of: tuple[slice | int, ...]) -> None:
        value = numpy_helper.to_array(constants[node.input[place]]).copy()
        value[of] *= factor
        constants[node.input[place]].CopyFrom(numpy_helper.from_array(value, node.input[place]))

    for place in (1, 2):
        scale(stem, place, 1e4, (0,))
    for node in model.graph.node:
        if node.op_type == "Conv" and node.input[0] in ("stem", "a_out"):
            scale(node, 1, 1e-4, (slice(None), 0))
    head = next(n for n in model.graph.node if n.output[0] == "head")
    found = logits(model, pictures(64))
    scale(head, 1, 3 / found.std(axis=0).mean(), (slice(None),))  # so that films differ in what is said of them
    bias = numpy_helper.to_array(constants[head.input[2]])
    found = logits(model, pictures(64))
    constants[head.input[2]].CopyFrom(numpy_helper.from_array(bias - found.mean(axis=0), head.input[2]))
    return model


def plain(seed: int = 0) -> onnx.ModelProto:
    """As `seed`: convolutions, max pooling, dense layers."""
    net = _Network(seed)
    x = net.node("Relu", net.convolution(net.scaled(), (1, 8), output="c1"), output="r1")
    x = net.node("MaxPool", x, output="p1", kernel_shape=[2, 2], strides=[2, 2])
    x = net.node("Relu", net.convolution(x, (8, 8), output="c2"), output="r2")
    x = net.node("MaxPool", x, output="p2", kernel_shape=[2, 2], strides=[2, 2])
    x = net.node(
        "Reshape", net.node("Transpose", x, perm=[0, 2, 3, 1]), net.constant(np.array([-1, 512])), output="flat"
    )
    x = net.node("MatMul", x, net.constant(net.rng.normal(0, 0.05, (512, 16)).astype(np.float32)), output="d1")
    x = net.node("Relu", net.node("Add", x, net.constant(net.rng.normal(0, 0.1, 16).astype(np.float32))))
    x = net.node("MatMul", x, net.constant(net.rng.normal(0, 0.5, (16, 3)).astype(np.float32)), output="d2")
    net.node("Add", x, net.constant(np.zeros(3, np.float32)), output="logits")
    return net.model([helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 3])])


def pictures(number: int, seed: int = 0) -> np.ndarray:
    """uint8 [number, SIDE, SIDE, 1]: smooth blobs of random brightness."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (number, 8, 8, 1))
    return coarse.repeat(SIDE // 8, axis=1).repeat(SIDE // 8, axis=2).astype(np.uint8)
