"""The figures of `xscan explain`: maps over a drawn chest, never over a film, and the curves of the deletion test."""

import json
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from xscan.engine import CLASSES
from xscan.engine.disk.overwrite import made_here
from xscan.engine.disk.replace import replace_bytes

from ..pages.page import Page
from .explain import ORDERS, STEPS, Deletion, Explanation

# Half a chest as a viewer shows it, drawn by eye for orientation: x from the middle line to the side, y from the
# top, in parts of the film.
_LUNG = ((0.07, 0.20), (0.13, 0.13), (0.21, 0.15), (0.29, 0.27), (0.34, 0.44), (0.37, 0.60), (0.36, 0.76),
         (0.26, 0.73), (0.15, 0.71), (0.10, 0.58), (0.09, 0.44), (0.08, 0.32))  # fmt: skip
_HEART = {8: 0.22, 9: 0.19, 10: 0.13}  #: points of the left lung that the heart pushes outwards: their x
_ORDER_NAMES = {"top": "most important first", "random": "at random", "least": "least important first"}
_ORDER_COLOURS = {"top": "#b3201f", "random": "#5a6878", "least": "#1d6b4a"}

_require_figure = made_here("figure", b"\x89PNG", b"xscan, Matplotlib")


def write_figures(explanation: Explanation, folder: Path) -> None:
    """maps.png, deletion.png and explain.json. Raises OutputError."""
    for name, figure in (("maps", maps_figure(explanation)), ("deletion", deletion_figure(explanation))):
        with BytesIO() as stream:
            figure.savefig(stream, format="png", dpi=90, metadata={"Software": "xscan, Matplotlib"})
            replace_bytes(folder / f"{name}.png", stream.getvalue(), _require_figure)
    content = json.dumps(explanation.as_dict(), indent=1)
    replace_bytes(folder / "explain.json", content.encode(), made_here("explanation", b'{\n "model": '))


def write_page(explanation: Explanation, out: Path) -> None:
    """Raises OutputError."""
    page = Page(f"xscan explain: {explanation.model} by {explanation.method}")
    page.text(explanation.sentence(), warn=not explanation.passed)
    page.text(*(explanation.seen.notes() if explanation.seen else ()))
    page.text(
        "Means over films, from a coarse grid, smoothed for the eye. The outline is drawn by hand: it is nobody's."
    )
    page.plots("Where the evidence is", [maps_figure(explanation)])
    page.plots("Deletion test", [deletion_figure(explanation)])
    rows = [
        [d.called, str(d.films), d.against_random.as_text(sign="+"), d.against_least.as_text(sign="+")]
        for d in explanation.deletions
    ]
    page.table("Areas between the curves", [["called", "films", "random less top (95 %)", "least less top"], *rows])
    page.write(out)


def maps_figure(explanation: Explanation) -> Figure:
    """A row a question, a column a class of films; one colour scale a row."""
    figure = Figure(figsize=(9.6, 6.6), layout="constrained")
    figure.suptitle(f"{explanation.model} by {explanation.method}: mean evidence by place, nats")
    axes = figure.subplots(2, len(CLASSES))
    for row, (grids, question) in enumerate(
        (
            (explanation.pneumonia, "pneumonia (red) or normal (blue)"),
            (explanation.kind, "bacterial (red) or viral (blue)"),
        )
    ):
        largest = max((float(np.abs(grid).max()) for grid in grids.values()), default=1.0) or 1.0
        shown = None
        for axis, name in zip(axes[row], CLASSES, strict=True):
            axis.set_axis_off()
            if name in grids:
                shown = _draw_map(axis, grids[name], explanation.size, largest)
                axis.set_title(f"{explanation.films[name]} films of {name}", fontsize=10)
        if shown is not None:
            figure.colorbar(shown, ax=axes[row], shrink=0.8, label=question)
    return figure


def deletion_figure(explanation: Explanation) -> Figure:
    """A panel for each thing that films were called: the mean probability of it while cells are hidden."""
    figure = Figure(figsize=(12.4, 3.3), layout="constrained")
    for axis, deletion in zip(
        figure.subplots(1, len(explanation.deletions), sharey=True), explanation.deletions, strict=True
    ):
        _draw_curves(axis, deletion)
    figure.axes[0].set_ylabel("mean probability of it")
    figure.axes[0].legend(frameon=False, fontsize=8, loc="lower left")
    return figure


def _draw_map(axis: Axes, grid: np.ndarray, size: tuple[int, int], largest: float):
    height, width = size
    smooth = cv2.resize(grid, (width, height), interpolation=cv2.INTER_LINEAR)
    shown = axis.imshow(smooth, cmap="RdBu_r", vmin=-largest, vmax=largest)
    for side in (-1, 1):
        x, y = _outline(side).T
        axis.plot(x * width, y * height, color="#16202b", linewidth=1.2)
    axis.set(xlim=(0, width), ylim=(height, 0))
    axis.text(0.03 * width, 0.07 * height, "R", fontsize=8)
    axis.text(0.94 * width, 0.07 * height, "L", fontsize=8)
    return shown


def _draw_curves(axis: Axes, deletion: Deletion) -> None:
    area = deletion.against_random.as_text(3, "+")
    verdict = {True: "passed", False: "FAILED", None: "no film"}[deletion.passed]
    axis.set_title(f"{deletion.films} films called {deletion.called}: {verdict}\narea {area}", fontsize=9)
    axis.set(xlabel="share of the film hidden", ylim=(-0.02, 1.02))
    for order in ORDERS:
        if order in deletion.curves:
            hidden = np.linspace(0, 1, STEPS + 1)
            axis.plot(hidden, deletion.curves[order], color=_ORDER_COLOURS[order], label=_ORDER_NAMES[order])


def _outline(side: int) -> np.ndarray:
    """float [points, 2], x and y in parts of the film. side: -1 the patient's right lung (left in the picture)."""
    points = np.array([(0.5 + side * _bulge(i, x, side), y) for i, (x, y) in enumerate(_LUNG)])
    around = [np.roll(points, shift, axis=0)[:, None] for shift in (1, 0, -1, -2)]
    a, b, c, d = around  # Catmull-Rom splines through b and c
    t = np.linspace(0, 1, 12, endpoint=False)[:, None]
    curve = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
    closed = curve.reshape(-1, 2)
    return np.vstack([closed, closed[:1]])


def _bulge(i: int, x: float, side: int) -> float:
    return _HEART.get(i, x) if side > 0 else x
