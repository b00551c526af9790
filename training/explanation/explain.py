"""Where in a film a network sees its evidence, averaged by class, and a test of whether that is true.

Evidence is in nats of log odds, by cell of a coarse grid, for two questions: pneumonia (positive) against normal,
and bacterial (positive) against viral. Two methods:

maps        the network's own class maps, whose average its logits are (Zhou et al. 2016)
occlusion   how much the log odds fall when a cell is hidden (Zeiler, Fergus 2014); for any network

The test is deletion (Petsiuk et al. 2018): cells are hidden one after the other, those first that the map calls
the most important, and the probability of what the film was called must fall faster than in a random order.
A cell is hidden by the film's mean grey.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from xscan.calibration.statistics.bootstrap import Interval, bootstrap
from xscan.calibration.statistics.metrics import share_of_bacteria
from xscan.engine import CLASSES
from xscan.engine.dataset.films import DataSet, read_inputs
from xscan.engine.errors import DataSetError, EngineError, UsageError
from xscan.engine.runtime.protocol import Runtime
from xscan.engine.triage.odds import log_odds, probabilities

from ..evaluation.network import BATCH, Network
from ..evaluation.unseen import Seen
from ..fit.hidden import hide
from ..pages.tables import aligned

METHODS = ("auto", "maps", "occlusion")
STEPS = 10  #: of the deletion curve, from nothing hidden to all
ORDERS = ("top", "random", "least")  #: which cells are hidden first

Say = Callable[[str], None]


@dataclass(frozen=True)
class Deletion:
    """What hiding does to the films that were called `called`."""

    called: str  #: normal, pneumonia, bacteria, virus
    films: int
    curves: dict[str, np.ndarray]  #: order -> float [STEPS + 1], the mean probability of what they were called
    against_random: Interval  #: area between the random and the top-first curve, 0 to 1, by bootstrap of patients
    against_least: Interval

    @property
    def passed(self) -> bool | None:
        """None: no film was called so."""
        if self.against_random.low is None:
            return None
        return self.against_random.low > 0

    def as_dict(self) -> dict[str, Any]:
        return {
            "called": self.called,
            "films": self.films,
            "hidden": [i / STEPS for i in range(STEPS + 1)],
            "curves": {order: [round(float(x), 6) for x in curve] for order, curve in self.curves.items()},
            "area_against_random": self.against_random.as_dict(),
            "area_against_least": self.against_least.as_dict(),
            "passed": self.passed,
        }


@dataclass(frozen=True)
class Explanation:
    model: str
    method: str
    size: tuple[int, int]  #: height, width of the network's input
    films: dict[str, int]  #: class -> films
    pneumonia: dict[str, np.ndarray]  #: class -> float [rows, columns], mean evidence for pneumonia
    kind: dict[str, np.ndarray]  #: bacteria, virus -> mean evidence for bacterial
    deletions: list[Deletion]
    seen: Seen | None = None  #: what is known of films that the network was trained on

    @property
    def passed(self) -> bool:
        results = [deletion.passed for deletion in self.deletions if deletion.passed is not None]
        return bool(results) and all(results)

    def as_dict(self) -> dict[str, Any]:
        means = {"pneumonia_against_normal": self.pneumonia, "bacterial_against_viral": self.kind}
        return {
            "model": self.model,
            "method": self.method,
            "films": self.films,
            "trained_on": self.seen.as_dict() if self.seen else None,
            "mean_evidence": {
                question: {name: np.round(grid, 4).tolist() for name, grid in grids.items()}
                for question, grids in means.items()
            },
            "deletion": [deletion.as_dict() for deletion in self.deletions],
            "passed": self.passed,
        }

    def as_text(self) -> str:
        films = ", ".join(f"{n} {name}" for name, n in self.films.items())
        lines = [f"{self.model} by {self.method} on {sum(self.films.values())} films ({films})"]
        lines += self.seen.notes() if self.seen else []
        for question, grids in (("pneumonia against normal", self.pneumonia), ("bacterial against viral", self.kind)):
            for name, grid in grids.items():
                lines += ["", f"mean evidence for {question}, films of {name} (nats, from the top)"]
                lines += ["  " + " ".join(f"{x:+7.2f}" for x in row) for row in grid]
        rows = [["deletion test, films called", "films", "area against random (95 %)", "against least first", ""]]
        for d in self.deletions:
            verdict = {True: "passed", False: "FAILED", None: ""}[d.passed]
            areas = (d.against_random.as_text(sign="+"), d.against_least.as_text(sign="+"))
            rows.append([d.called, str(d.films), *areas, verdict])
        lines += ["", *aligned(rows), "", self.sentence()]
        return "\n".join(lines)

    def sentence(self) -> str:
        if self.passed:
            return "The maps pass: hiding what they point at first changes the answer faster than a random order does."
        failed = ", ".join(d.called for d in self.deletions if d.passed is False) or "all: no film was scored"
        return f"The maps FAIL for films called {failed}: nothing shows that what they point at drives the score there."


def explain(
    network: Network, data: DataSet, method: str = "auto", grid: int = 8, say: Say = lambda _: None
) -> Explanation:
    """Average evidence by class over `data`, and the deletion test.

    method: one of METHODS; auto takes the class maps where the network has them. grid: cells a side, for occlusion.
    say: hears what is being done. Raises UsageError, DataSetError, EngineError.
    """
    runtime = network.runtime
    manifest = runtime.manifest
    pictures, readable = read_inputs(data, manifest.input)
    pictures, labels, patients = pictures[readable], data.labels[readable], data.patients[readable]
    if not len(pictures):
        raise DataSetError("none of the chosen films can be read: xscan inspect says why")
    outputs = runtime.outputs(pictures[:1, ..., None])
    if method == "auto":
        method = "maps" if "maps" in outputs else "occlusion"
    if method == "maps" and "maps" not in outputs:
        raise UsageError(f"{manifest.label} has no class maps: use --method occlusion")
    logits = _run(runtime, pictures)
    say(f"{method} of {len(pictures)} films")
    if method == "maps":
        maps = np.concatenate([runtime.outputs(batch)["maps"] for batch in _batches(pictures)])
        evidence = _questions(maps, manifest.temperature)
    else:
        evidence = _occlusion(runtime, pictures, logits, grid)
    if not all(np.isfinite(e).all() for e in evidence):
        raise EngineError(f"{manifest.label} gives results that are no numbers: build or export it again")
    present = [k for k in range(len(CLASSES)) if (labels == k).any()]
    return Explanation(
        model=manifest.label,
        method=method,
        size=(manifest.input.height, manifest.input.width),
        films={CLASSES[k]: int((labels == k).sum()) for k in present},
        pneumonia={CLASSES[k]: evidence[0][labels == k].mean(axis=0) for k in present},
        kind={CLASSES[k]: evidence[1][labels == k].mean(axis=0) for k in present if k > 0},
        deletions=_deletions(runtime, pictures, patients, logits, evidence, say),
    )


def _questions(logits: np.ndarray, temperature: float) -> tuple[np.ndarray, np.ndarray]:
    """Log odds of pneumonia against normal, and of bacterial against viral. logits: float [..., 3]."""
    kind = (logits[..., 1].astype(np.float64) - logits[..., 2]) / temperature
    return log_odds(logits, temperature), kind


def _occlusion(runtime: Runtime, pictures: np.ndarray, logits: np.ndarray, grid: int) -> tuple[np.ndarray, np.ndarray]:
    temperature = runtime.manifest.temperature
    whole = _questions(logits, temperature)
    evidence = tuple(np.empty((len(pictures), grid, grid)) for _ in whole)
    for row, column in np.ndindex(grid, grid):
        cells = np.zeros((len(pictures), grid, grid), bool)
        cells[:, row, column] = True
        hidden = _questions(_run(runtime, hide(pictures, cells)), temperature)
        for found, before, after in zip(evidence, whole, hidden, strict=True):
            found[:, row, column] = before - after
    return evidence[0], evidence[1]


def _deletions(
    runtime: Runtime,
    pictures: np.ndarray,
    patients: np.ndarray,
    logits: np.ndarray,
    evidence: tuple[np.ndarray, np.ndarray],
    say: Say,
) -> list[Deletion]:
    p = probabilities(logits, runtime.manifest.temperature)
    sick = p[:, 1] + p[:, 2] >= 0.5
    bacterial = share_of_bacteria(p) >= 0.5
    found = []
    for called, films, question, sign in (
        ("normal", ~sick, 0, -1),
        ("pneumonia", sick, 0, 1),
        ("bacteria", sick & bacterial, 1, 1),
        ("virus", sick & ~bacterial, 1, -1),
    ):
        say(f"deletion test, {films.sum()} films called {called}")
        found.append(_deletion(runtime, called, pictures[films], patients[films], sign * evidence[question][films]))
    return found


def _deletion(
    runtime: Runtime, called: str, pictures: np.ndarray, patients: np.ndarray, evidence: np.ndarray
) -> Deletion:
    """evidence: float [films, rows, columns], for what the films were called."""
    if not len(pictures):
        return Deletion(called, 0, {}, Interval(None), Interval(None))
    films, cells = len(pictures), evidence[0].size
    flat = evidence.reshape(films, cells)
    rng = np.random.default_rng(0)
    places = {  # of each cell in the order of hiding
        "top": np.argsort(np.argsort(-flat, axis=1, kind="stable"), axis=1),
        "random": rng.permuted(np.tile(np.arange(cells), (films, 1)), axis=1),
        "least": np.argsort(np.argsort(flat, axis=1, kind="stable"), axis=1),
    }

    def answer(hidden: np.ndarray) -> np.ndarray:
        logits = _run(runtime, hide(pictures, hidden.reshape(evidence.shape)))
        return _probability_of(called, probabilities(logits, runtime.manifest.temperature))

    whole, blank = answer(np.zeros((films, cells), bool)), answer(np.ones((films, cells), bool))
    curves = {order: np.empty((films, STEPS + 1)) for order in ORDERS}
    for order in ORDERS:
        curves[order][:, 0], curves[order][:, STEPS] = whole, blank
        for step in range(1, STEPS):
            curves[order][:, step] = answer(places[order] < round(cells * step / STEPS))
    gaps = {order: np.trapezoid(curves[order] - curves["top"], dx=1 / STEPS, axis=1) for order in ("random", "least")}

    def measure(weights: np.ndarray) -> dict[str, np.ndarray]:
        return {order: weights @ gap / weights.sum(axis=1) for order, gap in gaps.items()}

    areas = bootstrap(measure, patients)
    means = {order: curve.mean(axis=0) for order, curve in curves.items()}
    return Deletion(called, films, means, areas["random"], areas["least"])


def _probability_of(called: str, p: np.ndarray) -> np.ndarray:
    """Of normal or pneumonia; of a kind, as its share of the pneumonia."""
    if called in ("normal", "pneumonia"):
        return p[:, 0] if called == "normal" else 1 - p[:, 0]
    share = share_of_bacteria(p)
    return share if called == "bacteria" else 1 - share


def _batches(pictures: np.ndarray) -> list[np.ndarray]:
    return [np.ascontiguousarray(pictures[i : i + BATCH, ..., None]) for i in range(0, len(pictures), BATCH)]


def _run(runtime: Runtime, pictures: np.ndarray) -> np.ndarray:
    return np.concatenate([runtime.run(batch) for batch in _batches(pictures)])
