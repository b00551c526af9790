"""Run a TensorRT plan (`tensorrt` or `tensorrt_rtx`) on pycuda.

A lane is a stream with its own execution context and buffers; while one lane computes, the next one's films are
copied in and the last one's results out. All of it belongs to the thread that made the runtime.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import DeviceLost, EngineError
from ..network.sidecar import Sidecar
from .compile import load_module, logger
from .cuda import CudaGraph, Device, Stream
from .protocol import Closing

LANES = 2


@dataclass
class _Lane:
    stream: Stream
    context: Any
    pixels: Any  #: device memory
    results: dict[str, Any]  #: output -> device memory
    landed: dict[str, np.ndarray]  #: output -> page-locked array for the largest batch
    staging: np.ndarray  #: page-locked, for callers whose pictures are not
    films: int = 0
    warm: set[int] = field(default_factory=set)  #: batch sizes that have run once
    graphs: dict[int, CudaGraph | None] = field(default_factory=dict)


class TensorRtRuntime(Closing):
    """See xscan.engine.runtime.protocol.Runtime, and `start` and `finish` for work that overlaps."""

    def __init__(self, name: str, sidecar: Sidecar, plan: bytes, lanes: int = LANES) -> None:
        """plan: bytes whose hash was checked: deserialising runs code that is in them. Raises EngineError."""
        self._trt = load_module(sidecar.runtime)
        self.manifest = sidecar.manifest
        self.sha256 = sidecar.sha256["engine"]
        self.lanes = lanes
        self.largest = sidecar.profile.most
        self._device = Device()
        self._lanes: list[_Lane] = []
        self._engine: Any = None
        try:
            self._log = logger(self._trt)
            self._runtime = self._trt.Runtime(self._log)
            if sidecar.built_for.portable and sidecar.runtime == "tensorrt":
                self._runtime.engine_host_code_allowed = True  # a version-compatible plan brings its own runtime
            self._engine = self._runtime.deserialize_cuda_engine(plan)
            if self._engine is None:
                why = self._log.errors[0].splitlines()[0][:160] if self._log.errors else "it does not say why"
                raise EngineError(f"TensorRT refuses {name}: {why}; use --rebuild")
            self._read_signature()
            self._lanes = [self._lane() for _ in range(lanes)]
        except BaseException:
            self.close()
            raise
        version = self._trt.__version__
        self.description = f"{sidecar.runtime} {version} {sidecar.precision}, {sidecar.built_for.gpu or 'GPU'}"

    # --- the calls -------------------------------------------------------------------------------------

    def run(self, pictures: np.ndarray) -> np.ndarray:
        """uint8 [films, height, width, 1] -> float32 logits [films, 3]. Raises EngineError."""
        return self.outputs(pictures)["logits"]

    def outputs(self, pictures: np.ndarray) -> dict[str, np.ndarray]:
        """The same films, everything that the network says, in batches of at most the plan's largest."""
        parts = []
        for start in range(0, len(pictures), self.largest):
            part = pictures[start : start + self.largest]
            staging = self._lanes[0].staging[: len(part)]
            staging[...] = part
            self.start(0, staging)
            parts.append(self.finish(0))
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def pin(self, memory: np.ndarray) -> None:
        """Page-lock memory that `start` will be given parts of."""
        self._device.register(memory)

    def start(self, lane: int, pictures: np.ndarray) -> None:
        """Put films on their way. pictures: page-locked, C-contiguous; untouched until `finish`."""
        at = self._lanes[lane]
        if len(pictures) != at.films:
            at.films = len(pictures)
            if not at.context.set_input_shape(self._input, pictures.shape):
                raise EngineError(f"the engine takes no batch of {len(pictures)}: build it with a larger --max-batch")
        at.stream.to_device(at.pixels, pictures)
        self._launch(at)
        for name, landed in at.landed.items():
            at.stream.to_host(landed[: at.films], at.results[name])

    def finish(self, lane: int) -> dict[str, np.ndarray]:
        """Results of what the lane was started with last."""
        at = self._lanes[lane]
        at.stream.wait()
        return {name: landed[: at.films].astype(np.float32) for name, landed in at.landed.items()}

    def close(self) -> None:
        """Free everything, users before what they use. On the thread that made the runtime. Twice is once."""
        while self._lanes:
            lane = self._lanes.pop()
            for graph in lane.graphs.values():
                if graph is not None:
                    graph.close()
            del lane  # a name that outlives the loop would free its memory after the context
        self._engine = self._runtime = None
        self._device.close()

    # --- inside ----------------------------------------------------------------------------------------

    def _read_signature(self) -> None:
        engine, mode = self._engine, self._trt.TensorIOMode
        names = [engine.get_tensor_name(i) for i in range(engine.num_io_tensors)]
        inputs = [name for name in names if engine.get_tensor_mode(name) == mode.INPUT]
        self._outputs = [name for name in names if engine.get_tensor_mode(name) == mode.OUTPUT]
        spec = self.manifest.input
        expected = (spec.height, spec.width, 1)
        if len(inputs) != 1 or "logits" not in self._outputs:
            raise EngineError("the engine is no network of xscan: it lacks the output logits")
        self._input = inputs[0]
        if tuple(engine.get_tensor_shape(self._input))[1:] != expected:
            raise EngineError("the engine's input is not what its manifest says: build it again")

    def _lane(self) -> _Lane:
        engine, device, spec = self._engine, self._device, self.manifest.input
        context = engine.create_execution_context()
        if context is None:
            raise EngineError("the GPU has not enough free memory for the engine")
        shape = (self.largest, spec.height, spec.width, 1)
        context.set_input_shape(self._input, shape)  # the largest shape tells how large results can be
        landed = {}
        for name in self._outputs:
            dtype = self._trt.nptype(engine.get_tensor_dtype(name))
            landed[name] = device.pinned(tuple(context.get_tensor_shape(name)), dtype)
        pixels = device.buffer(int(np.prod(shape)))
        results = {name: device.buffer(array.nbytes) for name, array in landed.items()}
        context.set_tensor_address(self._input, int(pixels))
        for name, memory in results.items():
            context.set_tensor_address(name, int(memory))
        staging = device.pinned(shape, np.uint8)
        return _Lane(device.stream(), context, pixels, results, landed, staging, self.largest)

    def _launch(self, lane: _Lane) -> None:
        """Run the network once. Each batch size runs plainly first, as TensorRT asks, then from a recording."""
        size = lane.films
        if size in lane.warm and size not in lane.graphs:
            lane.graphs[size] = CudaGraph.record(lane.stream, lambda: self._enqueue(lane))
        if (graph := lane.graphs.get(size)) is not None:
            graph.launch(lane.stream)
            return
        if not self._enqueue(lane):
            why = self._log.errors[-1].splitlines()[0][:160] if self._log.errors else "no reason given"
            raise DeviceLost(f"TensorRT could not run a batch: {why}")
        lane.warm.add(size)

    def _enqueue(self, lane: _Lane) -> bool:
        return bool(lane.context.execute_async_v3(lane.stream.handle))
