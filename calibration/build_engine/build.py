"""`xscan build-engine`: a network in, an engine that was measured against it out.

network -> calibrate (ranges) -> emit INT8 or FP16 graph -> gate (against float32, on films) -> compile -> write
"""

import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime

from xscan.engine.dataset.folder import list_films
from xscan.engine.errors import EngineError, GateRefused, UsageError
from xscan.engine.machine.gpu import probe
from xscan.engine.machine.processor import int8_is_exact
from xscan.engine.network.manifest import KEY, Manifest
from xscan.engine.network.sidecar import BuiltFor, Profile, Sidecar, sha256, write_engine
from xscan.engine.runtime.compile import BuildOptions, available, build_plan, load_module
from xscan.engine.runtime.fits import built_here

from ..acceptance import mixed
from ..acceptance.speed import speed_ratio
from ..acceptance.verdict import Verdict, compare
from ..graphs import run
from ..graphs.graph import Graph, load
from ..graphs.half import half_graph
from ..graphs.layout import channels_first
from ..int8 import cache, films, observe, quantise
from ..int8.cache import Calibration
from ..int8.check import require_fit
from ..int8.ranges import METHODS
from .settings import BuildSettings, Say

PRECISIONS = ("auto", "fp32", "fp16", "int8")
MOST_ACCEPTED = 2000  #: films that are measured on; more tell nothing new
CHOICE_FILMS = 96  #: calibration films that methods and layers are compared on


class Refused(GateRefused):
    """The gate said no; nothing was written."""

    def __init__(self, message: str, verdict: Verdict, best: mixed.Mixed | None) -> None:
        super().__init__(message)
        self.verdict = verdict
        self.best = best


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


@dataclass
class _Candidate:
    precision: str
    model: onnx.ModelProto
    layers: dict[str, str]
    verdict: Verdict | None = None
    record: dict[str, Any] = field(default_factory=dict)  #: the sidecar's `gate`


def build(settings: BuildSettings, say: Say | None = None) -> Built:
    """Build an engine and its two companions. Raises UsageError, DataSetError, EngineError, Refused."""
    return _Build(settings, say or Say()).run()


def choose_runtime(asked: str) -> str:
    """`auto` is TensorRT where an NVIDIA GPU and a binding are, else ONNX Runtime. Raises EngineError."""
    gpu = probe()
    if asked == "auto":
        found = (name for name in ("tensorrt", "tensorrt-rtx") if gpu is not None and available(name))
        return next(found, "onnxruntime")
    if asked not in ("tensorrt", "tensorrt-rtx", "onnxruntime"):
        raise UsageError(f"no runtime '{asked}': choose auto, tensorrt, tensorrt-rtx or onnxruntime")
    if asked == "tensorrt" and gpu is None:
        raise EngineError("TensorRT builds for the GPU at hand and none is here: build on the machine that will scan")
    if asked != "onnxruntime":
        load_module(asked)
    return asked


