"""A candidate against float32, on films: accepted, refused, or made of fewer INT8 layers until it is accepted."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx

from xscan.engine.dataset.films import DataSet, ListedFilm
from xscan.engine.dataset.folder import list_films
from xscan.engine.dataset.trained_on import trained_on
from xscan.engine.errors import DataSetError, EngineError, GateRefused
from xscan.engine.network.sidecar import NOT_MEASURED, ON_GRAPH, sha256

from ..acceptance import mixed
from ..acceptance.speed import speed_ratio
from ..acceptance.verdict import Verdict, compare
from ..graphs import run
from ..int8 import films, quantise
from ..int8.cache import Calibration
from .calibrate import CHOICE_FILMS
from .emit import Candidate, int8, int8_graph
from .plan import Plan
from .settings import Say

MOST_ACCEPTED = 2000  #: films that are measured on; more tell nothing new


class Refused(GateRefused):
    """The acceptance said no; nothing was written."""

    def __init__(self, message: str, verdict: Verdict | None, best: mixed.Mixed | None) -> None:
        super().__init__(message)
        self.verdict = verdict  #: None where phantoms said no
        self.best = best


@dataclass(frozen=True)
class Measured:
    """Films to accept on, and what float32 says of them."""

    pictures: films.Pictures
    reference: dict[str, np.ndarray]  #: outputs of the network, float32 [films, ...]
    seen: dict[str, Any] | None = None  #: films that the network was trained on: how many were left out, if it is known


def read_acceptance(
    plan: Plan, calibrated: films.Pictures | None, say: Say, most: int = MOST_ACCEPTED, *, trained_too: bool = False
) -> Measured | None:
    """The films of --accept, at most so many, else those calibrated on without their labels, else None.

    trained_too: those that the network was trained on as well. Raises DataSetError.
    """
    settings, seen = plan.settings, None
    if settings.accept is None:
        if calibrated is None:
            return None
        say.note("no --accept radiographs: agreement with float32 on the calibration films is the gate")
        pictures = replace(calibrated, labels=None)
    else:
        patients = {film.patient for film in calibrated.films} if calibrated else set()
        listed = list_films(settings.accept, settings.accept_patients)
        chosen = films.for_acceptance(listed, plan.manifest, settings.accept_folds, patients)
        if not trained_too:
            by_fold = 0 if settings.accept_folds else films.of_trained_folds(listed, plan.manifest)
            chosen, seen = _unseen(chosen, by_fold, plan, say)
        total = min(len(chosen), most)
        chosen = films.shuffled(chosen, settings.seed)
        pictures = films.read(chosen, plan.manifest.input, total, lambda done: say.progress("reading", done, total))
    return Measured(pictures, run.outputs(plan.model, pictures.pixels), seen)


def _unseen(chosen: list[ListedFilm], by_fold: int, plan: Plan, say: Say) -> tuple[list[ListedFilm], dict[str, Any]]:
    """Those that the network was not trained on, whatever folder they stand in now. Raises DataSetError.

    by_fold: films that were left out already, by their fold.
    """
    found = trained_on(DataSet(tuple(chosen), ""), "", plan.manifest.data, plan.settings.model.parent)
    left = [film for film, was in zip(chosen, found.films, strict=True) if not was]
    if not left:
        raise DataSetError("the network was trained on all films of --accept: give others, or --accept-fold")
    left_out = by_fold + len(chosen) - len(left)
    if left_out:
        say.note(f"left out: {left_out} films that the network was trained on, or of such patients")
    if not found.known:
        say.warn(
            "not on record here: which films the network was trained on; a verdict on those would promise too much"
        )
    return left, {"left_out": left_out, "known": found.known}


def graph_hash(model: onnx.ModelProto) -> str:
    return sha256(model.SerializeToString(deterministic=True))


def judge(plan: Plan, measured: Measured, model: onnx.ModelProto) -> Verdict:
    return judged(plan, measured, run.outputs(model, measured.pictures.pixels))


def judged(plan: Plan, measured: Measured, outputs: dict[str, np.ndarray]) -> Verdict:
    """outputs: of an engine or a graph, for those films."""
    labels, patients = measured.pictures.labels, np.array([film.patient for film in measured.pictures.films])
    return compare(measured.reference, outputs, labels, plan.manifest, plan.settings.limits, patients)


def earlier_verdict(candidate: Candidate, calibration: Calibration | None) -> dict[str, Any] | None:
    """What was measured of this very graph before, here or by those who ship the network."""
    return calibration.verdicts.get(graph_hash(candidate.model)) if calibration is not None else None


def from_record(plan: Plan, candidate: Candidate, calibration: Calibration | None, say: Say) -> Candidate:
    """The candidate with its earlier verdict, where no film is at hand. Raises EngineError where it was refused."""
    earlier = earlier_verdict(candidate, calibration)
    if earlier is None:
        say.warn("no radiographs to measure on: the engine is not proven, give --accept")
    elif earlier["accepted"] is None:
        say.warn(f"when this graph was measured, not all could be told: {earlier['doubt']} (--accept)")
    elif not earlier["accepted"] and not plan.settings.force:
        raise EngineError("this INT8 graph was refused before, by the gate: give --accept to see why")
    return replace(candidate, record=(earlier or NOT_MEASURED) | {"measured_now": False})


def measure(plan: Plan, candidate: Candidate, measured: Measured, say: Say) -> Candidate:
    """The candidate with its verdict."""
    say.progress("measuring", 0, 1)
    verdict = judge(plan, measured, candidate.model)
    record = verdict.as_dict() | {"measured_on": ON_GRAPH}
    if measured.seen is not None:
        record |= {"trained_on": measured.seen}
    return replace(candidate, verdict=verdict, record=record)


def require_accepted(
    plan: Plan,
    candidate: Candidate,
    verdict: Verdict,
    measured: Measured,
    calibration: Calibration | None,
    calibrated: films.Pictures | None,
    say: Say,
) -> Candidate:
    """The candidate if it was not refused, or the best mixed one, or what --force lets pass. Raises Refused.

    What films are too few to say is said, and is no refusal.
    """
    if not verdict.refused:
        if verdict.doubt:
            say.warn(f"{candidate.precision} is not refused, and not all is shown: {verdict.doubt}")
        return candidate
    best = None
    if candidate.precision == "int8" and calibration is not None:
        best = _best_mixed(plan, calibration, calibrated or measured.pictures, measured, say)
    if best is not None and calibration is not None and best.verdict.accepted and plan.settings.mixed:
        say.note(f"all of INT8 is refused; mixed precision leaves {len(best.left_out)} layers in float")
        layers = tuple(n for n in quantise.int8_layers(plan.graph) if n not in best.left_out)
        record = best.verdict.as_dict() | {"left_out": list(best.left_out), "measured_on": ON_GRAPH}
        return replace(int8(plan, calibration, layers), verdict=best.verdict, record=record)
    if plan.settings.force:
        say.warn("refused by the gate and written all the same, as --force asks")
        return replace(candidate, record=candidate.record | {"forced": True})
    broken = ", ".join(verdict.broken)
    raise Refused(f"{candidate.precision} refused: {broken} surely over the limit", verdict, best)


def speed_here(plan: Plan, candidate: Candidate, measured: Measured | None) -> float:
    """float32's time over the candidate's on this processor, timed alternately: a busy machine is unfair to neither."""
    spec = plan.manifest.input
    noise = np.random.default_rng(0).integers(0, 256, (8, spec.height, spec.width, 1), np.uint8)
    return speed_ratio(plan.model, candidate.model, measured.pictures.pixels[:8] if measured is not None else noise)


def _best_mixed(
    plan: Plan, calibration: Calibration, source: films.Pictures, measured: Measured, say: Say
) -> mixed.Mixed | None:
    layers = quantise.int8_layers(plan.graph)
    if len(layers) < 2:
        return None
    pictures = source.pixels[:CHOICE_FILMS]
    ranges = calibration.by(calibration.chosen[plan.kind])
    return mixed.search(
        layers,
        lambda some: int8_graph(plan, ranges, some),
        lambda model: judge(plan, measured, model),
        pictures,
        run.logits(plan.model, pictures),
        plan.manifest,
        lambda done, total: say.progress("looking for the layers that hurt", done, total),
    )
