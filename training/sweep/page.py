"""The leaderboard as one HTML file that needs nothing else: table, learning curves, accuracy against cost."""

from pathlib import Path
from typing import TYPE_CHECKING

from xscan.engine.disk.overwrite import in_own_folder

from ..pages.page import Page, plot
from .leaderboard import Entry, Leaderboard, leaderboard, write_csv
from .search import Sweep, deciding

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NOTE = (
    "Networks are ranked, dropped and chosen on the validation patients alone. The test patients' figures are shown "
    "for what the study's way would have claimed of them: whoever chooses by that column makes it worthless. Green: "
    "trained for all epochs. An interval is the middle 95 % of 2,000 draws of patients."
)


def publish(sweep: Sweep, complete: bool) -> Leaderboard:
    """Write OUT/leaderboard.csv and OUT/leaderboard.html of what the sweep's folder holds now."""
    with deciding(sweep.out):
        board = leaderboard(sweep, complete)
        write_csv(board, sweep.out / "leaderboard.csv")
        write_page(board, sweep.out / "leaderboard.html", f"Sweep of the recipe {sweep.recipe.name}")
    return board


def write_page(board: Leaderboard, out: Path, title: str) -> None:
    """Needs matplotlib. Raises OutputError."""
    page = Page(title)
    page.lines(board.as_text())
    page.text(NOTE)
    page.plots(
        "Accuracy",
        [_curves(board), _against(board, "parameters", "parameters"), _against(board, "ms_a_film", "ms, one core")],
        "On the validation patients: after each epoch (weights before averaging), against size, against latency.",
    )
    heads = ["", "network", "", "parameters", "ms a film", "epochs", "validation patients", "test patients"]
    rows = [_row(place, entry) for place, entry in enumerate(board.entries, 1)]
    ends = [place for place, entry in enumerate(board.entries) if entry in board.finalists]
    page.table("All networks", [[*heads, "random 80/20"], *rows], ends)
    page.write(out, in_own_folder)


def _row(place: int, entry: Entry) -> list[str]:
    about = "; ".join([entry.architecture, *(f"{key} {value}" for key, value in entry.options.items())])
    start = [str(place), entry.name, about]
    if entry.problem:
        return [*start, "", "", "", f"not trained: {entry.problem}", "", ""]
    size = f"{entry.parameters:,}" if entry.parameters is not None else ""
    latency = f"{entry.ms_a_film:.2f}" if entry.ms_a_film is not None else ""
    scores = (str(score or "") for score in (entry.validation, entry.test, entry.study))
    return [*start, size, latency, str(entry.epochs), *scores]


def _curves(board: Leaderboard) -> "Figure":
    from matplotlib.ticker import MaxNLocator

    figure, axis = plot("epoch", "accuracy")
    for entry in reversed(board.entries):
        end = entry in board.finalists
        epochs = range(1, len(entry.curve) + 1)
        style = {"label": entry.name, "linewidth": 1.6} if end else {"color": "#bbb", "linewidth": 0.7}
        axis.plot(epochs, entry.curve, marker="." if len(entry.curve) == 1 else "", **style)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    if board.finalists:
        axis.legend(fontsize=7)
    return figure


def _against(board: Leaderboard, cost: str, label: str) -> "Figure":
    figure, axis = plot(label, "accuracy")
    for entry in reversed(board.entries):
        if getattr(entry, cost) is None or entry.validation is None:
            continue
        end = entry in board.finalists
        score = entry.validation
        spread = [[score.accuracy - score.low], [score.high - score.accuracy]]
        place = (getattr(entry, cost), score.accuracy)
        axis.errorbar(*place, yerr=spread if end else None, fmt="o", markersize=4, color="#2a6" if end else "#bbb")
        if end:
            axis.annotate(entry.name, place, textcoords="offset points", xytext=(5, 3), fontsize=7)
    axis.set_xscale("log")
    return figure
