"""Is a reduced-precision network as good as the float32 one? Measured on radiographs, against stated limits.

A loss that a few films show may be chance. Each comes with its 95 % interval, and three things are told apart: a loss
that is surely over its limit (refused), one that is over it and may be chance (undecided), and one within it, which the
films may be enough to show, or too few.
"""

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from xscan.engine.network.manifest import Manifest
from xscan.engine.triage.bands import judge
from xscan.engine.triage.gate import doubted
from xscan.engine.triage.odds import probabilities

from ..statistics.bootstrap import Interval, bootstrap
from ..statistics.intervals import effective, films_for_share, paired_difference, wilson
from ..statistics.metrics import calibration_error, ranking

SAME_CLASS = "same class"
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
    low: float  #: 95 % interval of the loss, paired: both scored the same films
    high: float
    limit: float
    needed: int | None = None  #: films, of like patients, that would show a loss like this to be within the limit

    @property
    def kept(self) -> bool:
        return bool(self.loss <= self.limit + 1e-9)

    @property
    def refused(self) -> bool:
        """Surely over the limit."""
        return bool(self.low > self.limit + 1e-9)

    @property
    def shown(self) -> bool:
        """Surely within the limit."""
        return bool(self.high <= self.limit + 1e-9)

    @property
    def mark(self) -> str:
        if self.refused:
            return "refused"
        if not self.kept:
            return "over it, maybe by chance"
        return "" if self.shown else f"not shown: about {self.needed} films would"


@dataclass(frozen=True)
class Verdict:
    films: int
    labelled: bool
    lines: tuple[Line, ...]

    @property
    def accepted(self) -> bool:
        """Every loss that was found is within its limit; whether the films could show as much: `doubt`."""
        return all(line.kept for line in self.lines)

    @property
    def refused(self) -> bool:
        return any(line.refused for line in self.lines)

    @property
    def broken(self) -> list[str]:
        """Figures that are surely over their limit."""
        return [line.figure for line in self.lines if line.refused]

    @property
    def few(self) -> str:
        """`27 films cannot show 0.02: 189 would`, where they could not, even if none changed its class; else empty."""
        for line in self.lines:
            if line.figure == SAME_CLASS and 0 < line.limit < 1:
                least = films_for_share(0, line.limit)
                if self.films < (least or 0):
                    return f"{self.films} films cannot show {line.limit:g}: {least} would"
        return ""

    @property
    def doubt(self) -> str:
        """What these films are too few to say, in one sentence; empty where they say it all."""
        if self.few:
            return self.few
        over = [line.figure for line in self.lines if not line.kept and not line.refused]
        if over:
            return f"{self.films} films cannot tell whether the loss of {', '.join(over)} is chance: give more"
        unshown = [line for line in self.lines if not line.shown and not line.refused]
        if not unshown:
            return ""
        most = max(unshown, key=lambda line: line.needed or 0)
        return f"{self.films} films cannot show {most.limit:g} of {most.figure}: about {most.needed} would"

    def as_dict(self) -> dict[str, Any]:
        """accepted: null where it cannot be told."""
        lines = [asdict(line) | {"kept": line.kept, "shown": line.shown} for line in self.lines]
        rounded = [{k: round(v, 6) if isinstance(v, float) else v for k, v in line.items()} for line in lines]
        accepted = self.accepted if self.accepted or self.refused else None
        found = {"accepted": accepted, "films": self.films, "labelled": self.labelled, "lines": rounded}
        return found | ({"doubt": self.doubt} if self.doubt else {})

    def as_text(self) -> str:
        kind = "labelled films" if self.labelled else "films without labels"
        columns = f"{'':26}{'float32':>9}{'reduced':>9}{'loss':>9}  {'95 % interval':<19}{'limit':>7}"
        text = [f"{columns}   on {self.films} {kind}"]
        for x in self.lines:
            interval = f"{x.low:.4f} to {x.high:.4f}"
            figures = f"{x.figure:26}{x.reference:9.4f}{x.candidate:9.4f}{x.loss:9.4f}  {interval:<19}{x.limit:7.3f}"
            text.append(f"{figures}   {x.mark}".rstrip())
        return "\n".join(text)


