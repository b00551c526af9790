"""When INT8 costs too much: which layers hurt, and which of them to leave in float."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import onnx

from xscan.engine.network.manifest import Manifest
from xscan.engine.triage.odds import probabilities

from ..graphs.run import logits
from .verdict import Verdict

#: Layers that are tried to be left in float; a graph with more of them is hardly INT8 any more.
MOST = 8

Emit = Callable[[tuple[str, ...]], onnx.ModelProto]  #: the graph with these layers in INT8


@dataclass(frozen=True)
class Mixed:
    hurt: dict[str, float]  #: layer -> part of the change of p that leaving it in float takes away, worst first
    left_out: tuple[str, ...]  #: layers that stay in float in the best graph
    model: onnx.ModelProto
    verdict: Verdict


def change(reference: np.ndarray, candidate: np.ndarray, manifest: Manifest) -> float:
    """Mean change of a probability between two sets of logits, float [films, 3]."""
    if not np.isfinite(candidate).all():
        return 1.0
    p, q = probabilities(reference, manifest.temperature), probabilities(candidate, manifest.temperature)
    return float(np.abs(p - q).mean())


def search(
    layers: tuple[str, ...],
    emit: Emit,
    judge: Callable[[onnx.ModelProto], Verdict],
    pictures: np.ndarray,
    reference: np.ndarray,
    manifest: Manifest,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> Mixed:
    """Exclude one layer at a time to see what each costs, then the worst together until the gate accepts.

    pictures: uint8 [films, height, width, 1] to rank layers on; reference: their float32 logits. The best graph
    is the first that is accepted, else the one that breaks the fewest limits.
    """
    whole = change(reference, logits(emit(layers), pictures), manifest)
    gains = {}
    for number, layer in enumerate(layers):
        progress(number, len(layers))
        rest = tuple(name for name in layers if name != layer)
        without = change(reference, logits(emit(rest), pictures), manifest)
        gains[layer] = (whole - without) / max(whole, 1e-12)
    hurt = dict(sorted(gains.items(), key=lambda item: -item[1]))
    worst = list(hurt)[: min(MOST, len(layers))]
    best: Mixed | None = None
    for number in range(1, len(worst) + 1):
        left_out = tuple(worst[:number])
        model = emit(tuple(name for name in layers if name not in left_out))
        verdict = judge(model)
        if best is None or len(verdict.broken) < len(best.verdict.broken):
            best = Mixed(hurt, left_out, model, verdict)
        if verdict.accepted:
            break
    assert best is not None  # a network with no INT8 layer never comes here
    return best
