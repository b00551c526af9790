"""What a fitted gate flags, on films that neither it nor its network has seen."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from xscan.engine.preprocess.to_input import to_input
from xscan.engine.read.film import Facts
from xscan.engine.triage import mend
from xscan.engine.triage.bands import Band, judge, placed
from xscan.engine.triage.gate import doubt
from xscan.engine.triage.look import look_at
from xscan.engine.triage.odds import probabilities

from ..statistics.metrics import roc_auc
from .bad_films import KINDS, Maker

ALIKE = 4.0  #: mean grey levels between a film and itself, squashed before or after it was turned
MEASURED = 250  #: films made bad of each kind, for the figures


@dataclass
class Figures:
    """What the gate flags, on films that neither network nor gate has seen."""

    model: str
    good: float = 0.0  #: share of held-out good films flagged
    good_films: int = 0
    adults: float = 0.0  #: share of the adults' `check` part
    adult_films: int = 0
    kinds: dict[str, dict[str, Any]] = field(default_factory=dict)  #: flagged, films, auc
    by_code: dict[str, float] = field(default_factory=dict)  #: share of good films, by reason
    bands: dict[str, dict[str, int]] = field(default_factory=dict)  #: held-out good films: band -> truth -> films
    mended: dict[str, dict[str, int]] = field(default_factory=dict)  #: kind -> films, right, mirrored, wrong
    difference: float = 0.0  #: largest, between the graph's scores and the fit's
    margins: dict[str, np.ndarray] = field(default_factory=dict)  #: for the curves: over the nearest threshold

    def as_dict(self) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "margins"}

    def as_text(self) -> str:
        lines = [f"{self.model}", "", "| films | number | flagged | AUROC |", "|---|---|---|---|"]
        lines.append(f"| held-out, good | {self.good_films} | {self.good:.4f} | |")
        for name, kind in self.kinds.items():
            lines.append(f"| {name} | {kind['films']} | {kind['flagged']:.4f} | {kind['auc']:.4f} |")
        told = ", ".join(f"{code} {share:.4f}" for code, share in sorted(self.by_code.items()))
        lines += ["", f"good films flagged, by reason: {told or 'none'}", ""]
        lines += ["| band of held-out films | normal | pneumonia |", "|---|---|---|"]
        lines += [f"| {band} | {n['normal']} | {n['pneumonia']} |" for band, n in self.bands.items()]
        lines += [
            "",
            "| `--mend`: films | number | set right | right but mirrored | changed wrongly |",
            "|---|---|---|---|---|",
        ]
        for name, n in self.mended.items():
            lines.append(f"| {name} | {n['films']} | {n['right']} | {n['mirrored']} | {n['wrong']} |")
        return "\n".join(lines)


def measure(
    figures: Figures,
    gated: Any,
    held: list[np.ndarray],
    sick: np.ndarray,
    check: list[np.ndarray],
    full: list[np.ndarray],
    seed: int,
) -> None:
    rng = np.random.default_rng(seed)
    good = judge_films(gated, held)
    codes, margin = good.codes, good.margin
    figures.good, figures.good_films = float(good.flagged.mean()), len(held)
    for name in Band:
        here = np.array([b == name for b in good.bands])
        figures.bands[name] = {"normal": int((here & ~sick).sum()), "pneumonia": int((here & sick).sum())}
    figures.by_code = {code: codes.count(code) / len(held) for code in set(codes) if code}
    some = [held[i] for i in rng.permutation(len(held))[:MEASURED]]
    sets: dict[str, list[np.ndarray]] = {"adults (check)": check}
    sets |= {name: [make(film, rng) for film in some] for name, make in KINDS.items()}
    if full:
        sets["full size, good"] = full
        sets |= {f"full size, {name}": [_made(make, film, rng) for film in full] for name, make in KINDS.items()}
    figures.margins["good"] = margin
    figures.mended["good"] = _count_mends(gated, held, good)
    for name, films in sets.items():
        bad = judge_films(gated, films)
        figures.margins[name] = bad.margin
        if name in KINDS:
            figures.mended[name] = _count_mends(gated, some, bad)
        flagged, auc = float(bad.flagged.mean()), _auroc(margin, bad.margin)
        figures.kinds[name] = {"films": len(films), "flagged": flagged, "auc": auc}
    figures.adults = figures.kinds["adults (check)"]["flagged"]
    figures.adult_films = len(check)


def _auroc(good: np.ndarray, bad: np.ndarray) -> float:
    """The chance that a bad film lies further over a threshold than a good one; ties count half."""
    return roc_auc(np.repeat([False, True], (len(good), len(bad))), np.concatenate([good, bad]))


@dataclass(frozen=True)
class Judged:
    margin: np.ndarray  #: float [films]: how far over the nearest threshold; the picture's own doubts are far
    codes: list[str]  #: '' where there is no doubt
    bands: list[str]
    mended: dict[int, np.ndarray]  #: network inputs of the films that `--mend` would set right

    @property
    def flagged(self) -> np.ndarray:
        return np.array([bool(code) for code in self.codes])


def judge_films(gated: Any, films: Sequence[np.ndarray]) -> Judged:
    """Through gate and bands as a worker applies them, but for DICOM facts."""
    manifest = gated.manifest
    thresholds = np.array([rule["threshold"] for rule in manifest.gate["scores"]])
    codes, margins, bands, mended = [], [], [], {}
    for number, film in enumerate(films):
        picture = to_input(film, manifest.input)
        outputs = gated.outputs(picture[None, ..., None])
        scores = outputs["gate"][0]
        look = look_at(film)
        band = judge(probabilities(outputs["logits"], manifest.temperature)[0], manifest).priority
        found = doubt(Facts(), look, scores.tolist(), manifest.gate, routine=band is Band.ROUTINE)
        by_look = doubt(Facts(), look, None, {})
        codes.append(found[0] if found else "")
        margins.append(1e3 if by_look else float((scores - thresholds).max()))
        bands.append(placed(band, doubtful=bool(found)))
        copies = {
            fault: np.ascontiguousarray(mend.mended(picture, fault))
            for fault in mend.faults(Facts(), scores.tolist(), manifest.gate)
        }
        tried = {name: gated.outputs(copy[None, ..., None])["gate"][0].tolist() for name, copy in copies.items()}
        if fault := mend.surest(scores.tolist(), tried, manifest.gate, Facts()):
            mended[number] = copies[fault]
    return Judged(np.array(margins), codes, bands, mended)


def _count_mends(gated: Any, originals: list[np.ndarray], judged: Judged) -> dict[str, int]:
    """How many mended films are what they were before they were made bad."""
    counts = {"films": len(originals), "right": 0, "mirrored": 0, "wrong": 0}
    for number, picture in judged.mended.items():
        before = to_input(originals[number], gated.manifest.input).astype(int)
        apart = [float(np.abs(picture - was).mean()) for was in (before, before[:, ::-1])]
        kind = "wrong" if min(apart) > ALIKE else ("right", "mirrored")[apart.index(min(apart))]
        counts[kind] += 1
    return counts


def _made(make: Maker, film: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return make(film, rng)