def compare(
    references: dict[str, np.ndarray],
    candidates: dict[str, np.ndarray],
    labels: np.ndarray | None,
    manifest: Manifest,
    limits: Tolerances = TOLERANCES,
    patients: np.ndarray | None = None,
) -> Verdict:
    """Judge outputs of a candidate against those of float32 on the same films.

    references, candidates: `logits`, float [films, 3], and where the network has it `gate`, float [films, scores].
    labels: int [films] or None; figures that need a class of film that is missing are left out.
    patients: [films]; without it every film counts as another patient's.
    """
    reference, candidate = references["logits"], candidates["logits"]
    whose = np.arange(len(reference)) if patients is None else np.asarray(patients)
    finite = np.isfinite(candidate).all(axis=1)
    if not finite.all():  # an overflow: nothing else is worth measuring
        line = Line("results are numbers", 1.0, float(finite.mean()), 1.0, 1.0, 1.0, 0.0)
        return Verdict(len(candidate), labels is not None, (line,))
    p, q = probabilities(reference, manifest.temperature), probabilities(candidate, manifest.temperature)
    lines = [] if labels is None else _labelled(p, q, labels, whose, manifest, limits)
    allowed = limits.agreement if labels is not None else UNLABELLED_AGREEMENT
    lines.append(_changed(SAME_CLASS, p.argmax(axis=1) != q.argmax(axis=1), whose, allowed))
    pairs = zip(p, q, strict=True)
    moved = np.array([judge(a, manifest).priority != judge(b, manifest).priority for a, b in pairs])
    lines.append(_changed("same priority", moved, whose, limits.priority))
    if "gate" in references and manifest.gate.get("scores"):
        before, after = doubted(references["gate"], manifest), doubted(candidates["gate"], manifest)
        line = _changed("sent to review", before != after, whose, limits.doubt)
        lines.append(replace(line, reference=float(before.mean()), candidate=float(after.mean())))
    change = np.abs(p - q).mean(axis=1)
    found = bootstrap(lambda weights: {"x": weights @ change / weights.sum(axis=1)}, whose)["x"]
    mean = float(change.mean())
    lines.append(_line("mean change of p", 0.0, mean, mean, found, limits.mean_change, len(p)))
    return Verdict(len(p), labels is not None, tuple(lines))


def _labelled(
    p: np.ndarray, q: np.ndarray, labels: np.ndarray, whose: np.ndarray, manifest: Manifest, limits: Tolerances
) -> list[Line]:
    def falls(figure: str, among: np.ndarray, before: np.ndarray, after: np.ndarray, limit: float) -> Line:
        """A share that should not fall. before, after: bool [films]."""
        a, b = before[among], after[among]
        low, high = paired_difference(a, b, whose[among])
        loss = float(a.mean() - b.mean())
        needed = _needed(loss, high, limit, len(p))
        return Line(figure, float(a.mean()), float(b.mean()), loss, low, high, limit, needed)

    everywhere, sick = np.ones(len(labels), bool), labels > 0
    right = p.argmax(axis=1) == labels, q.argmax(axis=1) == labels
    lines = [falls("three-class accuracy", everywhere, *right, limits.accuracy)]
    a, b = p[:, 1] + p[:, 2], q[:, 1] + q[:, 2]

    def measure(weights: np.ndarray) -> dict[str, np.ndarray]:
        areas = [ranking(sick, score, weights)["roc_auc"] for score in (a, b)]
        errors = [calibration_error(labels, x, weights, ECE_BINS) for x in (p, q)]
        return {
            "auc": areas[0], "reduced auc": areas[1], "auc loss": areas[0] - areas[1],
            "ece": errors[0], "reduced ece": errors[1], "ece loss": errors[1] - errors[0],
        }  # fmt: skip

    drawn = bootstrap(measure, whose)

    def of_draws(figure: str, name: str, limit: float) -> Line:
        before, after, loss = (drawn[key].value or 0.0 for key in (name, f"reduced {name}", f"{name} loss"))
        return _line(figure, before, after, loss, drawn[f"{name} loss"], limit, len(p))

    if sick.any() and not sick.all():
        lines.append(of_draws("ROC AUC", "auc", limits.auc))
        for name, point in (("rule-out", manifest.rule_out), ("rule-in", manifest.rule_in)):
            above, above_too = np.round(a, 4) >= point.threshold, np.round(b, 4) >= point.threshold
            lines.append(falls(f"{name} sensitivity", sick, above, above_too, limits.sensitivity))
            lines.append(falls(f"{name} specificity", ~sick, ~above, ~above_too, limits.specificity))
    lines.append(of_draws(f"calibration error ({ECE_BINS} bins)", "ece", limits.ece))
    return lines


def _changed(figure: str, changed: np.ndarray, whose: np.ndarray, limit: float) -> Line:
    """A share of films that should stay as they are. changed: bool [films]."""
    films, share = effective(changed, whose), float(changed.mean())
    low, high = wilson(share * films, films)
    needed = films_for_share(share, limit)
    if needed is not None:  # so many more where films come several to a patient
        needed = round(needed * len(changed) / films)
    return Line(figure, 1.0, 1 - share, share, low, high, limit, needed)


def _line(figure: str, before: float, after: float, loss: float, drawn: Interval, limit: float, films: int) -> Line:
    low, high = (loss if x is None else x for x in (drawn.low, drawn.high))
    return Line(figure, before, after, loss, low, high, limit, _needed(loss, high, limit, films))


def _needed(loss: float, high: float, limit: float, films: int) -> int | None:
    """Intervals narrow with the root of the number of films."""
    return math.ceil(films * ((high - loss) / (limit - loss)) ** 2) if loss < limit else None
