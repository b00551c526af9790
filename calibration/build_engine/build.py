"""`xscan build-engine`: a network in, an engine that was measured against it out.

plan (network, runtime, precision) -> calibrate (ranges) -> emit INT8 or FP16 graph -> accept (against float32, on
films) -> compile -> on a GPU: open, judge and time what was compiled -> write
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import onnxruntime

from xscan.engine.dataset.trained_on import copy_record
from xscan.engine.disk.overwrite import made_here
from xscan.engine.disk.replace import replace_bytes
from xscan.engine.disk.scratch import scratch
from xscan.engine.errors import EngineError
from xscan.engine.machine.gpu import probe
from xscan.engine.network.sidecar import BuiltFor, Sidecar, sha256, write_engine
from xscan.engine.runtime.agreement import Agreement
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
    from_record,
    graph_hash,
    measure,
    read_acceptance,
    require_accepted,
    speed_here,
)
from .calibrate import calibrate, known
from .card import Card, Made
from .emit import Candidate
from .plan import Plan, choose_precision, make_plan
from .settings import BuildSettings, Say

NAMES = {"int8": "INT8", "fp16": "FP16", "fp32": "float32"}


@dataclass
class Built:
    out: Path
    sidecar: Sidecar
    verdict: Verdict | None
    agreement: Agreement | None  #: with its graph on phantoms, where no film was at hand
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
    with scratch() as folder:
        bench = _Bench(plan, calibration, calibrated, Card(plan, folder, say), seconds, say)
        made = bench.best(precision)
    sidecar = _write(plan, made, bench.calibration, calibrated is not None)
    return Built(settings.out, sidecar, made.candidate.verdict, made.agreement, seconds)


class _Bench:
    """Makes engines of one network, from the most reduced precision up, until one is worth taking. Writes nothing."""

    def __init__(
        self,
        plan: Plan,
        calibration: Calibration | None,
        calibrated: films.Pictures | None,
        card: Card,
        seconds: dict[str, float],
        say: Say,
    ) -> None:
        self.calibration = calibration  #: with what was said of its graphs
        self._plan, self._calibrated, self._card, self._seconds, self._say = plan, calibrated, card, seconds, say
        self._measured: Measured | None = None
        self._films_read = False
        self._made: dict[str, Made] = {}

    def best(self, precision: str) -> Made:
        """The engine of this precision; with `auto` the first from it upward that is accepted, shown to be so, and
        faster than the next. Raises Refused, EngineError."""
        rungs = (precision,)
        if self._plan.settings.precision == "auto":
            whole = ("int8", "fp32") if self._plan.on_cpu else ("int8", "fp16", "fp32")
            rungs = whole[whole.index(precision) :]
        for rung, after in zip(rungs, (*rungs[1:], ""), strict=True):
            try:
                why = self._not_worth_making(rung) if after else ""
                if not why:
                    made, why = self._weighed(self._make(rung), after)
                    if not why:
                        return made
            except Refused as refused:
                if not after:
                    raise
                self._say.warn(f"{refused}; the engine is {NAMES[after]}")
            else:
                self._say.note(f"{why}: the engine is {NAMES[after]}")
        raise AssertionError("the last rung is taken or raises")

    def _not_worth_making(self, precision: str) -> str:
        """What is known to speak against INT8 before anything is compiled, as `auto` says it; empty if nothing."""
        if precision != "int8" or self._films() is not None:
            return ""
        if not self._plan.on_cpu and not self._card.present:
            return "INT8 cannot be timed without a GPU (--precision int8 builds it)"
        earlier = earlier_verdict(self._emitted(precision), self.calibration)
        return "" if (earlier or {}).get("accepted") else "this INT8 graph was not accepted on radiographs (--accept)"

    def _weighed(self, made: Made, after: str) -> tuple[Made, str]:
        """The engine with its time beside the next precision's, and what speaks against taking it before `after`."""
        precision, verdict = made.candidate.precision, made.candidate.verdict
        if after and precision == "int8" and verdict is not None and (verdict.few or not verdict.accepted):
            return made, "INT8 is taken where it is shown to be as good"
        if self._plan.on_cpu and after:
            ratio, other = speed_here(self._plan, made.candidate, self._films()), "fp32"
        elif self._card.present and precision != "fp32":
            other = "fp16" if precision == "int8" else "fp32"
            try:
                reference = self._make(other)
            except Refused:
                return made, ""
            with _timed(self._seconds, "time"):
                ratio = self._card.speed_ratio(reference, made)
        else:
            return made, ""
        text = f"{1 / ratio:.2f} of {NAMES[other]}'s time here"
        if ratio <= 1 and after:
            return made, f"{NAMES[precision]} is not faster ({text})"
        self._say.note(f"{NAMES[precision]} takes {text}")
        return made.with_record(**{f"speed_against_{other}": round(ratio, 2)}), ""

    def _make(self, precision: str) -> Made:
        """An engine, accepted, and where this machine can run it proven. Raises Refused, EngineError."""
        if precision not in self._made:
            candidate = self._accepted(self._emitted(precision))
            engine, version = _compile(self._plan, candidate, self._seconds, self._say)
            made = Made(candidate, engine, _sidecar(self._plan, candidate, self.calibration, engine, version))
            if self._card.present or (self._plan.on_cpu and precision == "fp32"):
                graph = self._plan.network if precision == "fp32" else candidate.model.SerializeToString()
                with _timed(self._seconds, "try"):
                    made = self._card.prove(made, graph, self._films() if self._card.present else None)
            self._made[precision] = made
        return self._made[precision]

    def _emitted(self, precision: str) -> Candidate:
        if precision == "fp32":
            return emit.float32(self._plan)
        if precision == "fp16" or self.calibration is None:
            return emit.fp16(self._plan)
        layers = quantise.int8_layers(self._plan.graph)
        if not layers:
            raise EngineError("the network has no layer that INT8 would make faster: use --precision fp16 or fp32")
        return emit.int8(self._plan, self.calibration, layers)

    def _accepted(self, candidate: Candidate) -> Candidate:
        """The candidate with what was said of its graph, now or before; the calibration keeps it. Raises Refused."""
        if candidate.precision == "fp32":
            return candidate
        measured = self._films()
        if measured is None:
            return from_record(self._plan, candidate, self.calibration, self._say)
        with _timed(self._seconds, "measure"):
            candidate = measure(self._plan, candidate, measured, self._say)
        if self.calibration is not None:
            verdicts = self.calibration.verdicts | {graph_hash(candidate.model): candidate.record}
            self.calibration = replace(self.calibration, verdicts=verdicts)
        assert candidate.verdict is not None
        return require_accepted(
            self._plan, candidate, candidate.verdict, measured, self.calibration, self._calibrated, self._say
        )

    def _films(self) -> Measured | None:
        """Films to measure on, read once."""
        if not self._films_read:
            self._measured = read_acceptance(self._plan, self._calibrated, self._say)
            self._films_read = True
        return self._measured


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


