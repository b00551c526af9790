"""`xscan evaluate`: how good a network is on labelled films."""

from pathlib import Path
from typing import Annotated

import typer

from .common import Console, Fold, Json, Part, Split


def evaluate(
    model: Annotated[str, typer.Argument(help="An engine file, or the name of a shipped network.")],
    data: Annotated[Path, typer.Argument(help="Folder with a folder a class: normal, bacteria, virus.")],
    fold: Fold = "",
    split: Split = None,
    part: Part = "",
    patients: Annotated[Path | None, typer.Option(help="CSV: file,patient[,fold]. Default: DATA.csv.")] = None,
    json: Json = False,
) -> None:
    """Measure a network on labelled films: accuracy, confusion matrix, ROC AUC, operating points."""
    from xscan.engine.dataset import load_folder, select
    from xscan.engine.runtime import find_engine
    from xscan.training.evaluate import evaluate as measure

    films = select(load_folder(data, patients), fold, split, part)
    evaluation = measure(find_engine(model), films)
    Console(json=json).result(evaluation.as_dict(), evaluation.as_text())
