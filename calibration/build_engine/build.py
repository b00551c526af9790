"""`xscan build-engine`: a network in, an engine that was measured against it out.

plan (network, runtime, precision) -> calibrate (ranges) -> emit INT8 or FP16 graph -> accept (against float32, on
films) -> compile -> write
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import onnxruntime

from xscan.engine.disk.overwrite import made_here
from xscan.engine.disk.replace import replace_bytes
from xscan.engine.errors import EngineError
from xscan.engine.machine.gpu import probe
from xscan.engine.network.sidecar import BuiltFor, Sidecar, sha256, write_engine
from xscan.engine.runtime.compile import BuildOptions, build_plan, load_module
from xscan.engine.runtime.fits import built_here
from xscan.engine.runtime.ort_rtx import plugin_version

from ..acceptance.verdict import Verdict
from ..int8 import films, quantise
from ..int8.cache import Calibration
from . import emit
from .accept import (
    Measured,
    Refused,
    earlier_verdict,
    faster_here,
    from_record,
    graph_hash,
    measure,
    read_acceptance,
    require_accepted,
)
from .calibrate import calibrate, known
from .emit import Candidate
from .plan import Plan, choose_precision, make_plan
from .settings import BuildSettings, Say


@dataclass
class Built:
    out: Path
    sidecar: Sidecar
    verdict: Verdict | None
    seconds: dict[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        side = self.sidecar
        return {
            "engine": str(self.out), "model": side.manifest.label, "runtime": side.runtime,
            "runtime_version": side.runtime_version, "precision": side.precision, "sha256": side.sha256,
            "layers": side.layers, "calibration": side.calibration, "gate": side.gate,
            "seconds": {stage: round(s, 2) for stage, s in self.seconds.items()},
        }  # fmt: skip


def build(settings: BuildSettings, say: Say | None = None) -> Built:
    """Build an engine and its two companions. Raises UsageError, DataSetError, EngineError, Refused."""
    say = say or Say()
    plan = make_plan(settings)
    seconds: dict[str, float] = {}
    calibration, calibrated = known(plan), None
    precision = choose_precision(plan, calibration is not None, say)
    if precision == "int8":
        with _timed(seconds, "calibrate"):
            calibration, calibrated = calibrate(plan, calibration, say)
    elif settings.calibrate is not None:
        say.note(f"{precision} needs no calibration: --calibrate is not used")
    candidate, calibration = _candidate(plan, precision, calibration, calibrated, seconds, say)
    engine, version = _compile(plan, candidate, seconds, say)
    sidecar = _write(plan, candidate, calibration, calibrated is not None, engine, version)
    return Built(settings.out, sidecar, candidate.verdict, seconds)


def _candidate(
    plan: Plan,
    precision: str,
    calibration: Calibration | None,
    calibrated: films.Pictures | None,
    seconds: dict[str, float],
    say: Say,
) -> tuple[Candidate, Calibration | None]:
    """What will be compiled, and the calibration with what was said of its graphs. Raises EngineError, Refused."""
    if precision == "fp32":
        return emit.float32(plan), calibration
    measured = read_acceptance(plan, calibrated, say)

    def accepted(candidate: Candidate) -> tuple[Candidate, Calibration | None]:
        return _accepted(plan, candidate, measured, calibration, calibrated, seconds, say)

    if precision == "fp16" or calibration is None:
        return accepted(emit.fp16(plan))
    layers = quantise.int8_layers(plan.graph)
    if not layers:
        raise EngineError("the network has no layer that INT8 would make faster: use --precision fp16 or fp32")
    whole = emit.int8(plan, calibration, layers)
    if plan.settings.precision != "auto":
        return accepted(whole)
    if measured is None and not plan.on_cpu:  # an INT8 plan can be the slower one, and none has run here
        say.note("INT8 is not timed on this GPU, so FP16 is built; --precision int8 builds INT8 without radiographs")
        return accepted(emit.fp16(plan))
    if measured is None and not (earlier_verdict(whole, calibration) or {}).get("accepted"):
        say.note("this INT8 graph was not accepted on radiographs: the engine is float32; give --accept FOLDER")
        return emit.float32(plan), calibration
    try:
        candidate, calibration = accepted(whole)
    except Refused as refused:
        say.warn(f"{refused}; the engine is {plan.rest}")
        return (emit.float32(plan), calibration) if plan.on_cpu else accepted(emit.fp16(plan))
    verdict = candidate.verdict
    if verdict is not None and not verdict.refused and (verdict.few or not verdict.accepted):
        say.note(f"INT8 is taken where it is shown to be as good: the engine is {plan.rest}")
        return (emit.float32(plan), calibration) if plan.on_cpu else accepted(emit.fp16(plan))
    if not plan.on_cpu:
        return candidate, calibration
    pictures = measured.pictures if measured is not None else None
    return faster_here(plan, candidate, pictures, say) or emit.float32(plan), calibration


def _accepted(
    plan: Plan,
    candidate: Candidate,
    measured: Measured | None,
    calibration: Calibration | None,
    calibrated: films.Pictures | None,
    seconds: dict[str, float],
    say: Say,
) -> tuple[Candidate, Calibration | None]:
    """The candidate with what was said of it, now or before; the calibration remembers it. Raises Refused."""
    if measured is None:
        return from_record(plan, candidate, calibration, say), calibration
    with _timed(seconds, "measure"):
        candidate = measure(plan, candidate, measured, say)
    if calibration is not None:
        verdicts = calibration.verdicts | {graph_hash(candidate.model): candidate.record}
        calibration = replace(calibration, verdicts=verdicts)
    if candidate.verdict is None:
        return candidate, calibration
    return (
        require_accepted(plan, candidate, candidate.verdict, measured, calibration, calibrated, say),
        calibration,
    )


def _compile(plan: Plan, candidate: Candidate, seconds: dict[str, float], say: Say) -> tuple[bytes, str]:
    """The engine's bytes and the version of what made them."""
    graph = candidate.model.SerializeToString()
    if plan.on_cpu:
        return graph, onnxruntime.__version__
    if plan.runtime == "ort-rtx":  # its plugin compiles the graph when the engine is opened
        return graph, plugin_version()
    settings, gpu = plan.settings, probe()
    trt = load_module(plan.runtime)
    options = BuildOptions(
        plan.profile, settings.portable, settings.workspace, settings.timing_cache if gpu is not None else None,
        gpu.compute_capability if gpu is not None and plan.runtime == "tensorrt" else "",
    )  # fmt: skip
    if gpu is None:
        say.warn("no NVIDIA GPU here: the engine is compiled, and has not run")
    with _timed(seconds, "compile"):
        return build_plan(trt, graph, options, say.builder, say.progress), trt.__version__


