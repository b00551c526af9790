"""`xscan evaluate`: how good a network is on labelled films."""

from pathlib import Path
from typing import Annotated

import typer

from ..terminal.console import Console
from ..terminal.engine import model_and_films
from ..terminal.extras import converted, names_extra, plots
from ..terminal.logs import plain_warnings
from ..terminal.options import MODEL, Fold, Json, NoProgress, Part, Patients, Quiet, Split, TrainedToo, Verbose


def evaluate(
    model: Annotated[str, typer.Argument(help=f"{MODEL} Left out: what xscan batch takes here.")] = "",
    data: Annotated[
        Path | None, typer.Argument(help="Folder with a folder a class: normal, bacteria, virus. Not for scores.")
    ] = None,
    fold: Fold = "",
    split: Split = None,
    part: Part = "",
    trained_too: TrainedToo = False,
    patients: Patients = None,
    prevalence: Annotated[
        str, typer.Option(help="Shares of films with pneumonia to give PPV and NPV for, such as 0.05,0.2.")
    ] = "",
    html: Annotated[
        Path | None, typer.Option(help="Also write a page with plots. It shows films: handle it as patient data.")
    ] = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    json: Json = False,
    no_progress: NoProgress = False,
) -> None:
    """Measure a network on labelled films: every figure with its 95 % interval by patients.

    Three classes, each class, normal against pneumonia, bacterial against viral, a table of thresholds, PPV and
    NPV at other prevalences, and subgroups by size, source and age.
    """
    from xscan.engine.dataset.folder import load_folder, table_beside
    from xscan.engine.dataset.selection import selection
    from xscan.engine.errors import UsageError
    from xscan.engine.machine.install import require
    from xscan.training.evaluation.evaluate import evaluate as measure
    from xscan.training.evaluation.scored import is_score_file, score
    from xscan.training.evaluation.subgroups import read_columns
    from xscan.training.pages.page import require_page

    console = Console(quiet, verbose, json, no_progress)
    model, data = model_and_films(model, data, console)
    require(*plots(html), *converted(model))
    if data is not None and is_score_file(model):
        raise UsageError(f"{model} holds scores already: leave out the folder of films")
    shares = _shares(prevalence)
    keeps = selection(fold, split, part)
    with plain_warnings(console), names_extra():
        if html is not None:
            require_page(html)
        films = load_folder(data, patients) if data is not None else None
        (scored,) = score([model], films, keeps, trained_too)
        console.detail(f"scored {len(scored)} films: {scored.how}")
        columns = read_columns(patients or table_beside(data)) if data is not None else {}
        evaluation = measure(scored, shares, columns)
        if html is not None:
            from xscan.training.evaluation.page import write_page

            write_page(evaluation, html)
            console.say(f"page: {html}" + " (it shows films: keep it as you keep patient data)" * bool(scored.films))
    console.result(evaluation.as_dict(), evaluation.as_text())


def _shares(text: str) -> tuple[float, ...]:
    """`0.05,0.2` -> (0.05, 0.2). Raises UsageError."""
    from xscan.engine.errors import UsageError

    try:
        shares = tuple(float(share) for share in text.split(",") if share.strip())
    except ValueError:
        shares = (0.0,)
    if not all(0 < share < 1 for share in shares):
        raise UsageError(f"cannot read --prevalence {text}: write shares between 0 and 1, like 0.05,0.2")
    return shares
