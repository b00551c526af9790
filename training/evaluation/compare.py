"""Is one network better than another? On the same films: differences by paired bootstrap, and McNemar's test."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb
from typing import Any

import numpy as np

from xscan.calibration.statistics.bootstrap import RESAMPLES, Interval, bootstrap
from xscan.calibration.statistics.metrics import figures
from xscan.engine import CLASSES
from xscan.engine.errors import DataSetError

from ..pages.tables import aligned
from .evaluate import NAMES
from .scored import ScoredFilms

#: what is compared, in the order of the table
COMPARED = (
    *("accuracy", "mcc", "kappa", "loss", "brier", "ece"),
    *("pneumonia.roc_auc", "pneumonia.pr_auc", "pneumonia.sensitivity", "pneumonia.specificity", "pneumonia.mcc"),
    *("kind.roc_auc", "kind.pr_auc", "kind.sensitivity", "kind.specificity", "kind.mcc"),
    *(f"{name}.f1" for name in CLASSES),
)
LESS_IS_BETTER = ("loss", "brier", "ece")


@dataclass(frozen=True)
class McNemar:
    """Films that one network called right and the other wrong, and the exact two-sided test of their balance
    (McNemar 1947; binomial with a chance of one half). Films are taken one by one, not by patients."""

    only_a: int
    only_b: int

    @property
    def p(self) -> float:
        films = self.only_a + self.only_b
        tail = sum(comb(films, k) for k in range(min(self.only_a, self.only_b) + 1))
        return min(1.0, 2 * tail / 2**films)

    def as_dict(self) -> dict[str, Any]:
        return {"only_a_right": self.only_a, "only_b_right": self.only_b, "p": self.p}


@dataclass(frozen=True)
class Comparison:
    a: ScoredFilms
    b: ScoredFilms
    by: str  #: the figure that decides
    values: dict[str, tuple[Interval, Interval, Interval]]  #: figure -> of a, of b, a less b
    mcnemar: dict[str, McNemar]  #: three classes; normal against pneumonia, called at 0.5
    left_out: tuple[int, int]  #: films that only a, only b had

    @property
    def verdict(self) -> str:
        """`better`, `worse`, or `no difference shown`: a, judged by the one figure that was chosen beforehand."""
        difference = self.values[self.by][2]
        if not difference.excludes_zero:
            return "no difference shown"
        return "better" if (difference.value > 0) != (self.by in LESS_IS_BETTER) else "worse"  # type: ignore[operator]

    def sentence(self) -> str:
        a, b, difference = self.values[self.by]
        name, films = figure_name(self.by), f"on these {len(self.a)} films of {len(set(self.a.patients))} patients"
        if difference.value is None:
            return f"No difference shown: {name} is not defined {films}."
        sizes = f"{a.as_text()} against {b.as_text()}, a difference of {difference.as_text(sign='+')}"
        if self.verdict == "no difference shown":
            return f"No difference shown by {name} {films}: {sizes}."
        return f"{self.a.model} is {self.verdict} than {self.b.model} by {name} {films}: {sizes}."

    def as_dict(self) -> dict[str, Any]:
        sides = {
            key: {"model": side.model, "how": side.how, "temperature": side.temperature, "films_left_out": left}
            for key, side, left in (("a", self.a, self.left_out[0]), ("b", self.b, self.left_out[1]))
        }
        rows = {
            name: {"a": a.as_dict(), "b": b.as_dict(), "a_less_b": difference.as_dict()}
            for name, (a, b, difference) in self.values.items()
        }
        return {
            **sides,
            "films": len(self.a),
            "trained_on": seen.as_dict() if (seen := self.a.seen or self.b.seen) else None,
            "patients": len(set(self.a.patients)),
            "resamples": RESAMPLES,
            "figures": rows,
            "mcnemar": {name: test.as_dict() for name, test in self.mcnemar.items()},
            "by": self.by,
            "verdict": self.verdict,
            "sentence": self.sentence(),
        }

    def as_text(self) -> str:
        lines = [f"A  {self.a.model}: {self.a.how}", f"B  {self.b.model}: {self.b.how}"]
        lines.append(f"{len(self.a)} films of {len(set(self.a.patients))} patients, the same for both")
        lines += self.a.seen.notes() if self.a.seen else self.b.seen.notes() if self.b.seen else []
        for letter, left in zip("AB", self.left_out, strict=True):
            if left:
                lines.append(f"{left} films that only {letter} has a score for are left out")
        rows = [["", "A", "B", "A less B (95 %)", ""]]
        for name, (a, b, difference) in self.values.items():
            mark = "*" if difference.excludes_zero else ""
            rows.append([figure_name(name), a.as_text(), b.as_text(), difference.as_text(sign="+"), mark])
        lines += ["", *aligned(rows)]
        lines.append("* the interval leaves out 0; of twenty figures without any difference one does so by chance")
        lines.append("")
        for name, test in self.mcnemar.items():
            counts = f"only A right {test.only_a}, only B right {test.only_b}"
            lines.append(f"McNemar, {name}: {counts}, exact p = {test.p:.2g}")
        return "\n".join([*lines, "", self.sentence()])


def compare(a: ScoredFilms, b: ScoredFilms, by: str = "accuracy") -> Comparison:
    """Compare on the films that both have. by: the figure of COMPARED that decides which is better.

    Raises DataSetError when no film is in both or their labels differ.
    """
    _, in_a, in_b = np.intersect1d(a.files, b.files, return_indices=True)
    if not len(in_a):
        raise DataSetError(f"{a.model} and {b.model} have no film in common: compare them on the same films")
    left_out = (len(a) - len(in_a), len(b) - len(in_b))
    a, b = a.only(in_a), b.only(in_b)
    if differ := int((a.labels != b.labels).sum()):
        raise DataSetError(f"{differ} films have another class in {a.model} than in {b.model}: use one data set")

    def measure(weights: np.ndarray) -> dict[tuple[str, int], np.ndarray]:
        of_a, of_b = (figures(side.labels, side.p, weights) for side in (a, b))
        found = {}
        for name in COMPARED:
            found |= {(name, 0): of_a[name], (name, 1): of_b[name], (name, 2): of_a[name] - of_b[name]}
        return found

    found = bootstrap(measure, a.patients)
    values = {name: (found[name, 0], found[name, 1], found[name, 2]) for name in COMPARED}
    right = [side.p.argmax(axis=1) == side.labels for side in (a, b)]
    called = [(side.p[:, 1] + side.p[:, 2] >= 0.5) == (side.labels > 0) for side in (a, b)]
    tests = {"three classes": mcnemar(*right), "normal or pneumonia": mcnemar(*called)}
    return Comparison(a, b, by, values, tests, left_out)


def mcnemar(a: Sequence[bool] | np.ndarray, b: Sequence[bool] | np.ndarray) -> McNemar:
    """a, b: bool [films], is the film called right?"""
    first, second = np.asarray(a, bool), np.asarray(b, bool)
    return McNemar(int((first & ~second).sum()), int((~first & second).sum()))


def figure_name(key: str) -> str:
    """`kind.roc_auc` -> `ROC AUC, bacterial or viral`."""
    group, _, name = key.rpartition(".")
    questions = {"pneumonia": "normal or pneumonia", "kind": "bacterial or viral"}
    return NAMES[name] + (f", {questions.get(group, group)}" if group else "")
