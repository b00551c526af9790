"""The page of `xscan data describe`: its tables, plots and a contact sheet in one file."""

from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from xscan.engine import CLASSES

from ..pages.page import Page, plot
from .describe import Description, class_table, common_sizes, findings, measure_table, shortcut_table, split_table
from .shortcuts import LEVEL

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = ("#2f7d5b", "#c2483f", "#d79a2b")  #: of the classes
EACH = 12  #: films of each class on the contact sheet
PAIRS = 12  #: pairs of copies shown
LISTED = 200  #: files listed in a table
SIDE = 192  #: pixels of a small picture


def write_describe_page(description: Description, title: str, out: Path) -> None:
    """Write the page. Needs matplotlib. Raises OutputError."""
    figures, survey = description.figures, description.survey
    page = Page(title)
    page.text(
        f"{figures['films']} films of {figures['patients']['number']} patients; "
        f"{len(figures['unreadable'])} files unreadable; fingerprint {figures['data'][:16]}",
        "This page holds radiographs and file names, which can hold a patient's name: keep it on this machine.",
    )
    page.text(*(f"{name}: {text}" for name, text in (*findings(figures), ("sizes", common_sizes(figures)))))
    page.text(*figures["warnings"], warn=True)
    page.table("Classes", class_table(figures))
    page.table("Split", split_table(figures))
    page.plots("Sizes and intensity", [_sizes(description), _intensity(description), _compression(description)])
    page.table("Measures by class", measure_table(figures))
    page.table(f"Could a model cheat? (warned of above an AUC of {LEVEL})", shortcut_table(figures))
    _lists(page, description)
    rng = np.random.default_rng(0)
    for label, name in enumerate(CLASSES):
        members = np.flatnonzero(survey.labels == label)
        chosen = sorted(rng.permutation(members)[:EACH])
        page.sheet(f"Contact sheet: {name}", [_picture(description, i) for i in chosen], "Drawn at random.")
    page.write(out)


def _lists(page: Page, description: Description) -> None:
    figures, films = description.figures, description.survey.films
    if figures["unreadable"]:
        rows = [[entry["file"], entry["reason"]] for entry in figures["unreadable"][:LISTED]]
        page.table("Unreadable files", [["file", "reason"], *rows])
    conflicts = figures["copies"]["exact"]["label_conflicts"] + figures["copies"]["near"]["label_conflicts"]
    if conflicts:
        page.table("Copies under two labels", [["files"], *([", ".join(files)] for files in conflicts[:LISTED])])
    nearest = sorted(description.copies.near, key=lambda pair: pair[2])[:PAIRS]
    if nearest:
        pictures = [
            _picture(description, i, f"{films[i].file} (likeness {alike:.3f})")
            for *pair, alike in nearest
            for i in pair
        ]
        page.sheet("Near copies, least alike first", pictures, "Two pictures of a pair stand one after the other.")


def _picture(description: Description, i: int, below: str = "") -> tuple[bytes, str]:
    film = description.survey.films[i]
    grey = film.grey()
    scale = SIDE / max(grey.shape)
    if scale < 1:
        grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes(), below or film.file


def _sizes(description: Description) -> "Figure":
    figure, axes = plot("width (pixels)", "height (pixels)", "Size of the films")
    for label, name in enumerate(CLASSES):
        facts = description.survey.facts[description.survey.labels == label]
        places, counts = np.unique(facts[:, (1, 0)], axis=0, return_counts=True)
        axes.scatter(places[:, 0], places[:, 1], s=6 + 3 * np.sqrt(counts), alpha=0.4, color=COLOURS[label], label=name)
    axes.legend()
    return figure


def _intensity(description: Description) -> "Figure":
    figure, axes = plot("grey level", "share of the pixels", "Grey levels, mean of the films")
    for label, name in enumerate(CLASSES):
        # The peaks of black borders and white letters would hide the rest.
        axes.plot(range(1, 255), description.survey.histograms[label, 1:255], color=COLOURS[label], label=name)
    axes.legend()
    return figure


def _compression(description: Description) -> "Figure":
    figure, axes = plot("bytes per pixel", "films of the class", "Compression")
    rows, columns, size, _ = description.survey.facts.T
    density = size / (rows * columns)
    least, most = np.quantile(density, (0.002, 0.998))
    edges = np.linspace(least, most, 50)
    for label, name in enumerate(CLASSES):
        own = density[description.survey.labels == label]
        axes.hist(
            own,
            edges,
            weights=np.full(len(own), 1 / max(len(own), 1)),
            histtype="step",
            color=COLOURS[label],
            label=name,
        )
    axes.legend()
    return figure
