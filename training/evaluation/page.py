"""The page of `xscan evaluate`: tables, plots, and the worst mistakes with their films."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from xscan.calibration.statistics.metrics import ECE_BINS, share_of_bacteria
from xscan.engine import CLASSES
from xscan.engine.errors import FileProblem

from ..pages.page import Page
from .evaluate import Evaluation
from .scored import ScoredFilms

WORST = 24  #: films of the contact sheet
COLOURS = ("#4c7f69", "#c2483f", "#d79a2b")  #: normal, bacteria, virus: those of the morning page


def write_page(evaluation: Evaluation, out: Path) -> None:
    """One self-contained HTML file. Raises OutputError."""
    scored = evaluation.scored
    page = Page(f"xscan evaluate: {evaluation.headline()}")
    page.text(*evaluation.notes())
    if scored.films:
        page.text(
            "This page shows films and their file names. Keep it on this machine, as you keep patient data.", warn=True
        )
    page.plots("Plots", plots(evaluation))
    for title, rows in evaluation.tables():
        page.table(title, rows)
    mistakes = worst(scored)
    note = (
        f"{int((scored.p.argmax(axis=1) != scored.labels).sum())} films were called another class than their "
        f"folder's; these {len(mistakes)} with the least probability of their own. A label can be wrong, too."
    )
    page.sheet("Worst mistakes", [(_picture(scored, i), _caption(scored, i)) for i in mistakes], note)
    page.write(out)


def worst(scored: ScoredFilms, most: int = WORST) -> np.ndarray:
    """int [at most `most`]: films called another class than theirs, the surest mistake first."""
    own = scored.p[np.arange(len(scored)), scored.labels]
    wrong = np.flatnonzero(scored.p.argmax(axis=1) != scored.labels)
    return wrong[np.argsort(own[wrong], kind="stable")][:most]


def _caption(scored: ScoredFilms, i: int) -> str:
    p = ", ".join(f"{name} {x:.3f}" for name, x in zip(CLASSES, scored.p[i], strict=True))
    called = CLASSES[scored.p[i].argmax()]
    return f"{CLASSES[scored.labels[i]]}, called {called} ({p}) · {scored.files[i]}"


def _picture(scored: ScoredFilms, i: int) -> bytes:
    from xscan.engine.report.thumbnails import small_copy

    if not scored.films:
        return b""
    try:
        return small_copy(scored.films[i].grey())
    except FileProblem:  # scored a moment ago, gone now
        return b""


def plots(evaluation: Evaluation) -> list[Figure]:
    scored = evaluation.scored
    sick = scored.labels > 0
    questions = (
        ("normal or pneumonia", sick, scored.p[:, 1] + scored.p[:, 2], "#1c66c0"),
        ("bacterial or viral", scored.labels[sick] == 1, share_of_bacteria(scored.p[sick]), "#c2483f"),
    )
    drawn = []
    for draw in (_confusion, _scores, _thresholds, _reliability):
        figure, axes = _figure()
        draw(axes, evaluation)
        drawn.append(figure)
    for roc in (True, False):
        figure, axes = _figure()
        for name, truth, score, colour in questions:
            _curve(axes, name, truth, score, colour, roc)
        axes.set(xlabel="1 - specificity" if roc else "sensitivity", ylabel="sensitivity" if roc else "PPV")
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), title="ROC" if roc else "Precision and recall")
        axes.legend(loc="lower right" if roc else "lower left", frameon=False, fontsize=8)
        drawn.append(figure)
    return drawn


def _figure() -> tuple[Figure, Axes]:
    figure = Figure(figsize=(3.9, 3.3), layout="constrained")
    return figure, figure.subplots()


def _confusion(axes: Axes, evaluation: Evaluation) -> None:
    matrix = evaluation.confusion
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for (row, column), films in np.ndenumerate(matrix):
        colour = "white" if share[row, column] > 0.6 else "black"
        axes.text(column, row, f"{films}\n{share[row, column]:.0%}", ha="center", va="center", color=colour)
    axes.set_xticks(range(len(CLASSES)), CLASSES)
    axes.set_yticks(range(len(CLASSES)), CLASSES)
    axes.set(xlabel="called", ylabel="truth", title="Confusion matrix")


def _scores(axes: Axes, evaluation: Evaluation) -> None:
    scored = evaluation.scored
    score = scored.p[:, 1] + scored.p[:, 2]
    kinds = [score[scored.labels == k] for k in range(len(CLASSES))]
    axes.hist(kinds, bins=np.linspace(0, 1, 21).tolist(), stacked=True, color=COLOURS, label=CLASSES)
    axes.set_yscale("log")
    _mark_points(axes, evaluation)
    axes.set(xlabel="probability of pneumonia", ylabel="films", title="Scores by truth")
    axes.legend(frameon=False, fontsize=8, loc="upper center")


def _thresholds(axes: Axes, evaluation: Evaluation) -> None:
    for rate, colour in (("sensitivity", COLOURS[1]), ("specificity", COLOURS[0])):
        rows = [
            (p.threshold, x.value, x.low, x.high) for p in evaluation.points if (x := p.rates[rate]).value is not None
        ]
        if rows:
            threshold, value, low, high = np.array(rows, float).T
            axes.plot(threshold, value, marker=".", color=colour, label=rate)
            axes.fill_between(threshold, low, high, color=colour, alpha=0.2, linewidth=0)
    _mark_points(axes, evaluation)
    axes.set(xlabel="pneumonia called from this probability on", title="Thresholds", xlim=(0, 1))
    axes.legend(frameon=False, fontsize=8, loc="lower center")


def _mark_points(axes: Axes, evaluation: Evaluation) -> None:
    for point in evaluation.points:
        if point.name:
            axes.axvline(point.threshold, color="#5a6878", linestyle=":", linewidth=1)
            axes.annotate(
                f" {point.name}", (point.threshold, 0.5), xycoords=("data", "axes fraction"), fontsize=8, rotation=90
            )


def _reliability(axes: Axes, evaluation: Evaluation) -> None:
    scored = evaluation.scored
    confidence, right = scored.p.max(axis=1), scored.p.argmax(axis=1) == scored.labels
    place = np.minimum((confidence * ECE_BINS).astype(int), ECE_BINS - 1)
    bins = [(confidence[place == b].mean(), right[place == b].mean(), (place == b).sum()) for b in np.unique(place)]
    mean, share, films = np.array(bins, float).T
    axes.plot((0, 1), (0, 1), color="#97a4b1", linestyle=":", linewidth=1)
    axes.plot(mean, share, color="#1c66c0", linewidth=1)
    axes.scatter(mean, share, s=10 + 300 * films / len(scored), color="#1c66c0", alpha=0.6)
    axes.set(xlabel="probability of the called class", ylabel="share that is right", title="Calibration (size: films)")
    axes.set(xlim=(0.3, 1.02), ylim=(-0.02, 1.02))


def _curve(axes: Axes, name: str, truth: np.ndarray, score: np.ndarray, colour: str, roc: bool) -> None:
    if truth.all() or not truth.any():
        axes.plot([], [], color=colour, label=f"{name}: not defined")
        return
    order = np.argsort(-score, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))
    found, seen = np.cumsum(truth[order])[ends], ends + 1
    sensitivity = found / truth.sum()
    if roc:
        x, y = np.append(0, (seen - found) / (~truth).sum()), np.append(0, sensitivity)
    else:
        x, y = sensitivity, found / seen
    axes.plot(x, y, color=colour, label=name, drawstyle="default" if roc else "steps-pre")
