"""Does a compiled engine give what its graph gives on ONNX Runtime? Asked on phantoms, where no radiograph is at hand.

It tells a compiler's fault from a sound plan (TensorRT #4079, #2103), and claims nothing of accuracy: phantoms are no
patients. What is compared is the same graph twice, so a few hundredths are much: limits are on the change of a
probability, for phantoms lie near ties of two classes more often than films do.
"""

import functools
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import CLASSES
from ..errors import EngineError
from ..network.manifest import Manifest
from ..network.spec import InputSpec
from ..triage.bands import judge
from ..triage.gate import doubted
from ..triage.odds import probabilities
from .protocol import Runtime

PHANTOMS = 24
MEAN, LARGEST = 0.01, 0.05  #: change of a probability that is allowed, over all pictures and of any one
OTHER_GATE = 0.02  #: share that the gate may see otherwise; one picture always


@dataclass(frozen=True)
class Agreement:
    """Of two runtimes on the same pictures."""

    pictures: int
    mean_change: float  #: of a probability
    largest_change: float
    classes_changed: int  #: pictures
    bands_changed: int
    gates_changed: int
    measured_on: str  #: the runtime that was asked

    @property
    def agrees(self) -> bool:
        close = self.mean_change <= MEAN and self.largest_change <= LARGEST  # a result that is no number is neither
        return close and self.gates_changed <= max(1, OTHER_GATE * self.pictures)

    def as_dict(self) -> dict[str, Any]:
        found = {k: round(v, 6) if isinstance(v, float) else v for k, v in asdict(self).items()}
        return {"agrees": self.agrees} | found

    def as_text(self) -> str:
        """One line for people."""
        return (
            f"{self.measured_on} against ONNX Runtime on {self.pictures} phantoms: p changes by "
            f"{self.mean_change:.4f} on average and {self.largest_change:.4f} at most, the class of "
            f"{self.classes_changed}, the band of {self.bands_changed}, the gate of {self.gates_changed}; it says "
            "nothing of accuracy"
        )


def agreement(runtime: Runtime, engine: Path, graph: bytes) -> Agreement:
    """An opened engine against its graph (ONNX, with the manifest inside) on the processor. Raises EngineError."""
    from .onnx import OnnxRuntime

    pictures = phantoms(runtime.manifest.input)
    with OnnxRuntime(engine, graph) as reference:
        expected = reference.outputs(pictures)
    return compare(expected, runtime.outputs(pictures), runtime.manifest, runtime.description)


def require_agreement(runtime: Runtime, engine: Path, graph: bytes) -> Agreement:
    """The same; raises EngineError where the engine gives other results than its graph."""
    found = agreement(runtime, engine, graph)
    if not found.agrees:
        raise EngineError(f"{engine.name} does not give what its graph gives ({found.as_text()})")
    return found


@functools.cache
def phantoms(spec: InputSpec) -> np.ndarray:
    """uint8 [PHANTOMS, height, width, 1], all findings in turn."""
    from ..phantom.draw import SMALLEST, draw
    from ..preprocess.to_input import to_input

    rows, columns = max(spec.height, SMALLEST), max(spec.width, SMALLEST)
    drawn = (draw(CLASSES[i % len(CLASSES)], i // len(CLASSES), rows, columns) for i in range(PHANTOMS))
    return np.stack([to_input((film >> 4).astype(np.uint8), spec) for film in drawn])[..., None]


def compare(
    expected: dict[str, np.ndarray], found: dict[str, np.ndarray], manifest: Manifest, measured_on: str
) -> Agreement:
    """expected, found: `logits`, float [pictures, 3], and where the network has it `gate`, float [pictures, scores]."""
    p, q = (probabilities(outputs["logits"], manifest.temperature) for outputs in (expected, found))
    change = np.abs(p - q)
    pairs = list(zip(p, q, strict=True)) if np.isfinite(q).all() else []
    moved = sum(judge(a, manifest).priority != judge(b, manifest).priority for a, b in pairs)
    return Agreement(
        pictures=len(p),
        mean_change=float(change.mean()),
        largest_change=float(change.max()),
        classes_changed=int((p.argmax(axis=1) != q.argmax(axis=1)).sum()),
        bands_changed=int(moved),
        gates_changed=int((_doubted(expected, manifest) != _doubted(found, manifest)).sum()),
        measured_on=measured_on,
    )


def _doubted(outputs: dict[str, np.ndarray], manifest: Manifest) -> np.ndarray:
    scores = outputs.get("gate")
    return doubted(scores, manifest) if scores is not None else np.zeros(len(outputs["logits"]), bool)
