"""The leaderboard as one HTML file that needs nothing else: table, learning curves, accuracy against cost."""

import io
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

from xscan.engine.disk.overwrite import in_own_folder
from xscan.engine.disk.replace import replace_bytes

from ..pages.page import GENERATOR
from .leaderboard import Entry, Leaderboard, leaderboard, write_csv
from .search import Sweep, deciding

CSS = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; color: #1a1a1a }
h1 { font-size: 1.4rem } h2 { font-size: 1.1rem; margin-top: 2rem }
pre { background: #f4f4f2; padding: .8rem 1rem; overflow-x: auto }
figure { display: inline-block; margin: 0 1rem 1rem 0 } svg { max-width: 100%; height: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums } th { text-align: left }
th, td { padding: .2rem .6rem; border-bottom: 1px solid #ddd; vertical-align: top }
td.n { text-align: right } td.s { white-space: nowrap }
tr.end { background: #eef5ee } small { color: #666 }
"""
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
    figures = [
        (_curves, "Accuracy on the validation patients after each epoch (weights before averaging)"),
        (lambda axis, b: _against(axis, b, "parameters", "parameters"), "Accuracy against size"),
        (lambda axis, b: _against(axis, b, "ms_a_film", "ms a film, one core"), "Accuracy against latency"),
    ]
    pictures = "".join(f"<figure>{_svg(draw, board)}<figcaption>{text}</figcaption></figure>" for draw, text in figures)
    page = (
        f'<!doctype html>\n<html lang="en"><meta charset="utf-8">{GENERATOR}<title>{escape(title)}</title>'
        f"<style>{CSS}</style>\n"
        f"<h1>{escape(title)}</h1>\n<pre>{escape(board.as_text())}</pre>\n<p>{NOTE}</p>\n"
        f"{pictures}\n<h2>All networks</h2>\n{_table(board)}\n</html>\n"
    )
    replace_bytes(out, page.encode(), in_own_folder)


def _table(board: Leaderboard) -> str:
    heads = ("", "network", "parameters", "ms a film", "epochs", "validation patients", "test patients", "random 80/20")
    rows = "\n".join(_row(place, entry, board) for place, entry in enumerate(board.entries, 1))
    return f"<table><tr>{''.join(f'<th>{head}</th>' for head in heads)}</tr>\n{rows}</table>"


def _row(place: int, entry: Entry, board: Leaderboard) -> str:
    about = "; ".join([entry.architecture, *(f"{key} {value}" for key, value in entry.options.items())])
    start = f"<td class=n>{place}<td>{escape(entry.name)}<br><small>{escape(about)}</small>"
    if entry.problem:
        return f"<tr>{start}<td colspan=6>not trained: {escape(entry.problem)}</tr>"
    size = f"{entry.parameters:,}" if entry.parameters is not None else ""
    latency = f"{entry.ms_a_film:.2f}" if entry.ms_a_film is not None else ""
    costs = "".join(f"<td class=n>{figure}" for figure in (size, latency, entry.epochs))
    scores = "".join(f"<td class=s>{score or ''}" for score in (entry.validation, entry.test, entry.study))
    return f"<tr{' class=end' if entry in board.finalists else ''}>{start}{costs}{scores}</tr>"


def _svg(draw: Callable[[Any, Leaderboard], None], board: Leaderboard) -> str:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    # Fixed ids and no date: the same figures give the same bytes.
    with matplotlib.rc_context({"svg.hashsalt": "xscan", "svg.fonttype": "none", "font.size": 9}):
        figure, axis = pyplot.subplots(figsize=(5.6, 4))
        draw(axis, board)
        figure.tight_layout()
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None})
        pyplot.close(figure)
    return text.getvalue()[text.getvalue().index("<svg") :]


def _curves(axis: Any, board: Leaderboard) -> None:
    for entry in reversed(board.entries):
        end = entry in board.finalists
        epochs = range(1, len(entry.curve) + 1)
        style = {"label": entry.name, "linewidth": 1.6} if end else {"color": "#bbb", "linewidth": 0.7}
        axis.plot(epochs, entry.curve, marker="." if len(entry.curve) == 1 else "", **style)
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.set_xlabel("epoch")
    axis.set_ylabel("accuracy")
    if board.finalists:
        axis.legend(fontsize=7)


def _against(axis: Any, board: Leaderboard, cost: str, label: str) -> None:
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
    axis.set_xlabel(label)
    axis.set_ylabel("accuracy on the validation patients")
