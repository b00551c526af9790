"""`xscan explain`: where in the films a network sees what it says."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from ..terminal.choices import MapMethod
from ..terminal.console import Console
from ..terminal.engine import model_and_films
from ..terminal.extras import converted, names_extra, plots
from ..terminal.logs import plain_warnings
from ..terminal.options import Fold, Json, NoProgress, Part, Patients, Quiet, Split, TrainedToo, Verbose


def explain(
    model: Annotated[
        str,
        typer.Argument(
            help="An engine, an ONNX or Keras file, or a shipped network's name; left out: what xscan batch takes."
        ),
    ] = "",
    data: Annotated[Path | None, typer.Argument(help="Folder with a folder a class: normal, bacteria, virus.")] = None,
    fold: Fold = "",
    split: Split = None,
    part: Part = "",
    trained_too: TrainedToo = False,
    patients: Patients = None,
    method: Annotated[
        MapMethod, typer.Option(help="auto: the class maps where the network has them, else occlusion.")
    ] = MapMethod.auto,
    grid: Annotated[int, typer.Option(min=2, max=32, help="Cells a side that occlusion hides.")] = 8,
    films: Annotated[int, typer.Option(min=0, help="At most so many films, drawn at random; 0: all.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Folder for maps.png, deletion.png and explain.json.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write both figures and the tables as one page.")] = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    json: Json = False,
    no_progress: NoProgress = False,
) -> None:
    """Average what drives the score, by class, and test it: hiding what a map points at must change the answer.

    The figures show maps over a drawn outline, and no film. A map that fails its test is shown, and said to fail.
    """
    from xscan.engine.dataset.folder import load_folder
    from xscan.engine.dataset.selection import choose, selection, some
    from xscan.engine.errors import UsageError
    from xscan.engine.machine.install import require
    from xscan.training.evaluation.network import open_network
    from xscan.training.evaluation.unseen import unseen
    from xscan.training.explanation.explain import explain as run_explain
    from xscan.training.pages.page import require_folder, require_page

    console = Console(quiet, verbose, json, no_progress)
    model, data = model_and_films(model, data, console)
    if data is None:
        raise UsageError("give the folder of labelled films: xscan explain MODEL DATA")
    require(*plots(out, html), *converted(model))
    keeps = selection(fold, split, part)
    with plain_warnings(console), names_extra():
        if out is not None:
            require_folder(out)
        if html is not None:
            require_page(html)
        whole = load_folder(data, patients)
        with open_network(model) as network:
            left, seen = unseen([network], whole, choose(whole, keeps), trained_too)
            explanation = run_explain(network, some(left, films), method.value, grid, console.say)
        explanation = replace(explanation, seen=seen)
        if out is not None:
            from xscan.training.explanation.figures import write_figures

            write_figures(explanation, out)
            console.say(f"figures: {out}")
        if html is not None:
            from xscan.training.explanation.figures import write_page

            write_page(explanation, html)
            console.say(f"page: {html}")
    console.result(explanation.as_dict(), explanation.as_text())