class _Build:
    def __init__(self, settings: BuildSettings, say: Say) -> None:
        if settings.precision not in PRECISIONS:
            raise UsageError(f"no precision '{settings.precision}': choose one of {', '.join(PRECISIONS)}")
        if settings.method not in ("auto", *METHODS):
            raise UsageError(f"no method '{settings.method}': choose auto or one of {', '.join(METHODS)}")
        if not settings.out.parent.is_dir():
            raise UsageError(f"the folder {settings.out.parent} does not exist: make it, or give another --out")
        self.settings, self.say = settings, say
        try:
            self.content = settings.model.read_bytes()
        except OSError:
            raise EngineError(f"{settings.model} cannot be read") from None
        self.model = channels_first(load(self.content))
        metadata = {entry.key: entry.value for entry in self.model.metadata_props}
        if KEY not in metadata:
            raise EngineError(f"{settings.model.name} has no xscan manifest: make it with xscan export")
        self.manifest = Manifest.from_json(metadata[KEY])
        self.graph = Graph(self.model)
        self.runtime = choose_runtime(settings.runtime)
        self.cache_path = settings.out.with_name(settings.out.name + ".calibration.json")
        self.seconds: dict[str, float] = {}
        self.calibration: Calibration | None = None
        self.calibrated: films.Pictures | None = None
        self.accepted_on: films.Pictures | None = None
        self.reference: dict[str, np.ndarray] | None = None  # float32 outputs for `accepted_on`
        self.weight_bits = 8 if int8_is_exact() else 7

    def run(self) -> Built:
        precision = self._precision()
        if precision == "int8":
            self._calibrate()
        elif self.settings.calibrate is not None:
            self.say.note(f"{precision} needs no calibration: --calibrate is not used")
        candidate = self._candidate(precision)
        engine, version = self._compile(candidate)
        graph = candidate.model.SerializeToString()
        hashes = {"engine": sha256(engine), "onnx": sha256(graph), "source": sha256(self.content)}
        record: dict[str, Any] = {}
        if self.calibration is not None and candidate.precision == "int8":
            text = self._save_calibration()
            hashes["calibration"] = sha256(text.encode())
            record = {"films": self.calibration.films, "data": self.calibration.data, "seed": self.calibration.seed}
            record |= {"method": self.calibration.chosen[self._kind]}
            if self.runtime == "onnxruntime":
                record |= {"weight_bits": self.weight_bits}
        sidecar = Sidecar(
            manifest=self.manifest, runtime=self.runtime, runtime_version=version, precision=candidate.precision,
            sha256=hashes, profile=self._profile, built_for=self._built_for(), layers=candidate.layers,
            calibration=record, gate=candidate.record,
        )  # fmt: skip
        try:
            write_engine(self.settings.out, engine, graph, sidecar)
        except OSError:
            raise UsageError(f"cannot write {self.settings.out}: check the folder and its free space") from None
        return Built(self.settings.out, sidecar, candidate.verdict, self.seconds)

    # --- what to build -----------------------------------------------------------------------------

    @property
    def _kind(self) -> str:
        return "onnxruntime" if self.runtime == "onnxruntime" else "tensorrt"

    def _precision(self) -> str:
        asked, on_cpu = self.settings.precision, self._kind == "onnxruntime"
        if asked == "fp16" and on_cpu:
            self.say.note("FP16 is slower than float32 on a processor: the engine is float32")
            return "fp32"
        if asked != "auto":
            return asked
        can_calibrate = self.settings.calibrate is not None or self.cache_path.is_file()
        if on_cpu and not int8_is_exact():
            self.say.note("this processor has no VNNI, where INT8 loses accuracy: the engine is float32")
            return "fp32"
        if can_calibrate:
            return "int8"
        fallback = "fp32" if on_cpu else "fp16"
        self.say.note(f"no --calibrate radiographs, so no INT8: the engine is {fallback}")
        return fallback

    def _candidate(self, precision: str) -> _Candidate:
        if precision == "fp32":
            return _Candidate("fp32", self.model, self._layer_types((), "fp32"))
        self._read_acceptance()
        if precision == "fp16":
            candidate = _Candidate("fp16", half_graph(self.model), self._layer_types((), "fp16"))
            return self._gated(candidate)
        layers = quantise.int8_layers(self.graph)
        if not layers:
            raise EngineError("the network has no layer that INT8 would make faster: use --precision fp16 or fp32")
        candidate = self._int8(layers)
        try:
            candidate = self._gated(candidate)
        except Refused as refused:
            if self.settings.precision != "auto":
                raise
            fallback = "fp32" if self._kind == "onnxruntime" else "fp16"
            self.say.warn(f"{refused}; the engine is {fallback}")
            return self._candidate(fallback)
        if self.settings.precision == "auto" and self._kind == "onnxruntime":
            return self._faster(candidate)
        return candidate

    def _int8(self, layers: tuple[str, ...]) -> _Candidate:
        model = self._emit(layers)
        rest = "fp32" if self._kind == "onnxruntime" else "fp16"
        return _Candidate("int8", model, self._layer_types(quantise.quantised_layers(model), rest))

    def _emit(self, layers: tuple[str, ...], method: str = "") -> onnx.ModelProto:
        assert self.calibration is not None
        ranges = self.calibration.by(method or self.calibration.chosen[self._kind])
        if self._kind == "onnxruntime":
            return quantise.cpu_graph(self.model, layers, ranges, self.weight_bits)
        model = half_graph(quantise.tensorrt_graph(self.model, layers, ranges))
        require_fit(model)
        return model

    def _layer_types(self, int8: tuple[str, ...] | list[str], rest: str) -> dict[str, str]:
        inside = {layer.output[0] for layer in self.graph.trunk} - self.graph.heads
        names = [layer.output[0] for layer in self.graph.layers]
        return {name: "int8" if name in int8 else rest if name in inside else "fp32" for name in names}

    # --- calibration ---------------------------------------------------------------------------------

    def _calibrate(self) -> None:
        settings, spec = self.settings, self.manifest.input
        started = time.monotonic()
        earlier = cache.load(self.cache_path, sha256(self.content))
        if settings.calibrate is None:
            if earlier is None:
                raise UsageError("INT8 needs --calibrate FOLDER: radiographs like those that will be scanned")
            self.calibration = earlier
            self.say.note(f"ranges of {earlier.films} radiographs taken from {self.cache_path.name}")
        else:
            ordered = films.order(list_films(settings.calibrate, settings.patients), self.manifest, settings.seed)
            data = films.fingerprint(ordered, settings.films, spec)
            if earlier is not None and (earlier.data, earlier.seed) == (data, settings.seed):
                self.calibration = earlier
                self.say.note(f"{self.cache_path.name} is of the same network and radiographs: used as it is")
            self.calibrated = films.read(
                ordered, spec, settings.films, lambda done: self.say.progress("reading", done, settings.films)
            )
            if self.calibration is None:
                self.calibration = self._observe(data)
        if self._kind not in self.calibration.chosen or settings.method != "auto":
            chosen = self.calibration.chosen | {self._kind: self._method()}
            self.calibration = replace(self.calibration, chosen=chosen)
        self.seconds["calibrate"] = time.monotonic() - started

    def _observe(self, data: str) -> Calibration:
        assert self.calibrated is not None
        pixels = self.calibrated.pixels
        if len(pixels) < 32:
            self.say.warn(f"only {len(pixels)} radiographs to calibrate on: 500 are usual")
        tensors = quantise.measured(self.graph, quantise.int8_layers(self.graph))
        ranges = observe.observe(
            self.model,
            tensors,
            run.chunks(pixels),
            lambda done: self.say.progress("calibrating", done, len(pixels)),
        )
        return Calibration(sha256(self.content), data, len(pixels), self.settings.seed, ranges)

    def _method(self) -> str:
        """The asked one, else the one that changes probabilities least on calibration films."""
        if self.settings.method != "auto":
            return self.settings.method
        if self.calibrated is None:
            return "mse"
        layers = quantise.int8_layers(self.graph)
        pictures = self.calibrated.pixels[:CHOICE_FILMS]
        truth = run.logits(self.model, pictures)
        changes = {}
        for number, method in enumerate(METHODS):
            self.say.progress("comparing methods", number, len(METHODS))
            candidate = run.logits(self._emit(layers, method), pictures)
            changes[method] = mixed.change(truth, candidate, self.manifest)
        best = min(METHODS, key=lambda method: changes[method])
        self.say.note("mean change of p: " + ", ".join(f"{m} {changes[m]:.5f}" for m in METHODS) + f"; taken: {best}")
        return best

    def _save_calibration(self) -> str:
        assert self.calibration is not None
        text = self.calibration.to_json()
        self.cache_path.write_text(text, encoding="utf-8")
        return text

    # --- the gate ------------------------------------------------------------------------------------

    def _read_acceptance(self) -> None:
        settings = self.settings
        if self.accepted_on is not None:
            return
        if settings.accept is None:
            self.accepted_on = self.calibrated and replace(self.calibrated, labels=None)
            if self.calibrated is not None:
                self.say.note("no --accept radiographs: agreement with float32 on the calibration films is the gate")
        else:
            calibrated = {film.patient for film in self.calibrated.films} if self.calibrated else set()
            listed = list_films(settings.accept, settings.accept_patients)
            chosen = films.for_acceptance(listed, self.manifest, settings.accept_folds, calibrated)
            total = min(len(chosen), MOST_ACCEPTED)
            chosen = films.shuffled(chosen, settings.seed)
            self.accepted_on = films.read(
                chosen, self.manifest.input, total, lambda done: self.say.progress("reading", done, total)
            )
        if self.accepted_on is not None:
            self.reference = run.outputs(self.model, self.accepted_on.pixels)

    def _judge(self, model: onnx.ModelProto) -> Verdict:
        assert self.accepted_on is not None
        assert self.reference is not None
        candidate = run.outputs(model, self.accepted_on.pixels)
        return compare(self.reference, candidate, self.accepted_on.labels, self.manifest, self.settings.limits)

    def _gated(self, candidate: _Candidate) -> _Candidate:
        """The candidate with its verdict, or the best mixed one. Raises Refused."""
        started = time.monotonic()
        graph = sha256(candidate.model.SerializeToString(deterministic=True))
        if self.accepted_on is None:
            earlier = self.calibration.verdicts.get(graph) if self.calibration is not None else None
            if earlier is None:
                self.say.warn("no radiographs to measure on: the engine is not proven, give --accept")
            candidate.record = (earlier or {"accepted": None}) | {"measured_now": False}
            if earlier is not None and not earlier["accepted"] and not self.settings.force:
                raise EngineError("this INT8 graph was refused before, by the gate: give --accept to see why")
            return candidate
        self.say.progress("measuring", 0, 1)
        candidate.verdict = self._judge(candidate.model)
        candidate.record = candidate.verdict.as_dict()
        self.seconds["measure"] = time.monotonic() - started
        if self.calibration is not None:
            verdicts = self.calibration.verdicts | {graph: candidate.record}
            self.calibration = replace(self.calibration, verdicts=verdicts)
        if candidate.verdict.accepted:
            return candidate
        best = self._best_mixed() if candidate.precision == "int8" else None
        if best is not None and best.verdict.accepted and self.settings.mixed:
            self.say.note(f"all of INT8 is refused; mixed precision leaves {len(best.left_out)} layers in float")
            chosen = self._int8(tuple(n for n in quantise.int8_layers(self.graph) if n not in best.left_out))
            chosen.verdict, chosen.record = best.verdict, best.verdict.as_dict() | {"left_out": list(best.left_out)}
            return chosen
        if self.settings.force:
            candidate.record |= {"forced": True}
            self.say.warn("refused by the gate and written all the same, as --force asks")
            return candidate
        broken = ", ".join(candidate.verdict.broken)
        raise Refused(f"{candidate.precision} refused: {broken} over the limit", candidate.verdict, best)

    def _best_mixed(self) -> mixed.Mixed | None:
        assert self.accepted_on is not None
        layers = quantise.int8_layers(self.graph)
        if len(layers) < 2:
            return None
        source = self.calibrated or self.accepted_on
        pictures = source.pixels[:CHOICE_FILMS]
        truth = run.logits(self.model, pictures)
        return mixed.search(
            layers, self._emit, self._judge, pictures, truth, self.manifest,
            lambda done, total: self.say.progress("looking for the layers that hurt", done, total),
        )  # fmt: skip

    def _faster(self, candidate: _Candidate) -> _Candidate:
        """INT8 if it is faster than float32 here, timed alternately so that a busy machine is unfair to neither."""
        spec = self.manifest.input
        noise = np.random.default_rng(0).integers(0, 256, (8, spec.height, spec.width, 1), np.uint8)
        source = self.accepted_on or self.calibrated
        batch = source.pixels[:8] if source is not None else noise
        ratio = speed_ratio(self.model, candidate.model, batch)
        candidate.record |= {"speed_against_fp32": round(ratio, 2)}
        if ratio > 1:
            self.say.note(f"INT8 takes {1 / ratio:.2f} of float32's time here")
            return candidate
        self.say.note(f"INT8 is not faster here ({1 / ratio:.2f} of float32's time): the engine is float32")
        return self._candidate("fp32")

    # --- the compiler ----------------------------------------------------------------------------------

    @property
    def _profile(self) -> Profile:
        most = self.settings.max_batch
        return Profile(1, min(self.settings.best_batch, most), most)

    def _compile(self, candidate: _Candidate) -> tuple[bytes, str]:
        if self.runtime == "onnxruntime":
            return candidate.model.SerializeToString(), onnxruntime.__version__
        started = time.monotonic()
        trt = load_module(self.runtime)
        options = BuildOptions(
            self._profile, self.settings.portable, self.settings.workspace,
            self.settings.timing_cache if probe() is not None else None,
        )  # fmt: skip
        if probe() is None:
            self.say.warn("no NVIDIA GPU here: the engine is compiled, and has not run")
        plan = build_plan(trt, candidate.model.SerializeToString(), options, self.say.builder, self.say.progress)
        self.seconds["compile"] = time.monotonic() - started
        return plan, trt.__version__

    def _built_for(self) -> BuiltFor:
        return BuiltFor() if self.runtime == "onnxruntime" else built_here(probe(), self.settings.portable)
