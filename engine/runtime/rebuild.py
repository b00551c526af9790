"""Build an engine again for this machine, from the ONNX beside it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ..errors import EngineError
from ..machine.gpu import probe
from ..network.sidecar import Sidecar, is_built, read_proven, read_sidecar, read_source, sha256, write_engine
from .fits import built_here, why_not_here


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
    hashes = sidecar.sha256 | {"engine": sha256(engine)}
    new = replace(sidecar, runtime_version=version, built_for=built_for, sha256=hashes)
    write_engine(path, engine, graph, new)
    return new
