"""`xscan evaluate`: how good a network is on labelled films."""

from pathlib import Path
from typing import Annotated

import typer

from .common import Console, Json


def evaluate(
    model: Annotated[str, typer.Argument(help="An engine file, or the name of a shipped network.")],
    data: Annotated[Path, typer.Argument(help="Folder with a folder a class: normal, bacteria, virus.")],
    fold: Annotated[str, typer.Option(help="Folds to measure on, such as 9 or 0-8; empty: all films.")] = "",
    patients: Annotated[Path | None, typer.Option(help="CSV: file,patient[,fold]. Default: DATA.csv.")] = None,
    json: Json = False,
) -> None:
    """Measure a network on labelled films: accuracy, confusion matrix, ROC AUC, operating points."""
    from xscan.engine.runtime import find_engine
    from xscan.training.dataset import FOLDS, load_folder, parse_folds
    from xscan.training.evaluate import evaluate as measure

    films = load_folder(data, patients).folds(parse_folds(fold) or range(FOLDS))
    evaluation = measure(find_engine(model), films)
    Console(json=json).result(evaluation.as_dict(), evaluation.as_text())