def _write(
    plan: Plan, candidate: Candidate, calibration: Calibration | None, calibrated: bool, engine: bytes, version: str
) -> Sidecar:
    """Write the engine, its companions and what the calibration found. Raises UsageError."""
    graph = candidate.model.SerializeToString()
    hashes = {"engine": sha256(engine), "onnx": sha256(graph), "source": plan.source}
    record: dict[str, Any] = {}
    text = ""
    if calibration is not None and candidate.precision == "int8":
        text = calibration.to_json()
        hashes["calibration"] = sha256(text.encode())
        record = {"films": calibration.films, "data": calibration.data, "seed": calibration.seed}
        record |= {"method": calibration.chosen[plan.kind]}
        if plan.on_cpu:
            record |= {"weight_bits": plan.weight_bits}
    built_for = BuiltFor() if plan.on_cpu else built_here(probe(), plan.settings.portable)
    sidecar = Sidecar(
        manifest=plan.manifest, runtime=plan.runtime, runtime_version=version, precision=candidate.precision,
        sha256=hashes, profile=plan.profile, built_for=built_for, layers=candidate.layers, calibration=record,
        gate=candidate.record,
    )  # fmt: skip
    out = plan.settings.out
    if text and (calibrated or plan.cache.is_file()):  # what travels with the network is there already
        replace_bytes(plan.cache, text.encode(), made_here("calibration cache", b"{"))
    write_engine(out, engine, graph, sidecar)
    return sidecar


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    started = time.monotonic()
    yield
    seconds[stage] = time.monotonic() - started
