"""`xscan compare`: is one network better than another on the same films?"""

from pathlib import Path
from typing import Annotated

import typer

from ..terminal.choices import Figure
from ..terminal.console import Console
from ..terminal.extras import converted, names_extra
from ..terminal.logs import plain_warnings
from ..terminal.options import MODEL, Fold, Json, NoProgress, Part, Patients, Quiet, Split, TrainedToo, Verbose


def compare(
    model_a: Annotated[str, typer.Argument(help=MODEL)],
    model_b: Annotated[str, typer.Argument(help="What it is compared with: the same kinds.")],
    data: Annotated[
        Path | None,
        typer.Argument(help="Folder with a folder a class: normal, bacteria, virus. Not needed for two score files."),
    ] = None,
    fold: Fold = "",
    split: Split = None,
    part: Part = "",
    trained_too: TrainedToo = False,
    patients: Patients = None,
    by: Annotated[
        Figure,
        typer.Option(
            metavar="FIGURE", help="The figure that decides, such as accuracy, loss, pneumonia.roc_auc, kind.roc_auc."
        ),
    ] = Figure.accuracy,
    quiet: Quiet = False,
    verbose: Verbose = False,
    json: Json = False,
    no_progress: NoProgress = False,
) -> None:
    """Compare two networks on the same films: paired bootstrap by patients, and McNemar's exact test.

    Two triage lists (of batch --shadow) are held against each other film by film, without a truth.
    Choose the deciding figure before you look. Two score files are compared on the films that both have.
    """
    from xscan.engine.dataset.folder import load_folder
    from xscan.engine.dataset.selection import selection
    from xscan.engine.errors import UsageError
    from xscan.engine.lists.side_by_side import is_list, side_by_side
    from xscan.engine.machine.install import require

    console = Console(quiet, verbose, json, no_progress)
    if is_list(model_a) and is_list(model_b):
        found = side_by_side(Path(model_a), Path(model_b))
        console.result(found.as_dict(), found.as_text())
        return
    for one, other in ((model_a, model_b), (model_b, model_a)):
        if is_list(one):
            raise UsageError(f"{one} is a triage list, and {other} is none: give two lists, or two networks and films")
    from xscan.training.evaluation.compare import compare as measure
    from xscan.training.evaluation.scored import score

    require(*converted(model_a, model_b))
    keeps = selection(fold, split, part)
    with plain_warnings(console), names_extra():
        films = load_folder(data, patients) if data is not None else None
        a, b = score([model_a, model_b], films, keeps, trained_too)
        comparison = measure(a, b, by.value)
    console.result(comparison.as_dict(), comparison.as_text())
