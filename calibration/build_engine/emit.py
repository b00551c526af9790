"""The graphs that an engine may be made of: the network in float32, in FP16, or partly in INT8."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Any

import onnx

from xscan.engine.network.sidecar import NOT_MEASURED

from ..acceptance.verdict import Verdict
from ..graphs.half import half_graph
from ..int8 import quantise
from ..int8.cache import Calibration
from ..int8.check import require_fit
from ..int8.ranges import Range
from .plan import Plan


@dataclass(frozen=True)
class Candidate:
    precision: str  #: fp32, fp16, int8
    model: onnx.ModelProto
    layers: dict[str, str]  #: layer -> precision
    verdict: Verdict | None = None  #: measured in this build
    record: dict[str, Any] = field(default_factory=dict)  #: the sidecar's `gate`


def float32(plan: Plan) -> Candidate:
    return Candidate("fp32", plan.model, _layer_types(plan, (), "fp32"), record=dict(NOT_MEASURED))


def fp16(plan: Plan) -> Candidate:
    return Candidate("fp16", half_graph(plan.model), _layer_types(plan, (), "fp16"))


def int8(plan: Plan, calibration: Calibration, layers: Collection[str]) -> Candidate:
    """layers: names of those that go to INT8."""
    model = int8_graph(plan, calibration.by(calibration.chosen[plan.kind]), layers)
    return Candidate("int8", model, _layer_types(plan, quantise.quantised_layers(model), plan.rest))


def without_radiographs(plan: Plan, calibration: Calibration) -> dict[str, Candidate]:
    """Every reduced graph that build-engine may make from ranges that travel with a network, on any machine."""
    layers = quantise.int8_layers(plan.graph)
    cpu, gpu = (replace(plan, runtime=runtime) for runtime in ("onnxruntime", "tensorrt"))
    return {
        "INT8 for ONNX Runtime, 8-bit weights": int8(replace(cpu, weight_bits=8), calibration, layers),
        "INT8 for ONNX Runtime, 7-bit weights": int8(replace(cpu, weight_bits=7), calibration, layers),
        "INT8 for TensorRT": int8(gpu, calibration, layers),
        "FP16 for TensorRT": fp16(gpu),
    }


def int8_graph(plan: Plan, ranges: dict[str, Range], layers: Collection[str]) -> onnx.ModelProto:
    """ranges: for every tensor of `quantise.measured`. Raises EngineError where a tensor does not fit FP16."""
    if plan.on_cpu:
        return quantise.cpu_graph(plan.model, layers, ranges, plan.weight_bits)
    model = half_graph(quantise.tensorrt_graph(plan.model, layers, ranges))
    require_fit(model)
    return model


def _layer_types(plan: Plan, int8: Collection[str], rest: str) -> dict[str, str]:
    inside = {layer.output[0] for layer in plan.graph.trunk} - plan.graph.heads
    names = [layer.output[0] for layer in plan.graph.layers]
    return {name: "int8" if name in int8 else rest if name in inside else "fp32" for name in names}
