"""Build an engine again for this machine, from the ONNX beside it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ..errors import EngineError
from ..machine.gpu import probe
from ..machine.gpu_fit import unfit
from ..network.sidecar import Sidecar, is_built, read_proven, read_sidecar, read_source, sha256, write_engine
from .fits import built_here, why_not_here

#: A verdict is of the plan that was measured; one that was compiled anew has none.
NOT_MEASURED = "not measured since it was built again"


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
    if sidecar.runtime != "onnxruntime":
        gpu = probe()
        if gpu is None or unfit(sidecar.runtime, gpu):
            raise EngineError(f"{path.name} {reason}")
    say(f"{path.name} {reason.removesuffix(': use --rebuild')}; building it again")
    rebuild(path, sidecar, say)
    return True


def rebuild(path: Path, sidecar: Sidecar, say: Callable[[str], None]) -> Sidecar:
    """Build the engine again for this machine, with the same graph, precision and profile."""
    graph = read_source(path, sidecar)
    engine, version, built_for, gate = graph, sidecar.runtime_version, sidecar.built_for, sidecar.gate
    if sidecar.runtime == "ort-rtx":
        from .ort_rtx import plugin_version

        version, built_for = plugin_version(), built_here(probe(), sidecar.built_for.portable)
    elif sidecar.runtime != "onnxruntime":
        from .compile import BuildOptions, build_plan, load_module

        trt, gpu, portable = load_module(sidecar.runtime), probe(), sidecar.built_for.portable
        target = gpu.compute_capability if gpu is not None and sidecar.runtime == "tensorrt" else ""
        options = BuildOptions(sidecar.profile, portable, compute_capability=target)
        engine = build_plan(trt, graph, options, say)
        version, built_for = trt.__version__, built_here(gpu, portable)
    if sidecar.runtime != "onnxruntime":
        gate = {"accepted": None, "forced": bool(gate.get("forced")), "measured_on": NOT_MEASURED}
    hashes = sidecar.sha256 | {"engine": sha256(engine)}
    new = replace(sidecar, runtime_version=version, built_for=built_for, sha256=hashes, gate=gate)
    write_engine(path, engine, graph, new)
    return new
