"""How good a network is on labelled films: every figure with its 95 % interval, as text, JSON, or a page."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from xscan.calibration.statistics.bootstrap import RESAMPLES, Interval, bootstrap
from xscan.calibration.statistics.metrics import at_prevalence, confusion_matrix, figures, one_threshold
from xscan.engine import CLASSES

from ..pages.tables import aligned
from .scored import ScoredFilms
from .subgroups import Columns, subgroups

THRESHOLDS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98)
RATES = ("sensitivity", "specificity", "ppv", "npv")

#: figure -> what people call it, in the order of the tables
NAMES = {
    "loss": "loss (negative log-likelihood)", "accuracy": "accuracy", "mcc": "Matthews correlation",
    "kappa": "Cohen's kappa", "brier": "Brier score", "ece": "calibration error (15 bins)",
    "sensitivity": "sensitivity", "specificity": "specificity", "ppv": "PPV", "npv": "NPV", "f1": "F1",
    "roc_auc": "ROC AUC", "pr_auc": "PR AUC",
}  # fmt: skip
OVERALL = ("loss", "accuracy", "mcc", "kappa", "brier", "ece")
OF_A_CLASS = (*RATES, "f1", "roc_auc", "pr_auc")
OF_TWO = ("accuracy", *RATES, "f1", "roc_auc", "pr_auc", "mcc", "kappa", "brier")


@dataclass(frozen=True)
class Point:
    """One threshold on the probability of pneumonia, rounded as the CSV shows it."""

    threshold: float
    name: str  #: rule-out, rule-in, or empty
    rates: dict[str, Interval]  #: of RATES
    at: dict[float, dict[str, Interval]] = field(default_factory=dict)  #: prevalence -> ppv, npv there

    def as_dict(self) -> dict[str, Any]:
        rates = {name: rate.as_dict() for name, rate in self.rates.items()}
        there = {f"{share:g}": {k: rate.as_dict() for k, rate in values.items()} for share, values in self.at.items()}
        return {"threshold": self.threshold, "name": self.name, **rates, "at_prevalence": there}


@dataclass(frozen=True)
class Evaluation:
    scored: ScoredFilms
    figures: dict[str, Interval]  #: as xscan.calibration.statistics.metrics.figures names them
    points: list[Point]  #: ascending
    groups: dict[str, list[dict[str, Any]]]

    @property
    def confusion(self) -> np.ndarray:
        return confusion_matrix(self.scored.labels, self.scored.p)

    def as_dict(self) -> dict[str, Any]:
        scored = self.scored
        return {
            "model": scored.model,
            "how": scored.how,
            "temperature": scored.temperature,
            "films": len(scored),
            "patients": len(set(scored.patients)),
            "unreadable": scored.unreadable,
            "trained_on": scored.seen.as_dict() if scored.seen else None,
            "resamples": RESAMPLES,
            "figures": {name: figure.as_dict() for name, figure in self.figures.items()},
            "confusion": {"classes": CLASSES, "rows_are_truth": self.confusion.tolist()},
            "points": {point.name: point.as_dict() for point in self.points if point.name},
            "thresholds": [point.as_dict() for point in self.points],
            "subgroups": self.groups,
        }

    def tables(self) -> list[tuple[str, list[list[str]]]]:
        """Title and rows of every table; the first row is its head."""
        value = {name: figure.as_text() for name, figure in self.figures.items()}
        matrix = [[name, *map(str, row)] for name, row in zip(CLASSES, self.confusion, strict=True)]
        tables = [
            ("Three classes", [["", "value (95 %)"], *([NAMES[key], value[key]] for key in OVERALL)]),
            ("Confusion matrix", [["truth \\ called", *CLASSES], *matrix]),
            ("Each class against the rest", [
                ["", *CLASSES], *([NAMES[key], *(value[f"{name}.{key}"] for name in CLASSES)] for key in OF_A_CLASS)
            ]),
            ("Two questions", [
                ["called at 0.5", "pneumonia or normal", "bacterial (positive) or viral"],
                *([NAMES[key], value[f"pneumonia.{key}"], value[f"kind.{key}"]] for key in OF_TWO)
            ]),
        ]  # fmt: skip
        head = ["score", "", *(NAMES[rate] for rate in RATES)]
        rows = [[f"{p.threshold:.4f}", p.name, *(p.rates[rate].as_text(3) for rate in RATES)] for p in self.points]
        tables.append(("Pneumonia called at or above a score", [head, *rows]))
        if shares := list(self.points[0].at):
            columns = [(share, rate) for share in shares for rate in ("ppv", "npv")]
            head = ["score", "", *(f"{NAMES[rate]} at {100 * share:g} %" for share, rate in columns)]
            rows = [
                [f"{p.threshold:.4f}", p.name, *(p.at[s][rate].as_text() for s, rate in columns)] for p in self.points
            ]
            tables.append(("The same, where another share of the films shows pneumonia", [head, *rows]))
        for kind, groups in self.groups.items():
            head = [kind, "films", "patients", "pneumonia", "accuracy", "sensitivity", "specificity", "ROC AUC"]
            rows = [
                [
                    *(g["group"], str(g["films"]), str(g["patients"]), str(g["pneumonia"])),
                    *(Interval(**g[key]).as_text(3) for key in ("accuracy", "sensitivity", "specificity")),
                    Interval(g["roc_auc"]).as_text(),
                ]
                for g in groups
            ]
            tables.append((f"By {kind}", [head, *rows]))
        return tables

    def headline(self) -> str:
        scored = self.scored
        lost = f"; {scored.unreadable} unreadable left out" if scored.unreadable else ""
        return f"{scored.model} on {len(scored)} films of {len(set(scored.patients))} patients{lost}"

    def notes(self) -> list[str]:
        notes = [
            *(self.scored.seen.notes() if self.scored.seen else ()),
            f"{self.scored.how}; temperature {self.scored.temperature:g}.",
            f"In brackets: 95 % intervals by bootstrap, {RESAMPLES} draws of patients; by group: Wilson's, of films.",
        ]
        if any(figure.value is None for figure in self.figures.values()):
            notes.append("Not defined: these films lack a class, or none was called so.")
        if any(figure.value == figure.low == figure.high == 1 for figure in self.figures.values()):
            notes.append("An interval of 1 to 1 says that no draw could show a mistake, not that there is none.")
        return notes

    def as_text(self) -> str:
        lines = [self.headline(), *self.notes()]
        for title, rows in self.tables():
            lines += ["", title, *aligned(rows)]
        return "\n".join(lines)


def evaluate(scored: ScoredFilms, prevalences: Sequence[float] = (), columns: Columns | None = None) -> Evaluation:
    """Measure scored films. prevalences: shares of films with pneumonia, between 0 and 1, to give PPV and NPV for.

    columns: the data set's CSV, for the subgroups.
    """
    sick = scored.labels > 0
    score = np.round(scored.p[:, 1] + scored.p[:, 2], 4)
    names = {threshold: name for name, threshold in scored.points.items()}
    thresholds = sorted({*THRESHOLDS, *names})

    def measure(weights: np.ndarray) -> dict[tuple, np.ndarray]:
        found: dict[tuple, np.ndarray] = {(k,): x for k, x in figures(scored.labels, scored.p, weights).items()}
        for threshold in thresholds:
            rates = one_threshold(sick, score >= threshold, weights)
            found |= {(threshold, rate): rates[rate] for rate in RATES}
            for share in prevalences:
                there = at_prevalence(rates["sensitivity"], rates["specificity"], share)
                found |= {(threshold, share, rate): there[rate] for rate in ("ppv", "npv")}
        return found

    found = bootstrap(measure, scored.patients)
    points = [
        Point(
            threshold,
            names.get(threshold, ""),
            {rate: found[threshold, rate] for rate in RATES},
            {share: {rate: found[threshold, share, rate] for rate in ("ppv", "npv")} for share in prevalences},
        )
        for threshold in thresholds
    ]
    own = {key[0]: figure for key, figure in found.items() if len(key) == 1}
    return Evaluation(scored, own, points, subgroups(scored, columns or {}))
