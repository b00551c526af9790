"""Open a built engine (NAME.engine with its NAME.engine.json), or say in one line why not; build it again.

Order matters: the driver is asked first (some TensorRT libraries crash without one), then the sidecar, then the
plan's hash; only then are the bytes handed to a runtime, because loading a plan runs code that is in it.
"""

import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import EngineError
from ..machine.gpu import Gpu, probe
from ..machine.processor import int8_is_exact
from ..network.sidecar import (
    BuiltFor,
    Sidecar,
    is_built,
    read_proven,
    read_sidecar,
    read_source,
    sha256,
    sidecar_path,
    writable_by_others,
    write_engine,
)
from . import Runtime


def open_engine(path: Path) -> Runtime:
    """Raises EngineError: wrong machine, wrong version, damaged, or not what was built."""
    sidecar = read_sidecar(path)
    if reason := why_not_here(sidecar):
        raise EngineError(f"{path.name} {reason}")
    content = read_proven(path, sidecar)
    if sidecar.runtime == "onnxruntime":
        from .onnx import OnnxRuntime

        return OnnxRuntime(path, content)
    from .tensorrt import TensorRtRuntime

    return TensorRtRuntime(path.name, sidecar, content)


def has_one_owner(path: Path) -> bool:
    """Must one process run it for all, because it runs on the machine's GPU? Raises EngineError."""
    if is_built(path):
        return read_sidecar(path).runtime != "onnxruntime"
    return _cuda_provider()


def open_lanes(path: Path) -> Any:
    """The engine as a scoring.LaneRuntime, for the thread that makes this call. Raises EngineError."""
    from ..scoring import OneLane
    from .onnx import OnnxRuntime

    if is_built(path):
        runtime = open_engine(path)
        return runtime if hasattr(runtime, "lanes") else OneLane(runtime)
    return OneLane(OnnxRuntime(path, gpu=_cuda_provider()))


def _cuda_provider() -> bool:
    """Is there an NVIDIA GPU, and an ONNX Runtime that was built for it?"""
    if probe() is None:
        return False
    import onnxruntime

    return "CUDAExecutionProvider" in onnxruntime.get_available_providers()


def why_not_here(sidecar: Sidecar) -> str:
    """What keeps this machine from running the engine, as the rest of a sentence; empty if nothing does."""
    if sidecar.runtime == "onnxruntime":
        return ""  # ONNX is the same everywhere
    gpu = probe()
    if gpu is None:
        return "needs an NVIDIA GPU, and no driver answers here: build one for this machine with xscan build-engine"
    from .compile import load_module

    try:
        here = load_module(sidecar.runtime).__version__
    except EngineError as error:
        return f"needs {sidecar.runtime}: {error}"
    return _mismatch(sidecar, gpu, here)


def _mismatch(sidecar: Sidecar, gpu: Gpu, here: str) -> str:
    built_for = sidecar.built_for
    if built_for.system and built_for.system != platform.system():
        return f"was built on {built_for.system}, here is {platform.system()}: use --rebuild"
    other_version = here != sidecar.runtime_version
    later = built_for.portable and sidecar.runtime == "tensorrt" and _runs_on(sidecar.runtime_version, here)
    if other_version and not later:
        return f"was built with {sidecar.runtime} {sidecar.runtime_version}, here is {here}: use --rebuild"
    other_gpu = built_for.compute_capability and built_for.compute_capability != gpu.compute_capability
    ampere = float(gpu.compute_capability) >= 8
    if other_gpu and sidecar.runtime == "tensorrt" and not (built_for.portable and ampere):
        return (
            f"was built for compute capability {built_for.compute_capability} ({built_for.gpu}), "
            f"here is {gpu.compute_capability} ({gpu.name}): use --rebuild"
        )
    return ""


def _runs_on(built: str, here: str) -> bool:
    """Does a version-compatible plan of TensorRT `built` run on `here`? (Support matrix 11.4: later versions of the
    same major version, and 10 on 11.)"""
    old, new = ([int(x) for x in version.split(".")[:2]] for version in (built, here))
    return new >= old and (old[0] == new[0] or (old[0], new[0]) == (10, 11))


def doubts(path: Path) -> list[str]:
    """What the person who starts a run should hear about this engine."""
    if not is_built(path) or not sidecar_path(path).is_file():
        return []
    found = []
    if name := writable_by_others(path):
        found.append(f"{name} may be written to by every user of this machine: an engine can hold any code")
    sidecar = read_sidecar(path)
    if sidecar.calibration.get("weight_bits") == 8 and not int8_is_exact():
        found.append(f"{path.name} has 8-bit weights, and this processor may add them up wrongly: build it again here")
    if sidecar.gate.get("forced"):
        found.append(f"{path.name} was refused by its gate and built with --force: its results are not to be relied on")
    return found


def rebuild_if_needed(path: Path, say: Callable[[str], None]) -> bool:
    """Build an engine again, from the ONNX beside it, where it does not fit this machine or is damaged.

    Returns whether it was built. Raises EngineError, also where its sidecar or its ONNX is not what was built.
    """
    if not is_built(path):
        return False
    sidecar = read_sidecar(path)
    reason = why_not_here(sidecar)
    if not reason:
        try:
            read_proven(path, sidecar)
        except EngineError:
            reason = "is damaged"
        else:
            return False
    if sidecar.runtime != "onnxruntime" and probe() is None:
        raise EngineError(f"{path.name} {reason}")
    say(f"{path.name} {reason.removesuffix(': use --rebuild')}; building it again")
    rebuild(path, sidecar, say)
    return True


def built_here(gpu: Gpu | None, portable: bool) -> BuiltFor:
    """What a plan that is built now is for."""
    if gpu is None:
        return BuiltFor(portable=portable, system=platform.system())
    return BuiltFor(gpu.name, gpu.compute_capability, gpu.driver, portable, platform.system())


def rebuild(path: Path, sidecar: Sidecar, say: Callable[[str], None]) -> Sidecar:
    """Build the engine again for this machine, with the same graph, precision and profile."""
    graph = read_source(path, sidecar)
    engine, version, built_for = graph, sidecar.runtime_version, sidecar.built_for
    if sidecar.runtime != "onnxruntime":
        from .compile import BuildOptions, build_plan, load_module

        trt = load_module(sidecar.runtime)
        portable = sidecar.built_for.portable
        engine = build_plan(trt, graph, BuildOptions(sidecar.profile, portable), say)
        version, gpu = trt.__version__, probe()
        built_for = built_here(gpu, portable)
    content = sidecar.__dict__ | {
        "runtime_version": version, "built_for": built_for, "sha256": sidecar.sha256 | {"engine": sha256(engine)}
    }  # fmt: skip
    new = Sidecar(**content)
    try:
        write_engine(path, engine, graph, new)
    except OSError:
        raise EngineError(f"cannot write {path.name}: check the folder and its free space") from None
    return new
