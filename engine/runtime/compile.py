"""An ONNX graph to a TensorRT plan. The same code for `tensorrt` 10.12 to 11 and for `tensorrt_rtx`.

Types are taken from the graph as they stand (strongly typed): FP16 and INT8 are written into the ONNX by
xscan.calibration, and the flags and calibrators that TensorRT 11 removed are not used.
"""

import contextlib
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from ..errors import EngineError
from ..network.sidecar import Profile

MODULES = {"tensorrt": "tensorrt", "tensorrt-rtx": "tensorrt_rtx"}
WORKSPACE = 1 << 30  #: bytes that a layer may use while it runs

Say = Callable[[str], None]
Progress = Callable[[str, int, int], None]  #: phase, step, steps


@dataclass(frozen=True)
class BuildOptions:
    profile: Profile
    portable: bool = False  #: for later GPUs and later runtimes too; somewhat slower
    workspace: int = WORKSPACE
    timing_cache: Path | None = None  #: makes a second build quick; needs a GPU


def load_module(runtime: str) -> ModuleType:
    """The binding of a runtime. Raises EngineError that names the install."""
    try:
        return importlib.import_module(MODULES[runtime])
    except (ImportError, OSError):  # also a binding without its libraries
        extra = "rtx" if runtime == "tensorrt-rtx" else "tensorrt"
        raise EngineError(f"{runtime} is not installed here: pip install 'xscan[{extra}]' (docs/gpu.md)") from None


def available(runtime: str) -> bool:
    with contextlib.suppress(EngineError):
        load_module(runtime)
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
    config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED  # `engine show` lists layers with their types
    if options.portable:
        _make_portable(trt, config)
    monitor = _monitor(trt, progress) if progress is not None and hasattr(trt, "IProgressMonitor") else None
    if monitor is not None:
        config.progress_monitor = monitor  # `monitor` must outlive the build
    cache = _load_timings(config, options.timing_cache)
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise EngineError(f"TensorRT cannot build the engine: {_first('', log.errors)}")
    if cache is not None and options.timing_cache is not None:
        with contextlib.suppress(OSError):  # a cache that cannot be kept costs time, not the engine
            options.timing_cache.write_bytes(bytes(config.get_timing_cache().serialize()))
    return bytes(plan)


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


def _make_portable(trt: ModuleType, config: Any) -> None:
    if trt.__name__ == "tensorrt":  # TensorRT for RTX compiles for all its GPUs anyway, and only for its own version
        config.set_flag(trt.BuilderFlag.VERSION_COMPATIBLE)
        config.hardware_compatibility_level = trt.HardwareCompatibilityLevel.AMPERE_PLUS


def _load_timings(config: Any, path: Path | None) -> Any:
    """Give the builder the timings of earlier builds. Asks for a GPU, so only where the caller has one."""
    if path is None:
        return None
    earlier = path.read_bytes() if path.is_file() else b""
    cache = config.create_timing_cache(earlier)
    config.set_timing_cache(cache, False)  # another GPU's or version's timings are refused, not mixed in
    return cache


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
