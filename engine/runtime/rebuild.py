"""Build an engine again for this machine, from the ONNX beside it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ..disk.scratch import scratch
from ..errors import EngineError
from ..machine.gpu import probe
from ..machine.gpu_fit import unfit
from ..network.sidecar import (
    NOT_MEASURED,
    ON_GRAPH,
    Sidecar,
    is_built,
    read_proven,
    read_sidecar,
    read_source,
    sha256,
    write_engine,
)
from .fits import built_here, why_not_here
from .protocol import Inspected


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
    """Build the engine again for this machine, with the same graph, precision and profile.

    What a compiler made is opened and held against its graph before it is written. Raises EngineError: the old files
    stand.
    """
    graph = read_source(path, sidecar)
    if sidecar.runtime == "onnxruntime":
        engine = graph
        new = replace(sidecar, sha256=sidecar.sha256 | {"engine": sha256(engine)})
    else:
        engine, version = _compiled(sidecar, graph, say)
        built_for = built_here(probe(), sidecar.built_for.portable)
        hashes = sidecar.sha256 | {"engine": sha256(engine)}
        new = replace(sidecar, runtime_version=version, built_for=built_for, sha256=hashes)
        new = _proven(path, new, engine, graph, say)
    write_engine(path, engine, graph, new)
    return new


def _compiled(sidecar: Sidecar, graph: bytes, say: Callable[[str], None]) -> tuple[bytes, str]:
    """The engine's bytes and the version of what made them. Raises EngineError."""
    if sidecar.runtime == "ort-rtx":  # its plugin compiles the graph when the engine is opened
        from .ort_rtx import plugin_version

        return graph, plugin_version()
    from .compile import BuildOptions, build_plan, load_module

    trt, gpu = load_module(sidecar.runtime), probe()
    target = gpu.compute_capability if gpu is not None and sidecar.runtime == "tensorrt" else ""
    options = BuildOptions(sidecar.profile, sidecar.built_for.portable, compute_capability=target)
    return build_plan(trt, graph, options, say), trt.__version__


def _proven(path: Path, sidecar: Sidecar, engine: bytes, graph: bytes, say: Callable[[str], None]) -> Sidecar:
    """The sidecar with what this machine's GPU makes of the engine; of the earlier verdict what is true of the graph.

    A verdict on an earlier plan is none on this one. Raises EngineError where the engine does not agree.
    """
    from .agreement import require_agreement
    from .engines import tried

    with scratch() as folder, tried(path.name, sidecar, engine, folder) as runtime:
        found = require_agreement(runtime, path, graph)
        compiled = runtime.layer_table() if isinstance(runtime, Inspected) else {}
    say(found.as_text())
    gate = sidecar.gate
    of_graph = gate.get("graph", gate if gate.get("measured_on") == ON_GRAPH else NOT_MEASURED)
    kept = dict(of_graph) | ({"forced": True} if gate.get("forced") else {})
    return replace(sidecar, gate=kept | {"plan": found.as_dict()}, compiled=compiled)
