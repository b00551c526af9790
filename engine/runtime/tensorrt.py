"""Run a TensorRT plan (`tensorrt` or `tensorrt_rtx`) on pycuda.

A lane is a stream with execution contexts and buffers of its own; while one lane computes, the next one's films are
copied in and the last one's results out. All of it belongs to the thread that made the runtime.

CUDA graphs, by NVIDIA's rules: a graph is of one context, and dead once that context's shape changes. So a lane has
two contexts: `full` keeps the shape of the largest batch for ever and has the only graph; `part` takes every other
size, and has none. After a change of shape TensorRT wants one plain run before a capture. TensorRT for RTX captures by
itself, as its runtime configuration asks.
"""

import contextlib
import json
import logging
import sys
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DeviceLost, EngineError
from ..network.sidecar import Sidecar, sha256
from .compile import load_module, logger
from .cuda import CudaGraph, Device, Stream, forget_frames
from .protocol import Closing
from .rtx_cache import RtxCache

log = logging.getLogger("xscan")
LANES = 2


class _Lane:
    """Everything that one lane has, taken one after the other, so that half a lane can be freed, too."""

    def __init__(self) -> None:
        self.stream: Stream | None = None
        self.full: Any = None  #: execution context of the largest batch
        self.part: Any = None  #: execution context of every other size
        self.part_films = 0  #: its shape
        self.pixels: Any = None  #: device memory
        self.results: dict[str, Any] = {}  #: output -> device memory
        self.landed: dict[str, np.ndarray] = {}  #: output -> page-locked array for the largest batch
        self.staging = np.empty(0, np.uint8)  #: page-locked, for callers whose pictures are not
        self.films = 0  #: in work
        self.warm = False  #: `full` has run once at its shape
        self.graph: CudaGraph | None = None  #: of `full`
        self.may_record = True

    def free(self) -> None:
        """Users before what they use."""
        if self.graph is not None:
            self.graph.close()
        self.graph = self.full = self.part = None
        self.results.clear()
        self.landed.clear()
        self.staging = np.empty(0, np.uint8)
        self.pixels = self.stream = None