def _sidecar(plan: Plan, candidate: Candidate, calibration: Calibration | None, engine: bytes, version: str) -> Sidecar:
    hashes = {
        "engine": sha256(engine), "onnx": sha256(candidate.model.SerializeToString()), "source": plan.source
    }  # fmt: skip
    record: dict[str, Any] = {}
    if calibration is not None and candidate.precision == "int8":
        record = {"films": calibration.films, "data": calibration.data, "seed": calibration.seed}
        record |= {"method": calibration.chosen[plan.kind]}
        if plan.on_cpu:
            record |= {"weight_bits": plan.weight_bits}
    return Sidecar(
        manifest=plan.manifest, runtime=plan.runtime, runtime_version=version, precision=candidate.precision,
        sha256=hashes, profile=plan.profile, layers=candidate.layers, calibration=record, gate=candidate.record,
        built_for=BuiltFor() if plan.on_cpu else built_here(probe(), plan.settings.portable),
    )  # fmt: skip


def _write(plan: Plan, made: Made, calibration: Calibration | None, calibrated: bool) -> Sidecar:
    """Write what the calibration found, the engine's companions, and last the engine. Raises OutputError."""
    sidecar = made.sidecar
    if calibration is not None and sidecar.precision == "int8":
        text = calibration.to_json().encode()
        sidecar = replace(sidecar, sha256=sidecar.sha256 | {"calibration": sha256(text)})
        if calibrated or plan.cache.is_file():  # what travels with the network is there already
            replace_bytes(plan.cache, text, made_here("calibration cache", b'{\n "chosen": '))
    copy_record(plan.manifest.data, plan.settings.model.parent, plan.settings.out.parent)
    write_engine(plan.settings.out, made.engine, made.candidate.model.SerializeToString(), sidecar)
    return sidecar


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    """Adds up what a stage takes."""
    started = time.monotonic()
    yield
    seconds[stage] = seconds.get(stage, 0.0) + time.monotonic() - started
