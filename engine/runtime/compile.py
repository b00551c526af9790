"""An ONNX graph to a TensorRT plan. The same code for `tensorrt` 10.12 to 11 and for `tensorrt_rtx`.

Types are taken from the graph as they stand (strongly typed): FP16 and INT8 are written into the ONNX by
xscan.calibration, and the flags and calibrators that TensorRT 11 removed are not used.
"""

import contextlib
import importlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from ..disk.replace import replace_bytes
from ..errors import EngineError, OutputError
from ..machine.gpu_fit import capabilities
from ..machine.install import pip_line
from ..network.sidecar import Profile

MODULES = {"tensorrt": "tensorrt", "tensorrt-rtx": "tensorrt_rtx"}
_failed: set[str] = set()  #: bindings that failed to build in this process
WORKSPACE = 1 << 30  #: bytes that a layer may use while it runs

Say = Callable[[str], None]
Progress = Callable[[str, int, int], None]  #: phase, step, steps


@dataclass(frozen=True)
class BuildOptions:
    profile: Profile
    portable: bool = False  #: for later GPUs and later runtimes too; somewhat slower
    workspace: int = WORKSPACE
    timing_cache: Path | None = None  #: makes a second build quick; needs a GPU
    compute_capability: str = ""  #: the only one that TensorRT for RTX compiles for, such as 8.6; empty: all of its own


def load_module(runtime: str) -> ModuleType:
    """The binding of a runtime. Raises EngineError that names the install."""
    try:
        return importlib.import_module(MODULES[runtime])
    except (ImportError, OSError):  # also a binding without its libraries
        extra = "rtx" if runtime == "tensorrt-rtx" else "tensorrt"
        raise EngineError(f"{runtime} is not installed here: {pip_line(f'xscan[{extra}]')}") from None


def require(runtime: str) -> None:
    """Raises EngineError that names the install where a runtime for GPUs is not here."""
    if runtime == "ort-rtx":
        from .ort_rtx import plugin_version

        plugin_version()
    else:
        load_module(runtime)


def available(runtime: str) -> bool:
    with contextlib.suppress(EngineError):
        require(runtime)
        return True
    return False


def logger(trt: ModuleType, say: Say | None = None) -> Any:
    """A TensorRT logger that keeps its errors in `.errors` and passes warnings to `say`.

    TensorRT says why something failed nowhere else. Keep it alive as long as what it was given to.
    """

    class Logger(trt.ILogger):
        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self.errors: list[str] = []

        def log(self, severity: Any, message: str) -> None:
            if severity in (trt.ILogger.ERROR, trt.ILogger.INTERNAL_ERROR):
                self.errors.append(message)
            elif severity == trt.ILogger.WARNING and say is not None:
                say(message)

    return Logger()


def build_plan(
    trt: ModuleType,
    graph: bytes,
    options: BuildOptions,
    say: Say | None = None,
    progress: Progress | None = None,
) -> bytes:
    """Compile an ONNX graph. say: gets the builder's warnings. progress: phase, step, steps; from several threads.

    Raises EngineError with the builder's first error.
    """
    if trt.__name__ in _failed:  # seen with TensorRT for RTX 1.7: the next plan of this process would be another
        raise EngineError("an engine could not be built before in this process: run xscan build-engine again")
    runtime = next(name for name, module in MODULES.items() if module == trt.__name__)
    if options.compute_capability and options.compute_capability not in capabilities(runtime):
        served = ", ".join(capabilities(runtime))
        raise EngineError(
            f"{runtime} has no use for compute capability {options.compute_capability}: it serves {served}"
        )
    log = logger(trt, say)
    builder = trt.Builder(log)
    network = builder.create_network(_strongly_typed(trt))
    parser = trt.OnnxParser(network, log)
    if not parser.parse(graph):
        text = parser.get_error(0).desc() if parser.num_errors else ""
        raise EngineError(f"TensorRT cannot read the graph: {_first(text, log.errors)}")
    config = builder.create_builder_config()
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, options.workspace)
    config.add_optimization_profile(_profile(builder, network, options.profile))
    config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED  # for TensorRtRuntime.layer_table
    config.clear_flag(trt.BuilderFlag.TF32)  # set by default: float32 would be rounded to 10 bits on Ampere and newer
    _choose_targets(trt, config, options)
    monitor = _monitor(trt, progress) if progress is not None and hasattr(trt, "IProgressMonitor") else None
    if monitor is not None:
        config.progress_monitor = monitor  # `monitor` must outlive the build
    timings = options.timing_cache if trt.__name__ == "tensorrt" else None  # TensorRT for RTX ignores it
    cache, earlier = _load_timings(config, timings, say)
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        _failed.add(trt.__name__)
        raise EngineError(f"TensorRT cannot build the engine: {_first('', log.errors)}")
    content = bytes(plan)
    if cache is not None and timings is not None:
        with contextlib.suppress(Exception):  # a cache that cannot be kept costs time, not the engine
            replace_bytes(timings, bytes(cache.serialize()), lambda path: _require_same(path, earlier))
    return content


