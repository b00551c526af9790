"""From a network and films to a gated network: read, make bad films in memory, fit, measure, write."""

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime

from xscan.engine.dataset.folder import list_films
from xscan.engine.errors import DataSetError, EngineError, OutputError
from xscan.engine.network.manifest import KEY, Manifest
from xscan.engine.preprocess.to_input import to_input
from xscan.engine.read.decode import read_path
from xscan.engine.read.film import Facts
from xscan.engine.runtime.open import open_runtime
from xscan.engine.triage import mend
from xscan.engine.triage.bands import judge, probabilities
from xscan.engine.triage.gate import ADULT, doubt
from xscan.engine.triage.look import look_at

from .bad_films import KINDS, LEARNED, Maker, varied
from .domain import Films, attach, choose_thresholds, fit
from .features import add_features, add_output, remove
from .films import HELD_OUT

AGES = (1.0, 6.0)  #: years: Kermany et al. 2018, children of one to five years
VARIED_ADULTS = 25  #: changed copies of each adult film, which are few
GOOD = 3000  #: good films of the training folds that are enough for the covariance
BANDS = ("urgent", "review", "routine")
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
        return {name: value for name, value in self.__dict__.items() if name != "margins"}

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


class Network:
    """A network that also gives its features."""

    def __init__(self, model: onnx.ModelProto, manifest: Manifest) -> None:
        self.spec = manifest.input
        copy = onnx.ModelProto()
        copy.CopyFrom(model)
        self._features = add_features(copy)
        add_output(copy, self._features, 0)
        copy.graph.output[-1].type.tensor_type.shape.dim[1].dim_param = "features"
        self._session = onnxruntime.InferenceSession(copy.SerializeToString(), providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name

    def inputs(self, films: Sequence[np.ndarray]) -> np.ndarray:
        return np.stack([to_input(film, self.spec) for film in films])[..., None]

    def features(self, films: Sequence[np.ndarray]) -> np.ndarray:
        pictures = self.inputs(films)
        parts = [pictures[i : i + 16] for i in range(0, len(pictures), 16)]
        return np.concatenate([np.asarray(self._session.run([self._features], {self._input: p})[0]) for p in parts])


def fit_and_measure(
    path: Path,
    data: Path,
    adults: Path,
    out: Path,
    *,
    originals: Path | None,
    each: int,
    seed: int,
    figure: Path | None = None,
) -> Figures:
    """Write the gated network to `out`, and ROC curves to `figure`. Raises EngineError, DataSetError, OutputError."""
    manifest = open_runtime(path).manifest
    model = onnx.load(path)
    remove(model)  # that of an earlier fit
    network = Network(model, manifest)
    listed = [film for film in list_films(data) if film.fold is not None]
    if not any(film.fold == HELD_OUT for film in listed):
        raise DataSetError(f"{data} has no folds: give a CSV beside it with the columns file,patient,fold")
    held_out = [film for film in listed if film.fold == HELD_OUT]
    order = np.random.default_rng(seed).permutation([i for i, f in enumerate(listed) if f.fold != HELD_OUT])
    listed = [listed[i] for i in sorted(order[:GOOD])] + held_out
    for film in listed:
        film.require(network.spec)
    good = [film.grey() for film in listed]
    labels = np.array([film.label for film in listed])
    folds = np.array([film.fold for film in listed])
    grown, part = _adults(adults)

    films = _films(
        network, good, labels, folds, [g for g, p in zip(grown, part, strict=True) if p == "tune"], each, seed
    )
    thresholds = choose_thresholds(films)
    head = fit(films)
    attach(model, head)
    codes = {"distance": "out-of-domain", "adult": "adult"} | {name: code for name, (code, _) in LEARNED.items()}
    gate: dict[str, Any] = {
        "ages": list(AGES),
        "adult_age": ADULT,
        "scores": [{"name": n, "code": codes[n], "threshold": thresholds[n]} for n in ("distance", *films.kinds)],
    }

    figures = Figures(manifest.label)
    gated = _write(model, replace(manifest, gate=gate), out)
    held = [film for film, fold in zip(good, folds, strict=True) if fold == HELD_OUT]
    check = [g for g, p in zip(grown, part, strict=True) if p == "check"]
    figures.difference = float(
        np.abs(gated.outputs(network.inputs(held[:16]))["gate"] - head.scores(network.features(held[:16]))).max()
    )
    if not figures.difference < 0.02:
        raise EngineError("the gate in the graph does not give the scores that were fitted")
    _measure(figures, gated, held, labels[folds == HELD_OUT] > 0, check, originals, seed + 1)
    gate["measured"] = {k: v for k, v in figures.as_dict().items() if k not in ("model", "by_code")}
    _write(model, replace(manifest, gate=gate), out)
    if figure is not None:
        _draw(figure, figures)
    return figures


def _draw(figure: Path, figures: Figures) -> None:
    from .domain_figure import draw

    bad = {name: margin for name, margin in figures.margins.items() if name in ("adults (check)", *KINDS)}
    try:
        draw(figure, f"{figures.model}: which films the gate sends to review", figures.margins["good"], bad)
    except (OSError, ValueError):
        raise OutputError(f"cannot write {figure}: give a path that ends in .svg or .png") from None


def _films(
    network: Network,
    good: list[np.ndarray],
    labels: np.ndarray,
    folds: np.ndarray,
    tune: list[np.ndarray],
    each: int,
    seed: int,
) -> Films:
    rng = np.random.default_rng(seed)
    trained = np.flatnonzero(folds != HELD_OUT)
    chosen = rng.permutation(trained)[:each]
    of = folds[chosen]
    bad = {
        name: network.features([make(good[i], np.random.default_rng((seed, n, i))) for i in chosen])
        for n, (name, (_, make)) in enumerate(LEARNED.items())
    }
    small = [to_input(film, replace(network.spec, height=256, width=256)) for film in tune]
    changed = [varied(film, rng) for film in small for _ in range(VARIED_ADULTS)]
    whose = np.repeat(np.arange(len(tune)), VARIED_ADULTS)
    return Films(
        good=network.features([good[i] for i in trained]),
        labels=labels[trained],
        folds=folds[trained],
        varied=network.features([varied(good[i], rng) for i in chosen]),
        varied_folds=of,
        bad=bad,
        bad_folds=of,
        adults=np.concatenate([network.features(tune), network.features(changed)]),
        adult_folds=np.concatenate([np.arange(len(tune)), whose]) % HELD_OUT,
    )


def _measure(
    figures: Figures,
    gated: Any,
    held: list[np.ndarray],
    sick: np.ndarray,
    check: list[np.ndarray],
    originals: Path | None,
    seed: int,
) -> None:
    rng = np.random.default_rng(seed)
    good = judge_films(gated, held)
    codes, margin = good.codes, good.margin
    figures.good, figures.good_films = float(good.flagged.mean()), len(held)
    for name in BANDS:
        here = np.array([b == name for b in good.bands])
        figures.bands[name] = {"normal": int((here & ~sick).sum()), "pneumonia": int((here & sick).sum())}
    figures.by_code = {code: codes.count(code) / len(held) for code in set(codes) if code}
    some = [held[i] for i in rng.permutation(len(held))[:MEASURED]]
    sets: dict[str, list[np.ndarray]] = {"adults (check)": check}
    sets |= {name: [make(film, rng) for film in some] for name, make in KINDS.items()}
    if originals is not None:
        full = _held_out(originals)
        sets["full size, good"] = full
        sets |= {f"full size, {name}": [_made(make, film, rng) for film in full] for name, make in KINDS.items()}
    figures.margins["good"] = margin
    figures.mended["good"] = _count_mends(gated, held, good)
    for name, films in sets.items():
        bad = judge_films(gated, films)
        figures.margins[name] = bad.margin
        if name in KINDS:
            figures.mended[name] = _count_mends(gated, some, bad)
        flagged, auc = float(bad.flagged.mean()), _auc(margin, bad.margin)
        figures.kinds[name] = {"films": len(films), "flagged": flagged, "auc": auc}
    figures.adults = figures.kinds["adults (check)"]["flagged"]
    figures.adult_films = len(check)


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
        found = doubt(Facts(), look, scores.tolist(), manifest.gate)
        by_look = doubt(Facts(), look, None, {})
        codes.append(found[0] if found else "")
        margins.append(1e3 if by_look else float((scores - thresholds).max()))
        band = judge(probabilities(outputs["logits"], manifest.temperature)[0], manifest).priority
        bands.append("review" if found and band != "urgent" else band)
        if fault := mend.fault(Facts(), scores.tolist(), manifest.gate):
            right = np.ascontiguousarray(mend.mended(picture, fault))
            again = gated.outputs(right[None, ..., None])["gate"][0]
            if mend.is_certain(fault, scores.tolist(), again.tolist(), manifest.gate, Facts()):
                mended[number] = right
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


def _auc(good: np.ndarray, bad: np.ndarray) -> float:
    """The chance that a bad film lies further over a threshold than a good one; ties count half."""
    good = np.sort(good)
    below = np.searchsorted(good, bad, side="left")
    not_above = np.searchsorted(good, bad, side="right")
    return float((below + not_above).mean() / 2 / len(good))


def _adults(folder: Path) -> tuple[list[np.ndarray], list[str]]:
    rows = _rows(folder, ("file", "part"))
    return [read_path(folder / row["file"]).grey for row in rows], [row["part"] for row in rows]


def _held_out(folder: Path) -> list[np.ndarray]:
    rows = _rows(folder, ("file", "fold"))
    return [read_path(folder / row["file"]).grey for row in rows if row["fold"] == str(HELD_OUT)]


def _rows(folder: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    path = folder.with_suffix(".csv")
    if not path.is_file():
        raise DataSetError(f"no file {path}: it needs the columns {', '.join(columns)}")
    with path.open(newline="", encoding="utf-8-sig") as stream:
        rows = list(csv.DictReader(stream))
    if not rows or not set(columns) <= set(rows[0]):
        raise DataSetError(f"{path} needs the columns {', '.join(columns)}")
    return rows


def _write(model: onnx.ModelProto, manifest: Manifest, out: Path) -> Any:
    del model.metadata_props[:]
    model.metadata_props.add(key=KEY, value=manifest.to_json())
    onnx.checker.check_model(model)
    part = out.with_name(out.name + ".part")
    part.write_bytes(model.SerializeToString())
    os.replace(part, out)
    return open_runtime(out)
