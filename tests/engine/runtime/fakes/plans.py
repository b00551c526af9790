"""What a plan of the stand-in computes: its graph, by ONNX Runtime; without one, each film's mean. See the package."""

import functools
import json
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import onnx
import onnxruntime

from xscan.engine.runtime.onnx import CPU, LEFT_OUT

from ....calibration.networks import SIDE

START = b"plan of the stand-in "


@dataclass(frozen=True)
class Program:
    sizes: dict[str, tuple[int, ...]]  #: tensor -> shape of one film's
    types: dict[str, type]
    input: str
    largest: int  #: films
    run: Callable[[np.ndarray], dict[str, np.ndarray]]
    precision: str = "fp32"

    @property
    def film(self) -> int:
        """Bytes of one film's pixels."""
        return int(np.prod(self.sizes[self.input]))


def plan_of(graph: bytes, largest: int, flags: list[str]) -> bytes:
    """A plan as the stand-in's builder makes it."""
    return START + json.dumps({"largest": largest, "flags": flags}).encode() + b"\n" + graph


def program_of(plan: bytes, largest: int) -> Program:
    """largest: of a plan that no builder made."""
    if not plan.startswith(START):
        return Program(
            {"pixels": (SIDE, SIDE, 1), "logits": (3,)}, _types("pixels", "logits"), "pixels", largest, _mean
        )
    told, graph = plan[len(START) :].split(b"\n", 1)
    return _of_graph(graph, json.loads(told)["largest"])


@functools.lru_cache(maxsize=16)
def _of_graph(graph: bytes, largest: int) -> Program:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    # With that one, biases of FP16 graphs overflow: ONNX Runtime's own fault, which no TensorRT has.
    session = onnxruntime.InferenceSession(graph, options, providers=[CPU], disabled_optimizers=list(LEFT_OUT))
    (pixels,), outputs = session.get_inputs(), session.get_outputs()
    names = [output.name for output in outputs]

    def run(films: np.ndarray) -> dict[str, np.ndarray]:
        found = session.run(names, {pixels.name: films})
        return {name: np.ascontiguousarray(result, np.float32) for name, result in zip(names, found, strict=True)}

    one = run(np.zeros((1, *pixels.shape[1:]), np.uint8))
    sizes = {pixels.name: tuple(pixels.shape[1:])} | {name: result.shape[1:] for name, result in one.items()}
    return Program(sizes, _types(pixels.name, *names), pixels.name, largest, run, _precision(graph))


def _precision(graph: bytes) -> str:
    kinds = {tensor.data_type for tensor in onnx.load_from_string(graph).graph.initializer}
    if onnx.TensorProto.INT8 in kinds:
        return "int8"
    return "fp16" if onnx.TensorProto.FLOAT16 in kinds else "fp32"


def _types(pixels: str, *outputs: str) -> dict[str, type]:
    return {pixels: np.uint8} | dict.fromkeys(outputs, np.float32)


def _mean(films: np.ndarray) -> dict[str, np.ndarray]:
    """Each film's mean, plus 0, 1 and 2."""
    mean = films.reshape(len(films), -1).mean(axis=1, dtype=np.float64)
    return {"logits": (mean[:, None] + np.arange(3)).astype(np.float32)}
