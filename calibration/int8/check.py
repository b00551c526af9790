"""What TensorRT would refuse, or run badly, found before its compiler is asked: its own messages name no cause."""

import numpy as np
import onnx
from onnx import TensorProto

from xscan.engine.errors import EngineError

from ..graphs.graph import RECTIFIERS, Graph

PAIR = ("QuantizeLinear", "DequantizeLinear")


def require_fit(model: onnx.ModelProto) -> None:
    """Raises EngineError with the first defect and their number."""
    defects = defects_for_tensorrt(model)
    if defects:
        more = f", and {len(defects) - 1} more" if len(defects) > 1 else ""
        raise EngineError(f"the INT8 graph does not suit TensorRT: {defects[0]}{more}")


def defects_for_tensorrt(model: onnx.ModelProto) -> list[str]:
    """One sentence for each defect, in the graph's order."""
    graph = Graph(model)
    opset = next(o.version for o in model.opset_import if o.domain in ("", "ai.onnx"))
    defects = []
    for node in graph.nodes:
        if node.op_type in PAIR:
            defects += _of_pair(graph, node, opset)
        elif node.op_type in RECTIFIERS and _behind_pair(graph, node):
            defects.append(f"a pair stands between a convolution and its ReLU {node.name}: they cannot be fused")
    return defects


def _of_pair(graph: Graph, node: onnx.NodeProto, opset: int) -> list[str]:
    defects = []
    zero = graph.constants.get(node.input[2]) if len(node.input) > 2 else None
    integer = graph.types.get(node.input[0] if node.op_type == "DequantizeLinear" else node.output[0])
    if integer == TensorProto.INT32:
        defects.append(f"{node.name} reads an int32 bias: TensorRT wants a float bias")
    elif integer == TensorProto.UINT8 or (zero is not None and zero.dtype == np.uint8):
        defects.append(f"{node.name} is uint8: TensorRT wants int8")
    if zero is not None and np.any(zero != 0):
        defects.append(f"{node.name} has a zero point other than 0")
    scale = graph.constants.get(node.input[1])
    if scale is not None and scale.dtype == np.float16 and opset < 19:
        defects.append(f"{node.name} has an FP16 scale, which opset {opset} does not allow (19 does)")
    if scale is not None and not (np.all(np.isfinite(scale)) and np.all(scale > 0)):
        defects.append(f"{node.name} has a scale that is not a positive number")
    return defects


def _behind_pair(graph: Graph, relu: onnx.NodeProto) -> bool:
    back = graph.made_by.get(relu.input[0])
    if back is None or back.op_type != "DequantizeLinear":
        return False
    quantise = graph.made_by.get(back.input[0])
    if quantise is None or quantise.op_type != "QuantizeLinear":
        return False
    maker = graph.made_by.get(quantise.input[0])
    return maker is not None and maker.op_type in ("Conv", "Add", "Gemm", "MatMul")
