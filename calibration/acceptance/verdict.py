"""Is a reduced-precision network as good as the float32 one? Measured on radiographs, against stated limits."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from xscan.engine.network.manifest import Manifest
from xscan.engine.triage.bands import judge, probabilities

from ..statistics.metrics import accuracy, calibration_error, roc_auc

ECE_BINS = 10  #: of the calibration error: acceptance sees a few hundred films


@dataclass(frozen=True)
class Tolerances:
    """What may be lost against float32, as parts of one. On 500 films 0.002 is one film."""

    accuracy: float = 0.002  #: three classes
    auc: float = 0.001  #: normal against pneumonia
    sensitivity: float = 0.01  #: at either operating point
    specificity: float = 0.01
    ece: float = 0.01  #: expected calibration error may grow by this
    agreement: float = 0.02  #: films whose most probable class may change; 0.01 where there are no labels
    priority: float = 0.03  #: films whose priority may change
    doubt: float = 0.02  #: films that the network's own outlier gate may newly send to review, or no more
    mean_change: float = 0.01  #: of a probability


TOLERANCES = Tolerances()
UNLABELLED_AGREEMENT = 0.01


@dataclass(frozen=True)
class Line:
    figure: str
    reference: float
    candidate: float
    loss: float  #: positive: worse than float32
    limit: float

    @property
    def kept(self) -> bool:
        return bool(self.loss <= self.limit + 1e-9)


@dataclass(frozen=True)
class Verdict:
    films: int
    labelled: bool
    lines: tuple[Line, ...]

    @property
    def accepted(self) -> bool:
        return all(line.kept for line in self.lines)

    @property
    def broken(self) -> list[str]:
        return [line.figure for line in self.lines if not line.kept]

    def as_dict(self) -> dict[str, Any]:
        lines = [asdict(line) | {"kept": line.kept} for line in self.lines]
        rounded = [{k: round(v, 6) if isinstance(v, float) else v for k, v in line.items()} for line in lines]
        return {"accepted": self.accepted, "films": self.films, "labelled": self.labelled, "lines": rounded}

    def as_text(self) -> str:
        kind = "labelled films" if self.labelled else "films without labels"
        text = [f"{'':24}{'float32':>10}{'reduced':>10}{'loss':>10}{'limit':>9}   on {self.films} {kind}"]
        for x in self.lines:
            mark = "" if x.kept else "  refused"
            text.append(f"{x.figure:24}{x.reference:10.4f}{x.candidate:10.4f}{x.loss:10.4f}{x.limit:9.3f}{mark}")
        return "\n".join(text)


def compare(
    references: dict[str, np.ndarray],
    candidates: dict[str, np.ndarray],
    labels: np.ndarray | None,
    manifest: Manifest,
    limits: Tolerances = TOLERANCES,
) -> Verdict:
    """Judge outputs of a candidate against those of float32 on the same films.

    references, candidates: `logits`, float [films, 3], and where the network has it `gate`, float [films, scores].
    labels: int [films] or None; figures that need a class of film that is missing are left out.
    """
    reference, candidate = references["logits"], candidates["logits"]
    finite = np.isfinite(candidate).all(axis=1)
    if not finite.all():  # an overflow: nothing else is worth measuring
        line = Line("results are numbers", 1.0, float(finite.mean()), 1.0, 0.0)
        return Verdict(len(candidate), labels is not None, (line,))
    p, q = probabilities(reference, manifest.temperature), probabilities(candidate, manifest.temperature)
    lines = []
    if labels is not None:
        lines += _labelled(p, q, labels, manifest, limits)
    agreement = float((p.argmax(axis=1) == q.argmax(axis=1)).mean())
    allowed = limits.agreement if labels is not None else UNLABELLED_AGREEMENT
    lines.append(Line("same class", 1.0, agreement, 1 - agreement, allowed))
    same = float(
        np.mean([judge(a, manifest).priority == judge(b, manifest).priority for a, b in zip(p, q, strict=True)])
    )
    lines.append(Line("same priority", 1.0, same, 1 - same, limits.priority))
    if "gate" in references and manifest.gate.get("scores"):
        sent = doubted(references["gate"], manifest), doubted(candidates["gate"], manifest)
        changed = float((sent[0] != sent[1]).mean())
        lines.append(Line("sent to review", float(sent[0].mean()), float(sent[1].mean()), changed, limits.doubt))
    change = float(np.abs(p - q).mean())
    lines.append(Line("mean change of p", 0.0, change, change, limits.mean_change))
    return Verdict(len(p), labels is not None, tuple(lines))


def _labelled(p: np.ndarray, q: np.ndarray, labels: np.ndarray, manifest: Manifest, limits: Tolerances) -> list[Line]:
    def falls(figure: str, a: float, b: float, limit: float) -> Line:
        return Line(figure, a, b, a - b, limit)

    lines = [falls("three-class accuracy", accuracy(labels, p), accuracy(labels, q), limits.accuracy)]
    sick = labels > 0
    if sick.any() and not sick.all():
        a, b = p[:, 1] + p[:, 2], q[:, 1] + q[:, 2]
        lines.append(falls("ROC AUC", roc_auc(sick, a), roc_auc(sick, b), limits.auc))
        for name, point in (("rule-out", manifest.rule_out), ("rule-in", manifest.rule_in)):
            above, above_too = np.round(a, 4) >= point.threshold, np.round(b, 4) >= point.threshold
            rates = float(above[sick].mean()), float(above_too[sick].mean())
            lines.append(falls(f"{name} sensitivity", *rates, limits.sensitivity))
            rates = float((~above[~sick]).mean()), float((~above_too[~sick]).mean())
            lines.append(falls(f"{name} specificity", *rates, limits.specificity))
    errors = _calibration_error(labels, p), _calibration_error(labels, q)
    lines.append(Line(f"calibration error ({ECE_BINS} bins)", *errors, errors[1] - errors[0], limits.ece))
    return lines


def doubted(scores: np.ndarray, manifest: Manifest) -> np.ndarray:
    """bool [films]: is any score over its threshold? As xscan.engine.triage.gate decides."""
    thresholds = np.array([rule["threshold"] for rule in manifest.gate["scores"]])
    return np.asarray(~(scores[:, : len(thresholds)] <= thresholds).all(axis=1))


def _calibration_error(labels: np.ndarray, p: np.ndarray) -> float:
    return float(calibration_error(labels, p, np.ones((1, len(p))), ECE_BINS)[0])