def _strongly_typed(trt: ModuleType) -> int:
    # The flag is needed by 10, kept and without effect in 11.
    return 1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)


def _profile(builder: Any, network: Any, sizes: Profile) -> Any:
    profile = builder.create_optimization_profile()
    pixels = network.get_input(0)
    rest = tuple(pixels.shape)[1:]
    shapes = [(batch, *rest) for batch in (sizes.least, sizes.best, sizes.most)]
    profile.set_shape(pixels.name, *shapes)
    return profile


def _choose_targets(trt: ModuleType, config: Any, options: BuildOptions) -> None:
    """GPUs and versions that the plan is for, as BuiltFor says."""
    if trt.__name__ != "tensorrt":  # TensorRT for RTX compiles for all its GPUs, and only for its own version
        if options.compute_capability:
            config.num_compute_capabilities = 1
            name = "SM" + options.compute_capability.replace(".", "")
            config.set_compute_capability(getattr(trt.ComputeCapability, name), 0)
        return
    level = trt.HardwareCompatibilityLevel
    if options.portable:
        config.set_flag(trt.BuilderFlag.VERSION_COMPATIBLE)
        ampere = not options.compute_capability or float(options.compute_capability) >= 8
        # Ampere's level fails inside the builder on Turing; its own level serves all GPUs of one compute capability.
        config.hardware_compatibility_level = level.AMPERE_PLUS if ampere else level.SAME_COMPUTE_CAPABILITY


def _load_timings(config: Any, path: Path | None, say: Say | None) -> tuple[Any, bytes]:
    """Give the builder the timings of earlier builds; its cache, and what stands at `path`, which it may replace.

    None where TensorRT does not take what stands there: another version's or GPU's timings, or no timings at all, and
    nobody can tell which. Asks for a GPU, so only where the caller has one.
    """
    if path is None:
        return None, b""
    try:
        earlier = path.read_bytes() if os.path.lexists(path) else b""
        cache = config.create_timing_cache(earlier)  # a damaged one gives none, or is not taken; an empty one always is
        # False: another GPU's or version's timings are refused, not mixed in
        if cache is not None and config.set_timing_cache(cache, False):
            return cache, earlier
    except Exception:  # the binding's own: a build without earlier timings is a slower build, and no more
        pass
    if say is not None:
        say(f"{path} holds no timings that this TensorRT takes: it stays as it is, delete it to have it made anew")
    return None, b""


def _require_same(path: Path, earlier: bytes) -> None:
    """Raise OutputError if other content stands at `path` than the timings that were taken from it."""
    if (path.read_bytes() if path.exists() else b"") != earlier:
        raise OutputError(f"{path} is no cache of timings: give another --timing-cache")


def _monitor(trt: ModuleType, progress: Progress) -> Any:
    class Monitor(trt.IProgressMonitor):
        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)
            self._steps: dict[str, int] = {}

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            self._steps[phase_name] = num_steps
            progress(phase_name, 0, num_steps)

        def step_complete(self, phase_name: str, step: int) -> bool:
            progress(phase_name, step + 1, self._steps.get(phase_name, step + 1))
            return True  # False would cancel the build

        def phase_finish(self, phase_name: str) -> None:
            steps = self._steps.pop(phase_name, 1)
            progress(phase_name, steps, steps)

    return Monitor()


def _first(text: str, errors: list[str]) -> str:
    """The first line of what TensorRT says, which goes on over many."""
    lines = (text or (errors[0] if errors else "it does not say why")).strip().splitlines()
    return lines[0][:200]
