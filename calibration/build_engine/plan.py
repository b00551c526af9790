"""What to build, from what and for what: settled before a film is read."""

from dataclasses import dataclass
from pathlib import Path

import onnx

from xscan.engine.errors import EngineError, UsageError
from xscan.engine.machine.gpu import probe
from xscan.engine.machine.gpu_fit import fitting, unfit
from xscan.engine.machine.processor import int8_is_exact
from xscan.engine.network.manifest import KEY, Manifest
from xscan.engine.network.sidecar import RUNTIMES, Profile, sha256
from xscan.engine.runtime.compile import available, require

from ..graphs.fold import prepared
from ..graphs.graph import Graph, load
from ..int8.cache import SUFFIX
from ..int8.ranges import METHODS
from .settings import BuildSettings, Say

PRECISIONS = ("auto", "fp32", "fp16", "int8")


@dataclass(frozen=True)
class Plan:
    settings: BuildSettings
    network: bytes  #: the network's file
    source: str  #: its sha256
    model: onnx.ModelProto  #: the network, float32
    graph: Graph  #: of `model`
    manifest: Manifest
    runtime: str  #: one of sidecar.RUNTIMES
    weight_bits: int  #: of an INT8 engine for ONNX Runtime: 7 where the processor would add up 8 wrongly

    @property
    def on_cpu(self) -> bool:
        return self.runtime == "onnxruntime"

    @property
    def kind(self) -> str:
        """Which of the two INT8 graphs: `onnxruntime` or `tensorrt`."""
        return "onnxruntime" if self.on_cpu else "tensorrt"

    @property
    def rest(self) -> str:
        """The precision of layers that are not INT8, and what stands in for an INT8 that is refused."""
        return "fp32" if self.on_cpu else "fp16"

    @property
    def cache(self) -> Path:
        """Where what a calibration found is kept."""
        return self.settings.out.with_name(self.settings.out.name + SUFFIX)

    @property
    def profile(self) -> Profile:
        most = self.settings.max_batch
        return Profile(1, min(self.settings.best_batch, most), most)


def make_plan(settings: BuildSettings) -> Plan:
    """Read the network and choose the runtime. Raises UsageError, EngineError."""
    if settings.precision not in PRECISIONS:
        raise UsageError(f"no precision '{settings.precision}': choose one of {', '.join(PRECISIONS)}")
    if settings.method not in ("auto", *METHODS):
        raise UsageError(f"no method '{settings.method}': choose auto or one of {', '.join(METHODS)}")
    if not settings.out.parent.is_dir():
        raise UsageError(f"the folder {settings.out.parent} does not exist: make it, or give another --out")
    try:
        content = settings.model.read_bytes()
    except OSError:
        raise EngineError(f"{settings.model} cannot be read") from None
    model = prepared(load(content))
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    if KEY not in metadata:
        raise EngineError(f"{settings.model.name} has no xscan manifest: make it with xscan export")
    manifest = Manifest.from_json(metadata[KEY])
    runtime = choose_runtime(settings.runtime)
    bits = 8 if int8_is_exact() else 7
    return Plan(settings, content, sha256(content), model, Graph(model), manifest, runtime, bits)


def choose_runtime(asked: str) -> str:
    """`auto` is TensorRT where an NVIDIA GPU and a binding are, else ONNX Runtime. Raises EngineError."""
    gpu = probe()
    if asked == "auto":
        if gpu is None:
            return "onnxruntime"
        return next((name for name in fitting(gpu) if available(name) and not unfit(name, gpu)), "onnxruntime")
    if asked not in RUNTIMES:
        raise UsageError(f"no runtime '{asked}': choose auto, {', '.join(RUNTIMES)}")
    if asked == "tensorrt" and gpu is None:
        raise EngineError("TensorRT builds for the GPU at hand and none is here: build on the machine that will scan")
    if asked != "onnxruntime":
        if gpu is not None and (reason := unfit(asked, gpu)):
            raise EngineError(reason)
        require(asked)
    return asked


def choose_precision(plan: Plan, has_ranges: bool, say: Say) -> str:
    """The precision to try first; `auto` may still come down from it. has_ranges: INT8 needs no radiographs."""
    asked = plan.settings.precision
    if asked == "fp16" and plan.on_cpu:
        say.note("FP16 is slower than float32 on a processor: the engine is float32")
        return "fp32"
    if asked != "auto":
        return asked
    if plan.on_cpu and not int8_is_exact():
        say.note("this processor has no VNNI, where INT8 loses accuracy: the engine is float32")
        return "fp32"
    if plan.settings.calibrate is not None or has_ranges:
        return "int8"
    say.note(f"no --calibrate radiographs, so no INT8: the engine is {plan.rest}")
    return plan.rest