class TensorRtRuntime(Closing):
    """See xscan.engine.runtime.protocol.Runtime, and `start` and `finish` for work that overlaps."""

    def __init__(self, name: str, sidecar: Sidecar, plan: bytes, lanes: int = LANES, cache: Path | None = None) -> None:
        """plan: bytes whose hash was checked: deserialising runs code that is in them. cache: file for the kernels
        that TensorRT for RTX compiles here. Raises EngineError."""
        self._trt = load_module(sidecar.runtime)
        self.manifest = sidecar.manifest
        self.sha256 = sha256(sidecar.sha256["engine"].encode() + sidecar.manifest.to_json().encode())
        self.lanes = lanes
        self.largest = sidecar.profile.most
        self._input, self._outputs = "", [""]
        self._device = Device()
        self._lanes: list[_Lane] = []
        self._runtime: Any = None
        self._engine: Any = None
        self._rtx: RtxCache | None = None
        try:
            self._log = logger(self._trt, log.warning)
            self._runtime = self._trt.Runtime(self._log)
            if sidecar.built_for.portable and sidecar.runtime == "tensorrt":
                self._runtime.engine_host_code_allowed = True  # a version-compatible plan brings its own runtime
            self._engine = self._runtime.deserialize_cuda_engine(plan)
            if self._engine is None:
                raise EngineError(f"TensorRT refuses {name}: {self._why(0)}; use --rebuild")
            self._read_signature()
            if sidecar.runtime == "tensorrt-rtx":
                self._rtx = RtxCache(self._trt, self._engine, cache, sidecar.sha256["engine"])
            for _ in range(lanes):
                self._lanes.append(_Lane())
                self._furnish(self._lanes[-1])
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
            self._lanes[0].staging[: len(part)] = part
            self.start(0, self._lanes[0].staging[: len(part)])
            parts.append(self.finish(0))
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def pin(self, memory: np.ndarray) -> None:
        """Page-lock memory that `start` will be given parts of."""
        self._device.register(memory)

    def start(self, lane: int, pictures: np.ndarray) -> None:
        """Put films on their way. pictures: page-locked, C-contiguous; untouched until `finish`."""
        at = self._lanes[lane]
        if len(pictures) > self.largest:
            raise EngineError(f"the engine takes no batch of {len(pictures)}: build it with a larger --max-batch")
        assert at.stream is not None
        at.films = len(pictures)
        if at.films != self.largest and at.films != at.part_films:
            at.part_films = 0
            self._set_shape(at.part, at.films)
            at.part_films = at.films
        at.stream.to_device(at.pixels, pictures)
        self._launch(at, at.stream)
        for name in at.landed:
            at.stream.to_host(at.landed[name][: at.films], at.results[name])

    def finish(self, lane: int) -> dict[str, np.ndarray]:
        """Results of what the lane was started with last."""
        at = self._lanes[lane]
        assert at.stream is not None
        at.stream.wait()
        return {name: landed[: at.films].astype(np.float32) for name, landed in at.landed.items()}

    def close(self) -> None:
        """Free everything, users before what they use. On the thread that made the runtime. Twice is once."""
        forget_frames(sys.exc_info()[1])  # of the error that it is closed for, whoever closes it
        for lane in self._lanes:
            if lane.stream is not None:
                with contextlib.suppress(EngineError):  # of a lost device, where nothing is under way any more
                    lane.stream.wait()
        if self._rtx is not None:
            self._rtx.save()
        while self._lanes:
            self._lanes.pop().free()
        if self._rtx is not None:
            self._rtx.free()
        self._rtx = self._engine = self._runtime = None
        self._device.close()

    def layer_table(self) -> dict[str, str]:
        """What the compiler made of the network: layer -> type of its first output, such as `Int8`.

        Full where the plan was built with detailed verbosity. Empty where TensorRT says nothing.
        """
        text = self._engine.create_engine_inspector().get_engine_information(self._trt.LayerInformationFormat.JSON)
        try:
            layers = [layer for layer in json.loads(text)["Layers"] if isinstance(layer, dict)]
            return {_printable(layer["Name"]): _printable(_type_of(layer["Outputs"])) for layer in layers}
        except (ValueError, KeyError, TypeError, AttributeError):
            return {}

    # --- inside ----------------------------------------------------------------------------------------

    def _read_signature(self) -> None:
        names = [self._engine.get_tensor_name(i) for i in range(self._engine.num_io_tensors)]
        mode = self._trt.TensorIOMode
        inputs = [name for name in names if self._engine.get_tensor_mode(name) == mode.INPUT]
        self._outputs = [name for name in names if self._engine.get_tensor_mode(name) == mode.OUTPUT]
        spec = self.manifest.input
        if len(inputs) != 1 or "logits" not in self._outputs:
            raise EngineError("the engine is no network of xscan: it lacks the output logits")
        self._input = inputs[0]
        if tuple(self._engine.get_tensor_shape(self._input))[1:] != (spec.height, spec.width, 1):
            raise EngineError("the engine's input is not what its manifest says: build it again")

    def _furnish(self, lane: _Lane) -> None:
        lane.full, lane.part = self._context(), self._context()
        self._set_shape(lane.full, self.largest)  # the largest shape tells how large results can be
        for name in self._outputs:
            shape = tuple(lane.full.get_tensor_shape(name))
            if min(shape, default=0) < 1:
                raise EngineError(f"the engine does not say how large its output {name} is: build it again")
            dtype = self._trt.nptype(self._engine.get_tensor_dtype(name))
            lane.landed[name] = self._device.pinned(shape, dtype)
            lane.results[name] = self._device.buffer(lane.landed[name].nbytes)
        spec = self.manifest.input
        lane.staging = self._device.pinned((self.largest, spec.height, spec.width, 1), np.uint8)
        lane.pixels = self._device.buffer(lane.staging.nbytes)
        for which in ("full", "part"):
            addresses = {self._input: lane.pixels, **lane.results}
            for name in addresses:
                if not getattr(lane, which).set_tensor_address(name, int(addresses[name])):
                    raise EngineError(f"TensorRT takes no memory for {name}: {self._why(-1)}")
            addresses.clear()
        lane.stream = self._device.stream()

    def _context(self) -> Any:
        config = self._rtx.config if self._rtx is not None else None
        made = self._engine.create_execution_context(config) if config else self._engine.create_execution_context()
        if made is None:
            raise EngineError("the GPU has not enough free memory for the engine")
        made.nvtx_verbosity = self._trt.ProfilingVerbosity.NONE  # the plan's details are for `engine show`
        return made

    def _set_shape(self, context: Any, films: int) -> None:
        spec = self.manifest.input
        if not context.set_input_shape(self._input, (films, spec.height, spec.width, 1)):
            raise EngineError(f"the engine takes no batch of {films}: build it with another --max-batch")

    def _launch(self, lane: _Lane, stream: Stream) -> None:
        """Run the network once: plainly, or from the recording of a full batch."""
        if lane.films != self.largest:
            self._enqueue(lane.part, stream)
            return
        if lane.warm and lane.graph is None and lane.may_record and self._rtx is None:
            lane.may_record = False  # once: what cannot be recorded now cannot be later
            lane.graph = CudaGraph.record(stream, lambda: bool(lane.full.execute_async_v3(stream.handle)))
        if lane.graph is not None:
            lane.graph.launch(stream)
            return
        self._enqueue(lane.full, stream)
        lane.warm = True

    def _enqueue(self, context: Any, stream: Stream) -> None:
        if not context.execute_async_v3(stream.handle):
            raise DeviceLost(f"TensorRT could not run a batch: {self._why(-1)}")

    def _why(self, number: int) -> str:
        """The first line of an error that TensorRT logged."""
        said = self._log.errors[number].splitlines() if self._log.errors else []
        return said[0][:160] if said else "it does not say why"


def _type_of(outputs: list[dict[str, str]]) -> str:
    return outputs[0].get("Format/Datatype", "") if outputs else ""


def _printable(text: str) -> str:
    """What may stand in a sidecar: TensorRT joins the names of fused layers with characters of its own."""
    return "".join(letter if letter.isprintable() else " " for letter in text[:200])
